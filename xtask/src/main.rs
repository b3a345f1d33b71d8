//! The project's own chores: `cargo xtask ci` runs what CI runs. The tidy tests in `tests/` hold the house's shape.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person or the log that ran it")]

mod bench;
mod ci;
mod e2e;
mod guard;
mod image;
mod simulate;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["bench", ..] = words.as_slice() {
        return bench::run(&words[1..]);
    }
    if let ["simulate", ..] = words.as_slice() {
        return simulate::run(&words[1..]);
    }
    let asks_for_help = words.is_empty() || words.iter().any(|word| matches!(*word, "help" | "--help" | "-h"));
    if asks_for_help {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let outcome = match words.as_slice() {
        ["ci", names @ ..] => ci::run(names),
        ["guard", words @ ..] => guard::run(words),
        ["image", names @ ..] => image::run(names),
        ["e2e", words @ ..] => e2e::run(words),
        [unknown, ..] => Err(anyhow::anyhow!("no chore is named `{unknown}`")),
        [] => Ok(true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}\n\ncargo xtask --help lists the chores");
            ExitCode::from(2)
        }
    }
}

fn help() -> String {
    let mut text = String::from(
        "\
The project's chores.

cargo xtask ci               every check that CI runs; all run even if one fails
cargo xtask ci fmt clippy    only these
cargo xtask bench            figures with units, measured by a release build; --help tells more
cargo xtask guard            instructions of the hot paths against the committed counts, by callgrind; --retake writes them
cargo xtask simulate         a whole market under one seed, or many; --help tells more
cargo xtask image NAME…      makes images of Blender (blender-3.4, blender-4.2, blender-5.0) and ffmpeg (ffmpeg-5.1) in the folder
                             after --out
cargo xtask e2e render       .blend files through a market with a registry, held against local renders; minutes long
cargo xtask e2e transcode    a film through a market, in pieces; held against --local, and played by ffprobe
cargo xtask e2e hung         what one agent that is stopped in the middle costs render, search and transcode
cargo xtask --help           this

Checks, in the order they run:
",
    );
    for step in ci::STEPS {
        text.push_str(&format!("  {:9} {}\n", step.name, step.about));
    }
    text.push_str(
        "
A check whose tool is not installed is skipped, unless CI is set in the environment: then it fails.
Exit code: 0 if every check passed, 1 if one failed, 2 for a wrong command.
",
    );
    text
}
