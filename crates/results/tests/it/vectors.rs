//! The vectors of `docs/result-encoding.md`, read from the document itself.

use results::{Failure, InvalidModule, OutputLimit, Unusable, encode, sha256};
use std::collections::BTreeMap;

const DOCUMENT: &str = include_str!("../../../../docs/result-encoding.md");

/// The rows of the table below a heading: cells without their backticks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let section = DOCUMENT.split(&format!("\n### {heading}\n")).nth(1).expect("the document has the heading");
    section
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

fn check(rows: &[Vec<String>], known: &[(&str, Vec<u8>)]) {
    let written: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
    let made: Vec<String> =
        known.iter().map(|(name, bytes)| format!("{name} {} {}", hex::encode(bytes), sha256(bytes).hex())).collect();
    assert_eq!(written, made);
}

#[test]
fn the_written_vectors_of_trees_hold() {
    let tree = |stdout: &str, files: &[(&str, &str)]| {
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect();
        encode(stdout.as_bytes(), &files).unwrap().0
    };
    check(
        &rows("Trees"),
        &[
            ("empty", tree("", &[])),
            ("one file", tree("", &[("out.txt", "42\n")])),
            ("output only", tree("hello\n", &[])),
            ("order", tree("", &[("b", ""), ("a/c", "2"), ("a-b", "1"), ("ü", "3")])),
            ("both", tree("hi", &[("d/e/f.bin", "x")])),
        ],
    );
}

#[test]
fn the_written_vectors_of_failures_hold() {
    let failures = [
        ("crash", Failure::Trap),
        ("exit code 3", Failure::Exit { code: 3 }),
        ("time limit", Failure::TimeLimit),
        ("memory limit", Failure::MemoryLimit),
        ("output limit: bytes", Failure::OutputLimit(OutputLimit::Bytes)),
        ("output limit: files", Failure::OutputLimit(OutputLimit::Files)),
        ("output limit: stdout", Failure::OutputLimit(OutputLimit::Stdout)),
        ("output limit: path", Failure::OutputLimit(OutputLimit::Path)),
        ("process limit", Failure::ProcessLimit),
        ("not WebAssembly", Failure::InvalidModule(InvalidModule::NotWasm)),
        ("component", Failure::InvalidModule(InvalidModule::Component)),
        ("malformed", Failure::InvalidModule(InvalidModule::Malformed)),
        ("import", Failure::InvalidModule(InvalidModule::Import)),
        ("no start", Failure::InvalidModule(InvalidModule::NoStart)),
        ("too large", Failure::InvalidModule(InvalidModule::TooLarge)),
        ("computed.json", Failure::Computed),
        ("kind not run", Failure::Unusable(Unusable::Kind)),
        ("app nowhere", Failure::Unusable(Unusable::App)),
        ("dataset nowhere", Failure::Unusable(Unusable::Dataset)),
        ("params", Failure::Unusable(Unusable::Params)),
        ("inputs", Failure::Unusable(Unusable::Inputs)),
    ];
    check(&rows("Failures"), &failures.map(|(name, failure)| (name, failure.encode())));
}
