//! Replay: from records back to the state, with the chain checked on the way.

mod ahead;
mod replayer;

use crate::database::{Database, FILE, Lock};
use crate::error::{Corruption, JournalError};
use crate::format::{FormatError, decode_entry, decode_genesis};
use crate::journal::Journal;
use crate::record::{FORMAT, Frame, FrameError, Item, Place, Record, RecordBytes, head_of, seal};
use crate::snapshot::{self, Snapshot};
use ahead::Read;
use exchange::{Entry, Event, Exchange, Genesis, RULES_VERSION};
use orders::Domain;
pub(crate) use replayer::{Digests, Replayer, Stop};
use std::collections::BTreeMap;
use std::path::Path;
use units::B256;

/// How much is read at once, bytes.
pub(crate) const CHUNK_BYTES: usize = 8 << 20;

/// An entry that was left out of the replay, because it makes the rules panic or hangs on one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is; none for a command that was never recorded.
    pub place: Option<Place>,
    /// What the rules said.
    pub reason: String,
}

/// A journal that was opened, and the exchange as it is after the last record.
#[derive(Debug)]
pub struct Opened {
    /// To append to.
    pub journal: Journal,
    /// The state.
    pub exchange: Exchange,
    /// Which record the snapshot was of that the replay began with; none if it began with the genesis.
    pub snapshot: Option<u64>,
    /// How many entries were replayed.
    pub replayed: u64,
    /// What was left out, ever: somebody should look at it.
    pub set_aside: Vec<SetAside>,
}

/// What is wrong with a record or an entry of it, before it is known in which file.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is not what was written.
    Corrupt(Place, Corruption),
    /// It is of a newer format.
    Newer(u64),
}

/// A record whose chained bytes were found to be in order.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) frame: Frame,
    pub(crate) head: B256,
    /// The bytes of every entry; none where it is sealed and not opened.
    pub(crate) contents: Vec<Option<Vec<u8>>>,
}

/// Checks a record by itself: its hash, its form, its number, its openings.
pub(crate) fn verify(record: RecordBytes) -> Result<Verified, Trouble> {
    let whole = Place::record(record.sequence);
    let corrupt = |what| Err(Trouble::Corrupt(whole, what));
    if head_of(&record.bytes) != record.head {
        return corrupt(Corruption::HashMismatch);
    }
    let mut frame = match Frame::decode(&record.bytes) {
        Ok(frame) => frame,
        Err(FrameError::Newer(format)) => return Err(Trouble::Newer(format)),
        Err(FrameError::Malformed(offset)) => return corrupt(Corruption::Malformed { offset }),
    };
    if frame.rules > u64::from(RULES_VERSION) {
        return Err(Trouble::Newer(FORMAT));
    }
    if frame.sequence != record.sequence {
        return corrupt(Corruption::WrongSequence { said: frame.sequence });
    }
    let mut openings = BTreeMap::new();
    for opening in record.openings {
        let place = Place::entry(record.sequence, opening.entry as usize);
        if openings.insert(opening.entry as usize, opening).is_some() {
            return Err(Trouble::Corrupt(place, Corruption::OpeningMismatch));
        }
    }
    let mut contents = Vec::with_capacity(frame.items.len());
    for (index, item) in frame.items.iter_mut().enumerate() {
        contents.push(match item {
            Item::Open(bytes) => Some(std::mem::take(bytes)),
            Item::Sealed(hash) => match openings.remove(&index) {
                None => None,
                Some(opening) if seal(&opening.salt, &opening.bytes) == *hash => Some(opening.bytes),
                Some(_) => {
                    return Err(Trouble::Corrupt(Place::entry(record.sequence, index), Corruption::OpeningMismatch));
                }
            },
        });
    }
    match openings.into_keys().next() {
        None => Ok(Verified { frame, head: record.head, contents }),
        Some(index) => Err(Trouble::Corrupt(Place::entry(record.sequence, index), Corruption::OpeningMismatch)),
    }
}

