//! Amounts, addresses, ids, timestamps and tags: the quantities every other crate speaks in.
