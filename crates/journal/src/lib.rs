//! The durable, hash-chained log of entries, its snapshots and its audit.
