//! `hands app`: publishing programs.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::exit::Exit;
use crate::listing::Format;
use crate::{parse, wallet};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use client::AppPrice;
use serde_json::json;
use std::path::PathBuf;
use units::Amount;

/// Publish programs for others to run
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands app publish tool.wasm                   for your own use; `hands run` does it by itself
  hands app publish tool.wasm --price 0.1       anybody may run it, for 0.1 credits a task")]
pub(crate) struct AppArgs {
    #[command(subcommand)]
    command: AppCommand,
}

#[derive(Debug, Subcommand)]
enum AppCommand {
    /// Publishes a WebAssembly program and offers it
    #[command(after_help = "Example: hands app publish tool.wasm --price 0.1")]
    Publish {
        /// The program: a WASI preview 1 command.
        #[arg(value_name = "APP.wasm")]
        app: PathBuf,
        /// What anybody pays for a task of it, in credits. Default: nobody else may run it.
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        price: Option<Amount>,
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
}

pub(crate) async fn run(context: &Context, args: AppArgs) -> anyhow::Result<Exit> {
    let AppCommand::Publish { app, price, format, exchange } = args.command;
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &exchange, Needs::Answers).await?;
    let published = match price {
        None => attached.client.publish_app(&app).await.map_err(anyhow::Error::from),
        Some(price) => {
            let publish = async {
                let module = std::fs::read(&app).with_context(|| format!("cannot read {}", app.display()))?;
                let name = app.file_stem().and_then(|name| name.to_str()).unwrap_or("app");
                Ok(attached.client.publish_module(name, module, AppPrice::Everybody(price)).await?)
            };
            publish.await
        }
    };
    attached.close().await;
    let published: client::App = published?;
    let value = json!({ "app": published.address, "digest": published.digest });
    format.one(&value, &[("app", published.address.to_string()), ("digest", published.digest.to_string())])?;
    Ok(Exit::Done)
}
