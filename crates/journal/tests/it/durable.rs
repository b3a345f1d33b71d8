//! Appending, starting again, snapshots.

use crate::market::{Market, genesis, journaled, operator, story};
use exchange::{Command, Entry};
use journal::{Corruption, Journal, JournalError, Place};
use units::Timestamp;

fn ignore(_: journal::Record, _: &Entry, _: &[exchange::Event], _: &exchange::Exchange) {}

#[test]
fn a_replayed_journal_makes_an_equal_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let (market, _) = journaled(folder.path(), 4);
    let opened = Journal::open(folder.path(), None, ignore).unwrap();
    assert_eq!(opened.exchange, market.exchange);
    assert_eq!(opened.journal.genesis(), &genesis());
    assert_eq!(opened.snapshot, None);
    assert!(opened.set_aside.is_empty());
    assert!(opened.replayed > 30);
}

#[test]
fn every_record_names_the_one_before_and_covers_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = Market::new();
    market.open();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let entries = market.pending.clone();
    let founded = journal.last();
    assert_eq!(founded.sequence, 0);
    let first = journal.append(&entries[..2], None).unwrap();
    let second = journal.append(&entries[2..3], None).unwrap();
    assert_eq!((first.sequence, second.sequence), (1, 2));
    assert_ne!(first.head, second.head);
    assert_eq!(journal.append(&[], None).unwrap(), second);
    assert_eq!(journal.last(), second);
}

#[test]
fn appending_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (mut market, _) = journaled(folder.path(), 5);
    let mut opened = Journal::open(folder.path(), None, ignore).unwrap();
    let before = opened.journal.last();
    market.issue(operator().address(), 5);
    market.flush(&mut opened.journal, 5);
    assert_eq!(opened.journal.last().sequence, before.sequence + 1);
    drop(opened);
    let again = Journal::open(folder.path(), None, ignore).unwrap();
    assert_eq!(again.exchange, market.exchange);
}

#[test]
fn a_start_from_a_snapshot_ends_where_a_whole_replay_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = story();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 4);
    journal.save_snapshot(&market.exchange).unwrap();
    let at = journal.last().sequence;
    market.issue(operator().address(), 5);
    market.flush(&mut journal, 4);
    drop(journal);
    let opened = Journal::open(folder.path(), None, ignore).unwrap();
    assert_eq!(opened.snapshot, Some(at));
    assert_eq!(opened.replayed, 1);
    assert_eq!(opened.exchange, market.exchange);
}

#[test]
fn a_snapshot_that_is_damaged_or_of_another_history_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = story();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 4);
    journal.save_snapshot(&market.exchange).unwrap();
    drop(journal);
    let file = folder.path().join("snapshot.cbor");
    let good = std::fs::read(&file).unwrap();
    for position in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[position] ^= 1;
        std::fs::write(&file, bad).unwrap();
        let opened = Journal::open(folder.path(), None, ignore).unwrap();
        assert_eq!(opened.exchange, market.exchange, "byte {position}");
    }
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert_eq!(Journal::open(folder.path(), None, ignore).unwrap().snapshot, None);

    let other = tempfile::tempdir().unwrap();
    let (market, _) = journaled(other.path(), 7);
    std::fs::write(other.path().join("snapshot.cbor"), &good).unwrap();
    let opened = Journal::open(other.path(), None, ignore).unwrap();
    assert_eq!((opened.snapshot, opened.exchange), (None, market.exchange));
}

#[test]
fn what_the_history_lacks_is_observed_in_order_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = story();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let all = market.pending.clone();
    market.flush(&mut journal, 3);
    journal.save_snapshot(&market.exchange).unwrap();
    drop(journal);
    let mut seen = Vec::new();
    let opened =
        Journal::open(folder.path(), Some(2), |record, entry, _, _| seen.push((record, entry.clone()))).unwrap();
    assert_eq!(opened.snapshot, None, "the snapshot is of a record that the history lacks");
    let entries: Vec<Entry> = seen.iter().map(|(_, entry)| entry.clone()).collect();
    assert_eq!(entries, all[6..]);
    assert_eq!(seen[0].0.sequence, 3);
    let through = opened.journal.last().sequence;
    drop(opened);
    let opened = Journal::open(folder.path(), Some(through), |_, _, _, _| panic!("nothing is new")).unwrap();
    assert_eq!(opened.snapshot, Some(through));
}

