//! Python scripts: what runs them, and the packages that they need, found out and packed on the requester's machine.

use crate::exit::hinted;
use crate::image::{self, FoundImage};
use crate::terminal::note;
use anyhow::{Context as _, bail};
use clap::Args;
use client::{BookFilter, Client};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use units::{Address, Amount, Tag};

/// The name of the packages' archive, as tasks see it.
pub(crate) const PACKAGES: &str = "packages.tar";
/// How the names of apps that run scripts begin; the version follows.
const PYTHON: &str = "python";
/// Runs in every task: unpacks the packages, and hands over to the script.
const BEGIN: &str = "\
import os, runpy, sys, tarfile
packed = '/iexec_in/packages.tar'
if os.path.exists(packed):
    with tarfile.open(packed) as archive:
        archive.extractall('/tmp/packages')
    sys.path.insert(0, '/tmp/packages')
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name='__main__')
";

/// A Python script in place of a program.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Python scripts")]
pub(crate) struct PythonArgs {
    /// The packages that a script needs, as pip reads them: they are fetched here and sent along.
    #[arg(long, value_name = "FILE")]
    requirements: Option<PathBuf>,
    /// What runs a script: a published app's address, an image's name, or an archive's file. Default: the app called
    /// pythonX.Y that the exchange's operator publishes.
    #[arg(long, value_name = "ADDRESS|REF|FILE")]
    python: Option<String>,
    /// The version of Python that packages are fetched for. Default: as the app's or image's name says.
    #[arg(long, value_name = "X.Y")]
    python_version: Option<String>,
}

/// A script to be run.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) file: PathBuf,
    /// What runs it, where that was said.
    pub(crate) python: Option<Python>,
    args: PythonArgs,
}

/// What runs scripts.
#[derive(Debug)]
pub(crate) enum Python {
    App(Address),
    Image(Box<FoundImage>),
}

/// An app that runs scripts.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) address: Address,
    pub(crate) price: Amount,
    pub(crate) tag: Tag,
    version: Option<String>,
}

/// Whether a program's name is a script's.
pub(crate) fn is_script(app: &str) -> bool {
    Path::new(app).extension().is_some_and(|extension| extension == "py")
}

impl PythonArgs {
    /// A script with these.
    pub(crate) async fn script(&self, file: &str) -> anyhow::Result<Script> {
        let file = PathBuf::from(file);
        if !file.is_file() {
            return Err(hinted(format!("there is no file {}", file.display()), "a script's file ends in .py"));
        }
        let python = match &self.python {
            None => None,
            Some(text) => match text.parse() {
                Ok(address) => Some(Python::App(address)),
                Err(_) => Some(Python::Image(Box::new(image::find(text).await?))),
            },
        };
        Ok(Script { file, python, args: self.clone() })
    }

    /// Complains where there is no script to which these belong.
    pub(crate) fn check_unused(&self) -> anyhow::Result<()> {
        if self.requirements.is_some() || self.python.is_some() || self.python_version.is_some() {
            return Err(hinted("packages are for Python scripts", "`hands run script.py --requirements FILE`"));
        }
        Ok(())
    }
}

impl Script {
    /// The arguments that begin every task's: then come the script's own.
    pub(crate) fn prefix(&self) -> anyhow::Result<Vec<String>> {
        let name =
            self.file.file_name().and_then(|name| name.to_str()).context("the script's name is not plain text")?;
        Ok(["python3", "-c", BEGIN, &format!("/iexec_in/{name}")].map(str::to_owned).into())
    }

    /// The app that runs it, published now where it is an image.
    pub(crate) async fn interpreter(&self, client: &Client) -> anyhow::Result<Interpreter> {
        match &self.python {
            Some(Python::Image(found)) => {
                let address = found.publish(client, client::AppPrice::OwnUse).await?.address;
                let (price, tag) = (Amount::ZERO, Tag::CONTAINERS);
                Ok(Interpreter { address, price, tag, version: version_in(&found.full_name) })
            }
            Some(Python::App(address)) => published(client, Some(*address)).await,
            None => published(client, None).await,
        }
    }

    /// The packages, as an archive's file in a folder of its own; none where none were asked for.
    pub(crate) async fn packages(&self, interpreter: &Interpreter) -> anyhow::Result<Option<(TempDir, PathBuf)>> {
        let Some(requirements) = self.args.requirements.clone() else { return Ok(None) };
        let version = self.args.python_version.clone().or_else(|| interpreter.version.clone());
        let Some(version) = version else {
            return Err(hinted("for which version of Python are the packages?", "`--python-version 3.12`"));
        };
        note(format_args!("fetching the packages of {} for Python {version}", requirements.display()));
        tokio::task::spawn_blocking(move || resolve(&requirements, &version)).await?.map(Some)
    }
}

