//! Disks that are full, processes that are killed, bytes that are flipped.

use crate::market::{Market, genesis, journaled, operator, story};
use exchange::Entry;
use journal::{AuditError, Journal, JournalError, Place, Reader, RecordBytes, Source, audit};
use std::fs;
use std::path::Path;

fn ignore(_: journal::Record, _: &Entry, _: &[exchange::Event], _: &exchange::Exchange) {}

pub(crate) fn records(folder: &Path) -> Vec<RecordBytes> {
    Reader::open(folder).unwrap().records(0, usize::MAX, |_| true).unwrap()
}

fn source(records: &[RecordBytes]) -> Source<'_> {
    Source::fetched(move |from| {
        Ok::<_, JournalError>(records.iter().filter(|record| record.sequence >= from).cloned().collect())
    })
}

#[test]
fn a_flipped_byte_of_any_record_fails_the_audit_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    journaled(folder.path(), 4);
    let good = records(folder.path());
    audit(source(&good), &[]).unwrap();
    for index in 0..good.len() {
        let sequence = good[index].sequence;
        let fails_here = |change: &dyn Fn(&mut RecordBytes), what: &str| {
            let mut bad = good.clone();
            change(&mut bad[index]);
            let error = audit(source(&bad), &[]).unwrap_err();
            assert_eq!(error.place().map(|place| place.record), Some(sequence), "{what} of record {sequence}: {error}");
        };
        for position in (0..good[index].bytes.len()).step_by(11) {
            fails_here(&|record| record.bytes[position] ^= 0x10, "a byte");
        }
        fails_here(&|record| record.head.0[31] ^= 1, "the hash");
        for opening in 0..good[index].openings.len() {
            fails_here(&|record| record.openings[opening].salt[3] ^= 1, "a salt");
            fails_here(&|record| *record.openings[opening].bytes.last_mut().unwrap() ^= 1, "an opening");
        }
    }
}

#[test]
fn a_flipped_byte_in_the_file_itself_is_found() {
    let folder = tempfile::tempdir().unwrap();
    journaled(folder.path(), 4);
    let file = folder.path().join("journal.db");
    let good = fs::read(&file).unwrap();
    for record in records(folder.path()).iter().skip(1).step_by(3) {
        let mut bad = good.clone();
        // Pages that were split have left copies behind, which nobody reads.
        for start in (0..good.len() - 60).filter(|start| good[*start..].starts_with(&record.bytes[..60])) {
            bad[start + 50] ^= 1;
        }
        fs::write(&file, bad).unwrap();
        let error = audit(Source::open(&file).unwrap(), &[]).unwrap_err();
        assert_eq!(error.place(), Some(Place::record(record.sequence)), "{error}");
        let error = Journal::open(folder.path(), None, ignore).unwrap_err();
        assert!(matches!(&error, JournalError::Corrupt { place, .. } if place.record == record.sequence), "{error}");
    }
    fs::write(&file, good).unwrap();
    audit(Source::open(folder.path()).unwrap(), &[]).unwrap();
}

#[test]
fn a_missing_or_doubled_record_breaks_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    journaled(folder.path(), 4);
    let mut missing = records(folder.path());
    missing.remove(3);
    let error = audit(source(&missing), &[]).unwrap_err();
    assert_eq!(error.place(), Some(Place::record(3)), "{error}");
    let mut swapped = records(folder.path());
    let (bytes, head) = (swapped[2].bytes.clone(), swapped[2].head);
    (swapped[3].bytes, swapped[3].head) = (bytes, head);
    assert_eq!(audit(source(&swapped), &[]).unwrap_err().place(), Some(Place::record(3)));
    assert!(matches!(audit(source(&[]), &[]), Err(AuditError::Empty)));
}

#[test]
fn a_killed_process_leaves_whole_records_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = story();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 2);
    let whole = records(folder.path());
    let wal = fs::read(folder.path().join("journal.db-wal")).unwrap();
    let mut ends = Vec::new();
    for part in 0..24 {
        let copy = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join("journal.db"), copy.path().join("journal.db")).unwrap();
        // The journal's founding is in the log too: a cut there leaves no journal at all.
        let cut = wal.len() * (part + 1) / 24;
        fs::write(copy.path().join("journal.db-wal"), &wal[..cut]).unwrap();
        let opened = match Journal::open(copy.path(), None, ignore) {
            Ok(opened) => opened,
            Err(error) => {
                assert!(matches!(error, JournalError::Missing { .. }), "{error}");
                continue;
            }
        };
        let end = opened.journal.last().sequence;
        drop(opened);
        assert_eq!(records(copy.path()), whole[..=usize::try_from(end).unwrap()]);
        ends.push(end);
    }
    assert_eq!(ends.last(), whole.last().map(|record| record.sequence).as_ref());
    assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]) && ends[0] < *ends.last().unwrap(), "{ends:?}");
}

#[test]
fn a_full_disk_is_said_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut market = Market::new();
    market.open();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 2);
    journal.limit_growth(2).unwrap();
    let mut last = journal.last();
    let error = loop {
        market.issue(operator().address(), 1);
        match journal.append(&market.pending, None) {
            Ok(record) => last = record,
            Err(error) => break error,
        }
        market.pending.clear();
        assert!(last.sequence < 1_000, "the disk never fills");
    };
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert!(error.to_string().contains("no room left"));
    assert_eq!(journal.last(), last);
    drop(journal);
    let opened = Journal::open(folder.path(), None, ignore).unwrap();
    assert_eq!(opened.journal.last(), last);
    audit(Source::open(folder.path()).unwrap(), &[]).unwrap();
}

#[test]
fn a_newer_journal_is_refused_not_guessed_at() {
    let folder = tempfile::tempdir().unwrap();
    journaled(folder.path(), 4);
    let file = folder.path().join("journal.db");
    let mut bytes = fs::read(&file).unwrap();
    // SQLite keeps the user's version at byte 60 of the file.
    assert_eq!(bytes[60..64], [0, 0, 0, 1]);
    bytes[63] = 2;
    fs::write(&file, bytes).unwrap();
    let error = Journal::open(folder.path(), None, ignore).unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("made by a newer hands"));
    let error = Source::open(folder.path()).unwrap_err();
    assert!(matches!(error, JournalError::Newer { .. }), "{error}");
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db");
    fs::write(&file, "a letter to my aunt, long enough to be looked at by a database, and not a database").unwrap();
    let error = Journal::open(folder.path(), None, ignore).unwrap_err();
    assert!(matches!(error, JournalError::NotAJournal { .. }), "{error}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("a letter"));
}
