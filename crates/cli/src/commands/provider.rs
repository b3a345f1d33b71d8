//! `hands provider`: what a provider has done, and what others say of it.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::{count, short};
use crate::exit::Exit;
use crate::listing::Format;
use crate::wallet;
use api::provider::{Marks, Provider};
use clap::Args;
use units::Address;

/// Show what a worker, an owner's machines or a pool have done
///
/// All but the marks is computed from the exchange's journal, which `hands audit` proves.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands provider 0x77c3…
  hands provider 0x77c3… --json --exchange http://192.168.1.5:7370")]
pub(crate) struct ProviderArgs {
    /// A worker, an owner of workers, or a pool; `hands workers` and `hands pool list` have addresses.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

pub(crate) async fn run(context: &Context, args: ProviderArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let provider = attached.client.provider(args.address).await;
    attached.close().await;
    let provider = provider?;
    args.format.one(&provider, &lines(&provider))?;
    Ok(Exit::Done)
}

fn lines(provider: &Provider) -> Vec<(&'static str, String)> {
    let connected = provider.machines.iter().filter(|machine| machine.connected).count();
    let machines = count(provider.machines.len() as u64, "machine");
    let mut lines = vec![("address", provider.address.to_string())];
    if let Some(pool) = &provider.pool {
        lines.push(("pool", pool.clone()));
    }
    lines.extend([
        ("delivered", count(provider.delivered, "result")),
        ("late", provider.late.to_string()),
        ("wrong", provider.wrong.to_string()),
        ("score", provider.score.to_string()),
        ("checks passed", provider.checks.to_string()),
        ("barred", if provider.barred { "yes: it was found to have lied" } else { "no" }.to_owned()),
        ("machines", format!("{machines}, {connected} connected")),
        ("performance", marks(provider.performance)),
        ("safety", marks(provider.safety)),
    ]);
    if !provider.withheld.is_zero() {
        lines.push(("deposit", format!("{} credits of its earnings", provider.withheld)));
    }
    for rating in provider.ratings.iter().take(10) {
        let (rater, deal) = (short(rating.rater), short(rating.deal));
        let marks = format!("performance {}, safety {}", rating.performance, rating.safety);
        lines.push(("rating", format!("{marks}, by {rater} for deal {deal}")));
    }
    lines
}

/// `4.50 of 5 (12 ratings)`.
fn marks(marks: Marks) -> String {
    let Marks { count: number, mean_hundredths: mean } = marks;
    if number == 0 {
        return "nobody has said".to_owned();
    }
    format!("{}.{:02} of 5 ({})", mean / 100, mean % 100, count(number, "rating"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_said_with_how_many_there_are() {
        assert_eq!(marks(Marks { count: 2, mean_hundredths: 450 }), "4.50 of 5 (2 ratings)");
        assert_eq!(marks(Marks { count: 1, mean_hundredths: 305 }), "3.05 of 5 (1 rating)");
        assert_eq!(marks(Marks::default()), "nobody has said");
    }
}
