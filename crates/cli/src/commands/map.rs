//! `hands map`: one task a file, a number or a line.

use crate::commands::Context;
use crate::commands::run::program;
use crate::exit::{Exit, hinted};
use crate::image::ImageArgs;
use crate::python::PythonArgs;
use crate::submit::{TaskOf, Terms, Work, submit};
use crate::template;
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};

/// The most tasks of one command: each is a row that is made and sent.
const MOST_TASKS: u64 = 1_000_000;

/// Run a program on many files, numbers or lines, one task each
///
/// In the arguments, `{in}` is the file as its task sees it, `{stem}` its name without folder and extension, `{n}` the number,
/// `{line}` the line, `{i}` the task's place among all, from 0, and `{out}` the folder for results. Results come into the folder
/// of --out as tasks end; what a task writes to standard output goes into NAME.stdout there, NAME being the file's, the number
/// or the line's number. Where two tasks write one path, the later one's file goes under task-INDEX/.
#[derive(Args, Debug)]
#[command(
    override_usage = "hands map [OPTIONS] <APP.wasm|SCRIPT.py|--image REF> <FILES...|--range A..B|--lines FILE> [-- <ARGS>...]"
)]
#[command(after_help = "\
Examples:
  hands map tool.wasm photos/*.png --out small -- {in} {out}/{stem}.jpg
  hands map render.wasm frames/*.json --input scene.obj --trust 3 --out film -- --scene /iexec_in/scene.obj {in}
  hands map simulate.wasm --range 1..500 -- --seed {n} --to {out}/{n}.csv
  hands map fetch.wasm --lines names.txt -- --name {line}
  hands map score.py --requirements requirements.txt docs/*.txt -- {in}
  hands map --image docker.io/lab/ffmpeg:5 *.mov --out web -- -i {in} {out}/{stem}.mp4
  hands map tool.wasm *.txt --detach -- {in}      leave it to a running exchange; `hands job watch ID` comes back

Ctrl-C leaves the job; `hands job watch ID` resumes. Exits with 3 when a task failed, and shows its last words.")]
pub(crate) struct MapArgs {
    /// The program (a WebAssembly file, a Python script, or a published app's address; not with --image), then the files, one task each.
    #[arg(value_name = "APP.wasm FILES")]
    words: Vec<PathBuf>,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    python: PythonArgs,
    /// One task a number, from A to B, both among them.
    #[arg(long, value_name = "A..B", value_parser = range, conflicts_with = "lines")]
    range: Option<(i64, i64)>,
    /// One task a line of this file; empty lines are left out.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    /// The program's arguments for each task. Default: `{in}`, `{n}` or `{line}`.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: MapArgs) -> anyhow::Result<Exit> {
    let mut words = args.words.into_iter();
    let app = match &args.image.image {
        Some(_) => None,
        None => words.next().map(|app| app.to_string_lossy().into_owned()),
    };
    let files: Vec<PathBuf> = words.collect();
    let tasks = match (args.range, &args.lines, files.is_empty()) {
        (None, None, false) => of_files(files, &args.args)?,
        (Some(range), None, true) => of_range(range, &args.args),
        (None, Some(lines), true) => of_lines(lines, &args.args)?,
        (Some(_), _, false) | (_, Some(_), false) => {
            return Err(hinted(
                "tasks are made of files, of a range or of lines: of one of them",
                "a file that every task sees is `--input FILE`",
            ));
        }
        (None, None, true) | (Some(_), Some(_), true) => {
            return Err(hinted(
                "there is nothing to map",
                "files after the program, `--range A..B`, or `--lines FILE`",
            ));
        }
    };
    let program = program(app, &args.image, &args.python).await?;
    let work = Work { program, args: Vec::new(), tasks: Some(tasks) };
    submit(context, &args.terms, work).await
}

/// The arguments that were typed, or this alone.
fn template_or<'a>(args: &'a [String], key: &'a [String; 1]) -> &'a [String] {
    if args.is_empty() { key } else { args }
}

fn of_files(files: Vec<PathBuf>, args: &[String]) -> anyhow::Result<Vec<TaskOf>> {
    let plain = ["{in}".to_owned()];
    let template = template_or(args, &plain);
    let task = |(i, file): (usize, PathBuf)| {
        let args = template::fill(template, &file, i)?;
        let name = file.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(TaskOf { name, file: Some(file), args })
    };
    files.into_iter().enumerate().map(task).collect()
}

fn of_range((from, to): (i64, i64), args: &[String]) -> Vec<TaskOf> {
    let plain = ["{n}".to_owned()];
    let template = template_or(args, &plain);
    let task = |(i, n): (usize, i64)| {
        let n = n.to_string();
        TaskOf { args: template::fill_with(template, "n", &n, i), name: n, file: None }
    };
    (from..=to).enumerate().map(task).collect()
}

fn of_lines(file: &Path, args: &[String]) -> anyhow::Result<Vec<TaskOf>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let plain = ["{line}".to_owned()];
    let template = template_or(args, &plain);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let task = |(i, (number, line)): (usize, (usize, &str))| {
        let name = format!("line-{}", number + 1);
        TaskOf { args: template::fill_with(template, "line", line, i), name, file: None }
    };
    let tasks: Vec<TaskOf> = lines.enumerate().map(task).collect();
    if tasks.is_empty() {
        return Err(hinted(format!("{} has no lines", file.display()), "one line a task"));
    }
    Ok(tasks)
}

/// Reads `A..B`.
fn range(text: &str) -> Result<(i64, i64), String> {
    let ends = text.split_once("..").and_then(|(from, to)| {
        Some((from.trim().parse::<i64>().ok()?, to.trim_start_matches('=').trim().parse::<i64>().ok()?))
    });
    let (from, to) = ends.ok_or_else(|| format!("`{text}` is no range; write 1..240"))?;
    if from > to {
        return Err(format!("`{text}` is empty: {from} is greater than {to}"));
    }
    if to.abs_diff(from) >= MOST_TASKS {
        return Err(format!("`{text}` is more than {MOST_TASKS} tasks"));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_its_ends() {
        assert_eq!(range("1..240"), Ok((1, 240)));
        assert_eq!(range("-2..=2"), Ok((-2, 2)));
        let args: Vec<Vec<String>> =
            of_range((9, 11), &["f{n}".to_owned(), "{i}".to_owned()]).into_iter().map(|it| it.args).collect();
        assert_eq!(args, [["f9", "0"], ["f10", "1"], ["f11", "2"]]);
        for bad in ["", "1", "1-2", "2..1", "a..b", "0..9000000000"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_make_tasks_and_empty_ones_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("names");
        std::fs::write(&file, "ann\n\n bo {x}\n").unwrap();
        let tasks = of_lines(&file, &[]).unwrap();
        let seen: Vec<(&str, &[String])> = tasks.iter().map(|it| (it.name.as_str(), it.args.as_slice())).collect();
        assert_eq!(seen, [("line-1", ["ann".to_owned()].as_slice()), ("line-3", [" bo {x}".to_owned()].as_slice())]);
    }
}
