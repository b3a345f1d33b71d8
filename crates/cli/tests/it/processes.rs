//! Commands that go on in the background: what they say is heard as it comes, and they are killed when dropped.

use crate::hands::{Ended, Home};
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long anything here may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Which of its outputs a command said something on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// A command in the background.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    saying: Receiver<(Stream, String)>,
    said: Vec<(Stream, String)>,
    /// Lines that were waited for already.
    heard: usize,
    words: String,
}

impl Process {
    /// Starts a command of this home.
    pub(crate) fn start(home: &Home, words: &str) -> Self {
        Self::spawn(home.command(words.split_whitespace()), words)
    }

    pub(crate) fn spawn(mut command: Command, words: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (says, saying) = channel();
        listen(child.stdout.take().unwrap(), Stream::Out, says.clone());
        listen(child.stderr.take().unwrap(), Stream::Err, says);
        Self { child, saying, said: Vec::new(), heard: 0, words: words.to_owned() }
    }

    /// Waits for a line with these words, on either output, after those waited for before.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            while let Some((_, line)) = self.said.get(self.heard) {
                self.heard += 1;
                if line.contains(words) {
                    return line.clone();
                }
            }
            match self.saying.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("`{}` does not say {words:?}: {:#?}", self.words, self.said),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("`{}` ended without saying {words:?}: {:#?}", self.words, self.said)
                }
            }
        }
    }

    /// The value that it prints after this word.
    #[track_caller]
    pub(crate) fn value(&mut self, word: &str) -> String {
        self.says(word).strip_prefix(word).expect("a value's line begins with its word").trim().to_owned()
    }

    /// Hears it out for so long, or until it ends: whether it has ended.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            match self.saying.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        assert!(self.ends_within(PATIENCE), "`{}` does not end: {:#?}", self.words, self.said);
        let status = self.child.wait().unwrap();
        self.ended(status)
    }

    /// Sends it a signal, such as INT.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Kills it as the system does when it is out of memory.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        let all = |stream| {
            let lines = self.said.iter().filter(|(of, _)| *of == stream).map(|(_, line)| format!("{line}\n"));
            lines.collect::<String>()
        };
        Ended { code: status.code(), stdout: all(Stream::Out), stderr: all(Stream::Err) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines as they come, so that nobody ever waits for a full pipe.
fn listen(pipe: impl Read + Send + 'static, stream: Stream, says: Sender<(Stream, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            if says.send((stream, String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
        }
    });
}

/// A port that is free now: for what must come back to the same one.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A program that turns so many million times and then prints its last argument: a task that takes its time, the same
/// work on every machine.
pub(crate) fn spinner(million_turns: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (local $turns i64) (local $last i32)
                (loop $again
                    (local.set $turns (i64.add (local.get $turns) (i64.const 1)))
                    (br_if $again (i64.lt_u (local.get $turns) (i64.const {million_turns}000000))))
                (drop (call $sizes (i32.const 0) (i32.const 4)))
                (drop (call $args (i32.const 1024) (i32.const 4096)))
                ;; The last argument ends with a zero, where all arguments end.
                (local.set $last (i32.load (i32.add (i32.const 1020) (i32.mul (i32.load (i32.const 0)) (i32.const 4)))))
                (i32.store (i32.const 16) (local.get $last))
                (i32.store (i32.const 20) (i32.sub
                    (i32.sub (i32.add (i32.const 4096) (i32.load (i32.const 4))) (local.get $last)) (i32.const 1)))
                (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))))"#
    ))
    .expect("the program is well formed")
}
