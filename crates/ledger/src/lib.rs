//! Accounts with free and locked balances: lock, unlock, seize, reward.
