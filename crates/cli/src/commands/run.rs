//! `hands run`: one task.

use crate::commands::Context;
use crate::exit::Exit;
use crate::submit::{Terms, Work, submit};
use crate::template;
use clap::Args;

/// Run a program once and bring back what it says and writes
///
/// Its standard output comes to standard output, once it is verified; what it writes into its current folder goes into the
/// folder of --out. With no exchange named or running, an embedded one is started on this machine's cores for as long as it
/// takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands run hello.wasm
  hands run tool.wasm --input scene.obj -- --in /iexec_in/scene.obj --out picture.png
  hands run tool.wasm --trust 3 --time-limit 20m --out results -- --deep
  hands run python.wasm --input script.py -- /iexec_in/script.py

The program sees its inputs in /iexec_in (read only) and begins in /iexec_out, which `{out}` stands for.
Exits with 3 when the program failed, and shows its last words.")]
pub(crate) struct RunArgs {
    /// The program: a WebAssembly file (WASI preview 1), or a published app's address.
    #[arg(value_name = "APP.wasm")]
    app: String,
    #[command(flatten)]
    terms: Terms,
    /// The program's arguments.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: RunArgs) -> anyhow::Result<Exit> {
    let work = Work { app: &args.app, args: template::fill_single(&args.args), files: None };
    submit(context, &args.terms, work).await
}
