//! Containers: the task contract, and programs that try to get out or to eat the machine. The program is Debian's busybox,
//! the runtime Debian's runc; both are fetched here.
#![cfg(target_os = "linux")]

mod disks;

use fixtures::debian;
use results::{Failure, Outcome, OutputLimit};
use sandbox::{ContainerRun, Containers, ContainersError, Control, FIRST_ID, Finished, Input, Kind, Limits, Runtime};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// Where what is fetched is kept.
const SHELF: &str = env!("CARGO_TARGET_TMPDIR");

/// An image of busybox alone, and a machine to run it on.
struct Machine {
    image: TempDir,
    _scratch: TempDir,
    containers: Containers,
}

impl Machine {
    /// `None` where this machine cannot limit containers: said on standard error.
    fn new() -> Option<Self> {
        Self::with(Runtime::at(Kind::Runc, &debian(SHELF, "runc", "usr/sbin/runc")).unwrap())
    }

    fn with(runtime: Runtime) -> Option<Self> {
        let scratch = open_folder();
        let containers = match Containers::open(runtime, scratch.path()) {
            Ok(containers) => containers,
            Err(error @ (ContainersError::NotRoot | ContainersError::NoLimits(_))) => {
                note(&error);
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let image = open_folder();
        let root = image.path();
        for name in ["bin", "proc", "dev", "tmp", "sys", "etc", "iexec_in", "iexec_out"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        fs::copy(debian(SHELF, "busybox-static", "bin/busybox"), root.join("bin/busybox")).unwrap();
        fs::set_permissions(root.join("bin/busybox"), fs::Permissions::from_mode(0o4_755)).unwrap();
        symlink("busybox", root.join("bin/sh")).unwrap();
        for path in [root.to_owned(), root.join("bin"), root.join("bin/busybox"), root.join("etc")] {
            chown(path, Some(FIRST_ID), Some(FIRST_ID)).unwrap();
        }
        Some(Self { image, _scratch: scratch, containers })
    }

    fn script(&self, script: &str) -> ContainerRun {
        ContainerRun {
            root: self.image.path().to_owned(),
            command: ["sh", "-c", script].map(str::to_owned).into(),
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
            folder: String::new(),
            inputs: Vec::new(),
            limits: Limits {
                time: Duration::from_secs(20),
                memory_bytes: 64 << 20,
                output_bytes: 4 << 20,
                output_files: 50,
                stdout_bytes: 1 << 20,
            },
            processes: 32,
            milli_cores: 1_000,
            stdout_counts: false,
            callback: false,
            control: Control::new(),
        }
    }

    fn run(&self, run: &ContainerRun) -> Finished {
        let finished = self.containers.run(run).unwrap();
        assert!(leftovers().is_empty(), "{:?}", leftovers());
        finished
    }

    /// What a script says that ends well.
    fn says(&self, script: &str) -> String {
        let finished = self.run(&self.script(script));
        assert!(finished.outcome.failure().is_none(), "{:?}: {}", finished.outcome, finished.stderr);
        finished.stdout.to_string()
    }

    fn failure(&self, run: &ContainerRun) -> Failure {
        let finished = self.run(run);
        finished.outcome.failure().unwrap_or_else(|| panic!("it ended well: {}", finished.stdout))
    }
}

/// A folder that containers' users may pass through.
fn open_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Control groups of this process that are still there.
fn leftovers() -> Vec<PathBuf> {
    let own = format!("hands-{}-", std::process::id());
    let root = PathBuf::from("/sys/fs/cgroup");
    let mut trees: Vec<PathBuf> = fs::read_dir(&root).into_iter().flatten().flatten().map(|it| it.path()).collect();
    trees.push(root);
    let entries = trees.iter().filter_map(|tree| fs::read_dir(tree).ok()).flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains(&own)).collect()
}

#[expect(clippy::print_stderr, reason = "a test that could not try says so")]
fn note(why: &ContainersError) {
    eprintln!("not tried here: {why}");
}

macro_rules! machine {
    () => {
        match Machine::new() {
            Some(machine) => machine,
            None => return,
        }
    };
}

#[test]
fn a_container_reads_its_inputs_and_leaves_its_output() {
    let machine = machine!();
    let input = TempDir::new().unwrap();
    fs::write(input.path().join("blob"), "hello").unwrap();
    let script = "mkdir -p deep; tr a-z A-Z < $IEXEC_IN/folder/name > deep/loud; pwd; echo words >&2";
    let mut run = machine.script(script);
    run.inputs = vec![Input { name: "folder/name".to_owned(), file: input.path().join("blob") }];
    run.env.push(("IEXEC_IN".to_owned(), "/iexec_in".to_owned()));
    let finished = machine.run(&run);
    let Outcome::Success(success) = &finished.outcome else { panic!("{:?} {}", finished.outcome, finished.stderr) };
    let bytes = finished.package.read().unwrap();
    assert_eq!(results::sha256(&bytes), success.blob);
    assert!(bytes.windows(5).any(|window| window == b"HELLO"));
    assert_eq!(finished.stdout.to_string(), "/iexec_out\n");
    assert_eq!(finished.stderr.to_string(), "words\n");
    // Standard output is not in the result unless the app says so.
    let again = machine.run(&ContainerRun {
        command: ["sh", "-c", &format!("{script}; date")].map(str::to_owned).into(),
        ..run.clone()
    });
    assert_eq!(again.outcome, finished.outcome);
    run.stdout_counts = true;
    assert_ne!(machine.run(&run).outcome, finished.outcome);
}

#[test]
fn an_exit_code_is_the_programs_failure() {
    let machine = machine!();
    assert_eq!(machine.failure(&machine.script("echo x > out; exit 3")), Failure::Exit { code: 3 });
}

#[test]
fn a_missing_program_is_the_same_failure_everywhere() {
    let machine = machine!();
    for (command, code) in [("nope", 127), ("/bin/nope", 127), ("/etc", 126), ("", 127)] {
        let run = ContainerRun { command: vec![command.to_owned()], ..machine.script("") };
        assert_eq!(machine.failure(&run), Failure::Exit { code }, "{command}");
    }
}

#[test]
fn there_is_no_network() {
    let machine = machine!();
    assert_eq!(machine.says("cat /proc/net/dev | grep -c :"), "1\n", "only the loopback, and it is down");
    let run = machine.script("busybox wget -T 2 -O - http://127.0.0.1/ || busybox ping -c 1 127.0.0.1");
    assert!(matches!(machine.failure(&run), Failure::Exit { .. }));
}

#[test]
fn raw_sockets_mounts_namespaces_and_devices_are_refused() {
    let machine = machine!();
    for attempt in [
        "busybox ping -c 1 127.0.0.1",
        "busybox mount -t tmpfs none /tmp",
        "busybox mount -o remount,rw /",
        "busybox umount /iexec_in",
        "busybox unshare -U true",
        "busybox unshare -m true",
        "busybox chroot / /bin/sh -c true",
        "busybox mknod disk b 254 0",
        "busybox mknod mem c 1 1",
        "busybox swapoff -a",
        "busybox hostname other",
        "busybox reboot -f",
        "busybox insmod x.ko",
        "echo x > /bin/sh",
        "echo x > /iexec_in/x",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "cat /proc/kcore | head -c 1 | grep -q .",
        "cat /dev/vda",
        "cat /dev/mem",
        "cat /dev/kmsg",
        "cat /proc/kmsg",
        "busybox dmesg",
        "cat /proc/kallsyms | grep -q .",
        "cat /proc/keys | grep -q .",
        "cat /proc/1/root/etc/shadow",
        "echo -1000 > /proc/self/oom_score_adj",
        "busybox mkdir /sys/fs/cgroup/mine",
        "busybox mount -t cgroup none /tmp",
        "busybox mount -t cgroup2 none /tmp",
        "busybox mount -t proc none /proc",
        "busybox mount --bind / /tmp",
        "busybox mount -t overlay none /tmp",
        "busybox nsenter -t 1 -n -m true",
        "echo /tmp/x > /proc/sys/kernel/core_pattern",
        "echo 0 1 1 > /proc/self/uid_map",
        "busybox arping -c 1 -I lo 127.0.0.1",
        "busybox chown 12345678 .",
        "busybox renice -n -5 1",
    ] {
        let finished = machine.run(&machine.script(attempt));
        assert!(finished.outcome.failure().is_some(), "{attempt} went well: {}{}", finished.stdout, finished.stderr);
    }
}

#[test]
fn a_set_user_id_program_gains_nothing_and_root_is_nobody() {
    let machine = machine!();
    let said =
        machine.says("grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; cat /proc/self/uid_map");
    let zero = "0000000000000000";
    for line in [format!("CapEff:\t{zero}"), format!("CapPrm:\t{zero}"), format!("CapBnd:\t{zero}")] {
        assert!(said.contains(&line), "{said}");
    }
    assert!(said.contains("NoNewPrivs:\t1") && said.contains("Seccomp:\t2"), "{said}");
    assert!(said.contains(&FIRST_ID.to_string()), "{said}");
}

#[test]
fn other_processes_and_the_hosts_files_are_not_seen() {
    let machine = machine!();
    let said = machine.says("ls -d /proc/[0-9]* | wc -l; ls /; cat /proc/1/cmdline | tr '\\0' ' '");
    let mut lines = said.lines();
    assert!(lines.next().unwrap().trim().parse::<u32>().unwrap() <= 4, "{said}");
    assert!(!said.contains("root") && !said.contains("home") && said.contains("sh -c"), "{said}");
    let environ = machine.says("busybox env");
    assert!(!environ.contains("CARGO"), "{environ}");
}

#[test]
fn a_fork_bomb_meets_its_limit_and_ends() {
    let machine = machine!();
    let mut run = machine.script("bomb() { bomb | bomb & }; bomb; while :; do :; done");
    run.limits.time = Duration::from_secs(2);
    let failure = machine.failure(&run);
    assert!(matches!(failure, Failure::TimeLimit | Failure::Exit { .. }), "{failure}");
}

#[test]
fn a_memory_bomb_meets_its_limit() {
    let machine = machine!();
    let run = machine.script("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
    assert_eq!(machine.failure(&run), Failure::MemoryLimit);
    // Temporary files are memory too.
    let run = machine.script("cat /dev/zero > /tmp/fill; cat /dev/zero > /dev/shm/fill; exit 9");
    let failure = machine.failure(&run);
    assert!(matches!(failure, Failure::MemoryLimit | Failure::Exit { code: 9 }), "{failure}");
}

#[test]
fn a_disk_bomb_meets_its_limit_in_one_file_and_in_many() {
    let machine = machine!();
    let run = machine.script("cat /dev/zero > big");
    assert_eq!(machine.failure(&run), Failure::OutputLimit(OutputLimit::Bytes));
    let run = machine.script("i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i || exit 1; done");
    let failure = machine.failure(&run);
    assert!(matches!(failure, Failure::OutputLimit(_)), "{failure}");
    let run = machine.script("i=0; while [ $i -lt 60 ]; do i=$((i+1)); : > f$i; done");
    assert_eq!(machine.failure(&run), Failure::OutputLimit(OutputLimit::Files));
    // A file of holes is as large as its result would be.
    let run = machine.script("busybox truncate -s 3M a; busybox truncate -s 3M b");
    assert_eq!(machine.failure(&run), Failure::OutputLimit(OutputLimit::Bytes));
}

#[test]
fn a_flood_of_words_meets_its_limit() {
    let machine = machine!();
    assert_eq!(machine.failure(&machine.script("busybox yes")), Failure::OutputLimit(OutputLimit::Stdout));
}

#[test]
fn an_endless_program_ends_at_its_time() {
    let machine = machine!();
    let mut run = machine.script("trap '' TERM INT; while :; do sleep 1; done");
    run.limits.time = Duration::from_millis(500);
    assert_eq!(machine.failure(&run), Failure::TimeLimit);
}

#[test]
fn what_it_leaves_running_ends_with_it() {
    let machine = machine!();
    let said = machine.says("(sleep 1000 > /dev/null 2>&1 &) ; echo done");
    assert_eq!(said, "done\n");
}

#[test]
fn links_and_special_files_are_left_out_of_the_result_and_named() {
    let machine = machine!();
    let script =
        "echo 1 > real; ln -s /etc/passwd soft; ln -s ../../../../etc link; busybox mkfifo pipe; ln real second";
    let finished = machine.run(&machine.script(script));
    assert!(finished.outcome.failure().is_none(), "{:?}", finished.outcome);
    let bytes = finished.package.read().unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"root"), "nothing of the host's is in it");
    let detail = finished.detail.unwrap();
    assert!(detail.contains("soft") && detail.contains("link") && detail.contains("pipe"), "{detail}");
    assert!(!detail.contains("second"), "{detail}");
}

#[test]
fn the_owners_hand_holds_a_container_and_ends_it() {
    let machine = machine!();
    let mut run = machine.script("while :; do :; done");
    run.limits.time = Duration::from_secs(60);
    let control = run.control.clone();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| machine.containers.run(&run));
        let until = |wish: &dyn Fn() -> bool| {
            while !wish() {
                std::thread::yield_now();
            }
        };
        control.pause();
        until(&|| control.is_held());
        control.resume();
        until(&|| !control.is_held());
        control.cancel();
        let ended = running.join().unwrap();
        assert!(matches!(ended, Err(sandbox::RunError::Cancelled)), "{ended:?}");
    });
    assert!(leftovers().is_empty());
}

