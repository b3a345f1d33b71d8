//! The binary `hands`: composes the other rooms, reads the terminal, prints.
//!
//! A command is a file in [`commands`]. Only this crate prints, and only it knows exit codes ([`exit`]); standard output
//! carries what a command is for, standard error everything that is said on the way.

mod apps;
mod ask;
mod attach;
mod check;
mod commands;
mod consent;
mod containers;
mod demo;
mod deposits;
mod describe;
mod exit;
mod files;
mod follow;
mod home;
mod host;
mod image;
mod job_record;
mod keystore;
mod listing;
mod parse;
mod progress;
mod python;
mod submit;
mod template;
mod terminal;
mod wallet;

use std::process::ExitCode;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let cli = commands::Cli::read();
    let named = std::env::var("MANYHANDS_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = named.unwrap_or_else(|| cli.log_filter().parse().expect("a command's own filter is well formed"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(lines).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error).context("no threads could be started")),
    };
    let ended = runtime.block_on(cli.run());
    // A task that still waits for a file or a name must not keep the command from ending.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error),
    }
}
