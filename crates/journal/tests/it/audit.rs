//! What an audit proves, and what it catches.

use crate::damage::records;
use crate::market::{Market, PRICE, genesis, journaled, key, operator, receipt, requester, story};
use exchange::{AnyOrder, Command, Entry};
use journal::{AuditError, Corruption, Fault, Journal, Place, Record, Source, audit};
use orders::{Checked, Recovered, RequestOrder, Signed};
use std::fs;
use std::path::Path;
use units::{Amount, B256, Timestamp};

/// The place and the fault that an audit of a folder ends with.
fn fault(folder: &Path, receipts: &[journal::Receipt]) -> (Place, Fault) {
    match audit(Source::open(folder).unwrap(), receipts) {
        Err(AuditError::Found { place, fault }) => (place, fault),
        other => panic!("{other:?}"),
    }
}

/// A market's entries in a journal, one record.
fn in_one_record(market: &mut Market) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, usize::MAX);
    folder
}

#[test]
fn an_honest_journal_passes_and_its_figures_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (market, receipts) = journaled(folder.path(), 4);
    let report = audit(Source::open(folder.path()).unwrap(), &receipts).unwrap();
    assert_eq!(report.state, market.exchange.state_digest());
    assert_eq!(report.receipts, receipts.len() as u64);
    assert_eq!(report.outstanding, Amount::nanos(2_400_000));
    assert_eq!(report.matches, 3);
    assert_eq!(report.digests, 1);
    assert_eq!(report.sealed_from, None);
    assert!(report.signatures > 20 && report.entries > 30);
    assert_eq!(report.last, receipts.last().unwrap().record());
}

#[test]
fn a_copy_without_write_access_can_be_audited() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = story();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let receipts = market.flush(&mut journal, 4);
    // Beside the process that writes it, a copy with its log, and a copy that was closed.
    audit(Source::open(folder.path()).unwrap(), &receipts).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    drop(journal);
    for folder in [copy.path(), folder.path()] {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let mut permissions = fs::metadata(&path).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&path, permissions).unwrap();
        }
        audit(Source::open(&folder.join("journal.db")).unwrap(), &receipts).unwrap();
    }
}

#[test]
fn a_history_rewritten_whole_is_caught_by_a_receipt() {
    let honest = tempfile::tempdir().unwrap();
    let (_, receipts) = journaled(honest.path(), 4);
    let forged = tempfile::tempdir().unwrap();
    let mut market = story();
    market.pending.remove(5);
    let mut replayed = Market::new();
    let mut journal = Journal::create(forged.path(), &genesis()).unwrap();
    // The fourth worker never got its credits; what needed them is left out as well.
    for entry in &market.pending {
        if replayed.exchange.apply(entry, &mut Vec::new()).is_ok() {
            replayed.pending.push(entry.clone());
        }
    }
    replayed.flush(&mut journal, 4);
    drop(journal);
    audit(Source::open(forged.path()).unwrap(), &[]).unwrap();
    let (place, fault) = fault(forged.path(), &receipts);
    assert_eq!(place, Place::record(2));
    assert!(matches!(fault, Fault::Rewritten { signed, .. } if signed == receipts[1].head), "{fault}");
}

#[test]
fn a_history_cut_short_is_caught_by_a_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut receipts) = journaled(folder.path(), 4);
    let last = receipts.last().unwrap().record();
    receipts.push(receipt(Record { sequence: last.sequence + 1, head: B256::repeat_byte(1) }));
    assert_eq!(fault(folder.path(), &receipts), (Place::record(last.sequence + 1), Fault::CutShort));
}

#[test]
fn a_receipt_that_the_operator_did_not_sign_is_no_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let (_, receipts) = journaled(folder.path(), 4);
    let forged = journal::Receipt::sign(&key(9), genesis().chain_id, receipts[0].record());
    let (place, fault) = fault(folder.path(), &[forged]);
    assert_eq!(place, Place::record(1));
    assert_eq!(fault, Fault::ReceiptNotByOperator { operator: operator().address() });
}

#[test]
fn an_order_that_nobody_signed_is_found() {
    let mut market = Market::new();
    let (app, _) = market.open();
    let domain = genesis().domain();
    let order = market.bid(app, PRICE, 1, 3);
    let forged = Signed::with(order, &domain, &key(9));
    let (said, found) = (Recovered::By(requester().address()), Recovered::By(key(9).address()));
    market.place(AnyOrder::Request(Checked::trust(forged, &domain, said)));
    let entry = market.pending.len() - 1;
    let folder = in_one_record(&mut market);
    assert_eq!(fault(folder.path(), &[]), (Place::entry(1, entry), Fault::Signature { said, found }));
}

