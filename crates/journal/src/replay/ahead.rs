//! Reading ahead: one thread reads records, checks the chain and decodes entries, while another applies the rules.
//!
//! What is wrong with a record comes after the records before it, so that whatever is wrong first is named. Pieces that were
//! applied go back to the thread that made them, which has time to free them.

use super::{CHUNK_BYTES, Verified, verify};
use crate::database::Database;
use crate::error::JournalError;
use crate::record::{Frame, Record};
use exchange::Entry;
use orders::Domain;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, Scope};

/// How much is read and handed over at once, bytes.
const PIECE_BYTES: usize = CHUNK_BYTES / 16;
/// How many pieces wait at most.
const PIECES: usize = 8;

/// A record in order, with its entries; none where one is sealed and not opened.
pub(super) struct Read {
    pub(super) record: Record,
    pub(super) frame: Frame,
    pub(super) entries: Vec<Option<Entry>>,
}

/// Records in their order, and at the end, where it is not the journal's, what is wrong.
pub(super) struct Piece {
    pub(super) records: Vec<Read>,
    pub(super) wrong: Option<JournalError>,
}

/// The two ways between the threads.
pub(super) struct Ahead {
    pieces: Receiver<Piece>,
    spent: Sender<Vec<Read>>,
}

impl Ahead {
    /// The next piece; none after the last.
    pub(super) fn next(&self) -> Option<Piece> {
        self.pieces.recv().ok()
    }

    /// What is needed no more.
    pub(super) fn give_back(&self, records: Vec<Read>) {
        // Where the reading has ended, it is freed here.
        drop(self.spent.send(records));
    }
}

/// Begins to read after `last`; the pieces end with the journal or with the first that has something wrong. Whoever drops
/// them ends the reading.
pub(super) fn begin<'scope>(
    scope: &'scope Scope<'scope, '_>,
    database: &'scope Database,
    domain: &'scope Domain,
    last: Option<Record>,
) -> Result<Ahead, JournalError> {
    let own = Database::live(database.path())?;
    let ((give, pieces), (spent, returned)) = (sync_channel(PIECES), channel());
    let reading = move || read(&own, domain, last, &give, &returned);
    let spawned = thread::Builder::new().name("journal".to_owned()).spawn_scoped(scope, reading);
    spawned.map_err(|error| JournalError::io(database.path(), error))?;
    Ok(Ahead { pieces, spent })
}

fn read(
    database: &Database,
    domain: &Domain,
    mut last: Option<Record>,
    give: &SyncSender<Piece>,
    returned: &Receiver<Vec<Read>>,
) {
    loop {
        returned.try_iter().for_each(drop);
        let mut piece = Piece { records: Vec::new(), wrong: None };
        let ended = fill(database, domain, &mut last, &mut piece.records);
        let over = match ended {
            Ok(over) => over,
            Err(error) => {
                piece.wrong = Some(error);
                true
            }
        };
        if give.send(piece).is_err() || over {
            return;
        }
    }
}

/// Reads the next records; whether there are none.
fn fill(
    database: &Database,
    domain: &Domain,
    last: &mut Option<Record>,
    records: &mut Vec<Read>,
) -> Result<bool, JournalError> {
    let path = database.path();
    let chunk = database.chunk(last.map_or(0, |last| last.sequence + 1), PIECE_BYTES)?;
    let over = chunk.is_empty();
    for bytes in chunk {
        let verified: Verified = verify(bytes).map_err(|trouble| trouble.of(path))?;
        verified.follows(*last).map_err(|trouble| trouble.of(path))?;
        let record = verified.record();
        *last = Some(record);
        // Record 0 has the genesis.
        let entries = match record.sequence {
            0 => Vec::new(),
            _ => verified.entries(domain).map_err(|trouble| trouble.of(path))?,
        };
        records.push(Read { record, frame: verified.frame, entries });
    }
    Ok(over)
}
