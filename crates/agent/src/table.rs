//! A job's table: one JSON line a task, too many to be in memory.

use api::params::Row;
use blobs::Pin;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use units::Digest;

/// Rows between two places that are remembered.
const STRIDE: u64 = 64;

/// A table, indexed.
#[derive(Debug)]
pub(crate) struct Table {
    /// Keeps the file in the cache.
    _pin: Pin,
    /// Where rows 0, 64, 128… begin, and the file's end.
    places: Vec<u64>,
    rows: u64,
    reading: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    file: File,
    /// The rows read last, by the index of their first place: tasks come mostly in order.
    block: Option<(usize, Arc<Vec<u8>>)>,
}

/// Why a table or a row of it could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// The disk failed, or the file is not what it was: fetch it again.
    #[error("a job's table could not be read")]
    Damaged(#[from] io::Error),
    /// There is no such row.
    #[error("a job's table has only {rows} rows")]
    NoRow { rows: u64 },
    /// The row is not the JSON described.
    #[error("a row of a job's table is not as it should be")]
    Malformed(#[from] serde_json::Error),
}

impl Table {
    /// Reads the whole table once, checks it against its digest and remembers where rows are. Blocks.
    pub(crate) fn index(pin: Pin) -> Result<Self, TableError> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(pin.path())?);
        let (mut places, mut rows, mut at, mut hash) = (Vec::new(), 0_u64, 0_u64, Sha256::new());
        let mut at_start = true;
        loop {
            let chunk = reader.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            hash.update(chunk);
            for byte in chunk {
                if at_start {
                    if rows.is_multiple_of(STRIDE) {
                        places.push(at);
                    }
                    rows += 1;
                }
                at += 1;
                at_start = *byte == b'\n';
            }
            let length = chunk.len();
            reader.consume(length);
        }
        places.push(at);
        let hash: [u8; 32] = hash.finalize().into();
        if Digest::from(hash) != pin.digest() {
            return Err(TableError::Damaged(io::ErrorKind::InvalidData.into()));
        }
        let reading = Mutex::new(Reading { file: reader.into_inner(), block: None });
        Ok(Self { _pin: pin, places, rows, reading })
    }

    /// A task's row.
    pub(crate) fn row(&self, index: u64) -> Result<Row, TableError> {
        let no_row = || TableError::NoRow { rows: self.rows };
        let number = usize::try_from(index / STRIDE).map_err(|_| no_row())?;
        let block = self.block(number).ok_or_else(no_row)??;
        let skip = usize::try_from(index % STRIDE).map_err(|_| no_row())?;
        let line = block.split(|byte| *byte == b'\n').nth(skip).filter(|_| index < self.rows).ok_or_else(no_row)?;
        Ok(serde_json::from_slice(line)?)
    }

    /// The rows from one remembered place to the next; `None` beyond the last.
    fn block(&self, number: usize) -> Option<io::Result<Arc<Vec<u8>>>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, block)) = &reading.block
            && *at == number
        {
            return Some(Ok(Arc::clone(block)));
        }
        let (from, to) = (*self.places.get(number)?, *self.places.get(number + 1)?);
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        let read = reading.file.seek(SeekFrom::Start(from)).and_then(|_| reading.file.read_exact(&mut bytes));
        if let Err(error) = read {
            return Some(Err(error));
        }
        let block = Arc::new(bytes);
        reading.block = Some((number, Arc::clone(&block)));
        Some(Ok(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobs::Store;

    fn table(text: &str) -> (tempfile::TempDir, Table) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("files"), None).unwrap();
        let stored = store.put(text.as_bytes()).unwrap();
        let table = Table::index(store.pin(&stored.digest).unwrap()).unwrap();
        (folder, table)
    }

    #[test]
    fn row_i_is_line_i_wherever_it_lies() {
        let lines: Vec<String> = (0..200).map(|i| format!(r#"{{"args":["{}"]}}"#, "x".repeat(i))).collect();
        for text in [lines.join("\n"), lines.join("\n") + "\n"] {
            let (_folder, table) = table(&text);
            for i in [0, 199, 63, 64, 65, 127, 128, 1] {
                let length = usize::try_from(i).unwrap();
                assert_eq!(table.row(i).unwrap().args, ["x".repeat(length)], "row {i}");
            }
            assert!(matches!(table.row(200), Err(TableError::NoRow { .. })));
        }
        let (_folder, empty) = table("");
        assert!(matches!(empty.row(0), Err(TableError::NoRow { .. })));
    }

    #[test]
    fn a_row_that_is_not_json_is_told_apart() {
        let (_folder, table) = table("{}\nno\n");
        assert_eq!(table.row(0).unwrap(), Row::default());
        assert!(matches!(table.row(1), Err(TableError::Malformed(_))));
    }

    #[test]
    fn a_table_damaged_on_disk_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("files"), None).unwrap();
        let stored = store.put(b"{}\n").unwrap();
        let pin = store.pin(&stored.digest).unwrap();
        std::fs::write(pin.path(), b"[]\n").unwrap();
        assert!(matches!(Table::index(pin), Err(TableError::Damaged(_))));
    }
}
