//! `hands doctor`: what this machine can run, what is missing, and how to get it.

use crate::commands::Context;
use crate::containers::{ContainerArgs, Found};
use crate::exit::Exit;
use crate::host;
use crate::listing::Format;
use clap::Args;
use serde_json::json;

/// Say what this machine can run, what is missing, and how to get it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands doctor
  hands doctor --runtime crun
  hands doctor --json")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    containers: ContainerArgs,
}

pub(crate) fn run(context: &Context, args: &DoctorArgs) -> anyhow::Result<Exit> {
    let containers = args.containers.open(&context.home.exchange_folder());
    let (runtime, words) = match &containers {
        Ok(Found::Ready(ready)) => {
            let runtime = ready.host.runtime();
            (Some(runtime.version.clone()), format!("yes: {} ({})", runtime.version, runtime.path.display()))
        }
        Ok(Found::Unwanted) => (None, "no: --no-containers".to_owned()),
        Ok(Found::Missing(missing)) => (None, format!("no: {missing}")),
        Err(error) => (None, format!("no: {error:#}")),
    };
    let cores = host::machine_cores();
    let value = json!({ "wasm": true, "cores": cores, "containers": words, "runtime": runtime });
    let stronger = crate::containers::strongest();
    let lines = [
        ("webassembly", "yes: it is built in".to_owned()),
        ("cores", cores.to_string()),
        ("containers", words),
        ("strongest", stronger),
    ];
    args.format.one(&value, &lines)?;
    Ok(Exit::Done)
}
