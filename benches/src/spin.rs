//! Work of a known size: one source, compiled to WebAssembly for us and to native code for others, and timed.

use anyhow::{Context as _, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("../spin/spin.rs");
/// Steps of the native program that are timed: more than a second.
const TIMED: u64 = 1_000_000_000;
/// Ticks a second in `/proc`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// The spin, built.
#[derive(Debug)]
pub(crate) struct Spin {
    /// A native program.
    pub(crate) program: PathBuf,
    /// A native library.
    pub(crate) library: PathBuf,
    /// A WASI command.
    pub(crate) module: Vec<u8>,
    steps_per_us: f64,
}

impl Spin {
    /// Compiles it in `folder` and times the native program on this machine.
    pub(crate) fn build(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let source = folder.join("spin.rs");
        fs::write(&source, SOURCE)?;
        let (program, library, module) = (folder.join("spin"), folder.join("libspin.so"), folder.join("spin.wasm"));
        compile(&source, &program, &[])?;
        compile(&source, &library, &["--crate-type", "cdylib"])?;
        compile(&source, &module, &["--target", "wasm32-wasip1"])?;
        let mut least_s = f64::INFINITY;
        for _ in 0..3 {
            let before = children_s()?;
            let status = Command::new(&program).arg(TIMED.to_string()).status().context("the spin starts")?;
            ensure!(status.success(), "the spin ends well");
            least_s = least_s.min(children_s()? - before);
        }
        let steps_per_us = TIMED as f64 / (1e6 * least_s);
        Ok(Self { module: fs::read(&module)?, program, library, steps_per_us })
    }

    /// How many steps take so long in native code.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count far below 2^53")]
    pub(crate) fn steps(&self, duration_us: u64) -> u64 {
        (duration_us as f64 * self.steps_per_us) as u64
    }
}

/// Processor seconds of the processes that we waited for: what other programs take meanwhile is not in them.
fn children_s() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit(')').next().unwrap_or_default();
    Ok(after.split_whitespace().skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS)
}

fn compile(source: &Path, to: &Path, options: &[&str]) -> anyhow::Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-name", "spin", "-O", "-C", "strip=symbols", "--cap-lints", "allow"]);
    let output = command.args(options).arg("-o").arg(to).arg(source).output().context("rustc can be started")?;
    ensure!(output.status.success(), "the spin does not compile: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
