//! What a run may ask of this machine's disks: so much a second, so that one task does not keep all others' files waiting.
//!
//! The runtime sets it on the container's own control group (`blkio`, or `io` in version 2), where the machine has one and the folder
//! lies on a disk; else a run is not limited in this.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Bytes a second, read and written each.
const BYTES: u64 = 256 << 20;
/// Requests a second, of each kind.
const REQUESTS: u64 = 8_000;

/// The disks that folders lie on, as control groups name them. A folder in memory or on the network lies on none.
pub(crate) fn disks<'a>(folders: impl IntoIterator<Item = &'a Path>) -> BTreeSet<(u32, u32)> {
    folders.into_iter().filter_map(disk).collect()
}

fn disk(folder: &Path) -> Option<(u32, u32)> {
    let device = rustix::fs::stat(folder).ok()?.st_dev;
    let own = format!("/sys/dev/block/{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    // Only whole disks are limited: that of a partition is the folder above its own.
    let whole = if Path::new(&own).join("partition").exists() { format!("{own}/../dev") } else { format!("{own}/dev") };
    let named = fs::read_to_string(whole).ok()?;
    let (major, minor) = named.trim().split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The runtime's words for these disks' limits.
pub(crate) fn limits(disks: &BTreeSet<(u32, u32)>) -> Value {
    let each = |rate: u64| -> Vec<Value> {
        disks.iter().map(|(major, minor)| json!({ "major": major, "minor": minor, "rate": rate })).collect()
    };
    json!({
        "throttleReadBpsDevice": each(BYTES), "throttleWriteBpsDevice": each(BYTES),
        "throttleReadIOPSDevice": each(REQUESTS), "throttleWriteIOPSDevice": each(REQUESTS),
    })
}
