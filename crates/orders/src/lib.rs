//! The four orders of the market: EIP-712 hashes, signatures and compatibility.
