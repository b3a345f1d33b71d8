//! Before anything goes to strangers: says so, once for each exchange, and asks.

use crate::ask;
use crate::exit::hinted;
use crate::home::Home;
use crate::terminal::note;
use anyhow::bail;
use client::Client;

/// Makes sure that the person knows who sees the program and its inputs. A private exchange's workers are no strangers.
pub(crate) fn to_strangers(home: &Home, client: &Client, yes: bool) -> anyhow::Result<()> {
    if client.exchange().private || home.known(client.url())?.agreed {
        return Ok(());
    }
    note(format_args!(
        "{} is open to everybody: your program and its input files go to machines of people you do not know, who can read them.",
        client.url()
    ));
    if !yes {
        match ask::yes_or_no("Send them there, now and from now on?") {
            Some(true) => {}
            Some(false) => bail!("nothing was sent"),
            None => return Err(hinted("nobody is there to agree, so nothing was sent", "the same with `--yes`")),
        }
    }
    home.remember(client.url(), |known| known.agreed = true)
}
