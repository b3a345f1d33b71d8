//! What git tracks here and what cargo says of the members.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's folder")
}

/// Paths of all tracked files that are there, from the root, with `/`.
pub(crate) fn tracked() -> Vec<String> {
    let listing = output(Command::new("git").args(["ls-files", "-z"]));
    let paths = listing.split('\0').filter(|path| !path.is_empty() && root().join(path).is_file());
    paths.map(str::to_owned).collect()
}

/// Tracked Rust files and their text.
pub(crate) fn rust_files() -> Vec<(String, String)> {
    let paths = tracked().into_iter().filter(|path| path.ends_with(".rs"));
    paths.map(|path| (path.clone(), text(&path))).collect()
}

/// The text of a file of the checkout.
pub(crate) fn text(path: &str) -> String {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A package of the workspace.
pub(crate) struct Member {
    /// The folder's name: `units`, `xtask`.
    pub(crate) room: String,
    /// Its folder from the root: `crates/units`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

pub(crate) struct Dependency {
    pub(crate) package: String,
    /// The room it is, if it is one of ours.
    pub(crate) room: Option<String>,
    pub(crate) only_tests: bool,
}

impl Member {
    /// What it is built from: all but the dependencies of tests.
    pub(crate) fn built_from(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| !dependency.only_tests)
    }
}

/// All packages of the workspace, as `cargo metadata` has them.
pub(crate) fn members() -> Vec<Member> {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let listing = output(Command::new(cargo).args(["metadata", "--format-version", "1", "--no-deps"]));
    let metadata: Value = serde_json::from_str(&listing).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("cargo metadata lists the packages");
    packages.iter().map(member).collect()
}

/// The members under `crates/`.
pub(crate) fn rooms() -> Vec<Member> {
    members().into_iter().filter(|member| member.folder.starts_with("crates/")).collect()
}

fn member(package: &Value) -> Member {
    let manifest = Path::new(package["manifest_path"].as_str().expect("a package has a manifest"));
    let folder = manifest.parent().expect("a manifest lies in a folder");
    let dependencies = package["dependencies"].as_array().expect("a package lists its dependencies");
    Member {
        room: name(folder),
        folder: from_root(folder),
        dependencies: dependencies.iter().map(dependency).collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        package: value["name"].as_str().expect("a dependency has a name").to_owned(),
        room: value["path"].as_str().map(|path| name(Path::new(path))),
        only_tests: value["kind"].as_str() == Some("dev"),
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().expect("a package's folder has a name").to_string_lossy().into_owned()
}

fn from_root(folder: &Path) -> String {
    folder.strip_prefix(root()).expect("a member lies under the root").to_string_lossy().replace('\\', "/")
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("paths and manifests are UTF-8")
}

/// Fails with all complaints at once, and with what to do about them.
#[track_caller]
pub(crate) fn none(complaints: &[String], remedy: &str) {
    assert!(complaints.is_empty(), "\n  {}\n=> {remedy}\n", complaints.join("\n  "));
}
