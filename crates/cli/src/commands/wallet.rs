//! `hands wallet`: the key, and the money under it.

use crate::attach::{ExchangeArgs, Needs, attach, connect};
use crate::commands::Context;
use crate::deposits::{self, Deposit};
use crate::describe::count;
use crate::exit::Exit;
use crate::listing::Format;
use crate::terminal::{note, say};
use crate::{ask, parse, wallet};
use anyhow::{Context as _, bail};
use api::account::Account;
use clap::{Args, Subcommand};
use client::abi::Call;
use serde::Serialize;
use serde_json::json;
use std::io::Read as _;
use std::path::PathBuf;
use units::{Address, Amount};

/// Your key, and the credits under it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands wallet show
  hands wallet encrypt                          put a passphrase on the key
  hands wallet export > keystore.json           a standard web3 keystore, for other wallets
  hands wallet import keystore.json
  hands wallet balance --json
  hands wallet transfer 0x51be… 2.5

A key is made on first use, in a file that only you can read. MANYHANDS_PASSPHRASE answers where nobody can type.")]
pub(crate) struct WalletArgs {
    #[command(subcommand)]
    command: WalletCommand,
}

#[derive(Debug, Subcommand)]
enum WalletCommand {
    /// Shows your address and where its key is
    #[command(after_help = "Example: hands wallet show --json")]
    Show {
        #[command(flatten)]
        format: Format,
    },
    /// Makes a new key; never over one that is there
    #[command(after_help = "Example: hands wallet new --encrypted")]
    New {
        /// Encrypts it under a passphrase.
        #[arg(long)]
        encrypted: bool,
    },
    /// Takes a key: a web3 keystore, or 64 hexadecimal digits; never over one that is there
    #[command(after_help = "Example: hands wallet import keystore.json   (- reads standard input)")]
    Import {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// Encrypts it here under a passphrase.
        #[arg(long)]
        encrypted: bool,
    },
    /// Prints the key as a web3 keystore under a passphrase
    #[command(after_help = "Example: hands wallet export > keystore.json")]
    Export {
        /// Prints the bare key instead, which anybody who sees it can use.
        #[arg(long)]
        plain: bool,
    },
    /// Puts a passphrase on the key
    #[command(after_help = "Example: hands wallet encrypt")]
    Encrypt,
    /// Shows what is free and what is locked
    #[command(after_help = "Example: hands wallet balance --json")]
    Balance {
        /// Another account.
        address: Option<Address>,
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Gives credits to another account
    #[command(after_help = "Example: hands wallet transfer 0x51be… 2.5")]
    Transfer {
        /// To whom.
        to: Address,
        /// How many credits.
        #[arg(value_parser = parse::credits)]
        amount: Amount,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Puts tokens that you hold to your account at the exchange
    #[command(after_help = "Example: hands wallet deposit 10")]
    Deposit {
        /// How many credits.
        #[arg(value_parser = parse::credits)]
        amount: Amount,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Takes credits out of your account at the exchange, into tokens that you hold
    #[command(after_help = "Example: hands wallet withdraw 10")]
    Withdraw {
        /// How many credits.
        #[arg(value_parser = parse::credits)]
        amount: Amount,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Gathers what this machine's workers earned, and says what is withheld of it as their deposits, and until when
    #[command(after_help = "Example: hands wallet collect --exchange http://exchange.example:7370")]
    Collect {
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
}

pub(crate) async fn run(context: &Context, args: WalletArgs) -> anyhow::Result<Exit> {
    let home = &context.home;
    match args.command {
        WalletCommand::Show { format } => show(context, format)?,
        WalletCommand::New { encrypted } => {
            let key = wallet::new_key()?;
            keep(context, &key, encrypted)?;
        }
        WalletCommand::Import { file, encrypted } => {
            let text = if file.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("standard input could not be read")?;
                text
            } else {
                std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?
            };
            keep(context, &wallet::read_key(&text)?, encrypted)?;
        }
        WalletCommand::Export { plain } => {
            let key = wallet::load(home)?;
            if plain {
                say(wallet::to_text(&key).trim_end());
            } else {
                say(crate::keystore::encrypt(&key, &ask::new_passphrase()?)?);
            }
        }
        WalletCommand::Encrypt => {
            if wallet::is_encrypted(home) {
                bail!("the key is encrypted already, in {}", home.keystore_file().display());
            }
            wallet::encrypt(home, &ask::new_passphrase()?)?;
            say(format_args!("encrypted: {}", home.keystore_file().display()));
        }
        WalletCommand::Balance { address, format, exchange } => balance(context, address, format, &exchange).await?,
        WalletCommand::Transfer { to, amount, exchange } => {
            let call = Call::HubToken(client::abi::Erc20::Transfer { to, amount });
            transact(context, &exchange, &call, &format!("{amount} credits given to {to}")).await?;
        }
        WalletCommand::Deposit { amount, exchange } => {
            transact(context, &exchange, &Call::Deposit { amount }, &format!("{amount} credits deposited")).await?;
        }
        WalletCommand::Withdraw { amount, exchange } => {
            transact(context, &exchange, &Call::Withdraw { amount }, &format!("{amount} credits withdrawn")).await?;
        }
        WalletCommand::Collect { exchange } => collect(context, &exchange).await?,
    }
    Ok(Exit::Done)
}

fn show(context: &Context, format: Format) -> anyhow::Result<()> {
    let home = &context.home;
    let address = match wallet::address(home)? {
        Some(address) => address,
        None => wallet::load(home)?.address(),
    };
    let encrypted = wallet::is_encrypted(home);
    let file = if encrypted { home.keystore_file() } else { home.key_file() };
    let value = json!({ "address": address, "file": file, "encrypted": encrypted });
    let protection = if encrypted {
        "under a passphrase"
    } else {
        "readable by you alone; `hands wallet encrypt` adds a passphrase"
    };
    let lines =
        [("address", address.to_string()), ("key", file.display().to_string()), ("protection", protection.to_owned())];
    format.one(&value, &lines)
}

fn keep(context: &Context, key: &orders::SigningKey, encrypted: bool) -> anyhow::Result<()> {
    let passphrase = if encrypted { Some(ask::new_passphrase()?) } else { None };
    wallet::store(&context.home, key, passphrase.as_deref())?;
    say(key.address());
    Ok(())
}

async fn balance(
    context: &Context,
    address: Option<Address>,
    format: Format,
    exchange: &ExchangeArgs,
) -> anyhow::Result<()> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, exchange, Needs::Answers).await?;
    let address = address.unwrap_or(key.address());
    let asked = async {
        let account = attached.client.account(address).await?;
        Ok::<_, client::Error>((account, deposits::of(&attached.client, address).await?))
    };
    let asked = asked.await;
    attached.close().await;
    let (account, deposits) = asked?;
    let mut lines = vec![
        ("address", account.address.to_string()),
        ("free", format!("{} credits", account.free)),
        ("locked", format!("{} credits", account.locked)),
        ("score", account.score.to_string()),
    ];
    lines.extend(deposits.iter().map(|deposit| ("deposit", deposit.words())));
    format.one(&Balance { account, deposits }, &lines)
}

/// What `--json` says of an account.
#[derive(Serialize)]
struct Balance {
    #[serde(flatten)]
    account: Account,
    /// What is withheld of its workers' earnings: locked in their accounts, not in this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deposits: Vec<Deposit>,
}

/// Sends a transaction of the wallet's and says what it did.
async fn transact(context: &Context, exchange: &ExchangeArgs, call: &Call, done: &str) -> anyhow::Result<()> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, exchange, Needs::Answers).await?;
    let sent = attached.client.transact(call).await;
    attached.close().await;
    sent?;
    say(done);
    Ok(())
}

