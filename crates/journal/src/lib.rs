//! The durable, hash-chained log of entries; its snapshots, receipts and audit; and the history, a read model beside it.
//!
//! The journal is evidence: from the genesis and the entries in it anybody can rebuild the exchange's state and check
//! every signature, rule and payment ([`audit()`]). [`Journal::append`] returns when a record is on disk, and nothing may leave the
//! process before. A record carries the hash of the one before, so one changed byte is found, with its place; a history
//! rewritten whole is found by the [`Receipt`]s that people keep.
//!
//! Invariants: nothing is ever changed in a record; a journal of a newer version is refused, not guessed at; the format of
//! the bytes ([`mod@format`]) is not the domain's types, and is held by golden files.

mod audit;
mod database;
mod error;
pub mod format;
pub mod history;
mod journal;
mod receipt;
mod record;
mod replay;
mod serve;
mod snapshot;

pub use audit::{Again, AuditError, Audits, Fault, Heard, Report, Source, Verdicts, audit, audit_with};
pub use error::{Corruption, JournalError};
pub use journal::{Journal, exists};
pub use receipt::{Receipt, receipt_digest};
pub use record::{FORMAT, NotARange, Opening, Place, Record, RecordBytes, decode_range, encode_range};
pub use replay::{Opened, SetAside};
pub use serve::{Reader, is_final};
