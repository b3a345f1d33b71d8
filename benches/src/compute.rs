//! What the sandbox costs a program that computes: the same sources as a native program and as WebAssembly, by processor time.

use crate::report::{Repeats, Report};
use crate::usage;
use anyhow::{Context as _, ensure};
use results::Outcome;
use sandbox::{Input, Program, Run, Sandbox};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const REPEATS: usize = 3;
/// The first block's header without its nonce, and a target that a few of the nonces below pass.
const HEADER: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e\
                      67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d";
const TARGET: &str = "00000fffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const NONCES: &str = "4194303";
/// How a picture is asked for.
const PICTURE: [&str; 8] = ["--frame", "6", "--width", "240", "--height", "180", "--samples", "8"];

/// A program, what it is called with, and which input it reads.
struct Work {
    name: &'static str,
    module: &'static [u8],
    args: Vec<String>,
    reads_scene: bool,
}

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading("The same programs native and in the sandbox, processor time of one core");
    let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps");
    let scene = folder.join("scene");
    fs::create_dir_all(&scene)?;
    for (name, content) in bundle::DEMO_SCENE {
        fs::write(scene.join(name), content)?;
    }
    let sandbox = Sandbox::open(&folder.join("programs"), &folder.join("scratch"))?;
    // As it is shipped; for processors with 256-bit vectors; and for this very one, whose rotations and logic of three operands
    // (AVX-512) WebAssembly has no words for.
    let builds = [("", ""), ("_x86_64_v3", "-Ctarget-cpu=x86-64-v3"), ("_for_this_machine", "-Ctarget-cpu=native")];
    let natives = builds.map(|(name, flags)| (name, native(&apps, &folder.join(format!("native{name}")), flags)));
    for work in works()? {
        let mut wasm = Vec::new();
        let mut canonical = Vec::new();
        for _ in 0..REPEATS {
            wasm.push(in_sandbox(&sandbox, &work, &scene, false)?);
            canonical.push(in_sandbox(&sandbox, &work, &scene, true)?);
        }
        let (wasm, canonical) = (Repeats::new(wasm), Repeats::new(canonical));
        report.median(&format!("compute_{}_wasm_processor_s", work.name), &wasm);
        report.figure(&format!("compute_{}_canonical_nans_ratio", work.name), canonical.median() / wasm.median());
        for (build, programs) in &natives {
            let programs = match programs {
                Ok(programs) => programs,
                Err(error) => {
                    report.remark(&format!("not compared with native{build}: {error:#}"));
                    continue;
                }
            };
            let program = programs.join(work.name);
            let times = (0..REPEATS).map(|_| outside(&program, &work, &scene)).collect::<anyhow::Result<Vec<f64>>>()?;
            let native = Repeats::new(times);
            report.median(&format!("compute_{}_native{build}_processor_s", work.name), &native);
            report.figure(
                &format!("compute_{}_wasm_over_native{build}_ratio", work.name),
                wasm.median() / native.median(),
            );
        }
    }
    Ok(())
}

fn works() -> anyhow::Result<Vec<Work>> {
    let search = bundle::APPS.iter().flat_map(|app| app.files).find(|(name, _)| *name == "search.wasm");
    let (_, search) = search.context("the search is bundled")?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let mut picture = words(&PICTURE);
    picture.extend(words(&["--out", "picture.png"]));
    Ok(vec![
        Work {
            name: "search",
            module: search,
            args: words(&["scan", HEADER, TARGET, "0", NONCES]),
            reads_scene: false,
        },
        Work { name: "tracer", module: bundle::TRACER, args: picture, reads_scene: true },
    ])
}

/// Compiles the programs for this machine; where they are.
fn native(apps: &Path, target: &Path, flags: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--quiet", "--package", "manyhands-search"]);
    cargo.args(["--package", "manyhands-tracer", "--manifest-path"]).arg(apps.join("Cargo.toml"));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags).env_remove("RUSTFLAGS").arg("--target-dir").arg(target);
    ensure!(cargo.status().context("cargo cannot be started")?.success(), "the programs do not build for this machine");
    Ok(target.join("release"))
}

fn outside(program: &Path, work: &Work, scene: &Path) -> anyhow::Result<f64> {
    let before = usage::children_s()?;
    let mut command = Command::new(program);
    if work.reads_scene {
        command.arg(scene.join("hands.obj"));
    }
    let status = command.args(&work.args).current_dir(scene).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{} ends well", work.name);
    Ok(usage::children_s()? - before)
}

fn in_sandbox(sandbox: &Sandbox, work: &Work, scene: &Path, canonical_nans: bool) -> anyhow::Result<f64> {
    let mut run = Run::new(Program::from_bytes(work.module));
    run.canonical_nans = canonical_nans;
    run.limits.time = Duration::from_secs(600);
    if work.reads_scene {
        let input = |name: &str| Input { name: name.to_owned(), file: scene.join(name) };
        run.inputs = bundle::DEMO_SCENE.iter().map(|(name, _)| input(name)).collect();
        run.args.push("/iexec_in/hands.obj".to_owned());
    }
    run.args.extend(work.args.iter().cloned());
    ensure!(sandbox.prepare(&run.program, canonical_nans)?.is_ok(), "{} is a program", work.name);
    let before = usage::thread_s()?;
    let finished = sandbox.run(&run)?;
    let used = usage::thread_s()? - before;
    ensure!(matches!(finished.outcome, Outcome::Success(_)), "{} ends well: {:?}", work.name, finished.detail);
    Ok(used)
}