async fn collect(context: &Context, exchange: &ExchangeArgs) -> anyhow::Result<()> {
    let home = &context.home;
    let key = wallet::load(home)?;
    let attached = attach(home, &key, exchange, Needs::Answers).await?;
    let gathered = gather(context, &attached.client, key.address()).await;
    let withheld = deposits::of(&attached.client, key.address()).await;
    attached.close().await;
    let (workers, total) = gathered?;
    say(format_args!("{total} credits gathered from {}", count(workers, "worker")));
    let withheld = withheld?;
    if !withheld.is_empty() {
        say(format_args!("{} credits stay where they are, as deposits", deposits::total(&withheld)));
        withheld.iter().for_each(|deposit| note(deposit.words()));
    }
    Ok(())
}

/// Has each of this machine's workers give its free credits to the wallet.
async fn gather(context: &Context, client: &client::Client, to: Address) -> anyhow::Result<(u64, Amount)> {
    let (mut workers, mut total) = (0, Amount::ZERO);
    let Ok(folders) = std::fs::read_dir(context.home.workers_folder()) else { return Ok((workers, total)) };
    for folder in folders.flatten() {
        let worker = wallet::plain_key(&folder.path().join("key"))?;
        let free = client.account(worker.address()).await?.free;
        if free.is_zero() {
            continue;
        }
        let patience = client::Options::default().patience;
        let own = connect(&context.home, &worker, client.url(), None, patience).await?;
        own.transfer(to, free).await?;
        note(format_args!("{free} credits from {}", worker.address()));
        workers += 1;
        total = total.checked_add(free).unwrap_or(total);
    }
    Ok((workers, total))
}
