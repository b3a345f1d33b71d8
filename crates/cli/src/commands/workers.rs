//! `hands workers`: who works, and who could.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::short;
use crate::exit::Exit;
use crate::listing::Format;
use crate::wallet;
use api::exchange::WorkerRow;
use clap::Args;

/// List the workers of an exchange
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands workers
  hands workers --json --exchange http://192.168.1.5:7370")]
pub(crate) struct WorkersArgs {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

pub(crate) async fn run(context: &Context, args: WorkersArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let rows = attached.client.workers().await;
    let pools = attached.client.exchange().pools.clone();
    attached.close().await;
    let pool_name = |worker: &WorkerRow| {
        let pool = pools.iter().find(|pool| pool.address == worker.pool);
        pool.map_or_else(|| short(worker.pool), |pool| pool.name.clone())
    };
    let columns = ["worker", "pool", "state", "tasks", "finished", "score", "speed"];
    let none = "no workers; `hands work --exchange URL` on any machine makes it one";
    args.format.list(&rows?, &columns, none, |worker| {
        let state = match (worker.connected, worker.busy) {
            (false, _) => "away".to_owned(),
            (true, 0) if worker.idle_because.is_empty() => "idle".to_owned(),
            (true, 0) => format!("idle: {}", worker.idle_because),
            (true, _) => "working".to_owned(),
        };
        vec![
            short(worker.address),
            pool_name(worker),
            state,
            format!("{}/{}", worker.busy, worker.slots),
            worker.finished.to_string(),
            worker.score.to_string(),
            worker.benchmark.to_string(),
        ]
    })?;
    Ok(Exit::Done)
}
