//! What the documents must say.

use crate::checkout::{none, rooms, root, rust_files, text};
use std::collections::BTreeSet;

#[test]
fn the_architecture_tells_of_every_room() {
    let architecture = text("ARCHITECTURE.md");
    let headings: BTreeSet<&str> = architecture.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut complaints = Vec::new();
    for member in rooms() {
        if !headings.contains(format!("`{}`", member.folder).as_str()) {
            complaints.push(format!("no heading ### `{}`", member.folder));
        }
    }
    none(&complaints, "give the room a paragraph with its invariants in ARCHITECTURE.md");
}

#[test]
fn the_paths_in_the_architecture_exist() {
    let architecture = text("ARCHITECTURE.md");
    let quoted = architecture.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|word| {
        let top = word.split('/').next().unwrap_or_default();
        word.contains('/')
            && ["crates", "apps", "xtask", "docs", "benches", "fixtures", ".ci"].contains(&top)
            && !word.contains(' ')
    });
    let gone = paths.filter(|path| !root().join(path).exists()).map(|path| format!("`{path}` is not there"));
    none(&gone.collect::<Vec<_>>(), "mend the path in ARCHITECTURE.md");
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    assert!(
        text("CHANGELOG.md").lines().any(|line| line == "## Unreleased"),
        "CHANGELOG.md needs a heading `## Unreleased` with a line for each change that a user sees"
    );
}

#[test]
fn the_tests_that_answer_threats_exist() {
    let tests: BTreeSet<String> = rust_files().iter().flat_map(|(path, text)| test_names(path, text)).collect();
    let mut complaints = Vec::new();
    for row in text("docs/threats.md").lines().filter(|line| line.starts_with("| ")).skip(1) {
        let named: Vec<&str> = row.rsplit('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2).collect();
        let gone = named.iter().filter(|name| !tests.contains(**name));
        complaints.extend(gone.map(|name| format!("there is no test `{name}`")));
    }
    none(&complaints, "in docs/threats.md a test is `path/of/file.rs::name_of_test`; mend the name, or write the test");
}

/// The tests of a file, as `path::name`.
fn test_names(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut names = Vec::new();
    for (index, _) in
        lines.iter().enumerate().filter(|(_, line)| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    {
        let function = lines[index..].iter().find_map(|line| line.split("fn ").nth(1));
        let name = function.and_then(|rest| rest.split(['(', '<']).next());
        names.extend(name.map(|name| format!("{path}::{name}")));
    }
    names
}