/// The cheapest app of this address, or of the operator's that are called Python, on offer.
async fn published(client: &Client, address: Option<Address>) -> anyhow::Result<Interpreter> {
    let filter = BookFilter { kind: Some(api::order::Kind::App), ..BookFilter::default() };
    let operator = client.exchange().operator;
    let mut rows = client.book(filter).await?;
    rows.retain(|row| address.map_or(row.maker == operator, |address| row.subject == address));
    rows.sort_by_key(|row| (row.price, row.since));
    for row in rows {
        let name = client.app_name(row.subject).await?;
        if address.is_some() || name.starts_with(PYTHON) {
            let version = version_in(&name);
            return Ok(Interpreter { address: row.subject, price: row.price, tag: row.tag, version });
        }
    }
    let what = address
        .map_or_else(|| "the operator publishes no Python here".to_owned(), |it| format!("nobody offers the app {it}"));
    Err(hinted(
        what,
        "`--python docker.io/library/python:3.12-slim`, or build one: `hands app image --out python.tar`, then `--python python.tar`",
    ))
}

/// The first version, such as 3.11, that a name has in it.
fn version_in(name: &str) -> Option<String> {
    name.split(|letter: char| !letter.is_ascii_digit() && letter != '.').find_map(|part| {
        let mut numbers = part.split('.');
        let (major, minor) = (numbers.next()?.parse::<u32>().ok()?, numbers.next()?.parse::<u32>().ok()?);
        (major == 3).then(|| format!("{major}.{minor}"))
    })
}

/// Lets pip fetch what is needed, for the image's Python and not this machine's, and packs it.
fn resolve(requirements: &Path, version: &str) -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let target = folder.path().join("packages");
    std::fs::create_dir(&target)?;
    let machine = std::env::consts::ARCH;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-input"]);
    pip.args(["--only-binary", ":all:", "--implementation", "cp", "--python-version", version]);
    for platform in ["manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34"] {
        pip.arg("--platform").arg(format!("{platform}_{machine}"));
    }
    pip.arg("--target").arg(&target).arg("--requirement").arg(requirements).env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = pip.output().map_err(|error| {
        hinted(
            format!("packages are fetched by `python3 -m pip`, which cannot be started: {error}"),
            "install Python and pip",
        )
    })?;
    if !ended.status.success() {
        bail!("pip could not fetch the packages:\n{}", String::from_utf8_lossy(&ended.stderr).trim_end());
    }
    let archive = folder.path().join(PACKAGES);
    images::pack(&target, File::create(&archive)?).context("the packages cannot be packed")?;
    Ok((folder, archive))
}

/// Debian's packages that make an image which runs Python: the interpreter, its library, and what both and most wheels link to.
const DEBIAN: &str = include_str!("python/debian.txt");

/// Builds an image that runs Python from Debian's packages, the same bytes from the same packages. Its digest, and what it is of.
pub(crate) fn build(out: &Path) -> anyhow::Result<(units::Digest, Vec<String>)> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let run = |command: &mut Command| -> anyhow::Result<()> {
        let said = command.current_dir(folder.path()).output();
        let said =
            said.with_context(|| format!("{:?} cannot be started: this needs Debian 12", command.get_program()))?;
        if !said.status.success() {
            bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&said.stderr).trim_end());
        }
        Ok(())
    };
    run(Command::new("apt-get").args(["download", "-q"]).args(DEBIAN.lines()))?;
    let root = folder.path().join("root");
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg").arg("-x").arg(&path).arg(&root))?;
            packages.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    packages.sort();
    for name in ["usr/share/doc", "usr/share/man", "usr/share/lintian"] {
        drop(std::fs::remove_dir_all(root.join(name)));
    }
    std::os::unix::fs::symlink("python3.11", root.join("usr/bin/python3"))?;
    let environment =
        ["PATH=/usr/bin:/bin".to_owned(), "PYTHON_VERSION=3.11".to_owned(), "PYTHONDONTWRITEBYTECODE=1".to_owned()];
    let digest = images::pack_image(&root, &["python3"], &environment, out)
        .with_context(|| format!("{} cannot be written", out.display()))?;
    Ok((digest, packages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_name() {
        for (name, version) in [
            ("python3.11", Some("3.11")),
            ("library/python:3.12-slim", Some("3.12")),
            ("python", None),
            ("x:1.2", None),
        ] {
            assert_eq!(version_in(name).as_deref(), version, "{name}");
        }
        assert!(is_script("a/b.py") && !is_script("a.wasm") && !is_script("py"));
    }
}