impl Verified {
    /// Checks that this is the next record after `last`.
    pub(crate) fn follows(&self, last: Option<Record>) -> Result<(), Trouble> {
        let (expected, previous) = last.map_or((0, B256::ZERO), |last| (last.sequence + 1, last.head));
        if self.frame.sequence != expected {
            return Err(Trouble::Corrupt(Place::record(expected), Corruption::Missing));
        }
        if self.frame.previous != previous {
            return Err(Trouble::Corrupt(Place::record(expected), Corruption::ChainBroken));
        }
        Ok(())
    }

    pub(crate) fn record(&self) -> Record {
        Record { sequence: self.frame.sequence, head: self.head }
    }

    /// The genesis, if this is record 0.
    pub(crate) fn genesis(&self) -> Result<Genesis, Trouble> {
        let bytes = self.contents.first().and_then(Option::as_deref).unwrap_or_default();
        decode_genesis(bytes).map_err(|error| trouble(Place::entry(self.frame.sequence, 0), error))
    }

    /// The entries; none from the first on that is sealed and not opened.
    pub(crate) fn entries(&self, domain: &Domain) -> Result<Vec<Option<Entry>>, Trouble> {
        let decode = |(index, bytes): (usize, &Option<Vec<u8>>)| {
            let place = Place::entry(self.frame.sequence, index);
            bytes.as_deref().map(|bytes| decode_entry(bytes, domain)).transpose().map_err(|error| trouble(place, error))
        };
        self.contents.iter().enumerate().map(decode).collect()
    }
}

fn trouble(place: Place, error: FormatError) -> Trouble {
    match error {
        FormatError::Newer => Trouble::Newer(FORMAT + 1),
        FormatError::Malformed(offset) => Trouble::Corrupt(place, Corruption::Malformed { offset }),
    }
}

impl Trouble {
    pub(crate) fn of(self, path: &Path) -> JournalError {
        match self {
            Self::Corrupt(place, what) => JournalError::corrupt(path, place, what),
            Self::Newer(found) => JournalError::Newer { path: path.to_path_buf(), found, known: FORMAT },
        }
    }
}

/// How one attempt to replay everything ended.
enum Attempt {
    Done(Box<Replayer>, Record),
    /// An entry has to be left out: from the beginning again.
    LeaveOut(Place, String),
}

impl Journal {
    /// Opens the journal of a data folder and replays it: the snapshot, if it is good, and all that came later.
    ///
    /// `history` is the last record that the history has; `observe` is called for every entry of later records, in order
    /// and once, with what happened and the exchange as it is after it. Without a history nothing is observed.
    ///
    /// An entry that makes the rules panic is set aside: it is left out now and at every later start, the next record
    /// tells of it, and it is named in [`Opened::set_aside`].
    ///
    /// # Errors
    /// [`JournalError`] tells what to do: another process has it, it is newer, or a record of it is not what was written.
    pub fn open(
        folder: &Path,
        history: Option<u64>,
        mut observe: impl FnMut(Record, &Entry, &[Event], &Exchange),
    ) -> Result<Opened, JournalError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(JournalError::Missing { path });
        }
        let lock = Lock::take(folder)?;
        let database = Database::writable(&path, false)?;
        let genesis = founding(&database)?;
        let mut snapshot = usable_snapshot(folder, &database, history, &genesis)?;
        let mut observed = history.map(Place::record);
        let mut digests = Digests::Affordable;
        loop {
            let rows = database.set_aside()?;
            let set_aside = rows.iter().map(|row| (row.place, row.reason.clone())).collect();
            let domain = genesis.domain();
            let mut run = Run { database: &database, domain, digests, replayed: 0, observed: &mut observed };
            let start = snapshot.take();
            let from = start.as_ref().map(|snapshot| snapshot.record.sequence);
            let attempt = match run.attempt(start, &genesis, set_aside, &mut observe) {
                // Which digest was not met first is found by looking at each.
                Err(error) if error.is_of_state() && digests == Digests::Affordable => {
                    digests = Digests::Each;
                    snapshot = usable_snapshot(folder, &database, history, &genesis)?;
                    continue;
                }
                attempt => attempt?,
            };
            match attempt {
                Attempt::Done(replayer, last) => {
                    let replayed = run.replayed;
                    let mut journal = Self::assemble(folder, database, lock, genesis, last);
                    journal.unnoted = rows.iter().filter(|row| row.noted.is_none()).map(|row| row.place).collect();
                    journal.suspects = journal.database.suspects()?.into_iter().collect();
                    let recorded = rows.into_iter().map(|row| SetAside { place: Some(row.place), reason: row.reason });
                    let suspects =
                        journal.suspects.values().map(|reason| SetAside { place: None, reason: reason.clone() });
                    let set_aside = recorded.chain(suspects).collect();
                    return Ok(Opened { exchange: replayer.exchange, snapshot: from, replayed, set_aside, journal });
                }
                Attempt::LeaveOut(place, reason) => database.add_set_aside(place, &reason)?,
            }
            // The state that panicked is lost; the snapshot may be read once more.
            snapshot = usable_snapshot(folder, &database, history, &genesis)?;
        }
    }
}

