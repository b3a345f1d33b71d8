//! The binary `hands`: composes the other rooms, reads the terminal, prints.
//!
//! A command is a file in [`commands`]. Only this crate prints, and only it knows exit codes ([`exit`]); standard output
//! carries what a command is for, standard error everything that is said on the way.

mod ask;
mod attach;
mod commands;
mod consent;
mod demo;
mod describe;
mod exit;
mod files;
mod follow;
mod home;
mod host;
mod job_record;
mod keystore;
mod listing;
mod parse;
mod progress;
mod submit;
mod template;
mod terminal;
mod wallet;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("MANYHANDS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(cli.log_filter()));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
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
