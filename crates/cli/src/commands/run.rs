//! `hands run`: one task.

use crate::commands::Context;
use crate::exit::{Exit, hinted};
use crate::image::ImageArgs;
use crate::python::{PythonArgs, is_script};
use crate::submit::{Program, Terms, Work, submit};
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
  hands run train.py --requirements requirements.txt -- --epochs 3
  hands run --image alpine:3 --input data.csv -- sh -c 'sort $IEXEC_IN/data.csv > {out}/sorted.csv'

The program sees its inputs in /iexec_in (read only) and begins in /iexec_out, which `{out}` stands for; an image's begins
where the image says. Exits with 3 when the program failed, and shows its last words.")]
pub(crate) struct RunArgs {
    /// The program: a WebAssembly file (WASI preview 1), a Python script (.py), or a published app's address.
    #[arg(value_name = "APP.wasm", required_unless_present = "image", conflicts_with = "image")]
    app: Option<String>,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    python: PythonArgs,
    #[command(flatten)]
    terms: Terms,
    /// The program's arguments.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: RunArgs) -> anyhow::Result<Exit> {
    let program = program(args.app, &args.image, &args.python).await?;
    let work = Work { program, args: template::fill_single(&args.args), tasks: None };
    submit(context, &args.terms, work).await
}

/// What is to be run, as it was typed.
pub(crate) async fn program(app: Option<String>, image: &ImageArgs, python: &PythonArgs) -> anyhow::Result<Program> {
    if let Some(file) = app.as_deref().filter(|app| image.image.is_none() && is_script(app)) {
        return Ok(Program::Script(Box::new(python.script(file).await?)));
    }
    python.check_unused()?;
    match (app, &image.image) {
        (None, Some(reference)) => {
            let found = crate::image::find(reference).await?;
            Ok(Program::Image { found: Box::new(found), stdout: image.stdout })
        }
        (Some(app), None) => Ok(Program::App(app)),
        (Some(_), Some(_)) | (None, None) => {
            Err(hinted("one program is run", "a WebAssembly file, a published app's address, or `--image`"))
        }
    }
}
