//! Runs the simulator's own programs.

use std::process::{Command, ExitCode};

/// Hands the words on: to the report, which runs fleets and is built for speed (and writes tables), or to the simulator of
/// single seeds.
pub(crate) fn run(words: &[&str]) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let reports = words.contains(&"--report") || words.contains(&"--markdown");
    let program: &[&str] = if reports { &["--release", "--example", "report"] } else { &["--example", "simulate"] };
    command.args(["run", "--quiet", "--package", "manyhands-simulator"]).args(program).arg("--").args(words);
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: cargo could not be started: {error}");
            ExitCode::from(2)
        }
    }
}
