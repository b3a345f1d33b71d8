//! `hands demo`: all of it at once, and proof that it held.

use crate::commands::Context;
use crate::exit::Exit;
use clap::Args;
use std::path::PathBuf;

/// See all of it work: an exchange, four workers of which one lies, and an animation rendered by them
///
/// In one process, over real sockets: an open exchange with its own books, four workers of four owners in the bonded pool, one
/// of which lies, and a requester who buys an animation, a task a frame. At the end every claim is checked, and the command
/// fails if one does not hold.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands demo
  hands demo --scene bunny.obj --frames 48       your own mesh (.obj with its .mtl beside it, .gltf, .glb)
  hands demo --data books && hands audit books   keeps the exchange's books, for anybody to prove")]
pub(crate) struct DemoArgs {
    /// The mesh to orbit; files that it names are looked for beside it. Default: a bundled scene.
    #[arg(long, value_name = "FILE")]
    pub(crate) scene: Option<PathBuf>,
    /// Frames of the orbit, a task each; at least 2, so that there is work for every worker, the liar too.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub(crate) frames: u32,
    /// Where frames, contact sheet and animation go; those of an earlier demo are replaced.
    #[arg(long, value_name = "DIR", default_value = "hands-demo")]
    pub(crate) out: PathBuf,
    /// Keeps the exchange's data folder here, for `hands audit DIR`. Default: a temporary folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How sure to be of each frame; more than 3 brings more workers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(3..=16))]
    pub(crate) trust: u64,
    /// Pixels across.
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(1..=8_192))]
    pub(crate) width: u32,
    /// Pixels down.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=8_192))]
    pub(crate) height: u32,
    /// Paths traced for each pixel.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) samples: u32,
    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(_: &Context, args: DemoArgs) -> anyhow::Result<Exit> {
    Box::pin(crate::demo::run(args)).await
}
