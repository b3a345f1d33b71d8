//! What leaves once a turn is durable: rows for the history, answers with receipts, messages to workers, reads.

use super::placing::Placed;
use super::turn::{Loop, Owed};
use crate::changes::Turn;
use crate::convert;
use crate::worker::Out;
use api::receipt::Receipt;
use exchange::Event;
use journal::Record;
use market::{Ending, Message, Output};
use std::collections::BTreeMap;
use units::{Address, Timestamp};

/// A durable turn.
pub(super) struct Published {
    pub(super) at: Timestamp,
    pub(super) record: Record,
    /// Whether the turn made a record.
    pub(super) advanced: bool,
    pub(super) out: Output,
    pub(super) owed: Owed,
}

impl Published {
    /// Lets everything leave.
    pub(super) fn leave(self, to: &mut Loop) {
        let Self { at, record, advanced, out, owed } = self;
        let Output { entries, events, messages, cases, offers: _ } = out;
        if advanced || !owed.delivered.is_empty() {
            let exchange = to.state.market.exchange();
            let turn = Turn {
                at,
                record: record.sequence,
                entries: &entries,
                events: &events,
                exchange,
                statements: &to.state.statements,
                ran: &to.state.ran,
                delivered: &owed.delivered,
                spans: &owed.spans,
            };
            let mut changes = turn.changes();
            changes.extend(owed.titles.into_iter().map(|(job, title)| journal::history::Change::Title { job, title }));
            to.recorder.record(changes, record.sequence);
        }
        // Signed once a record, and only if somebody is to have it.
        let mut signed: Option<Receipt> = None;
        let (key, chain_id) = (&to.key, to.domain.chain_id());
        let mut receipt = || {
            let make = || {
                let receipt = journal::Receipt::sign(key, chain_id, record);
                Receipt { sequence: receipt.sequence, head: receipt.head, signature: receipt.signature }
            };
            signed.get_or_insert_with(make).clone()
        };
        for (answer, taken) in owed.answers {
            drop(answer.send(taken.map(|()| receipt())));
        }
        for (answer, taken) in owed.placed {
            drop(answer.send(Placed { taken, receipt: receipt() }));
        }
        for answer in owed.receipts {
            drop(answer.send(receipt()));
        }
        for (answer, welcomed) in owed.welcomes {
            drop(answer.send(welcomed));
        }
        deliver(to, messages, owed.replies);
        for case in cases {
            to.ask_judge(case);
        }
        forget(to, at, &events);
        for read in owed.reads {
            read(&to.state);
        }
    }
}

/// Sends each worker what it is to be told, together.
fn deliver(to: &mut Loop, messages: Vec<(Address, Message)>, replies: Vec<(Address, Out)>) {
    let mut by_worker: BTreeMap<Address, Vec<Out>> = BTreeMap::new();
    for (worker, message) in messages {
        if let Message::Settled { ending: Ending::Accepted, .. } = message {
            *to.state.finished.entry(worker).or_default() += 1;
        }
        if !to.state.lines.contains_key(&worker) {
            continue;
        }
        let out = match message {
            Message::Assign { task, deal, index, until } => {
                let Some(brief) = to.state.briefs.of(to.state.market.exchange(), deal) else { continue };
                Out::Assign { task, index, until, brief }
            }
            Message::Reveal { task, instead } => Out::Reveal(task, instead.map(Box::new)),
            Message::Upload { task } => Out::Upload(task),
            Message::Cancel { task, too_late } => {
                Out::Cancel { task, reason: if too_late { "its time is over" } else { "it is no longer needed" } }
            }
            Message::Settled { task, ending, reward } => Out::Settled(convert::settlement(task, ending, reward)),
        };
        by_worker.entry(worker).or_default().push(out);
    }
    for (worker, out) in replies {
        by_worker.entry(worker).or_default().push(out);
    }
    for (worker, outs) in by_worker {
        if let Some(line) = to.state.lines.get(&worker) {
            // A connection that has just ended reads nothing more.
            drop(line.outbox.send(outs));
        }
    }
}

/// Drops what is kept for tasks and deals that have ended.
fn forget(to: &mut Loop, at: Timestamp, events: &[Event]) {
    for event in events {
        if let Event::Hub(poco::Event::TaskFinalize { task, .. }) = event {
            to.state.counts.finalized += 1;
            to.state.forget(*task);
        } else if let Event::Hub(poco::Event::TaskClaimed { task }) = event {
            to.state.counts.claimed += 1;
            to.state.forget(*task);
        } else if let Event::Checked { passed, .. } = event {
            let counts = &mut to.state.counts;
            *(if *passed { &mut counts.checks_passed } else { &mut counts.checks_failed }) += 1;
        } else if let Event::Barred { .. } = event {
            to.state.counts.barred += 1;
        } else if let Event::AssetTransfer { asset, from, .. } = event
            && from.is_zero()
        {
            to.state.assets.created(to.state.market.exchange(), *asset);
        } else if let Event::DealFinished { deal } = event {
            to.state.briefs.forget(*deal);
        } else if let Event::OrderPlaced { order, .. } = event {
            to.state.since.entry(*order).or_insert(at);
        } else if let Event::OrderRemoved { order, .. } = event {
            to.state.since.remove(order);
        }
    }
}
