//! PoCo's Ethereum face: calldata to calls and back, events to logs, signed transactions.
