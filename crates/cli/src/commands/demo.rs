//! `hands demo`: the whole house at work, in one process tree over real sockets.

use crate::commands::Context;
use crate::exit::Exit;
use clap::Args;
use std::path::PathBuf;

/// See all of it work: an exchange, four workers of which one lies, and an animation rendered by them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands demo
  hands demo --scene bunny.obj --frames 48 --out film
  hands demo --data demo-data && hands audit demo-data")]
pub(crate) struct DemoArgs {
    /// A mesh of your own: OBJ, or glTF/GLB. Default: the bundled scene.
    #[arg(long, value_name = "FILE")]
    scene: Option<PathBuf>,
    /// How many frames.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    frames: u32,
    /// Keeps the exchange's data folder here; `hands audit DIR` proves it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where frames and contact sheet go.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
}

pub(crate) async fn run(context: &Context, args: DemoArgs) -> anyhow::Result<Exit> {
    let _ = (context, args.scene, args.frames, args.data, args.out);
    tokio::task::yield_now().await;
    anyhow::bail!("the demo is not written yet")
}
