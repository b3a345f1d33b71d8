//! Images made to hurt, handed to an agent as tasks over real sockets: it says the right reason of each, is none the worse, and
//! goes on to work. Where this machine cannot run containers, a test says so and ends.
#![cfg(target_os = "linux")]

#[path = "../../../images/tests/it/layout.rs"]
#[expect(dead_code, reason = "the tests of `images` use the rest of it")]
mod layout;

use crate::guests;
use crate::peer::{Connection, Peer, deal, id};
use agent::{Agent, AgentHandle, Config, ContainerHost, ContainerHostError, ContainerPolicy};
use api::worker::{Complete, DealBrief, DeclineReason, FromWorker, TaskLimits};
use fixtures::debian;
use images::Registries;
use layout::{Layout, entry, file, layer, link, second_name};
use results::{Failure, OutputLimit, Unusable};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;
use units::Digest;

const SHELF: &str = env!("CARGO_TARGET_TMPDIR");

/// What came of a task.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// A result.
    Done,
    /// The program's failure, by its digest, and the last words.
    Failed(Digest, String),
    /// Not run here.
    Declined(DeclineReason),
}

/// An agent that runs containers, a neighbour that must stay as it is, and the exchange's end.
struct Lab {
    peer: Peer,
    connection: Connection,
    agent: AgentHandle,
    around: TempDir,
    deals: u8,
}

