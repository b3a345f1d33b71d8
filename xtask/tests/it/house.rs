//! The house as data. A new room is one line in [`ROOMS`] and, if it is pure, one in [`PURE`].

/// Every room under `crates/`, and which of our rooms it may depend on (normal and build dependencies).
///
/// It is the law, so it may allow more than is used; the order is the order of ARCHITECTURE.md, and a room may only
/// depend on rooms above it.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("orders", &["units"]),
    ("abi", &["units", "orders"]),
    ("results", &["units"]),
    ("ledger", &["units"]),
    ("poco", &["units", "orders", "ledger"]),
    ("exchange", &["units", "orders", "abi", "ledger", "poco"]),
    ("book", &["units", "orders"]),
    ("dispatch", &["units", "orders"]),
    ("market", &["units", "orders", "ledger", "poco", "exchange", "book", "dispatch"]),
    ("journal", &["units", "orders", "abi", "ledger", "poco", "exchange"]),
    ("blobs", &["units"]),
    ("images", &["units"]),
    ("sandbox", &["units", "results"]),
    ("api", &["units", "orders", "results"]),
    (
        "server",
        &[
            "units", "orders", "abi", "results", "ledger", "poco", "exchange", "book", "dispatch", "market", "journal",
            "blobs", "sandbox", "api",
        ],
    ),
    ("agent", &["units", "orders", "results", "blobs", "images", "sandbox", "api"]),
    ("client", &["units", "orders", "abi", "results", "api"]),
    ("simulator", &["units", "orders", "abi", "poco", "exchange", "market", "api", "agent"]),
    ("manifest", &[]),
    ("bundle", &[]),
    ("gallery", &[]),
    (
        "cli",
        &[
            "units", "orders", "abi", "results", "poco", "exchange", "market", "journal", "blobs", "images", "sandbox",
            "api", "server", "agent", "client", "manifest", "bundle", "gallery",
        ],
    ),
];

/// The pure rooms, and exactly which crates of others each depends on (normal and build dependencies).
///
/// No I/O, clock, randomness, environment, threads or async: so think before a name is added, and say in the commit
/// why it keeps the room pure.
pub(crate) const PURE: &[(&str, &[&str])] = &[
    ("units", &["alloy-primitives", "serde"]),
    ("orders", &["alloy-primitives", "secp256k1", "serde", "thiserror"]),
    ("abi", &["alloy-primitives", "alloy-rlp", "alloy-sol-types", "thiserror"]),
    ("results", &["alloy-primitives", "serde", "serde_json", "sha2", "thiserror"]),
    ("ledger", &["serde", "thiserror"]),
    ("poco", &["alloy-primitives", "serde", "thiserror"]),
    ("exchange", &["alloy-primitives", "serde", "thiserror"]),
    ("book", &[]),
    ("dispatch", &[]),
    ("market", &["alloy-primitives"]),
];

/// Crates of others that touch the world, and the only members that may (in normal and build dependencies).
pub(crate) const ONLY: &[(&str, &[&str])] = &[
    ("anyhow", &["cli", "xtask", "benches"]),
    ("axum", &["server"]),
    ("clap", &["cli"]),
    ("comfy-table", &["cli"]),
    ("etcetera", &["cli"]),
    ("indicatif", &["cli"]),
    ("oci-client", &["images"]),
    ("rusqlite", &["journal"]),
    ("tar", &["images"]),
    ("toml", &["manifest"]),
    ("tower-http", &["server"]),
    ("wasmtime", &["sandbox", "benches"]),
    ("wasmtime-wasi", &["sandbox"]),
];

/// Where a Rust file may print: the command line, and programs that are not part of it.
pub(crate) const MAY_PRINT: &[&str] = &[
    "crates/agent/tests/",
    "crates/cli/",
    "crates/exchange/tests/",
    "crates/sandbox/examples/",
    "crates/sandbox/tests/",
    "crates/simulator/examples/",
    "xtask/",
    "benches/",
    "apps/",
];

/// Binary files in git: path prefix, and the most kilobytes one may have. All others have [`BINARY_KB`].
pub(crate) const LARGE_BINARIES: &[(&str, u64)] = &[
    // Pictures for people.
    ("docs/", 1024),
    // What the real contracts did, compressed; kept whole because every transaction is a test.
    ("crates/exchange/tests/vectors/", 1024),
];

/// The most kilobytes of any other binary file in git.
pub(crate) const BINARY_KB: u64 = 200;

/// The most lines of code in one file, its inline tests not counted.
pub(crate) const LINES: usize = 500;
