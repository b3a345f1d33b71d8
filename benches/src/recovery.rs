//! How fast a start is that has much to recover: a long journal made in memory, played again with and without a snapshot.

use crate::recording::Recording;
use crate::report::{Repeats, Report, millis, rates};
use crate::usage::{self, Usage};
use exchange::{Entry, Exchange};
use journal::{Journal, format};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

/// Entries of the journal that is played whole.
const WHOLE: u64 = 400_000;
/// Entries of the journal that is recovered through a snapshot.
const LONG: u64 = 10_000_000;
/// Entries after the snapshot: as many as the server lets come.
const TAIL: u64 = 1_000_000;
/// Entries in a record.
const GROUP: usize = 256;
const REPEATS: usize = 5;
/// Entries from one state digest to the next.
const DIGESTS: u64 = 100_000;

pub(crate) fn measure(report: &mut Report, folder: &Path, long: bool) -> anyhow::Result<()> {
    report.heading(&format!("Recovery of {WHOLE} entries, half of the tasks at trust 1, half of two replicas"));
    let mut recording = Recording::new(1_000);
    let genesis = recording.exchange.genesis().clone();
    let mut entries = Vec::new();
    while (entries.len() as u64) < WHOLE {
        recording.pairs();
        recording.singles();
        entries.extend(recording.take());
    }
    let count = entries.len() as f64;
    rules(report, &genesis, &entries, &recording.exchange)?;

    let place = folder.join("whole");
    fs::create_dir_all(&place)?;
    let mut journal = Journal::create(&place, &genesis)?;
    let (last, before) = entries.split_at(entries.len() - 1);
    append(&mut journal, last, None)?;
    journal.append(before, Some(recording.exchange.state_digest()))?;
    drop(journal);
    let (mut seconds, mut applying, mut ahead) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let (began, all, own) = (Instant::now(), Usage::now()?, usage::thread_s()?);
        let opened = Journal::open(&place, None, |_, _, _, _| {})?;
        seconds.push(count / began.elapsed().as_secs_f64());
        let own = usage::thread_s()? - own;
        applying.push(1e6 * own / count);
        ahead.push(1e6 * (all.spent()?.own_s - own) / count);
        assert_eq!(opened.exchange, recording.exchange, "the same entries make the same state");
    }
    report.median("recovery_from_file_entries_per_s", &Repeats::new(seconds));
    // Two threads: with a core each, the slower of them sets the pace.
    let (applying, ahead) = (Repeats::new(applying), Repeats::new(ahead));
    report.median("recovery_from_file_applying_processor_us_per_entry", &applying);
    report.median("recovery_from_file_reading_ahead_processor_us_per_entry", &ahead);
    let slower = applying.median().max(ahead.median());
    report.figure("recovery_from_file_entries_per_processor_s_of_slower_thread", 1e6 / slower);
    if long {
        snapshots(report, &folder.join("long"), LONG, TAIL)?;
    }
    Ok(())
}

/// What it takes apart from the file.
fn rules(
    report: &mut Report,
    genesis: &exchange::Genesis,
    entries: &[Entry],
    exchange: &Exchange,
) -> anyhow::Result<()> {
    let count = entries.len() as f64;
    let (mut seconds, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let mut replayed = Exchange::new(genesis.clone());
        let mut events = Vec::new();
        let (began, used) = (Instant::now(), usage::thread_s()?);
        for entry in entries {
            events.clear();
            replayed.apply(entry, &mut events)?;
        }
        seconds.push(count / began.elapsed().as_secs_f64());
        processor.push(count / (usage::thread_s()? - used));
        assert_eq!(&replayed, exchange, "the same entries make the same state");
    }
    report.median("recovery_rules_alone_entries_per_s", &Repeats::new(seconds));
    report.median("recovery_rules_alone_entries_per_processor_s", &Repeats::new(processor));
    let bytes: Vec<Vec<u8>> = entries.iter().map(format::encode_entry).collect();
    let size: usize = bytes.iter().map(Vec::len).sum();
    report.figure("recovery_entry_bytes_mean", size as f64 / count);
    let domain = genesis.domain();
    let decoded = rates(
        3,
        u32::try_from(bytes.len())?,
        || (),
        |()| {
            for bytes in &bytes {
                black_box(format::decode_entry(bytes, &domain)).expect("an entry is read as it was written");
            }
        },
    );
    report.median("recovery_decoding_alone_entries_per_s", &decoded);
    let tasks = exchange.hub().deals().count() as f64 * crate::recording::DEAL as f64;
    let used = usage::thread_s()?;
    black_box(exchange.state_digest());
    report.figure("state_digest_processor_us_per_live_task", 1e6 * (usage::thread_s()? - used) / tasks);
    Ok(())
}

fn append(journal: &mut Journal, entries: &[Entry], state: Option<units::B256>) -> anyhow::Result<()> {
    let groups = entries.len().div_ceil(GROUP);
    for (index, group) in entries.chunks(GROUP).enumerate() {
        journal.append(group, state.filter(|_| index + 1 == groups))?;
    }
    Ok(())
}

/// A journal of so many entries whose snapshot lacks the last of them.
fn snapshots(report: &mut Report, place: &Path, all: u64, tail: u64) -> anyhow::Result<()> {
    report.heading(&format!("Recovery of {all} entries through a snapshot that lacks the last {tail}"));
    let mut recording = Recording::new(1_000);
    fs::create_dir_all(place)?;
    let mut journal = Journal::create(place, recording.exchange.genesis())?;
    let (mut written, mut digests, mut saved) = (0, 0, false);
    while written < all {
        recording.pairs();
        recording.singles();
        let entries = recording.take();
        written += entries.len() as u64;
        let due = written / DIGESTS > digests;
        let state = due.then(|| recording.exchange.state_digest());
        digests = written / DIGESTS;
        append(&mut journal, &entries, state)?;
        if !saved && written + tail >= all {
            saved = true;
            let began = Instant::now();
            journal.save_snapshot(&recording.exchange)?;
            report.figure("snapshot_saved_ms", millis(began.elapsed()));
            report.figure("snapshot_megabytes", fs::metadata(place.join("snapshot.cbor"))?.len() as f64 / 1e6);
        }
    }
    drop(journal);
    report
        .figure("recovery_live_tasks", recording.exchange.hub().deals().count() as f64 * crate::recording::DEAL as f64);
    let (mut seconds, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (began, used) = (Instant::now(), usage::thread_s()?);
        let opened = Journal::open(place, None, |_, _, _, _| {})?;
        seconds.push(began.elapsed().as_secs_f64());
        processor.push(usage::thread_s()? - used);
        assert!(opened.snapshot.is_some() && opened.exchange == recording.exchange, "the state is the same");
    }
    report.median("recovery_of_10m_entries_through_snapshot_s", &Repeats::new(seconds));
    report.median("recovery_of_10m_entries_through_snapshot_processor_s", &Repeats::new(processor));
    Ok(())
}
