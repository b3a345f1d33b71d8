//! `hands order`: both sides of the market by hand.

use crate::attach::{Attached, ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::commands::book;
use crate::exit::{Exit, hinted};
use crate::files::{read_json, write_json};
use crate::listing::Format;
use crate::terminal::{note, say};
use crate::{parse, wallet};
use anyhow::bail;
use api::order::AnyOrder;
use clap::{Args, Subcommand};
use client::BookFilter;
use orders::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use units::{Address, Amount, OrderHash, Tag, U256};

/// Sign orders, place them, close them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands order sell-app 0xA0F1… --price 0.1                  let anybody run your app for 0.1 credits a task
  hands order sell --pool 0x77C3… --category 0 --price 2 --volume 100
                                                            sell your pool's computing
  hands order buy --app 0xA0F1… --volume 10 --max-price 3 --trust 3 --params '{\"iexec_args\":\"--fast\"}'
  hands order list
  hands order close 0x51be…")]
pub(crate) struct OrderArgs {
    #[command(subcommand)]
    command: OrderCommand,
}

#[derive(Debug, Subcommand)]
enum OrderCommand {
    /// Sells the use of your app
    #[command(after_help = "Example: hands order sell-app 0xA0F1… --price 0.1 --volume 1000")]
    SellApp(SellAsset),
    /// Sells the use of your dataset
    #[command(after_help = "Example: hands order sell-dataset 0xDA7A… --price 5 --app 0xA0F1…")]
    SellDataset(SellAsset),
    /// Sells your pool's computing
    #[command(after_help = "Example: hands order sell --pool 0x77C3… --category 0 --price 2 --volume 100 --trust 3")]
    Sell(SellComputing),
    /// Buys computing; `hands run` and `hands map` do it with less to type
    #[command(after_help = "Example: hands order buy --app 0xA0F1… --volume 10 --max-price 3 --trust 3")]
    Buy(Buy),
    /// Takes an order of yours off the book for ever
    #[command(after_help = "Example: hands order close 0x51be…")]
    Close(OrderName),
    /// Shows an order in full
    #[command(after_help = "Example: hands order show 0x51be… (always JSON)")]
    Show(OrderName),
    /// Lists your orders at rest
    #[command(after_help = "Example: hands order list --json")]
    List {
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
}

#[derive(Args, Debug)]
struct SellAsset {
    /// The app's or dataset's address.
    address: Address,
    /// Price of a task, in credits.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    price: Amount,
    /// For how many tasks.
    #[arg(long, default_value_t = api::limits::SAFE_INTEGER)]
    volume: u64,
    /// Only with this app (of a dataset).
    #[arg(long, value_name = "ADDRESS")]
    app: Option<Address>,
    /// Only for this requester.
    #[arg(long = "for", value_name = "ADDRESS")]
    requester: Option<Address>,
    /// Only in this pool.
    #[arg(long, value_name = "ADDRESS")]
    pool: Option<Address>,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

#[derive(Args, Debug)]
struct SellComputing {
    /// Your pool's address; `hands pool publish` makes one.
    #[arg(long, value_name = "ADDRESS")]
    pool: Address,
    /// The time class.
    #[arg(long)]
    category: u64,
    /// Price of a task, in credits.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    price: Amount,
    /// How many tasks.
    #[arg(long)]
    volume: u64,
    /// The most trust you sell.
    #[arg(long, default_value_t = 1)]
    trust: u64,
    /// Only for this requester.
    #[arg(long = "for", value_name = "ADDRESS")]
    requester: Option<Address>,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

#[derive(Args, Debug)]
struct Buy {
    /// The app's address.
    #[arg(long, value_name = "ADDRESS")]
    app: Address,
    /// How many tasks.
    #[arg(long, default_value_t = 1)]
    volume: u64,
    /// The time class.
    #[arg(long, default_value_t = 0)]
    category: u64,
    /// How sure to be of each result.
    #[arg(long, default_value_t = 1)]
    trust: u64,
    /// The most to pay the pool for a task, in credits.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    max_price: Amount,
    /// The most to pay the app's owner for a task, in credits.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits, default_value = "0")]
    app_max_price: Amount,
    /// A dataset, by its address.
    #[arg(long, value_name = "ADDRESS")]
    dataset: Option<Address>,
    /// The most to pay the dataset's owner for a task, in credits.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits, default_value = "0")]
    dataset_max_price: Amount,
    /// Only this pool.
    #[arg(long, value_name = "ADDRESS")]
    pool: Option<Address>,
    /// What the tasks are to do, as JSON with iExec's keys.
    #[arg(long, default_value = "{}")]
    params: String,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

#[derive(Args, Debug)]
struct OrderName {
    /// The order's hash.
    #[arg(value_name = "HASH")]
    order: OrderHash,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

pub(crate) async fn run(context: &Context, args: OrderArgs) -> anyhow::Result<Exit> {
    match args.command {
        OrderCommand::SellApp(sell) => {
            let attached = connect(context, &sell.exchange).await?;
            let order = sell.app_order(&attached);
            place(context, attached, order).await
        }
        OrderCommand::SellDataset(sell) => {
            let attached = connect(context, &sell.exchange).await?;
            let order = sell.dataset_order(&attached);
            place(context, attached, order).await
        }
        OrderCommand::Sell(sell) => {
            let attached = connect(context, &sell.exchange).await?;
            let order = sell.order(&attached);
            place(context, attached, order).await
        }
        OrderCommand::Buy(buy) => {
            let attached = connect(context, &buy.exchange).await?;
            let order = buy.order(&attached);
            place(context, attached, order).await
        }
        OrderCommand::Close(name) => close(context, &name).await,
        OrderCommand::Show(name) => show(context, &name).await,
        OrderCommand::List { format, exchange } => {
            let attached = connect(context, &exchange).await?;
            let filter = BookFilter { maker: Some(attached.client.address()), ..BookFilter::default() };
            let rows = attached.client.book(filter).await;
            attached.close().await;
            book::show(&rows?, format)?;
            Ok(Exit::Done)
        }
    }
}

async fn connect(context: &Context, exchange: &ExchangeArgs) -> anyhow::Result<Attached> {
    let key = wallet::load(&context.home)?;
    attach(&context.home, &key, exchange, Needs::Answers).await
}

impl SellAsset {
    fn app_order(&self, attached: &Attached) -> anyhow::Result<AnyOrder> {
        if self.app.is_some() {
            bail!("--app restricts a dataset order; an app order is restricted by --for and --pool");
        }
        let client = &attached.client;
        Ok(AnyOrder::App(client.sign(AppOrder {
            app: self.address,
            appprice: self.price,
            volume: U256::from(self.volume),
            tag: Tag::NONE,
            datasetrestrict: Address::ZERO,
            workerpoolrestrict: self.pool.unwrap_or_default(),
            requesterrestrict: self.requester.unwrap_or_default(),
            salt: client.salt()?,
        })))
    }

    fn dataset_order(&self, attached: &Attached) -> anyhow::Result<AnyOrder> {
        let client = &attached.client;
        Ok(AnyOrder::Dataset(client.sign(DatasetOrder {
            dataset: self.address,
            datasetprice: self.price,
            volume: U256::from(self.volume),
            tag: Tag::NONE,
            apprestrict: self.app.unwrap_or_default(),
            workerpoolrestrict: self.pool.unwrap_or_default(),
            requesterrestrict: self.requester.unwrap_or_default(),
            salt: client.salt()?,
        })))
    }
}

impl SellComputing {
    fn order(&self, attached: &Attached) -> anyhow::Result<AnyOrder> {
        let client = &attached.client;
        Ok(AnyOrder::Workerpool(client.sign(WorkerpoolOrder {
            workerpool: self.pool,
            workerpoolprice: self.price,
            volume: U256::from(self.volume),
            tag: Tag::NONE,
            category: U256::from(self.category),
            trust: U256::from(self.trust),
            apprestrict: Address::ZERO,
            datasetrestrict: Address::ZERO,
            requesterrestrict: self.requester.unwrap_or_default(),
            salt: client.salt()?,
        })))
    }
}

impl Buy {
    fn order(&self, attached: &Attached) -> anyhow::Result<AnyOrder> {
        api::params::Params::parse(&self.params)?;
        let client = &attached.client;
        Ok(AnyOrder::Request(client.sign(RequestOrder {
            app: self.app,
            appmaxprice: self.app_max_price,
            dataset: self.dataset.unwrap_or_default(),
            datasetmaxprice: self.dataset_max_price,
            workerpool: self.pool.unwrap_or_default(),
            workerpoolmaxprice: self.max_price,
            requester: client.address(),
            volume: U256::from(self.volume),
            tag: Tag::NONE,
            category: U256::from(self.category),
            trust: U256::from(self.trust),
            beneficiary: client.address(),
            callback: Address::ZERO,
            params: self.params.clone(),
            salt: client.salt()?,
        })))
    }
}

/// Places an order and remembers it, for closing it takes the whole of it.
async fn place(context: &Context, attached: Attached, order: anyhow::Result<AnyOrder>) -> anyhow::Result<Exit> {
    let placing = async {
        let order = order?;
        write_json(&context.home.order_file(attached.client.order_hash(&order)), &order)?;
        Ok::<OrderHash, anyhow::Error>(attached.client.place(&order).await?)
    };
    let placed = placing.await;
    attached.close().await;
    let hash = placed?;
    say(hash);
    note(format_args!("on the book; `hands order close {hash}` takes it off"));
    Ok(Exit::Done)
}

/// The order of this hash: as it was signed here, else as the exchange has it.
async fn find(context: &Context, attached: &Attached, hash: OrderHash) -> anyhow::Result<AnyOrder> {
    if let Some(order) = read_json(&context.home.order_file(hash))? {
        return Ok(order);
    }
    let order = attached.client.order(hash).await?;
    order.ok_or_else(|| hinted(format!("there is no order {hash}"), "`hands order list` shows yours, `hands book` all"))
}

async fn close(context: &Context, name: &OrderName) -> anyhow::Result<Exit> {
    let attached = connect(context, &name.exchange).await?;
    let closing = async {
        let order = find(context, &attached, name.order).await?;
        Ok::<(), anyhow::Error>(attached.client.close(&order).await?)
    };
    let closed = closing.await;
    attached.close().await;
    closed?;
    say(format_args!("closed {}", name.order));
    Ok(Exit::Done)
}

async fn show(context: &Context, name: &OrderName) -> anyhow::Result<Exit> {
    let attached = connect(context, &name.exchange).await?;
    let order = find(context, &attached, name.order).await;
    attached.close().await;
    say(serde_json::to_string_pretty(&order?)?);
    Ok(Exit::Done)
}
