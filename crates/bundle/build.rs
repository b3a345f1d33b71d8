//! Compiles the guest programs of `apps/` to WebAssembly and copies them to where `lib.rs` includes them from.
//!
//! They are built by a second cargo in `apps/target`, a folder that all profiles and tools (build, check, clippy, doc)
//! share, so that the guests are compiled once. It is not the outer target folder, whose lock the outer cargo holds.
//! What the outer build was told about its own compiler (flags, wrappers, profiles, target) must not reach the guests:
//! the same sources have to give the same bytes, since a guest's digest is its name on an exchange.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip1";
const GUESTS: [&str; 7] = ["tracer", "misfit", "nothing", "search", "render", "compare", "transcode"];
/// What guests are made of beside themselves.
const PARTS: [&str; 1] = ["kit"];

fn main() {
    if let Err(message) = build() {
        println!("cargo::error={message}");
    }
}

fn build() -> Result<(), String> {
    let apps = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../apps");
    let apps = apps.canonicalize().map_err(|error| format!("{}: {error}", apps.display()))?;
    for watched in ["Cargo.toml", "Cargo.lock", "scenes"].into_iter().chain(GUESTS).chain(PARTS) {
        println!("cargo::rerun-if-changed={}", apps.join(watched).display());
    }
    require_target()?;
    compile(&apps)?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    for guest in GUESTS {
        let module = apps.join("target").join(TARGET).join("release").join(format!("{guest}.wasm"));
        fs::copy(&module, out.join(format!("{guest}.wasm")))
            .map_err(|error| format!("{}: {error}", module.display()))?;
    }
    Ok(())
}

/// Cargo would say that it "can't find crate for `core`", once a crate: says what to do instead, once.
fn require_target() -> Result<(), String> {
    let output = Command::new(variable("RUSTC")?)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("cannot start rustc: {error}"))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    let installed =
        output.status.success() && fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some());
    if installed {
        return Ok(());
    }
    Err(format!(
        "the bundled apps are WebAssembly and this toolchain cannot compile to it yet. Run: rustup target add {TARGET}"
    ))
}

fn compile(apps: &Path) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_about_the_outer_build) {
            cargo.env_remove(&name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(apps)?);
    cargo.args(["build", "--release", "--locked", "--target", TARGET, "--manifest-path"]);
    cargo.arg(apps.join("Cargo.toml")).arg("--target-dir").arg(apps.join("target"));
    for guest in GUESTS {
        cargo.args(["--package", &format!("manyhands-{guest}")]);
    }
    // On failure cargo shows a build script's output; its own messages there are what a reader needs.
    let status = cargo.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the guest programs in {} do not build", apps.display())) }
}

fn is_about_the_outer_build(name: &str) -> bool {
    const WHOLE: [&str; 12] = [
        "CARGO_BUILD_RUSTC",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_INCREMENTAL",
        "CARGO_TARGET_DIR",
        "CLIPPY_ARGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ];
    const STARTS: [&str; 4] = ["CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_CFG_", "CARGO_FEATURE_"];
    WHOLE.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}

/// Panic messages name source files: they are made relative, so that a module does not depend on where it was built.
/// Being set at all, the variable also overrides flags from any cargo configuration file.
fn flags(apps: &Path) -> Result<OsString, String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let home = home.ok_or("neither CARGO_HOME nor a home folder is known")?;
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(apps);
    flags.push("=apps\u{1f}--remap-path-prefix=");
    flags.push(home);
    flags.push("=cargo");
    flags.push("\u{1f}-Ctarget-feature=+simd128");
    Ok(flags)
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}
