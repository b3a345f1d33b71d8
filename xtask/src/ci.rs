//! What CI runs, as steps that each print one plain line when they end.
//!
//! All steps build in the dev profile and in two target folders only (`target`, `apps/target`), so that clippy and doc
//! share one check of the dependencies, and tests and doctests one build of them.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One check of `cargo xtask ci`.
pub(crate) struct Step {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    /// One line for `--help`.
    pub(crate) about: &'static str,
    plan: fn(&Checkout) -> Plan,
}

/// The steps, quick verdicts first. A new check is one line here and a function below.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", about: "rustfmt has nothing to change", plan: fmt },
    Step { name: "deny", about: "licences, banned crates and sources of dependencies (cargo-deny)", plan: deny },
    Step {
        name: "clippy",
        about: "no warning in the workspace, nor in the guest programs for WebAssembly",
        plan: clippy,
    },
    Step { name: "doc", about: "the documentation builds without a warning", plan: doc },
    Step { name: "doctest", about: "the examples in the documentation run", plan: doctest },
    Step { name: "test", about: "all tests of the workspace, the tidy tests among them", plan: test },
    Step { name: "guard", about: "the hot paths take no more instructions than committed (callgrind)", plan: guard },
    Step { name: "apps", about: "the guest programs' own tests, on this machine's processor", plan: apps },
];

/// What a step will run.
enum Plan {
    /// These, in order; all of them, whether or not one fails.
    Run(Vec<Command>),
    /// Nothing, because the thing to check is not in this checkout.
    Skip(&'static str),
    /// Nothing, because a tool is missing: allowed to a person, a failure in CI.
    Missing(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    Skip,
}

/// Runs the named steps, or all if none is named, and says whether all passed.
pub(crate) fn run(names: &[&str]) -> anyhow::Result<bool> {
    let unknown: Vec<&str> = names.iter().copied().filter(|name| STEPS.iter().all(|step| step.name != *name)).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("no check is named `{}`; there are: {}", unknown.join("`, `"), known.join(" "));
    }
    let checkout = Checkout::find()?;
    let mut report = Vec::new();
    for step in STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)) {
        let start = Instant::now();
        let (verdict, note) = perform(step, &checkout)?;
        let line = line(verdict, step.name, start.elapsed(), &note);
        println!("{line}");
        report.push((verdict, line));
    }
    let count = |wanted| report.iter().filter(|(verdict, _)| *verdict == wanted).count();
    println!();
    for (_, line) in &report {
        println!("{line}");
    }
    println!("ci: {} passed, {} failed, {} skipped", count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Skip));
    Ok(count(Verdict::Fail) == 0)
}

fn perform(step: &Step, checkout: &Checkout) -> anyhow::Result<(Verdict, String)> {
    let commands = match (step.plan)(checkout) {
        Plan::Run(commands) => commands,
        Plan::Skip(why) => return Ok((Verdict::Skip, why.to_owned())),
        Plan::Missing(remedy) if checkout.in_ci => return Ok((Verdict::Fail, remedy.to_owned())),
        Plan::Missing(remedy) => return Ok((Verdict::Skip, remedy.to_owned())),
    };
    let mut failed = Vec::new();
    for mut command in commands {
        let shown = checkout.show(&command);
        println!("\n==> {}: {shown}", step.name);
        let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
        if !status.success() {
            failed.push(format!("`{shown}` ended with {status}"));
        }
    }
    let verdict = if failed.is_empty() { Verdict::Pass } else { Verdict::Fail };
    Ok((verdict, failed.join("; ")))
}

fn line(verdict: Verdict, name: &str, took: Duration, note: &str) -> String {
    let word = match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Skip => "SKIP",
    };
    let line = format!("{word} {name:8} {:7.1} s  {note}", took.as_secs_f64());
    line.trim_end().to_owned()
}

