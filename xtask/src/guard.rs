//! Instruction counts of the hot paths, held against committed ones: a slowdown is found however busy the machine is.

use anyhow::{Context as _, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The committed counts, from the root.
const BASELINE: &str = "benches/guard/baseline.txt";
/// So many percent more instructions than before are a regression; fewer are only told.
const TOLERANCE_PERCENT: f64 = 5.0;
/// Fewer by so many percent are worth taking over.
const WORTH_PERCENT: f64 = 3.0;
/// The function of the guard's program whose instructions count.
const COUNTED: &str = "*guard*counted*";

/// Whether callgrind is there.
pub(crate) fn has_valgrind() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Counts all hot paths; with `--retake` the counts become the committed ones. Whether none got worse.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<bool> {
    let retake = match words {
        [] => false,
        ["--retake"] => true,
        _ => bail!("`cargo xtask guard` takes nothing but --retake"),
    };
    ensure!(has_valgrind(), "valgrind is not installed: `apt-get install valgrind`");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace's folder")?;
    let file = root.join(BASELINE);
    let before = read(&std::fs::read_to_string(&file).unwrap_or_default())?;
    let program = build(root)?;
    let listed = Command::new(&program).output().context("the guard's program starts")?;
    let listed = String::from_utf8(listed.stdout)?;
    let (mut counts, mut worse) = (BTreeMap::new(), Vec::new());
    println!("instructions an operation, callgrind:");
    for line in listed.lines() {
        let (name, about) = line.split_once(' ').context("a case has words")?;
        let now = count(&program, name)?;
        let change = before.get(name).map(|before| 100.0 * (now / before - 1.0));
        let word = match change {
            None => "new".to_owned(),
            Some(change) if change > TOLERANCE_PERCENT => {
                worse.push(name.to_owned());
                format!("{change:+.1} % WORSE")
            }
            Some(change) if change < -WORTH_PERCENT => format!("{change:+.1} % better: `cargo xtask guard --retake`"),
            Some(change) => format!("{change:+.1} %"),
        };
        println!("  {name:20} {now:>12.0}  {word:14}  {about}");
        counts.insert(name.to_owned(), now);
    }
    if retake {
        std::fs::write(&file, written(&counts)).with_context(|| format!("cannot write {BASELINE}"))?;
        println!("{BASELINE} is written");
        return Ok(true);
    }
    if !worse.is_empty() {
        println!(
            "worse by more than {TOLERANCE_PERCENT} %: {}; if that is meant, `cargo xtask guard --retake` and commit",
            worse.join(", ")
        );
    }
    Ok(worse.is_empty())
}

fn read(text: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (name, count) = line.split_once(' ').with_context(|| format!("{BASELINE}: `{line}` is no count"))?;
        Ok((name.to_owned(), count.trim().parse()?))
    });
    parsed.collect()
}

fn written(counts: &BTreeMap<String, f64>) -> String {
    let head = "# Instructions an operation of each hot path; `cargo xtask guard --retake` writes this file.\n";
    counts.iter().fold(head.to_owned(), |text, (name, count)| format!("{text}{name} {count:.0}\n"))
}

/// The guard's program, as it would be released.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--locked", "--package", "manyhands-guard"]).current_dir(root);
    command.args(["--message-format", "json-render-diagnostics"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().context("cargo could not be started")?;
    ensure!(output.status.success(), "the guard does not build");
    let messages = String::from_utf8(output.stdout)?;
    let program = messages.lines().rev().find_map(|line| {
        let from = line.split_once(r#""executable":""#)?.1;
        Some(PathBuf::from(from.split_once('"')?.0))
    });
    program.context("cargo says where the program is")
}

/// Instructions an operation.
fn count(program: &Path, case: &str) -> anyhow::Result<f64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]);
    command.arg(format!("--toggle-collect={COUNTED}")).arg(program).arg(case);
    let output = command.output().context("valgrind can be started")?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "`guard {case}` under valgrind: {told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected : ")).context("callgrind says a count")?;
    let instructions: f64 = collected.1.trim().parse()?;
    let operations: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    ensure!(instructions > 0.0 && operations > 0.0, "`guard {case}`: nothing was counted");
    Ok(instructions / operations)
}

#[cfg(test)]
mod tests {
    use super::{read, written};
    use std::collections::BTreeMap;

    #[test]
    fn counts_that_are_written_are_read_again() {
        let counts = BTreeMap::from([("cycle".to_owned(), 120_000.0), ("match".to_owned(), 9.0)]);
        assert_eq!(read(&written(&counts)).expect("what was written is read"), counts);
        assert!(read("cycle\n").is_err());
    }
}