impl Lab {
    async fn new() -> Option<Self> {
        let mut peer = Peer::start().await;
        let around = TempDir::new().unwrap();
        fs::set_permissions(around.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(around.path().join("precious"), "mine").unwrap();
        let runc = debian(SHELF, "runc", "usr/sbin/runc");
        let policy = ContainerPolicy {
            runtime: None,
            search: runc.parent().unwrap().into(),
            registries: Registries::default(),
            credentials: BTreeMap::new(),
            cap_bytes: 1 << 30,
        };
        let containers = match ContainerHost::open(&around.path().join("containers"), policy) {
            Ok(host) => Some(host),
            Err(ContainerHostError::Containers(why)) => {
                note(&why);
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let agent = Agent::start(Config { containers, ..peer.config() }).unwrap();
        let (connection, _) = peer.welcomed().await;
        Some(Self { peer, connection, agent, around, deals: 0 })
    }

    /// What becomes of a task of a deal.
    async fn fate(&mut self, mut brief: DealBrief) -> Fate {
        self.deals += 1;
        let task = self.deals;
        brief.deal = units::DealId(units::B256::repeat_byte(task));
        self.connection.assign(&brief, &[task]).await;
        let fate = |frame| {
            if let FromWorker::Decline { task: of, reason } = frame {
                return (of == id(task)).then_some(Fate::Declined(reason));
            }
            let FromWorker::Batch(batch) = frame else { return None };
            batch.completes.into_iter().find(|it| it.task == id(task)).map(of_complete)
        };
        self.connection.until(fate).await
    }

    /// What becomes of a task of an image, whose manifest has this digest.
    async fn image(&mut self, archive: &Path, manifest: &str) -> Fate {
        let archive = self.peer.store(&fs::read(archive).unwrap());
        let brief = DealBrief {
            app_type: "DOCKER".to_owned(),
            image: Some(format!("oci-archive:{archive}")),
            limits: TaskLimits { run_ms: 5_000, memory_mib: 64, output_mib: 4, output_files: 50 },
            ..deal(manifest.parse().unwrap())
        };
        self.fate(brief).await
    }

    async fn layout(&mut self, mut layout: Layout) -> Fate {
        let digest = layout.write();
        self.image(&layout.archived(), &digest).await
    }

    /// An image of busybox whose command is a script.
    async fn script(&mut self, script: &str) -> Fate {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::copy(debian(SHELF, "busybox-static", "bin/busybox"), root.path().join("bin/busybox")).unwrap();
        std::os::unix::fs::symlink("busybox", root.path().join("bin/sh")).unwrap();
        let archive = root.path().join("image.tar");
        let environment = ["PATH=/bin".to_owned()];
        let digest = images::pack_image(root.path(), &["sh", "-c", script], &environment, &archive).unwrap();
        self.image(&archive, &digest.to_string()).await
    }

    /// The neighbour is as it was, and the agent works: a module's task and an image's.
    async fn goes_on(&mut self) {
        assert_eq!(fs::read_to_string(self.around.path().join("precious")).unwrap(), "mine");
        let mut names: Vec<_> = fs::read_dir(self.around.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["containers", "precious"]);
        assert!(!Path::new("/hands-was-here").exists());
        let hello = deal(self.peer.store(&guests::hello()));
        assert_eq!(self.fate(hello).await, Fate::Done);
        assert_eq!(self.script("echo well > result").await, Fate::Done);
    }

    fn end(self) {
        drop(self.agent);
    }
}

fn of_complete(complete: Complete) -> Fate {
    match complete.failed {
        false => Fate::Done,
        true => Fate::Failed(Digest(complete.digest), complete.result.stderr),
    }
}

fn failed(fate: &Fate, failure: Failure, words: &str) {
    match fate {
        Fate::Failed(digest, said) => {
            assert_eq!(*digest, failure.digest(), "{said}");
            assert!(said.contains(words), "{said}");
        }
        Fate::Done | Fate::Declined(_) => panic!("{fate:?} where {failure} was due"),
    }
}

#[expect(clippy::print_stderr, reason = "a test that could not try says so")]
fn note(why: &dyn std::fmt::Display) {
    eprintln!("not tried here: {why}");
}

#[tokio::test]
async fn an_image_that_breaks_a_rule_is_said_to_and_the_agent_goes_on_to_work() {
    let Some(mut lab) = Lab::new().await else { return };
    let unusable = Failure::Unusable(Unusable::App);
    let precious = lab.around.path().join("precious").to_str().unwrap().to_owned();

    // Names and links that lead out.
    let climbs = Layout::new(&[layer([file("../../etc/cron.d/x", "x")])]);
    failed(&lab.layout(climbs).await, unusable, "climbs out");
    let second = Layout::new(&[layer([file("a", "x"), second_name("b", &precious)])]);
    failed(&lab.layout(second).await, unusable, "`b`");
    let through = Layout::new(&[layer([link("l", &precious)]), layer([second_name("a", "l"), file("l/x", "x")])]);
    assert_ne!(lab.layout(through).await, Fate::Done);

    // Lies about size and digest: an archive's are its own, whoever reads it.
    let mut size = Layout::new(&[layer([file("a", "a size")])]);
    size.manifest["layers"][0]["size"] = json!(1);
    failed(&lab.layout(size).await, unusable, "is said to have 1 bytes");
    let swapped = Layout::new(&[layer([file("a", "one")])]);
    let packed = swapped.manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    swapped.put_as(&packed, &layout::gzip(&layer([file("a", "another")])));
    failed(&lab.layout(swapped).await, unusable, "hash to");
    let mut content = Layout::new(&[layer([file("a", "content")])]);
    content.config["rootfs"]["diff_ids"][0] = json!(format!("sha256:{}", "0".repeat(64)));
    failed(&lab.layout(content).await, unusable, "hash to");
    let mut endless = Layout::new(&[layer([file("a", "endless")])]);
    endless.manifest["layers"][0]["size"] = json!(u64::MAX);
    failed(&lab.layout(endless).await, unusable, "pass the limit");
    let header = layer([entry(tar::EntryType::GNULongName, "x", &vec![b'a'; 500 << 10]), file("x", "1")]);
    failed(&lab.layout(Layout::new(&[header])).await, unusable, "pass the limit");

    // What is no image, and one of another machine's kind, which others may run.
    let garbage = lab.around.path().join("containers/garbage");
    fs::write(&garbage, vec![7; 10_000]).unwrap();
    failed(&lab.image(&garbage, &format!("sha256:{}", "1".repeat(64))).await, unusable, "");
    let mut other = Layout::new(&[layer([file("a", "other")])]);
    other.config["architecture"] = json!("s390x");
    assert_eq!(lab.layout(other).await, Fate::Declined(DeclineReason::Runtime));

    // An entry point that is not there.
    let missing = Layout::new(&[layer([file("a", "1")])]);
    failed(&lab.layout(missing).await, Failure::Exit { code: 127 }, "is not in the image");
    lab.goes_on().await;
    lab.end();
}

#[tokio::test]
async fn a_program_that_eats_or_probes_the_machine_meets_its_limit_and_the_agent_goes_on_to_work() {
    let Some(mut lab) = Lab::new().await else { return };
    // Which of its limits a fork bomb meets first is chance: processes, memory, or time.
    let forks = lab.script("bomb() { bomb | bomb & }; bomb; while :; do :; done").await;
    assert!(matches!(forks, Fate::Failed(..)), "{forks:?}");
    let memory = lab.script("x=0123456789abcdef; while :; do x=$x$x; done").await;
    failed(&memory, Failure::MemoryLimit, "");
    let disk = lab.script("busybox dd if=/dev/zero of=big bs=1M count=100").await;
    failed(&disk, Failure::OutputLimit(OutputLimit::Bytes), "");
    let many = lab.script("i=0; while :; do echo > f$i; i=$((i+1)); done").await;
    failed(&many, Failure::OutputLimit(OutputLimit::Files), "");
    failed(&lab.script("while :; do :; done").await, Failure::TimeLimit, "");
    // Whatever it tries of these is refused: it ends with none of them done.
    let tries = "for it in 'mount -t tmpfs none /tmp' 'unshare -n true' 'mknod /tmp/disk b 254 0' 'chroot / true' \
        'ping -c 1 127.0.0.1' 'cat /proc/kcore' 'cat /proc/1/root/etc/shadow' 'mkdir /sys/fs/cgroup/own' \
        'dd if=/dev/mem count=1' 'touch /bin/mine' 'ln /etc/shadow /iexec_out/shadow'; do \
        busybox $it > /dev/null 2>&1 && echo $it >> /iexec_out/done; done; test ! -e /iexec_out/done";
    assert_eq!(lab.script(tries).await, Fate::Done);
    lab.goes_on().await;
    lab.end();
}