/// The genesis in record 0.
fn founding(database: &Database) -> Result<Genesis, JournalError> {
    let path = database.path();
    let Some(first) = database.chunk(0, 0)?.into_iter().next() else {
        return Err(JournalError::Missing { path: path.to_path_buf() });
    };
    let verified = verify(first).map_err(|trouble| trouble.of(path))?;
    verified.follows(None).and_then(|()| verified.genesis()).map_err(|trouble| trouble.of(path))
}

/// The snapshot, if it is of this journal and the history has seen all that it stands for.
fn usable_snapshot(
    folder: &Path,
    database: &Database,
    history: Option<u64>,
    genesis: &Genesis,
) -> Result<Option<Snapshot>, JournalError> {
    let Some(snapshot) = snapshot::load(folder) else { return Ok(None) };
    let seen = history.is_none_or(|through| snapshot.record.sequence <= through);
    if !seen || snapshot.exchange.genesis() != genesis {
        return Ok(None);
    }
    let record = database.chunk(snapshot.record.sequence, 0)?.into_iter().next();
    let same = record.is_some_and(|record| {
        record.sequence == snapshot.record.sequence
            && record.head == snapshot.record.head
            && head_of(&record.bytes) == record.head
    });
    Ok(same.then_some(snapshot))
}

/// One run over the records.
struct Run<'a> {
    database: &'a Database,
    domain: Domain,
    digests: Digests,
    replayed: u64,
    /// Up to where entries were observed; none if nobody observes.
    observed: &'a mut Option<Place>,
}

impl Run<'_> {
    fn attempt(
        &mut self,
        start: Option<Snapshot>,
        genesis: &Genesis,
        set_aside: BTreeMap<Place, String>,
        observe: &mut impl FnMut(Record, &Entry, &[Event], &Exchange),
    ) -> Result<Attempt, JournalError> {
        let path = self.database.path();
        let (exchange, mut last) = match start {
            Some(snapshot) => (snapshot.exchange, Some(snapshot.record)),
            None => (Exchange::new(genesis.clone()), None),
        };
        let mut replayer = Replayer::new(exchange, set_aside, self.digests);
        let (database, domain) = (self.database, self.domain);
        std::thread::scope(|scope| {
            let ahead = ahead::begin(scope, database, &domain, last)?;
            while let Some(piece) = ahead.next() {
                for read in &piece.records {
                    last = Some(read.record);
                    if let Some((place, reason)) = self.replay(read, &mut replayer, observe)? {
                        return Ok(Attempt::LeaveOut(place, reason));
                    }
                }
                ahead.give_back(piece.records);
                if let Some(error) = piece.wrong {
                    return Err(error);
                }
            }
            let last = last.ok_or_else(|| JournalError::Missing { path: path.to_path_buf() })?;
            Ok(Attempt::Done(Box::new(replayer), last))
        })
    }

    /// Replays a record; returns what has to be left out.
    fn replay(
        &mut self,
        read: &Read,
        replayer: &mut Replayer,
        observe: &mut impl FnMut(Record, &Entry, &[Event], &Exchange),
    ) -> Result<Option<(Place, String)>, JournalError> {
        let path = self.database.path();
        for (index, entry) in read.entries.iter().enumerate() {
            let place = Place::entry(read.record.sequence, index);
            let corrupt = |what| JournalError::corrupt(path, place, what);
            let entry = entry.as_ref().ok_or_else(|| corrupt(Corruption::OpeningMissing))?;
            let hangs = replayer.has_untold();
            match replayer.apply(place, entry) {
                Ok(()) => {
                    if self.observed.is_some_and(|observed| is_later(place, observed)) {
                        observe(read.record, entry, &replayer.events, &replayer.exchange);
                        *self.observed = Some(place);
                    }
                }
                Err(Stop::Panicked(reason)) => return Ok(Some((place, reason))),
                Err(Stop::Refused(refusal)) if hangs => return Ok(Some((place, refusal))),
                Err(Stop::Refused(refusal)) => return Err(corrupt(Corruption::Refused { refusal })),
            }
            self.replayed += 1;
        }
        replayer.finish(&read.frame).map_err(|trouble| trouble.of(path))?;
        Ok(None)
    }
}

