//! Packages: what a requester's machine needs of an app with a manifest, found by the app's name.

use serde::{Deserialize, Serialize};
use units::{Address, Digest, OrderHash, Timestamp};

/// What a package is registered as: an app of this type, which no machine runs.
pub const TYPE: &str = "MANIFEST";
/// How many packages of one name are answered, at most.
pub const MOST: usize = 64;
/// The largest package, bytes.
pub const BYTES: u64 = 64 << 20;

/// A package that its owner offers to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRow {
    /// The package's own address.
    pub app: Address,
    /// Whose it is.
    pub owner: Address,
    /// The app's name.
    pub name: String,
    /// Its file.
    pub digest: Digest,
    /// The order that offers it.
    pub order: OrderHash,
    /// When that was taken.
    pub since: Timestamp,
}

/// Packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// The newest first.
    pub packages: Vec<PackageRow>,
}
