//! What an address is, as far as calls to it go.

use units::Address;

/// Which of the three things that are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetKind {
    /// An app.
    App,
    /// A dataset.
    Dataset,
    /// A workerpool.
    Workerpool,
}

/// What a transaction or a view is addressed to. The caller knows the exchange's addresses and says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The PoCo hub.
    Hub,
    /// The registry of apps, datasets or workerpools.
    Registry(AssetKind),
    /// The token whose deposit the hub's balances are.
    Token,
    /// A published app, dataset or workerpool.
    Asset(AssetKind, Address),
    /// A group of addresses.
    Group(Address),
}
