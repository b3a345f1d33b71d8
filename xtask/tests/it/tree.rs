//! What may lie in git, and what may stand in a file.

use crate::checkout::{none, root, rust_files, text, tracked};
use crate::house::{BINARY_KB, LARGE_BINARIES, LINES, MAY_PRINT};

/// Lines that say `word`, as `path:line`; `word` is given in two halves so that this file does not say it.
fn lines_saying(path: &str, text: &str, halves: (&str, &str)) -> Vec<String> {
    let word = [halves.0, halves.1].concat();
    let lines =
        text.lines().enumerate().filter(|(_, line)| line.contains(&word) && !line.trim_start().starts_with("//"));
    lines.map(|(index, _)| format!("{path}:{} says `{word}`", index + 1)).collect()
}

#[test]
fn no_file_is_longer_than_a_room_can_explain() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files() {
        let in_src = path.contains("/src/") && !path.contains("/tests/") && !path.ends_with("/tests.rs");
        let lines: Vec<&str> = text.lines().collect();
        let tests = (0..lines.len()).find(|at| begins_tests(&lines[*at..]));
        let code = tests.unwrap_or(lines.len());
        if in_src && code > LINES {
            complaints.push(format!("{path} has {code} lines"));
        }
    }
    none(&complaints, &format!("past {LINES} lines there is a seam: split the file into foo.rs and foo/"));
}

/// Whether a module of tests starts here: `#[cfg(test)]`, perhaps further attributes, then `mod`.
fn begins_tests(lines: &[&str]) -> bool {
    let item = lines.iter().skip(1).find(|line| !line.starts_with(['#', ' ', ')', ']']));
    lines[0] == "#[cfg(test)]" && item.is_some_and(|line| line.starts_with("mod "))
}

#[test]
fn modules_are_named_files() {
    let paths = tracked().into_iter().filter(|path| path.ends_with("/mod.rs"));
    none(&paths.collect::<Vec<_>>(), "name it foo.rs, beside foo/");
}

#[test]
fn nothing_is_left_undone_silenced_or_ignored() {
    let words = [("todo", "!("), ("unimplemented", "!("), ("#[al", "low("), ("#![al", "low("), ("#[ig", "nore")];
    let mut complaints = Vec::new();
    for (path, text) in rust_files() {
        complaints.extend(words.iter().flat_map(|halves| lines_saying(&path, &text, *halves)));
    }
    none(&complaints, "do it, or use #[expect(lint, reason = \"…\")]; a test that cannot run is no test");
}

#[test]
fn only_the_command_line_prints() {
    let mut complaints = Vec::new();
    let expected = [("clippy::print_", "stdout"), ("clippy::print_", "stderr"), ("clippy::", "dbg_macro")];
    for (path, text) in rust_files() {
        // Build scripts speak to cargo by printing.
        let may = MAY_PRINT.iter().any(|folder| path.starts_with(folder)) || path.ends_with("/build.rs");
        if !may {
            complaints.extend(expected.iter().flat_map(|halves| lines_saying(&path, &text, *halves)));
        }
    }
    none(&complaints, "return what there is to say, or trace it; crates/cli prints");
}

#[test]
fn no_file_names_a_machine_or_a_registry_host() {
    let folders = [("/wo", "rk/"), ("/ro", "ot/"), ("/fa", "rm/"), ("/home", "/")].map(|(a, b)| [a, b].concat());
    let hosts = [
        ("index.cra", "tes.io"),
        ("static.cra", "tes.io"),
        ("registry.npm", "js.org"),
        ("py", "pi.org/simple"),
        ("files.python", "hosted.org"),
        ("deb.deb", "ian.org"),
        ("static.rust", "-lang.org"),
        ("index-", "url"),
        ("replace-", "with"),
    ]
    .map(|(a, b)| [a, b].concat());
    let mut complaints = Vec::new();
    for path in tracked().iter().filter(|path| !is_lock(path)) {
        for (index, line) in text(path).lines().enumerate() {
            let folder = folders.iter().find(|folder| names_folder(line, folder));
            let host = hosts.iter().find(|host| line.contains(host.as_str()));
            complaints.extend(folder.or(host).map(|name| format!("{path}:{} names `{name}`", index + 1)));
        }
    }
    none(&complaints, "the repository must be the same on every machine: use relative paths and default registries");
}

fn is_lock(path: &str) -> bool {
    ["Cargo.lock", "package-lock.json", "requirements.lock"].iter().any(|lock| path.ends_with(lock))
}

/// Whether an absolute path under `folder` stands in the line (and not, say, a route or a relative path that ends so).
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|character| character.is_whitespace() || "\"'`(=:<[,".contains(character))
    })
}

#[test]
fn git_holds_text_and_small_pictures() {
    let mut complaints = Vec::new();
    for path in tracked() {
        let bytes = std::fs::read(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let kilobytes = u64::try_from(bytes.len()).expect("a file's length fits").div_ceil(1024);
        let listed = LARGE_BINARIES.iter().find(|(prefix, _)| path.starts_with(prefix));
        let most = listed.map_or(BINARY_KB, |(_, most)| *most);
        let program = bytes.starts_with(b"\0asm") || bytes.starts_with(b"\x7fELF");
        if program {
            complaints.push(format!("{path} is a compiled program"));
        } else if bytes.iter().take(8000).any(|byte| *byte == 0) && kilobytes > most {
            complaints.push(format!("{path} is a binary file of {kilobytes} KB, {most} allowed"));
        }
    }
    none(&complaints, "build it from source, fetch it in the test, or compress it; LARGE_BINARIES has the exceptions");
}
