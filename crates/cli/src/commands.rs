//! The command line: one file a command.

mod app;
mod audit;
pub(crate) mod book;
pub(crate) mod demo;
mod explain;
mod job;
mod map;
mod operator;
mod order;
mod pool;
mod provider;
mod rate;
mod run;
mod serve;
mod up;
mod wallet;
mod work;
mod workers;

use crate::exit::{self, Exit};
use crate::home::Home;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// An exchange where idle machines sell computing, and nobody has to trust anybody.
///
/// Runs WebAssembly programs (any WASI preview 1 command) as tasks on your own cores, your office's machines or strangers',
/// does each as often as it takes to be sure of the result, and pays whoever did it.
#[derive(Debug, Parser)]
#[command(name = "hands", version, after_help = format!("{EXAMPLES}\n\n{}", exit::HELP))]
pub(crate) struct Cli {
    /// The data folder: key, jobs, the embedded exchange. Default: the system's place for applications' data.
    #[arg(long, value_name = "DIR", env = "MANYHANDS_HOME", hide_env_values = true, global = true)]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hands demo                                      see all of it work, in half a minute
  hands run tool.wasm -- --help                   run a program on your own cores
  hands map tool.wasm photos/*.png --out small -- {in} {out}/{stem}.jpg
                                                  one task a file
  hands up --listen 0.0.0.0:7370                  an exchange for your office
  hands work --exchange http://HOST:7370 --join TOKEN
                                                  lend another machine to it";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Up(up::UpArgs),
    Serve(serve::ServeArgs),
    Work(work::WorkArgs),
    Run(run::RunArgs),
    Map(map::MapArgs),
    Job(job::JobArgs),
    Explain(explain::ExplainArgs),
    Book(book::BookArgs),
    Order(order::OrderArgs),
    App(app::AppArgs),
    Pool(pool::PoolArgs),
    Provider(provider::ProviderArgs),
    Rate(rate::RateArgs),
    Workers(workers::WorkersArgs),
    Wallet(wallet::WalletArgs),
    Operator(operator::OperatorArgs),
    Audit(audit::AuditArgs),
}

/// What every command is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) home: Home,
}

impl Cli {
    /// What is logged unless MANYHANDS_LOG says otherwise: servers say what happens to them, others keep quiet.
    pub(crate) fn log_filter(&self) -> &'static str {
        match self.command {
            Command::Serve(_) | Command::Up(_) | Command::Work(_) => "warn",
            Command::Demo(_)
            | Command::Run(_)
            | Command::Map(_)
            | Command::Job(_)
            | Command::Explain(_)
            | Command::Book(_)
            | Command::Order(_)
            | Command::App(_)
            | Command::Pool(_)
            | Command::Provider(_)
            | Command::Rate(_)
            | Command::Workers(_)
            | Command::Wallet(_)
            | Command::Operator(_)
            | Command::Audit(_) => "error",
        }
    }

    /// Does what was asked.
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let context = Context { home: Home::new(self.home)? };
        match self.command {
            Command::Demo(args) => Box::pin(demo::run(&context, args)).await,
            Command::Up(args) => Box::pin(up::run(&context, args)).await,
            Command::Serve(args) => Box::pin(serve::run(&context, args)).await,
            Command::Work(args) => Box::pin(work::run(&context, args)).await,
            Command::Run(args) => Box::pin(run::run(&context, args)).await,
            Command::Map(args) => Box::pin(map::run(&context, args)).await,
            Command::Job(args) => Box::pin(job::run(&context, args)).await,
            Command::Explain(args) => Box::pin(explain::run(&context, args)).await,
            Command::Book(args) => Box::pin(book::run(&context, args)).await,
            Command::Order(args) => Box::pin(order::run(&context, args)).await,
            Command::App(args) => Box::pin(app::run(&context, args)).await,
            Command::Pool(args) => Box::pin(pool::run(&context, args)).await,
            Command::Provider(args) => Box::pin(provider::run(&context, args)).await,
            Command::Rate(args) => Box::pin(rate::run(&context, args)).await,
            Command::Workers(args) => Box::pin(workers::run(&context, args)).await,
            Command::Wallet(args) => Box::pin(wallet::run(&context, args)).await,
            Command::Operator(args) => Box::pin(operator::run(&context, args)).await,
            Command::Audit(args) => Box::pin(audit::run(&context, args)).await,
        }
    }
}
