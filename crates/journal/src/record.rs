//! Records: what the chain is made of.
//!
//! A record is a group of entries that became durable together. Its bytes are a CBOR map with numbered fields and name the
//! hash of the record before; its *head* is the SHA-256 of its bytes, and so covers everything before it too. Record 0
//! has the genesis alone; entries are in records from 1.
//!
//! An entry that would tell one worker about another's part in an unfinished task stands in the record *sealed*: as the
//! SHA-256 of a salt and its bytes. The salt and the bytes, its [`Opening`], lie beside the record and are shown once the
//! tasks it speaks of are final.

use minicbor::{Decoder, Encoder};
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use std::fmt;
use units::B256;

/// The newest version of the data folder's format that this software writes and reads.
pub const FORMAT: u64 = 1;

/// Where in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The record's number.
    pub record: u64,
    /// Which of its entries, counted from 0; none for the record as a whole.
    pub entry: Option<u32>,
}

impl Place {
    /// A record as a whole.
    #[must_use]
    pub fn record(record: u64) -> Self {
        Self { record, entry: None }
    }

    /// An entry of a record, counted from 0.
    #[must_use]
    pub fn entry(record: u64, entry: usize) -> Self {
        Self { record, entry: Some(u32::try_from(entry).unwrap_or(u32::MAX)) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            None => write!(f, "record {}", self.record),
            Some(entry) => write!(f, "record {}, entry {entry}", self.record),
        }
    }
}

/// A record's number and hash: all that a receipt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record's number; 0 is the genesis.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub head: B256,
}

/// A sealed entry's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Which entry of its record, counted from 0.
    pub entry: u32,
    /// What was hashed before the bytes, so that nobody can guess them.
    pub salt: [u8; 32],
    /// The entry's bytes.
    pub bytes: Vec<u8>,
}

/// A record as it is stored and served: its chained bytes, the hash kept beside them, and what is shown of its sealed entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBytes {
    /// The number it is stored under.
    pub sequence: u64,
    /// The hash kept beside the bytes; to be checked against them.
    pub head: B256,
    /// The chained bytes.
    pub bytes: Vec<u8>,
    /// Openings of sealed entries, by entry; when served, only of those that may be shown.
    pub openings: Vec<Opening>,
}

/// One entry's place in a record's chained bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The entry's bytes.
    Open(Vec<u8>),
    /// The salted hash of the entry's bytes.
    Sealed(B256),
}

/// A record's chained content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) sequence: u64,
    /// The head of the record before; zero in the first.
    pub(crate) previous: B256,
    /// Version of the rules that accepted the entries.
    pub(crate) rules: u64,
    pub(crate) items: Vec<Item>,
    /// The state's digest after the record, where it was taken.
    pub(crate) state: Option<B256>,
    /// Entries of earlier records that were set aside since the record before.
    pub(crate) set_aside: Vec<Place>,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// Of a format that is not known yet.
    Newer(u64),
    /// Not well-formed, from this byte on.
    Malformed(usize),
}

/// SHA-256 of a record's bytes.
pub(crate) fn head_of(bytes: &[u8]) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}

/// What stands for a sealed entry: SHA-256 of the salt and the entry's bytes.
pub(crate) fn seal(salt: &[u8; 32], bytes: &[u8]) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::new().chain_update(salt).chain_update(bytes).finalize()))
}

/// The salt of one entry, made of its record's secret.
pub(crate) fn salt_of(secret: &[u8; 32], entry: u32) -> [u8; 32] {
    Sha256::new().chain_update(secret).chain_update(entry.to_be_bytes()).finalize().into()
}

type Writer<'a> = Encoder<&'a mut Vec<u8>>;
type Written = Result<(), minicbor::encode::Error<Infallible>>;
type Read<T> = Result<T, minicbor::decode::Error>;

