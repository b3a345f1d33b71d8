//! The command line: one file a command.

mod app;
mod audit;
pub(crate) mod book;
pub(crate) mod demo;
mod doctor;
mod explain;
mod files;
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

use crate::apps::{self, Catalog, Ordered};
use crate::exit::{self, Exit};
use crate::home::Home;
use clap::{FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
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
  hands render scene.gltf --frames 1-24           render a scene on them; `hands app list` shows more apps
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
    Files(files::FilesArgs),
    Pool(pool::PoolArgs),
    Provider(provider::ProviderArgs),
    Rate(rate::RateArgs),
    Workers(workers::WorkersArgs),
    Wallet(wallet::WalletArgs),
    Operator(operator::OperatorArgs),
    Audit(audit::AuditArgs),
    Doctor(doctor::DoctorArgs),
    /// An app's: the catalog makes its command line, clap never parses it as one of these.
    #[command(skip)]
    Ordered(Box<Ordered>),
}

/// What every command is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) home: Home,
}

/// The `--home` of a command line that is not parsed yet: published apps lie there, and their names are commands.
fn early_home(words: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let mut words = words.take_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == "--home" {
            return words.next().map(PathBuf::from);
        }
        if let Some(home) = word.to_str().and_then(|word| word.strip_prefix("--home=")) {
            return Some(PathBuf::from(home));
        }
    }
    std::env::var_os("MANYHANDS_HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

impl Cli {
    /// The commands of this program's own.
    pub(crate) fn own() -> clap::Command {
        <Self as clap::CommandFactory>::command()
    }

    /// Reads the command line; ends the process where it cannot be understood.
    pub(crate) fn read() -> Self {
        let home = Home::new(early_home(std::env::args_os().skip(1))).ok();
        let (catalog, complaints) = Catalog::open(home.as_ref());
        complaints.iter().for_each(crate::terminal::note);
        let matches = catalog.augment(Self::own()).get_matches();
        let ordered = catalog.ordered(&matches).map(|ordered| {
            let command = Command::Ordered(Box::new(ordered?));
            Ok(Self { home: matches.get_one::<PathBuf>("home").cloned(), command })
        });
        match ordered.unwrap_or_else(|| Self::from_arg_matches(&matches)) {
            Ok(cli) => cli,
            Err(error) => error.exit(),
        }
    }

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
            | Command::Files(_)
            | Command::Pool(_)
            | Command::Provider(_)
            | Command::Rate(_)
            | Command::Workers(_)
            | Command::Wallet(_)
            | Command::Operator(_)
            | Command::Audit(_)
            | Command::Ordered(_)
            | Command::Doctor(_) => "error",
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
            Command::Files(args) => Box::pin(files::run(&context, args)).await,
            Command::Pool(args) => Box::pin(pool::run(&context, args)).await,
            Command::Provider(args) => Box::pin(provider::run(&context, args)).await,
            Command::Rate(args) => Box::pin(rate::run(&context, args)).await,
            Command::Workers(args) => Box::pin(workers::run(&context, args)).await,
            Command::Wallet(args) => Box::pin(wallet::run(&context, args)).await,
            Command::Operator(args) => Box::pin(operator::run(&context, args)).await,
            Command::Audit(args) => Box::pin(audit::run(&context, args)).await,
            Command::Doctor(args) => doctor::run(&context, &args),
            Command::Ordered(ordered) => Box::pin(apps::run(&context, *ordered)).await,
        }
    }
}
