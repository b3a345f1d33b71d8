//! Calldata to arguments, as strictly as Solidity's own decoder and within a bound on memory.

use alloy_sol_types::SolCall;
use alloy_sol_types::abi::AbiDecoderConfig;

/// Calldata may hold many references to one place; what it unfolds to is at most this many times as long.
const MAX_UNFOLDING: usize = 16;
/// What even the shortest calldata may take.
const SMALL: usize = 64 * 1024;

/// Calldata that names a function but is not its arguments: too short, dirty, out of an enum's range, lists of different
/// lengths, a text that is not UTF-8. The contract would revert without words.
///
/// (PoCo itself does not read its texts, and lets any bytes pass as one; that is the single deviation.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the calldata is not the arguments of the function that it names")]
pub struct DecodeError;

/// Reads one function's arguments, without the selector.
pub(crate) fn arguments<C: SolCall>(data: &[u8]) -> Result<C, DecodeError> {
    let limit = data.len().saturating_mul(MAX_UNFOLDING).saturating_add(SMALL);
    let config = AbiDecoderConfig::new().validate(true).memory_limit(limit);
    C::abi_decode_raw_with_config(data, config).map_err(|_| DecodeError)
}
