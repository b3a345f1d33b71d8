//! Small programs written in WebAssembly text, and what came of running them.

use results::{Decoder, Event, Failure, Limits, Outcome};
use sandbox::{Finished, Program, Run, RunError, Sandbox};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Preopened folders, as every program finds them.
pub(crate) const OUT: u32 = 3;
pub(crate) const HERE: u32 = 4;
pub(crate) const IN: u32 = 5;

/// Ways to open.
pub(crate) const CREATE: u32 = 1;
pub(crate) const FOLDER: u32 = 2;
pub(crate) const TRUNCATE: u32 = 8;
pub(crate) const READ: u64 = 1 << 1;
pub(crate) const WRITE: u64 = 1 << 6;

/// Error numbers.
pub(crate) const OK: u8 = 0;
pub(crate) const BADF: u8 = 8;
pub(crate) const INVAL: u8 = 28;
pub(crate) const NAMETOOLONG: u8 = 37;
pub(crate) const NOENT: u8 = 44;
pub(crate) const NOTDIR: u8 = 54;
pub(crate) const NOTSUP: u8 = 58;
pub(crate) const PERM: u8 = 63;
pub(crate) const ROFS: u8 = 69;

const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $resize (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate" (func $allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $n (mut i32) (i32.const 0))
  (global $noted (mut i32) (i32.const 1024))
  (func $note (param i32)
    (i32.store8 (global.get $noted) (local.get 0))
    (global.set $noted (i32.add (global.get $noted) (i32.const 1))))
  (func $put (param $fd i32) (param $from i32) (param $length i32) (result i32)
    (i32.store (i32.const 16) (local.get $from))
    (i32.store (i32.const 20) (local.get $length))
    (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24)))
"#;

/// A program that is put together call by call. Each call notes its error number; the notes are printed at the end.
#[derive(Default)]
pub(crate) struct Guest {
    data: String,
    used: u32,
    code: String,
}

/// The descriptor opened last.
pub(crate) const OPENED: &str = "(i32.load (i32.const 8))";

impl Guest {
    pub(crate) fn new() -> Self {
        Self { used: 4096, ..Self::default() }
    }

    /// A text in the program's memory: its place and its length.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let place = self.used;
        let escaped: String = text.bytes().fold(String::new(), |mut escaped, byte| {
            write!(escaped, "\\{byte:02x}").unwrap();
            escaped
        });
        writeln!(self.data, "(data (i32.const {place}) \"{escaped}\")").unwrap();
        self.used += u32::try_from(text.len()).unwrap();
        format!("(i32.const {place}) (i32.const {})", text.len())
    }

    /// Code that leaves nothing behind.
    pub(crate) fn code(mut self, code: &str) -> Self {
        writeln!(self.code, "{code}").unwrap();
        self
    }

    /// A call whose error number is noted.
    pub(crate) fn note(self, call: &str) -> Self {
        self.code(&format!("(call $note {call})"))
    }

    pub(crate) fn open(mut self, folder: u32, path: &str, ways: u32, rights: u64) -> Self {
        let path = self.text(path);
        self.note(&format!(
            "(call $open (i32.const {folder}) (i32.const 0) {path} (i32.const {ways}) (i64.const {rights}) (i64.const 0) \
             (i32.const 0) (i32.const 8))"
        ))
    }

    pub(crate) fn write(mut self, text: &str) -> Self {
        let text = self.text(text);
        self.note(&format!("(call $put {OPENED} {text})"))
    }

    pub(crate) fn say(mut self, fd: u32, text: &str) -> Self {
        let text = self.text(text);
        self.code(&format!("(drop (call $put (i32.const {fd}) {text}))"))
    }

    /// A whole file of the output.
    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.open(OUT, path, CREATE, WRITE).write(content).note(&format!("(call $close {OPENED})"))
    }

    /// A call on one path: `$mkdir`, `$unlink`, `$rmdir`.
    pub(crate) fn on_path(mut self, call: &str, folder: u32, path: &str) -> Self {
        let path = self.text(path);
        self.note(&format!("(call {call} (i32.const {folder}) {path})"))
    }

    pub(crate) fn rename(mut self, from: (u32, &str), to: (u32, &str)) -> Self {
        let (old, new) = (self.text(from.1), self.text(to.1));
        self.note(&format!("(call $rename (i32.const {}) {old} (i32.const {}) {new})", from.0, to.0))
    }

    /// A program that does this and ends well, without printing its notes.
    pub(crate) fn quiet(self) -> Program {
        program(&format!("{IMPORTS} {} (func (export \"_start\") {})", self.data, self.code))
    }

    /// A program that does this and prints its notes.
    pub(crate) fn noting(self) -> Program {
        self.code("(drop (call $put (i32.const 1) (i32.const 1024) (i32.sub (global.get $noted) (i32.const 1024))))")
            .quiet()
    }
}

/// A program from the body of a module.
pub(crate) fn program(body: &str) -> Program {
    Program::from_bytes(wat::parse_str(format!("(module {body})")).expect("the test's program is well-formed"))
}

/// A program whose `_start` is this code, with all imports at hand.
pub(crate) fn started(code: &str) -> Program {
    Guest::new().code(code).quiet()
}

/// A sandbox in a folder of its own.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::open(&folder.path().join("cache"), &folder.path().join("scratch")).unwrap();
        Self { folder, sandbox }
    }

    /// A file of the host.
    pub(crate) fn host_file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn run(&self, run: &Run) -> Finished {
        self.sandbox.run(run).expect("nothing is wrong with this machine")
    }
}

/// Runs a program with the default limits.
pub(crate) fn run(program: Program) -> Finished {
    Place::new().run(&Run::new(program))
}

/// Runs a program that must fail.
pub(crate) fn failure(run: Run) -> Failure {
    let finished = Place::new().run(&run);
    let failure = finished.outcome.failure().expect("the program must fail");
    assert_eq!(Failure::decode(&finished.package.read().unwrap()), Ok(failure), "the package is the failure's");
    failure
}

/// The error numbers that a [noting](Guest::noting) program printed.
pub(crate) fn notes(finished: &Finished) -> Vec<u8> {
    tree(finished).0
}

/// The error of a run that must end without a result.
pub(crate) fn error(place: &Place, run: &Run) -> RunError {
    place.sandbox.run(run).expect_err("the run must end without a result")
}

/// Standard output and the files of a success.
pub(crate) fn tree(finished: &Finished) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let Outcome::Success(success) = &finished.outcome else {
        panic!("the program failed: {:?}: {:?}; stderr: {}", finished.outcome, finished.detail, finished.stderr)
    };
    let bytes = finished.package.read().unwrap();
    assert_eq!(bytes.len() as u64, success.size);
    let mut entries: Vec<(Option<String>, Vec<u8>)> = Vec::new();
    let limits = Limits { entries: u64::MAX, content_bytes: u64::MAX };
    let digest = Decoder::decode(limits, &bytes, |event| match event {
        Event::Stdout { .. } => entries.push((None, Vec::new())),
        Event::File { path, .. } => entries.push((Some(path), Vec::new())),
        Event::Content(piece) => entries.last_mut().unwrap().1.extend_from_slice(piece),
        Event::End => {}
    });
    assert_eq!(digest, Ok(success.blob));
    let mut stdout = Vec::new();
    let mut files = BTreeMap::new();
    for (path, content) in entries {
        match path {
            Some(path) => drop(files.insert(path, content)),
            None => stdout = content,
        }
    }
    (stdout, files)
}
