//! Files of which the exchange has stretches already, in other files of the same sender: only the rest is sent.
//!
//! The exchange says what those files consist of; here the new file is cut in the same way ([`api::limits::CHUNK_BYTES`]) while it is
//! read, and each of its parts becomes a list of pieces, held ones and such that are sent. Its digest is hashed on the way.

use api::chunks::{Alike, Piece, mark};
use api::limits::{BLOB_PART_BYTES, CHUNK_BYTES};
use bytes::Bytes;
use fastcdc::v2020::StreamCDC;
use results::sha256;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use tokio::sync::mpsc;
use units::Digest;

/// Stretches that the exchange has.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// By length and mark: the file that has it, and where.
    places: BTreeMap<(u64, u64), (Digest, u64)>,
    /// A stretch of another length is not hashed.
    lengths: BTreeSet<u64>,
}

/// A part of a file, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where it begins in the file.
    pub(crate) start: u64,
    /// Its length in the file.
    pub(crate) length: u64,
    /// How much of the body says which pieces it is made of; none of it if all is sent.
    pub(crate) head: usize,
    pub(crate) body: Bytes,
}

impl From<Alike> for Held {
    fn from(alike: Alike) -> Self {
        let mut held = Self::default();
        for file in alike.files {
            let mut start = 0_u64;
            for (length, mark) in file.chunks {
                held.places.entry((length, mark)).or_insert((file.digest, start));
                held.lengths.insert(length);
                start = start.saturating_add(length);
            }
        }
        held
    }
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Reads a file's parts and gives each away; what they are together, and how much of them is sent.
    pub(crate) fn read_parts(&self, path: &Path, size: u64, give: &mpsc::Sender<Part>) -> io::Result<(Digest, u64)> {
        let (least, usual, most) = CHUNK_BYTES;
        let mut hash = Sha256::new();
        let mut making = Making::default();
        let mut sent = 0_u64;
        for stretch in StreamCDC::new(File::open(path)?.take(size), least, usual, most) {
            let stretch = stretch?.data;
            hash.update(&stretch);
            let mut place = self.place(&stretch);
            let mut rest = stretch.as_slice();
            while !rest.is_empty() {
                let room = usize::try_from(making.room(size)).expect("a part fits");
                let (now, behind) = rest.split_at(room.min(rest.len()));
                place = making.add(now, place);
                rest = behind;
                if making.room(size) == 0 {
                    sent = sent.saturating_add(u64::try_from(making.body.len()).expect("a length fits 64 bits"));
                    // Whoever takes no more has its own reason, which it says.
                    if give.blocking_send(making.part()?).is_err() {
                        return Ok((Digest::default(), sent));
                    }
                }
            }
        }
        if making.start < size {
            return Err(shorter());
        }
        Ok((Digest::from(<[u8; 32]>::from(hash.finalize())), sent))
    }

    /// Where the exchange has a stretch.
    fn place(&self, stretch: &[u8]) -> Option<(Digest, u64)> {
        let length = u64::try_from(stretch.len()).expect("a length fits 64 bits");
        if !self.lengths.contains(&length) {
            return None;
        }
        self.places.get(&(length, mark(&sha256(stretch)))).copied()
    }
}

/// A part that is being made.
#[derive(Debug, Default)]
struct Making {
    start: u64,
    length: u64,
    pieces: Vec<Piece>,
    body: Vec<u8>,
}

impl Making {
    /// How much it still takes, in a file of so many bytes.
    fn room(&self, size: u64) -> u64 {
        BLOB_PART_BYTES.min(size.saturating_sub(self.start)).saturating_sub(self.length)
    }

    /// Adds bytes that are held at a place, or not; where what follows them is held.
    fn add(&mut self, bytes: &[u8], place: Option<(Digest, u64)>) -> Option<(Digest, u64)> {
        let length = u64::try_from(bytes.len()).expect("a length fits 64 bits");
        self.length = self.length.saturating_add(length);
        let (of, start) = place.map_or((None, 0), |(of, start)| (Some(of), start));
        if of.is_none() {
            self.body.extend_from_slice(bytes);
        }
        match self.pieces.last_mut() {
            Some(last) if last.of == of && (of.is_none() || last.start.saturating_add(last.length) == start) => {
                last.length = last.length.saturating_add(length);
            }
            Some(_) | None => self.pieces.push(Piece { of, start, length }),
        }
        place.map(|(of, start)| (of, start.saturating_add(length)))
    }

    /// The part, and a new one behind it.
    fn part(&mut self) -> io::Result<Part> {
        let (start, length) = (self.start, self.length);
        let next = Self { start: start.saturating_add(length), ..Self::default() };
        let Self { pieces, body, .. } = std::mem::replace(self, next);
        if pieces.iter().all(|piece| piece.of.is_none()) {
            return Ok(Part { start, length, head: 0, body: body.into() });
        }
        let mut head = serde_json::to_vec(&pieces)?;
        let pieces = head.len();
        head.extend_from_slice(&body);
        Ok(Part { start, length, head: pieces, body: head.into() })
    }
}

/// A file is not as long as it was when it began to be sent.
pub(crate) fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was sent; send it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_becomes_shorter_while_it_is_sent_is_said_to_and_one_that_grows_is_sent_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.blend");
        std::fs::write(&path, vec![7; 300_000]).unwrap();
        let read = |size: u64| {
            let (give, mut take) = mpsc::channel(16);
            let read = Held::default().read_parts(&path, size, &give);
            drop(give);
            let parts: Vec<Part> = std::iter::from_fn(|| take.blocking_recv()).collect();
            (read, parts.iter().map(|part| part.body.len()).sum::<usize>())
        };
        let (shrunk, given) = read(300_001);
        assert!(shrunk.unwrap_err().to_string().contains("became shorter"));
        assert_eq!(given, 0, "no part of it is whole");
        let (grown, given) = read(200_000);
        assert_eq!((grown.unwrap(), given), ((sha256(&[7; 200_000]), 200_000), 200_000));
    }
}