/// Encodes into a vector, which cannot fail.
pub(crate) fn to_vec(write: impl FnOnce(&mut Writer<'_>) -> Written) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes)).expect("writing to memory cannot fail");
    bytes
}

/// Reads 32 bytes.
pub(crate) fn word(decoder: &mut Decoder<'_>) -> Read<B256> {
    let bytes = decoder.bytes()?;
    B256::try_from(bytes).map_err(|_| minicbor::decode::Error::message("not 32 bytes").at(decoder.position()))
}

/// Reads an array's length.
pub(crate) fn length(decoder: &mut Decoder<'_>) -> Read<u64> {
    decoder.array()?.ok_or_else(|| minicbor::decode::Error::message("of unknown length").at(decoder.position()))
}

/// Reads one value and refuses what comes after it.
pub(crate) fn whole<'b, T>(bytes: &'b [u8], read: impl FnOnce(&mut Decoder<'b>) -> Read<T>) -> Result<T, usize> {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder).map_err(|error| error.position().unwrap_or(0))?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(decoder.position()) }
}

impl Item {
    fn encode(&self, to: &mut Writer<'_>) -> Written {
        match self {
            Self::Open(bytes) => to.array(2)?.u8(0)?.bytes(bytes)?,
            Self::Sealed(hash) => to.array(2)?.u8(1)?.bytes(hash.as_slice())?,
        };
        Ok(())
    }

    fn decode(from: &mut Decoder<'_>) -> Read<Self> {
        let length = length(from)?;
        match (length, from.u8()?) {
            (2, 0) => Ok(Self::Open(from.bytes()?.to_vec())),
            (2, 1) => word(from).map(Self::Sealed),
            _ => Err(minicbor::decode::Error::message("no item").at(from.position())),
        }
    }
}

impl Frame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        to_vec(|to| {
            let fields = 5 + u64::from(self.state.is_some()) + u64::from(!self.set_aside.is_empty());
            to.map(fields)?.u8(0)?.u64(FORMAT)?.u8(1)?.u64(self.sequence)?;
            to.u8(2)?.bytes(self.previous.as_slice())?.u8(3)?.u64(self.rules)?;
            to.u8(4)?.array(self.items.len() as u64)?;
            for item in &self.items {
                item.encode(to)?;
            }
            if let Some(state) = self.state {
                to.u8(5)?.bytes(state.as_slice())?;
            }
            if !self.set_aside.is_empty() {
                to.u8(6)?.array(self.set_aside.len() as u64)?;
                for place in &self.set_aside {
                    to.array(2)?.u64(place.record)?.u32(place.entry.unwrap_or(0))?;
                }
            }
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let format = format_of(bytes).map_err(|error| FrameError::Malformed(error.position().unwrap_or(0)))?;
        if format != FORMAT {
            return Err(FrameError::Newer(format));
        }
        whole(bytes, Self::read).map_err(FrameError::Malformed)
    }

    fn read(from: &mut Decoder<'_>) -> Read<Self> {
        let unexpected = |from: &Decoder<'_>| minicbor::decode::Error::message("unexpected field").at(from.position());
        let fields = from.map()?.ok_or_else(|| unexpected(from))?;
        let expect = |from: &mut Decoder<'_>, key: u8| if from.u8()? == key { Ok(()) } else { Err(unexpected(from)) };
        expect(from, 0)?;
        from.u64()?;
        expect(from, 1)?;
        let sequence = from.u64()?;
        expect(from, 2)?;
        let previous = word(from)?;
        expect(from, 3)?;
        let rules = from.u64()?;
        expect(from, 4)?;
        let items = many(from, Item::decode)?;
        let mut frame = Self { sequence, previous, rules, items, state: None, set_aside: Vec::new() };
        for _ in 5..fields {
            match from.u8()? {
                5 if frame.state.is_none() => frame.state = Some(word(from)?),
                6 if frame.set_aside.is_empty() => frame.set_aside = many(from, place)?,
                _ => return Err(unexpected(from)),
            }
        }
        Ok(frame)
    }
}

fn format_of(bytes: &[u8]) -> Read<u64> {
    let mut decoder = Decoder::new(bytes);
    decoder.map()?;
    if decoder.u8()? != 0 {
        return Err(minicbor::decode::Error::message("no format").at(decoder.position()));
    }
    decoder.u64()
}

fn place(from: &mut Decoder<'_>) -> Read<Place> {
    if length(from)? != 2 {
        return Err(minicbor::decode::Error::message("no place").at(from.position()));
    }
    Ok(Place { record: from.u64()?, entry: Some(from.u32()?) })
}

/// Reads an array; its stated length allocates nothing.
pub(crate) fn many<'b, T>(from: &mut Decoder<'b>, read: impl Fn(&mut Decoder<'b>) -> Read<T>) -> Read<Vec<T>> {
    let count = length(from)?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(read(from)?);
    }
    Ok(all)
}

fn opening(from: &mut Decoder<'_>) -> Read<Opening> {
    if length(from)? != 3 {
        return Err(minicbor::decode::Error::message("no opening").at(from.position()));
    }
    Ok(Opening { entry: from.u32()?, salt: word(from)?.0, bytes: from.bytes()?.to_vec() })
}

/// Encodes openings for their column, or for a wire.
pub(crate) fn encode_openings(openings: &[Opening], to: &mut Writer<'_>) -> Written {
    to.array(openings.len() as u64)?;
    for opening in openings {
        to.array(3)?.u32(opening.entry)?.bytes(&opening.salt)?.bytes(&opening.bytes)?;
    }
    Ok(())
}

/// Reads a column of openings.
pub(crate) fn decode_openings(bytes: &[u8]) -> Result<Vec<Opening>, usize> {
    whole(bytes, |from| many(from, opening))
}

/// The bytes are no range of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a range of a journal (at byte {offset})")]
pub struct NotARange {
    /// Where reading stopped.
    pub offset: usize,
}

/// Encodes records for `GET /v1/journal`: a CBOR array of arrays of number, head, bytes and openings.
#[must_use]
pub fn encode_range(records: &[RecordBytes]) -> Vec<u8> {
    to_vec(|to| {
        to.array(records.len() as u64)?;
        for record in records {
            to.array(4)?.u64(record.sequence)?.bytes(record.head.as_slice())?.bytes(&record.bytes)?;
            encode_openings(&record.openings, to)?;
        }
        Ok(())
    })
}

/// Reads what [`encode_range`] made. Nothing in it is checked yet: that is the audit's work.
///
/// # Errors
/// [`NotARange`] if the bytes are something else.
pub fn decode_range(bytes: &[u8]) -> Result<Vec<RecordBytes>, NotARange> {
    let record = |from: &mut Decoder<'_>| {
        if length(from)? != 4 {
            return Err(minicbor::decode::Error::message("no record").at(from.position()));
        }
        let (sequence, head) = (from.u64()?, word(from)?);
        Ok(RecordBytes { sequence, head, bytes: from.bytes()?.to_vec(), openings: many(from, opening)? })
    };
    whole(bytes, |from| many(from, record)).map_err(|offset| NotARange { offset })
}
