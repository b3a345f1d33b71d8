//! Snapshots: the whole state after a record, so that a start need not replay everything.
//!
//! A snapshot is no evidence. It is one file beside the journal, written aside and renamed; whatever is wrong with it, it
//! is ignored and everything is replayed. It says which record it is of and what digest the state has.

use crate::error::JournalError;
use crate::record::{FORMAT, Record, to_vec, whole, word};
use exchange::{Exchange, RULES_VERSION};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use units::B256;

/// The snapshot in a data folder.
pub(crate) const FILE: &str = "snapshot.cbor";
/// The next one while it is being written.
const UNFINISHED: &str = "snapshot.cbor.new";

/// A state that was found to be what it says it is.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) record: Record,
    pub(crate) exchange: Exchange,
}

/// Writes a snapshot durably.
pub(crate) fn save(folder: &Path, exchange: &Exchange, record: Record) -> Result<(), JournalError> {
    let mut state = Vec::new();
    ciborium::into_writer(exchange, &mut state).expect("the state can be written to memory");
    let header = to_vec(|to| {
        to.array(6)?.u64(FORMAT)?.u32(RULES_VERSION)?.u64(record.sequence)?.bytes(record.head.as_slice())?;
        to.bytes(exchange.state_digest().as_slice())?.bytes(&state)?;
        Ok(())
    });
    let unfinished = folder.join(UNFINISHED);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&unfinished)?;
        file.write_all(&header)?;
        file.sync_all()?;
        fs::rename(&unfinished, folder.join(FILE))?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| JournalError::io(&unfinished, error))
}

/// The snapshot, if there is one that this software made, by these rules, and that has the digest it says.
pub(crate) fn load(folder: &Path) -> Option<Snapshot> {
    let bytes = fs::read(folder.join(FILE)).ok()?;
    let read = |from: &mut minicbor::Decoder<'_>| {
        let known = from.array()? == Some(6) && from.u64()? == FORMAT && from.u32()? == RULES_VERSION;
        let record = Record { sequence: from.u64()?, head: word(from)? };
        let digest = word(from)?;
        Ok((known, record, digest, from.bytes()?.to_vec()))
    };
    let (known, record, digest, state): (bool, Record, B256, Vec<u8>) = whole(&bytes, read).ok()?;
    if !known {
        return None;
    }
    let exchange: Exchange = ciborium::from_reader(state.as_slice()).ok()?;
    (exchange.state_digest() == digest).then_some(Snapshot { record, exchange })
}
