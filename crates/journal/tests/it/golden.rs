//! Every version's journal replays for ever: the journals that each wrote, as they were written.

use crate::conduct::{conduct, seconds_later};
use crate::market::{Market, genesis, story};
use exchange::{Command, Entry};
use journal::format::{FormatError, decode_entry, decode_genesis, encode_entry, encode_genesis};
use journal::{Journal, NotARange, RecordBytes, Source, audit, decode_range, encode_range};
use std::fs;
use std::path::Path;
use units::Timestamp;

fn golden(file: &str) -> Vec<RecordBytes> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    decode_range(&hex::decode(text.split_whitespace().collect::<String>()).unwrap()).unwrap()
}

/// Replays a golden journal of a story.
fn replays(file: &str, market: &Market) {
    let records = golden(file);
    let fetch = |from: u64| {
        Ok::<_, NotARange>(records.iter().filter(|record| record.sequence >= from).cloned().collect::<Vec<_>>())
    };
    let report = audit(Source::fetched(fetch), &[]).unwrap();
    assert_eq!(report.digests, 1, "the state after the last record is the recorded one");
    assert_eq!(report.sealed_from, None);
    assert_eq!(report.entries, market.pending.len() as u64);
}

/// Nobody can write this file any more: no rules of today found an exchange of version 1.
#[test]
fn the_journal_of_version_1_still_replays_to_the_same_state() {
    replays("tests/golden/v1.hex", &story());
}

/// Nor this one.
#[test]
fn the_journal_of_version_2_still_replays_to_the_same_state() {
    replays("tests/golden/v2.hex", &conduct());
}

/// With `WRITE_GOLDEN` set, writes the file anew: only ever for a version that nobody has a journal of yet.
#[test]
fn the_journal_of_version_3_still_replays_to_the_same_state() {
    const FILE: &str = "tests/golden/v3.hex";
    let mut market = seconds_later();
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
        seconds_later().flush(&mut journal, 6);
        let text = hex::encode(encode_range(&crate::damage::records(folder.path())));
        let lines: Vec<&str> = text.as_bytes().chunks(118).map(|line| std::str::from_utf8(line).unwrap()).collect();
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), lines.join("\n") + "\n").unwrap();
    }
    replays(FILE, &market);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 6);
    drop(journal);
    let (then, now) = (golden(FILE), crate::damage::records(folder.path()));
    assert_eq!(then.len(), now.len());
    assert_eq!(then[0].bytes, now[0].bytes, "the genesis");
}

#[test]
fn every_command_survives_the_journal() {
    let domain = genesis().domain();
    let entries = seconds_later().pending;
    let kinds: std::collections::BTreeSet<String> = entries
        .iter()
        .map(|entry| format!("{:?}", entry.command).split([' ', '(']).next().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.len(), 23, "{kinds:?}");
    for entry in entries {
        assert_eq!(decode_entry(&encode_entry(&entry), &domain), Ok(entry));
    }
    assert_eq!(decode_genesis(&encode_genesis(&genesis())), Ok(genesis()));
}

#[test]
fn an_unknown_command_is_of_a_newer_version() {
    let domain = genesis().domain();
    let tick = Entry { at: Timestamp(1), command: Command::Tick };
    // An entry is [time, [number, fields]].
    assert_eq!(encode_entry(&tick), [0x82, 0x01, 0x82, 0x0d, 0x80]);
    assert_eq!(decode_entry(&[0x82, 0x01, 0x82, 0x18, 0x63, 0x80], &domain), Err(FormatError::Newer));
    assert_eq!(decode_entry(&[0x82, 0x01, 0x82, 0x0d, 0x80, 0x00], &domain), Err(FormatError::Malformed(5)));
    for cut in 0..5 {
        assert!(decode_entry(&encode_entry(&tick)[..cut], &domain).is_err());
    }
}

#[test]
fn no_bytes_make_reading_panic() {
    let domain = genesis().domain();
    for entry in conduct().pending {
        let good = encode_entry(&entry);
        for position in 0..good.len().min(200) {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[position] ^= change;
                let _ = decode_entry(&bad, &domain);
            }
        }
    }
    assert!(decode_range(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
}