/// Whether an entry comes after what was observed: a record as a whole means all of its entries.
fn is_later(place: Place, observed: Place) -> bool {
    match observed.entry {
        None => place.record > observed.record,
        Some(_) => place > observed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditError, Fault, Source, audit};
    use exchange::Command;
    use std::cell::Cell;
    use units::{Address, Timestamp};

    thread_local! {
        /// The time of the entry that makes the rules panic.
        static PANIC_AT: Cell<u64> = const { Cell::new(0) };
    }

    /// Stands for a fault in the rules that an entry strikes.
    pub(super) fn panic_if_told(entry: &Entry) {
        assert_ne!(entry.at.0, PANIC_AT.get(), "the rules struck a fault");
    }

    fn tick(at: u64) -> Entry {
        Entry { at: Timestamp(at), command: Command::Tick }
    }

    fn open(folder: &Path, seen: &mut Vec<u64>) -> Opened {
        Journal::open(folder, Some(0), |_, entry, _, _| seen.push(entry.at.0)).unwrap()
    }

    #[test]
    fn an_entry_that_makes_the_rules_panic_is_set_aside_told_of_and_left_out_by_the_audit() {
        let folder = tempfile::tempdir().unwrap();
        let genesis = Genesis::new(Address::repeat_byte(1), false);
        let mut journal = Journal::create(folder.path(), &genesis).unwrap();
        for group in [[1, 2], [3, 4], [5, 6]] {
            journal.append(&group.map(tick), None).unwrap();
        }
        drop(journal);
        PANIC_AT.set(4);
        let place = Place::entry(2, 1);
        let unexplained = audit(Source::open(folder.path()).unwrap(), &[]).unwrap_err();
        assert!(matches!(&unexplained, AuditError::Found { place: at, fault: Fault::Panicked { .. } } if *at == place));

        let mut seen = Vec::new();
        let mut opened = open(folder.path(), &mut seen);
        assert_eq!(seen, [1, 2, 3, 4, 5, 6], "each once, in order; of the fourth nothing happened");
        assert_eq!(opened.set_aside.len(), 1);
        assert_eq!(opened.set_aside[0].place, Some(place));
        assert!(opened.set_aside[0].reason.contains("struck a fault"));
        // The next record tells of it, and later digests are of the state without it.
        let entry = tick(7);
        opened.exchange.apply(&entry, &mut Vec::new()).unwrap();
        opened.journal.append(&[entry], Some(opened.exchange.state_digest())).unwrap();
        let state = opened.exchange.state_digest();
        drop(opened);

        let report = audit(Source::open(folder.path()).unwrap(), &[]).unwrap();
        assert_eq!((report.state, report.digests), (state, 1));
        assert_eq!(report.set_aside.iter().map(|aside| aside.place).collect::<Vec<_>>(), [Some(place)]);
        let mut seen = Vec::new();
        let again = open(folder.path(), &mut seen);
        assert_eq!(again.exchange.state_digest(), state);
        assert!(again.journal.unnoted.is_empty(), "it is told once");
        assert_eq!(again.set_aside.len(), 1, "and named at every start");
        PANIC_AT.set(0);
    }
}
