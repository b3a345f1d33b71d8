//! What is too heavy for CI, from end to end with the real thing: `cargo xtask e2e render`, `transcode`, `hung`. Minutes long, gigabytes large.

mod hung;
mod render;
mod transcode;

use crate::image::must;
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs the one that is named.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<bool> {
    let words: Vec<&str> = words.iter().copied().filter(|word| *word != DEV).collect();
    match words.as_slice() {
        ["render", words @ ..] => render::run(words),
        ["transcode", words @ ..] => transcode::run(words),
        ["hung", words @ ..] => hung::run(words),
        _ => bail!("cargo xtask e2e render|transcode|hung [--in FOLDER] [--images FOLDER] [--dev] [NAME…]"),
    }
}

/// The word that asks for a development build of the command under test, which is there sooner and slower.
const DEV: &str = "--dev";

/// The command under test: what `HANDS` names, else built now as people use it, unless `--dev` is said.
pub(crate) fn hands() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("HANDS") {
        return Ok(PathBuf::from(named));
    }
    let (profile, folder) = match std::env::args().any(|word| word == DEV) {
        true => ("dev", "debug"),
        false => ("release", "release"),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--quiet", "--profile", profile, "--package", "manyhands", "--bin", "hands"];
    must(Command::new(cargo).args(build))?;
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent).context("this program lies in a folder of its profile's")?;
    Ok(target.join(folder).join("hands"))
}

/// A person's machine: a home, a folder to work in, and where its images are kept.
pub(crate) struct Machine {
    hands: PathBuf,
    folder: PathBuf,
}

/// A command that goes on until it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Option<std::io::Lines<BufReader<std::process::ChildStdout>>>,
}

impl Machine {
    pub(crate) fn new(hands: &Path, folder: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join("work"))?;
        Ok(Self { hands: hands.to_owned(), folder })
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// A command of this machine's.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.hands);
        command.args(words).current_dir(self.work()).env("MANYHANDS_HOME", self.home());
        command.env("MANYHANDS_CONTAINERS", self.folder.join("images"));
        command
    }

    /// Runs a command that has to succeed, and shows what it says on the way; what it prints.
    pub(crate) fn shows(&self, words: &[&str]) -> anyhow::Result<String> {
        println!("$ hands {}", words.join(" "));
        let ended = self.command(words).output().context("hands cannot be started")?;
        let (printed, said) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        said.lines().chain(printed.lines()).for_each(|line| println!("  {line}"));
        if !ended.status.success() {
            bail!("hands {} ended with {}", words.join(" "), ended.status);
        }
        Ok(printed.into_owned())
    }

    /// Runs a command that has to be refused, and shows why.
    pub(crate) fn is_refused(&self, words: &[&str]) -> anyhow::Result<()> {
        println!("$ hands {}", words.join(" "));
        let ended = self.command(words).output().context("hands cannot be started")?;
        String::from_utf8_lossy(&ended.stderr).lines().for_each(|line| println!("  {line}"));
        if ended.status.success() {
            bail!("hands {} should have been refused", words.join(" "));
        }
        Ok(())
    }

    /// Starts a command that goes on.
    pub(crate) fn starts(&self, words: &[&str]) -> anyhow::Result<Running> {
        println!("$ hands {}", words.join(" "));
        let mut child = self.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        Ok(Running { child, lines })
    }
}

impl Running {
    /// The value of the next line that begins with this name.
    pub(crate) fn value(&mut self, name: &str) -> anyhow::Result<String> {
        for line in self.lines.iter_mut().flatten() {
            if let Some(value) = line?.strip_prefix(name) {
                return Ok(value.trim().to_owned());
            }
        }
        bail!("it ended without saying its {name}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
