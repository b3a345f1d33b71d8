//! `hands book`: the orders at rest.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::{ago, short};
use crate::exit::Exit;
use crate::listing::Format;
use crate::wallet;
use api::order::{BookRow, Kind};
use clap::{Args, ValueEnum};
use client::BookFilter;
use units::Address;

/// Show what is bought and sold: the orders at rest, best first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands book
  hands book --kind workerpool --category 0      what computing of up to 5 minutes costs
  hands book --json --exchange http://exchange.example:7370")]
pub(crate) struct BookArgs {
    /// Only orders of this kind.
    #[arg(long)]
    kind: Option<KindArg>,
    /// Only orders of this time class.
    #[arg(long)]
    category: Option<u64>,
    /// Only orders of this maker.
    #[arg(long, value_name = "ADDRESS")]
    maker: Option<Address>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

/// A kind of order, as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindArg {
    /// Sells the use of an app.
    App,
    /// Sells the use of a dataset.
    Dataset,
    /// Sells computing.
    Workerpool,
    /// Buys computing.
    Request,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::App => Self::App,
            KindArg::Dataset => Self::Dataset,
            KindArg::Workerpool => Self::Workerpool,
            KindArg::Request => Self::Request,
        }
    }
}

pub(crate) async fn run(context: &Context, args: BookArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let filter =
        BookFilter { kind: args.kind.map(Into::into), category: args.category, maker: args.maker, limit: None };
    let rows = attached.client.book(filter).await;
    attached.close().await;
    show(&rows?, args.format)?;
    Ok(Exit::Done)
}

/// Prints rows of the book.
pub(crate) fn show(rows: &[BookRow], format: Format) -> anyhow::Result<()> {
    let columns = ["order", "kind", "of", "price", "left", "category", "trust", "maker", "since"];
    format.list(rows, &columns, "no orders rest on the book", |row| {
        let or_none = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        vec![
            short(row.order),
            kind_name(row.kind).to_owned(),
            short(row.subject),
            row.price.to_string(),
            format!("{}/{}", row.remaining, row.volume),
            or_none(row.category),
            or_none(row.trust),
            short(row.maker),
            ago(row.since),
        ]
    })
}

pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::App => "app",
        Kind::Dataset => "dataset",
        Kind::Workerpool => "workerpool",
        Kind::Request => "request",
    }
}