#[test]
fn what_a_killed_agent_left_is_swept() {
    let machine = machine!();
    let scratch = open_folder();
    fs::create_dir_all(scratch.path().join("run-old/out")).unwrap();
    let runc = Runtime::at(Kind::Runc, &debian(SHELF, "runc", "usr/sbin/runc")).unwrap();
    Containers::open(runc, scratch.path()).unwrap();
    assert!(!scratch.path().join("run-old").exists());
    drop(machine);
}

/// A program of a few hundred bytes that makes these system calls and ends with the number of the first that went well, or 0.
#[cfg(target_arch = "x86_64")]
fn caller(calls: &[(u32, [u64; 5])]) -> Vec<u8> {
    let mut code = Vec::new();
    let exit = |code: &mut Vec<u8>, status: u32| {
        code.push(0xbf); // mov edi, status
        code.extend_from_slice(&status.to_le_bytes());
        code.extend_from_slice(&[0xb8, 60, 0, 0, 0, 0x0f, 0x05]); // mov eax, exit; syscall
    };
    for (number, (call, arguments)) in (1_u32..).zip(calls) {
        code.push(0xb8); // mov eax, call
        code.extend_from_slice(&call.to_le_bytes());
        // mov rdi, rsi, rdx, r10, r8
        for (register, value) in
            [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x49, 0xba], [0x49, 0xb8]].iter().zip(arguments)
        {
            code.extend_from_slice(register);
            code.extend_from_slice(&value.to_le_bytes());
        }
        // syscall; test rax, rax; js over the exit that follows (12 bytes)
        code.extend_from_slice(&[0x0f, 0x05, 0x48, 0x85, 0xc0, 0x78, 12]);
        exit(&mut code, number);
    }
    exit(&mut code, 0);
    let (base, headers) = (0x40_0000_u64, 64 + 56_u64);
    let size = headers + code.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend_from_slice(&[2, 0, 62, 0, 1, 0, 0, 0]); // a program for x86-64
    for word in [base + headers, 64, 0] {
        elf.extend_from_slice(&word.to_le_bytes()); // where it begins, where its one segment is described
    }
    elf.extend_from_slice(&[0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    elf.extend_from_slice(&[1, 0, 0, 0, 5, 0, 0, 0]); // loaded, to be read and executed
    for word in [0, base, base, size, size, 0x1000] {
        elf.extend_from_slice(&word.to_le_bytes());
    }
    elf.extend_from_slice(&code);
    elf
}

#[test]
#[cfg(target_arch = "x86_64")]
fn system_calls_that_reach_beyond_the_task_are_refused_by_the_kernel() {
    let machine = machine!();
    let program = machine.image.path().join("bin/call");
    let run = |calls: &[(u32, [u64; 5])]| {
        fs::write(&program, caller(calls)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        machine.run(&ContainerRun { command: vec!["/bin/call".to_owned()], ..machine.script("") })
    };
    let (packet, inet, netlink, raw) = (17, 2, 16, 3);
    let hostile = [
        (101, [0, 0, 0, 0, 0]),               // ptrace: be traced
        (310, [1, 0, 0, 0, 0]),               // process_vm_readv
        (41, [inet, raw, 1, 0, 0]),           // socket: raw
        (41, [packet, raw, 0x300, 0, 0]),     // socket: packets
        (41, [netlink, raw, 12, 0, 0]),       // socket: the firewall's
        (321, [0, 0, 0, 0, 0]),               // bpf
        (298, [0, 0, u64::MAX, u64::MAX, 0]), // perf_event_open
        (323, [0, 0, 0, 0, 0]),               // userfaultfd
        (425, [8, 0, 0, 0, 0]),               // io_uring_setup
        (272, [0x1000_0000, 0, 0, 0, 0]),     // unshare: users
        (308, [0, 0, 0, 0, 0]),               // setns
        (165, [0, 0, 0, 0, 0]),               // mount
        (428, [0, 0, 0, 0, 0]),               // open_tree
        (430, [0, 0, 0, 0, 0]),               // fsopen
        (155, [0, 0, 0, 0, 0]),               // pivot_root
        (161, [0, 0, 0, 0, 0]),               // chroot
        (246, [0, 0, 0, 0, 0]),               // kexec_load
        (175, [0, 0, 0, 0, 0]),               // init_module
        (304, [0, 0, 0, 0, 0]),               // open_by_handle_at
        (250, [0, 0, 0, 0, 0]),               // keyctl
        (248, [0, 0, 0, 0, 0]),               // add_key
        (172, [3, 0, 0, 0, 0]),               // iopl
        (163, [0, 0, 0, 0, 0]),               // acct
        (227, [0, 0, 0, 0, 0]),               // clock_settime
        (159, [0, 0, 0, 0, 0]),               // adjtimex
        (103, [3, 0, 0, 0, 0]),               // syslog
    ];
    let finished = run(&hostile);
    assert!(finished.outcome.failure().is_none(), "a call went well: {:?} {}", finished.outcome, finished.stderr);
    // The program does notice a call that goes well: getpid, the second.
    let finished = run(&[hostile[0], (39, [0; 5])]);
    assert_eq!(finished.outcome.failure(), Some(Failure::Exit { code: 2 }));
}

/// Debian's crun, with the library that it wants beside it.
fn crun() -> Runtime {
    let library = debian(SHELF, "libyajl2", "usr/lib/x86_64-linux-gnu/libyajl.so.2");
    let crun = debian(SHELF, "crun", "usr/bin/crun");
    let script = crun.with_file_name("crun-here");
    let text =
        format!("#!/bin/sh\nLD_LIBRARY_PATH={} exec {} \"$@\"\n", library.parent().unwrap().display(), crun.display());
    let made = TempDir::new_in(crun.parent().unwrap()).unwrap();
    fs::write(made.path().join("it"), text).unwrap();
    fs::set_permissions(made.path().join("it"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(made.path().join("it"), &script).unwrap();
    Runtime::at(Kind::Crun, &script).unwrap()
}

/// What holds whatever the runtime: the contract, the limits, the owner's hand, and that nothing stays.
fn holds(machine: &Machine) {
    let finished = machine.run(&machine.script("echo x > file; echo words; busybox id -u"));
    assert!(finished.outcome.failure().is_none(), "{:?}: {}", finished.outcome, finished.stderr);
    assert_eq!(finished.stdout.to_string(), "words\n0\n");
    assert_eq!(machine.failure(&machine.script("exit 3")), Failure::Exit { code: 3 });
    let mut endless = machine.script("while :; do :; done");
    endless.limits.time = Duration::from_secs(2);
    assert_eq!(machine.failure(&endless), Failure::TimeLimit);
    let bomb = machine.script("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
    assert_eq!(machine.failure(&bomb), Failure::MemoryLimit);
    let full = machine.script("cat /dev/zero > big");
    assert_eq!(machine.failure(&full), Failure::OutputLimit(OutputLimit::Bytes));
    for attempt in
        ["busybox mount -t tmpfs none /tmp", "busybox ping -c 1 127.0.0.1", "echo x > /bin/x", "cat /dev/vda"]
    {
        assert!(machine.run(&machine.script(attempt)).outcome.failure().is_some(), "{attempt} went well");
    }
    let mut run = machine.script("while :; do :; done");
    run.limits.time = Duration::from_secs(60);
    let control = run.control.clone();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| machine.containers.run(&run));
        control.pause();
        while !control.is_held() {
            std::thread::yield_now();
        }
        control.resume();
        control.cancel();
        assert!(matches!(running.join().unwrap(), Err(sandbox::RunError::Cancelled)));
    });
    assert!(leftovers().is_empty(), "{:?}", leftovers());
}

#[test]
#[cfg(target_arch = "x86_64")]
fn crun_holds_what_runc_holds_also_where_both_versions_of_control_groups_are() {
    let Some(machine) = Machine::with(crun()) else { return };
    holds(&machine);
}

#[test]
fn gvisor_holds_what_runc_holds_and_shows_a_kernel_of_its_own() {
    let runsc = Runtime::at(Kind::Runsc, &debian(SHELF, "runsc", "usr/bin/runsc")).unwrap();
    let Some(machine) = Machine::with(runsc) else { return };
    holds(&machine);
    let said = machine.says("cat /proc/version");
    assert_ne!(said, fs::read_to_string("/proc/version").unwrap());
}
