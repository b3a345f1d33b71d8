//! What containers ask of the machine's disks.

use super::{Machine, leftovers};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

#[expect(clippy::print_stderr, reason = "a test that could not try says so")]
#[test]
fn what_a_container_asks_of_the_disk_is_limited() {
    let Some(machine) = Machine::new() else { return };
    let tree = PathBuf::from("/sys/fs/cgroup/blkio");
    let on_disk = fs::metadata(machine.image.path()).unwrap().dev() >> 8 != 0;
    if !on_disk || !tree.join("blkio.throttle.read_bps_device").exists() {
        eprintln!("not tried here: no disk, or no control groups that limit it");
        return;
    }
    let mut run = machine.script("while :; do :; done");
    run.limits.time = Duration::from_secs(60);
    let control = run.control.clone();
    let own = format!("hands-{}-", std::process::id());
    let limited = || {
        let groups = fs::read_dir(&tree).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut own = groups.filter(|path| path.to_string_lossy().contains(&own));
        own.any(|path| {
            let told = fs::read_to_string(path.join("task/blkio.throttle.write_bps_device")).unwrap_or_default();
            told.trim().ends_with(" 268435456")
        })
    };
    std::thread::scope(|scope| {
        let running = scope.spawn(|| machine.containers.run(&run));
        while !limited() && !running.is_finished() {
            std::thread::yield_now();
        }
        assert!(!running.is_finished(), "it ended without a limit");
        control.cancel();
        assert!(matches!(running.join().unwrap(), Err(sandbox::RunError::Cancelled)));
    });
    assert!(leftovers().is_empty());
}
