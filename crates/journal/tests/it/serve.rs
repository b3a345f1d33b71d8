//! The served journal: nobody sees others' part in a task before it is final.

use crate::market::{Market, PRICE, genesis, journaled, worker};
use exchange::Command;
use journal::{Journal, Place, Reader, RecordBytes, Source, audit, is_final};
use orders::ids;
use units::{B256, Bytes};

fn holds(records: &[RecordBytes], secret: &[u8]) -> bool {
    journal::encode_range(records).windows(secret.len()).any(|window| window == secret)
}

#[test]
fn commitments_are_sealed_until_their_task_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let mut market = Market::new();
    let digest = B256::repeat_byte(0xaa);
    let (app, app_order) = market.open();
    let offer = market.sell(1, PRICE, 5, 4);
    let request = market.buy(app, PRICE, 2, 3);
    let deal = market.matched(app_order, offer, request);
    let task = market.commit(&worker(0), deal, 0, digest);
    market.commit(&worker(1), deal, 0, digest);
    market.flush(&mut journal, 3);
    let secret = ids::result_hash(task, digest);
    let served = |market: &Market| reader.records(0, usize::MAX, |task| is_final(&market.exchange, task)).unwrap();

    let before = served(&market);
    assert!(!holds(&before, secret.as_slice()));
    let sealed = before.iter().map(|record| record.openings.len()).sum::<usize>();
    assert_eq!(sealed, 0);

    market.authorize(task, &worker(0));
    market.authorize(task, &worker(1));
    market.reveal(&worker(0), task, digest);
    market.flush(&mut journal, 3);
    assert!(!holds(&served(&market), secret.as_slice()), "the result is agreed on, and not final");
    market.reveal(&worker(1), task, digest);
    market.enter(Command::Finalize { task, results: Bytes::new(), callback: Bytes::new() });
    market.flush(&mut journal, 3);
    let after = served(&market);
    assert!(holds(&after, secret.as_slice()));
    assert_eq!(after[0].bytes, before[0].bytes);
    assert!(before.iter().zip(&after).all(|(before, after)| before.head == after.head), "the chain is the same");
}

#[test]
fn what_is_sealed_is_audited_as_far_as_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (market, receipts) = journaled(folder.path(), 4);
    let reader = Reader::open(folder.path()).unwrap();
    let fetch = |from| reader.records(from, 2_000, |task| is_final(&market.exchange, task));
    let report = audit(Source::fetched(fetch), &receipts).unwrap();
    let last = receipts.last().unwrap().sequence;
    assert_eq!(report.sealed_from.map(|place: Place| place.record), Some(last));
    assert_eq!(report.receipts, receipts.len() as u64);

    let whole = Reader::open(folder.path()).unwrap();
    let report = audit(Source::fetched(|from| whole.records(from, 2_000, |_| true)), &receipts).unwrap();
    assert_eq!(report.sealed_from, None);
    assert_eq!(report.state, market.exchange.state_digest());
}

#[test]
fn ranges_have_the_size_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (_, receipts) = journaled(folder.path(), 1);
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.genesis(), &genesis());
    let mut next = 0;
    let mut count = 0;
    loop {
        let range = reader.records(next, 1_500, |_| true).unwrap();
        let Some(last) = range.last() else { break };
        assert!(range.len() == 1 || journal::encode_range(&range).len() <= 1_600);
        count += range.len();
        next = last.sequence + 1;
    }
    assert_eq!(count, receipts.len() + 1);
}

#[test]
fn a_reader_sees_what_is_appended_after_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (mut market, receipts) = journaled(folder.path(), 4);
    let reader = Reader::open(folder.path()).unwrap();
    let mut opened = Journal::open(folder.path(), None, |_, _, _, _| {}).unwrap();
    let early = Reader::open(folder.path()).unwrap();
    let next = receipts.last().unwrap().sequence + 1;
    for reader in [&reader, &early] {
        assert_eq!(reader.records(next, 1, |_| true).unwrap(), []);
    }
    market.issue(worker(0).address(), 1);
    market.flush(&mut opened.journal, 1);
    for reader in [&reader, &early] {
        assert_eq!(reader.records(next, 1, |_| true).unwrap()[0].head, opened.journal.last().head);
    }
    let report = audit(Source::open(folder.path()).unwrap(), &[]).unwrap();
    assert_eq!(report.last, opened.journal.last());
}