#[test]
fn an_entry_that_the_rules_refuse_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = Market::new();
    market.open();
    let twice = market.pending[0].clone();
    let last = market.pending.last().unwrap().at;
    market.pending.push(Entry { at: last, command: twice.command });
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let entry = market.pending.len() - 1;
    journal.append(&market.pending, None).unwrap();
    drop(journal);
    let (place, fault) = fault(folder.path(), &[]);
    assert_eq!(place, Place::entry(1, entry));
    assert!(matches!(fault, Fault::Corrupt(Corruption::Refused { .. })), "{fault}");
}

#[test]
fn a_state_other_than_recorded_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let tick = Entry { at: Timestamp(1), command: Command::Tick };
    journal.append(&[tick], Some(B256::repeat_byte(7))).unwrap();
    drop(journal);
    let mismatch = Fault::Corrupt(Corruption::StateMismatch);
    assert_eq!(fault(folder.path(), &[]), (Place::record(1), mismatch));
}

#[test]
fn a_cheaper_or_earlier_offer_passed_over_is_found() {
    for (first, second) in [(PRICE, PRICE / 2), (PRICE / 2, PRICE / 2)] {
        let mut market = Market::new();
        let (app, app_order) = market.open();
        let offers = [market.sell(1, first, 5, 4), market.sell(1, second, 5, 4)];
        let request = market.buy(app, PRICE, 2, 3);
        // The dearer of unequal ones, the later of equal ones.
        let (matched, passed_over) = if first == second { (offers[1], offers[0]) } else { (offers[0], offers[1]) };
        market.matched(app_order, matched, request);
        let entry = market.pending.len() - 1;
        let folder = in_one_record(&mut market);
        let expected = Fault::PassedOver { matched, passed_over };
        assert_eq!(fault(folder.path(), &[]), (Place::entry(1, entry), expected));
    }
}

#[test]
fn a_higher_or_earlier_bid_passed_over_is_found() {
    for (first, second) in [(PRICE, PRICE * 2), (PRICE, PRICE)] {
        let mut market = Market::new();
        let (app, app_order) = market.open();
        let bids = [market.buy(app, first, 2, 3), market.buy(app, second, 2, 3)];
        let offer = market.sell(1, PRICE, 1, 4);
        let (matched, passed_over) = if first == second { (bids[1], bids[0]) } else { (bids[0], bids[1]) };
        market.matched(app_order, offer, matched);
        let entry = market.pending.len() - 1;
        let folder = in_one_record(&mut market);
        let expected = Fault::PassedOver { matched, passed_over };
        assert_eq!(fault(folder.path(), &[]), (Place::entry(1, entry), expected));
    }
}

#[test]
fn an_offer_that_does_not_fit_or_a_bid_without_money_is_passed_over_rightly() {
    let mut market = Market::new();
    let (app, app_order) = market.open();
    market.sell(1, PRICE / 2, 5, 1);
    let offer = market.sell(1, PRICE, 5, 4);
    let domain = genesis().domain();
    let penniless = RequestOrder { requester: key(8).address(), ..market.bid(app, PRICE * 2, 2, 3) };
    market.place(AnyOrder::Request(Checked::recover(Signed::with(penniless, &domain, &key(8)), &domain)));
    let request = market.buy(app, PRICE, 2, 3);
    market.matched(app_order, offer, request);
    let folder = in_one_record(&mut market);
    assert_eq!(audit(Source::open(folder.path()).unwrap(), &[]).unwrap().matches, 1);
}

#[test]
fn the_same_records_make_the_same_report_wherever_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let (_, receipts) = journaled(folder.path(), 4);
    let from_file = audit(Source::open(folder.path()).unwrap(), &receipts).unwrap();
    let all = records(folder.path());
    // One record at a time, through the wire's form.
    let fetch = |from: u64| {
        let record = all.iter().find(|record| record.sequence == from).cloned();
        journal::decode_range(&journal::encode_range(&record.into_iter().collect::<Vec<_>>()))
    };
    assert_eq!(audit(Source::fetched(fetch), &receipts).unwrap(), from_file);
}
