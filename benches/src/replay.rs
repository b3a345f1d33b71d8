//! A recorded journal played again: through the rules alone, and from the file; and what a durable record costs.

use crate::cycles;
use crate::report::{Repeats, Report, micros};
use exchange::{Entry, Exchange};
use journal::{Journal, format};
use std::fs;
use std::path::Path;
use std::time::Instant;

const REPEATS: usize = 5;
/// Records appended one by one.
const APPENDS: usize = 300;
/// Entries in a large record.
const GROUP: usize = 256;

pub(crate) fn measure(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    report.heading(&format!("Replay of the journal of {tasks} tasks, half at trust 1, half of two replicas; one core"));
    let data = cycles::record(&folder.join("recorded"), tasks)?;
    cycles::forget_snapshot(&data)?;
    let mut entries: Vec<Entry> = Vec::new();
    let opened = Journal::open(&data, Some(0), |_, entry, _, _| entries.push(entry.clone()))?;
    let genesis = opened.exchange.genesis().clone();
    let (exchange, records) = (opened.exchange, opened.journal.last().sequence);
    drop(opened.journal);
    let count = entries.len() as f64;
    let encoded: usize = entries.iter().map(|entry| format::encode_entry(entry).len()).sum();
    report.figure("replay_entries", count);
    report.figure("replay_records", records as f64);
    report.figure("entry_encoded_bytes_mean", encoded as f64 / count);

    let mut rates = Vec::new();
    for _ in 0..REPEATS {
        let mut replayed = Exchange::new(genesis.clone());
        let mut events = Vec::new();
        let began = Instant::now();
        for entry in &entries {
            events.clear();
            replayed.apply(entry, &mut events)?;
        }
        rates.push(count / began.elapsed().as_secs_f64());
        assert_eq!(replayed, exchange, "the same entries make the same state");
    }
    report.median("replay_apply_entries_per_s", &Repeats::new(rates));

    let mut rates = Vec::new();
    for _ in 0..REPEATS {
        let began = Instant::now();
        let opened = Journal::open(&data, None, |_, _, _, _| {})?;
        rates.push(opened.replayed as f64 / began.elapsed().as_secs_f64());
    }
    report.median("replay_from_file_entries_per_s", &Repeats::new(rates));

    let mut rates = Vec::new();
    for _ in 0..REPEATS {
        let began = Instant::now();
        for entry in &entries {
            std::hint::black_box(format::encode_entry(entry));
        }
        rates.push(count / began.elapsed().as_secs_f64());
    }
    report.median("entries_encoded_per_s", &Repeats::new(rates));

    let place = folder.join("appended");
    fs::create_dir_all(&place)?;
    let mut journal = Journal::create(&place, &genesis)?;
    let mut timed = |chunk: &[Entry]| -> anyhow::Result<f64> {
        let began = Instant::now();
        journal.append(chunk, None)?;
        Ok(micros(began.elapsed()))
    };
    let single = entries.chunks(1).take(APPENDS).map(&mut timed).collect::<anyhow::Result<Vec<f64>>>()?;
    report.tail("journal_append_1_entry", "us", &Repeats::new(single));
    let groups = entries.chunks_exact(GROUP).take(APPENDS).map(&mut timed).collect::<anyhow::Result<Vec<f64>>>()?;
    report.tail("journal_append_256_entries", "us", &Repeats::new(groups));

    let began = Instant::now();
    std::hint::black_box(exchange.state_digest());
    report.figure("state_digest_ms", micros(began.elapsed()) / 1e3);
    Ok(())
}