fn fmt(checkout: &Checkout) -> Plan {
    let mut commands = vec![checkout.cargo(&["fmt", "--all", "--check"])];
    if checkout.has_apps() {
        commands.push(checkout.cargo(&["fmt", "--manifest-path", APPS, "--all", "--check"]));
    }
    Plan::Run(commands)
}

fn deny(checkout: &Checkout) -> Plan {
    if !checkout.has_tool("deny") {
        return Plan::Missing("cargo-deny is not installed: `cargo install --locked cargo-deny`, or let .ci/run do it");
    }
    // Advisories are left out: their database is a git repository that CI cannot reach.
    let mut commands = vec![checkout.cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"])];
    if checkout.has_apps() {
        let apps = ["deny", "--manifest-path", APPS, "--config", "deny.toml", "--locked", "check"];
        commands.push(checkout.cargo(&[&apps[..], &["bans", "licenses", "sources"]].concat()));
    }
    Plan::Run(commands)
}

fn clippy(checkout: &Checkout) -> Plan {
    let mut commands =
        vec![checkout.cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])];
    if checkout.has_apps() {
        let guests = ["clippy", "--manifest-path", APPS, "--workspace", "--target", "wasm32-wasip1", "--locked"];
        commands.push(checkout.cargo(&[&guests[..], &["--", "-D", "warnings"]].concat()));
    }
    Plan::Run(commands)
}

fn doc(checkout: &Checkout) -> Plan {
    let mut command = checkout.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    Plan::Run(vec![command])
}

fn doctest(checkout: &Checkout) -> Plan {
    Plan::Run(vec![checkout.cargo(&["test", "--doc", "--workspace", "--locked", "--no-fail-fast"])])
}

fn test(checkout: &Checkout) -> Plan {
    Plan::Run(vec![checkout.tests(&["--workspace", "--locked", "--no-fail-fast"])])
}

fn guard(checkout: &Checkout) -> Plan {
    if !crate::guard::has_valgrind() {
        return Plan::Skip("valgrind is not installed: the hot paths' instructions are not counted");
    }
    Plan::Run(vec![checkout.cargo(&["xtask", "guard"])])
}

fn apps(checkout: &Checkout) -> Plan {
    if !checkout.has_apps() {
        return Plan::Skip("there is no apps/Cargo.toml");
    }
    Plan::Run(vec![checkout.tests(&["--manifest-path", APPS, "--workspace", "--locked", "--no-fail-fast"])])
}

/// The guest programs' workspace, from the root.
const APPS: &str = "apps/Cargo.toml";

/// The folder that is checked and the cargo that checks it.
struct Checkout {
    root: PathBuf,
    cargo: PathBuf,
    in_ci: bool,
}

impl Checkout {
    fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace's folder")?;
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
        Ok(Self { root: root.to_owned(), cargo, in_ci })
    }

    fn has_apps(&self) -> bool {
        self.root.join(APPS).is_file()
    }

    /// Whether cargo knows the subcommand `name`.
    fn has_tool(&self, name: &str) -> bool {
        let mut command = self.cargo(&[name, "--version"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// A test run that shows a plain line a test: nextest's where it is installed, else cargo's own.
    fn tests(&self, arguments: &[&str]) -> Command {
        if self.has_tool("nextest") {
            // A package without tests yet is no failure.
            self.cargo(&[&["nextest", "run", "--no-tests=pass"][..], arguments].concat())
        } else {
            self.cargo(&[&["test", "--lib", "--bins", "--tests"][..], arguments].concat())
        }
    }

    /// A cargo command in the root, free of what `cargo run` told this process about its own package: build scripts
    /// that watch those variables would run again.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let told = name.to_str().is_some_and(|name| {
                ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
                    .iter()
                    .any(|head| name.starts_with(head))
            });
            if told {
                command.env_remove(name);
            }
        }
        command
    }

    fn show(&self, command: &Command) -> String {
        let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
        std::iter::once("cargo".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}