#[test]
fn orders_rest_in_the_order_in_which_they_came_also_after_a_start_from_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = Market::new();
    market.open();
    let mut placed: Vec<_> = market.exchange.resting().map(exchange::AnyOrder::hash).collect();
    placed.extend((0..20).map(|_| market.sell(0, 0, 1, 1)));
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 4);
    journal.save_snapshot(&market.exchange).unwrap();
    drop(journal);
    let opened = Journal::open(folder.path(), None, ignore).unwrap();
    assert!(opened.snapshot.is_some());
    assert_eq!(opened.exchange.resting().map(exchange::AnyOrder::hash).collect::<Vec<_>>(), placed);
}

#[test]
fn a_folder_has_one_journal_and_one_process_that_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Journal::open(folder.path(), None, ignore).unwrap_err();
    assert!(matches!(missing, JournalError::Missing { .. }), "{missing}");
    assert!(!journal::exists(folder.path()));
    let journal = Journal::create(folder.path(), &genesis()).unwrap();
    assert!(journal::exists(folder.path()));
    let locked = Journal::open(folder.path(), None, ignore).unwrap_err();
    assert!(matches!(locked, JournalError::Locked { .. }), "{locked}");
    assert!(locked.to_string().contains("in use by another process"));
    drop(journal);
    let exists = Journal::create(folder.path(), &genesis()).unwrap_err();
    assert!(matches!(exists, JournalError::Exists { .. }), "{exists}");
}

#[test]
fn a_command_that_made_the_rules_panic_is_known_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let entry = Entry { at: Timestamp(5), command: Command::Tick };
    assert_eq!(journal.suspicion(&entry.command), None);
    journal.suspect(&entry, "index out of bounds").unwrap();
    drop(journal);
    let opened = Journal::open(folder.path(), None, ignore).unwrap();
    assert_eq!(opened.journal.suspicion(&Command::Tick), Some("index out of bounds"));
    assert_eq!(opened.set_aside.len(), 1);
    assert_eq!(opened.set_aside[0].place, None);
}

/// A journal with a state digest that is met, one that is wrong after one entry more, and another when a check is due again.
/// Returns how many entries it has.
fn with_wrong_digests(folder: &std::path::Path) -> usize {
    let mut market = story();
    let due = 16 * market.exchange.live_tasks();
    assert!(due > 1);
    let mut journal = Journal::create(folder, &genesis()).unwrap();
    let tick = Entry { at: market.pending.last().unwrap().at, command: Command::Tick };
    market.pending.extend(vec![tick.clone(); due]);
    let wrong = Some(units::B256::repeat_byte(7));
    market.exchange.apply(&tick, &mut Vec::new()).unwrap();
    journal.append(&market.pending, Some(market.exchange.state_digest())).unwrap();
    journal.append(std::slice::from_ref(&tick), wrong).unwrap();
    journal.append(&vec![tick; due], wrong).unwrap();
    market.pending.len() + 1 + due
}

#[test]
fn a_start_names_the_first_state_digest_that_is_not_met_though_it_meets_only_what_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let entries = with_wrong_digests(folder.path());
    let mut seen = 0;
    let error = Journal::open(folder.path(), Some(0), |_, _, _, _| seen += 1).unwrap_err();
    let JournalError::Corrupt { place, what: Corruption::StateMismatch, .. } = error else { panic!("{error}") };
    assert_eq!(place, Place::record(2));
    assert_eq!(seen, entries, "each entry is observed once, though the replay began again");
}
