//! `hands map`: one task a file.

use crate::commands::Context;
use crate::exit::Exit;
use crate::submit::{Terms, Work, submit};
use crate::template;
use clap::Args;
use std::path::PathBuf;

/// Run a program on many files, one task each
///
/// In the arguments, `{in}` is the file as its task sees it, `{stem}` its name without folder and extension, `{out}` the
/// folder for results. Results come into the folder of --out as tasks end; what a task writes to standard output goes into
/// FILE.stdout there. Where two tasks write one path, the later one's file goes under task-INDEX/.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands map tool.wasm photos/*.png --out small -- {in} {out}/{stem}.jpg
  hands map render.wasm frames/*.json --input scene.obj --trust 3 --out film -- --scene /iexec_in/scene.obj {in}
  hands map tool.wasm *.txt --detach -- {in}      leave it to a running exchange; `hands job watch ID` comes back

Ctrl-C leaves the job; `hands job watch ID` resumes. Exits with 3 when a task failed, and shows its last words.")]
pub(crate) struct MapArgs {
    /// The program: a WebAssembly file (WASI preview 1), or a published app's address.
    #[arg(value_name = "APP.wasm")]
    app: String,
    /// The files, one task each.
    #[arg(value_name = "FILES", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    /// The program's arguments for each file. Default: `{in}`.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: MapArgs) -> anyhow::Result<Exit> {
    let template = if args.args.is_empty() { vec!["{in}".to_owned()] } else { args.args };
    let mut files = Vec::new();
    for file in args.files {
        let filled = template::fill(&template, &file)?;
        files.push((file, filled));
    }
    let work = Work { app: &args.app, args: Vec::new(), files: Some(files) };
    submit(context, &args.terms, work).await
}
