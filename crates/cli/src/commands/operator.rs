//! `hands operator`: issuing and redeeming credits, for whoever runs the exchange.

use crate::attach::{ExchangeArgs, Needs, attach, running_folders};
use crate::commands::Context;
use crate::exit::{Exit, hinted};
use crate::listing::Format;
use crate::terminal::say;
use crate::{host, parse, wallet};
use clap::{Args, Subcommand};
use client::Client;
use std::path::PathBuf;
use units::{Address, Amount};

/// Issue and redeem credits (the exchange's operator only)
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands operator credit 0x51be… 100        after the person has paid for them
  hands operator redeem 0x51be… 100        before paying the person out
  hands operator outstanding               what has been issued and not redeemed

The operator's key lies in the exchange's data folder; name that with --data where it is not the usual one.")]
pub(crate) struct OperatorArgs {
    #[command(subcommand)]
    command: OperatorCommand,
}

/// Which exchange, and where its operator's key is.
#[derive(Args, Clone, Debug)]
struct Books {
    /// The exchange's data folder, which has the operator's key. Default: that of the exchange running here.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Issues credits to an account
    #[command(after_help = "Example: hands operator credit 0x51be… 100")]
    Credit {
        /// For whom.
        address: Address,
        /// How many credits.
        #[arg(value_parser = parse::credits)]
        amount: Amount,
        #[command(flatten)]
        books: Books,
    },
    /// Takes credits back from an account
    #[command(after_help = "Example: hands operator redeem 0x51be… 100")]
    Redeem {
        /// From whom.
        address: Address,
        /// How many credits.
        #[arg(value_parser = parse::credits)]
        amount: Amount,
        #[command(flatten)]
        books: Books,
    },
    /// Shows what has been issued and not redeemed
    #[command(after_help = "Example: hands operator outstanding --json")]
    Outstanding {
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        books: Books,
    },
}

impl OperatorCommand {
    fn books(&self) -> &Books {
        match self {
            Self::Credit { books, .. } | Self::Redeem { books, .. } | Self::Outstanding { books, .. } => books,
        }
    }
}

pub(crate) async fn run(context: &Context, args: OperatorArgs) -> anyhow::Result<Exit> {
    let home = &context.home;
    let Books { data, mut exchange } = args.command.books().clone();
    let folder = match &data {
        Some(data) => data.clone(),
        // The exchange that will be found, wherever its folder is.
        None => {
            let mut running = running_folders(home)?.into_iter();
            running.find(|folder| host::endpoint(folder).is_some()).unwrap_or_else(|| home.exchange_folder())
        }
    };
    let key = match host::operator_key(&folder)? {
        Some(key) => key,
        None => wallet::load(home)?,
    };
    if let (Some(data), None) = (&data, &exchange.exchange) {
        let Some((url, token)) = host::endpoint(data) else {
            return Err(hinted(format!("no exchange runs on {}", data.display()), "`hands serve --data DIR`"));
        };
        (exchange.exchange, exchange.join) = (Some(url), token);
    }
    let attached = attach(home, &key, &exchange, Needs::Answers).await?;
    let done = command(&attached.client, args.command).await;
    attached.close().await;
    done.map(|()| Exit::Done)
}

async fn command(client: &Client, command: OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Credit { address, amount, .. } => {
            check_operator(client)?;
            client.issue(address, amount).await?;
            say(format_args!("{amount} credits issued to {address}"));
        }
        OperatorCommand::Redeem { address, amount, .. } => {
            check_operator(client)?;
            client.redeem(address, amount).await?;
            say(format_args!("{amount} credits redeemed from {address}"));
        }
        OperatorCommand::Outstanding { format, .. } => {
            let outstanding = client.outstanding().await?;
            format.one(&outstanding, &[("outstanding", format!("{} credits", outstanding.outstanding))])?;
        }
    }
    Ok(())
}

fn check_operator(client: &Client) -> anyhow::Result<()> {
    let operator = client.exchange().operator;
    if client.address() == operator {
        return Ok(());
    }
    Err(hinted(
        format!("only the operator {operator} may do this, and this key is {}", client.address()),
        "`--data DIR` with the exchange's data folder, where its key lies",
    ))
}
