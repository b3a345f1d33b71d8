//! Events as Ethereum logs.

use alloy_sol_types::SolEvent;
use units::{Address, B256, Bytes};

/// An event as a transaction's receipt has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whose event: the hub's, a registry's, a pool's.
    pub address: Address,
    /// The event's signature's hash, and its indexed arguments.
    pub topics: Vec<B256>,
    /// Its other arguments.
    pub data: Bytes,
}

impl Log {
    /// The log of an event of `address`. Events are the structs in [`contracts`](crate::contracts), such as
    /// `Hub::Transfer { from, to, value }`.
    #[must_use]
    pub fn new(address: Address, event: &impl SolEvent) -> Self {
        let data = event.encode_log_data();
        Self { address, topics: data.topics().to_vec(), data: data.data }
    }

    /// Reads an event back; `None` when the log is not of this event.
    #[must_use]
    pub fn event<E: SolEvent>(&self) -> Option<E> {
        E::decode_raw_log_validate(self.topics.iter().copied(), &self.data).ok()
    }
}
