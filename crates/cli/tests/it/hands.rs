//! Running the binary in a home of its own.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A home folder, and a working folder beside it.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that goes on until it is stopped.
pub(crate) struct Running {
    child: Child,
    pub(crate) lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    /// The home folder itself.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder that commands are run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file into the working folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.work().join(name), content).unwrap();
        self
    }

    /// Reads a file of the working folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hands"));
        command
            .args(args)
            .current_dir(self.work())
            .env("MANYHANDS_HOME", self.path())
            .env_remove("MANYHANDS_EXCHANGE")
            .env_remove("MANYHANDS_JOIN")
            .env_remove("MANYHANDS_PASSPHRASE")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command, words separated by spaces, to its end.
    pub(crate) fn hands(&self, words: &str) -> Ended {
        self.run(words.split_whitespace())
    }

    /// Runs a command to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        self.command(args).output().unwrap().into()
    }

    /// Starts a command that goes on, such as `up`.
    pub(crate) fn start(&self, words: &str) -> Running {
        self.start_with(words, Stdio::inherit())
    }

    /// Starts a command whose standard error is read by [`Running::says`].
    pub(crate) fn start_overheard(&self, words: &str) -> Running {
        self.start_with(words, Stdio::piped())
    }

    fn start_with(&self, words: &str, stderr: Stdio) -> Running {
        let mut command = self.command(words.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }
}

impl Running {
    /// The value that the command prints after this word.
    pub(crate) fn value(&mut self, word: &str) -> String {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if let Some(value) = line.strip_prefix(word) {
                return value.trim().to_owned();
            }
        }
        panic!("it ended without saying {word}");
    }

    /// Interrupts it as Ctrl-C does, and waits for its end.
    #[cfg(unix)]
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Waits until it says these words on standard error.
    pub(crate) fn says(&mut self, words: &str) {
        let stderr = BufReader::new(self.child.stderr.as_mut().unwrap());
        assert!(stderr.lines().any(|line| line.unwrap().contains(words)), "it ended without saying {words}");
    }

    /// Kills it as the system does when it is out of memory.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// It ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It ended with this exit code, and said this on standard error.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, saying: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for words in saying {
            assert!(self.stderr.contains(words), "{words:?} is not said in {self:#?}");
        }
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The names of the files below a folder, sorted.
pub(crate) fn listing(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, names);
            } else {
                names.push(path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
    }
    let mut names = Vec::new();
    walk(root, root, &mut names);
    names.sort();
    names
}
