//! What a refused call answers.

use crate::contracts::Hub;
use alloy_sol_types::{Panic, Revert as Reason, SolError};
use units::{Bytes, U256};

/// What a refused call answers, as Solidity encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
    /// Without words: `require(false)`, or arguments that do not decode.
    Silent,
    /// `Error(string)`: `require(false, reason)`.
    Reason(String),
    /// `Panic(uint256)`: a failed assertion (1), overflow (0x11), division by zero (0x12), index out of range (0x32)…
    Panic(U256),
    /// `CallerIsNotTheRequester()`.
    CallerIsNotTheRequester,
    /// `IncompatibleDatasetOrder(string)`.
    IncompatibleDatasetOrder(String),
    /// `MathOverflowedMulDiv()`.
    MathOverflowedMulDiv,
    /// `OperationFailed()`.
    OperationFailed,
    /// `UnsupportedOperation(bytes4)`, with the selector that was asked for.
    UnsupportedOperation([u8; 4]),
}

impl Revert {
    /// `Error(string)` with this reason.
    #[must_use]
    pub fn reason(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }

    /// Solidity's panic of an arithmetic overflow.
    #[must_use]
    pub fn overflow() -> Self {
        Self::Panic(U256::from(0x11))
    }

    /// The raw answer.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Silent => Vec::new(),
            Self::Reason(reason) => Reason { reason: reason.clone() }.abi_encode(),
            Self::Panic(code) => Panic { code: *code }.abi_encode(),
            Self::CallerIsNotTheRequester => Hub::CallerIsNotTheRequester {}.abi_encode(),
            Self::IncompatibleDatasetOrder(reason) => {
                Hub::IncompatibleDatasetOrder { reason: reason.clone() }.abi_encode()
            }
            Self::MathOverflowedMulDiv => Hub::MathOverflowedMulDiv {}.abi_encode(),
            Self::OperationFailed => Hub::OperationFailed {}.abi_encode(),
            Self::UnsupportedOperation(selector) => {
                Hub::UnsupportedOperation { selector: (*selector).into() }.abi_encode()
            }
        }
        .into()
    }

    /// Reads a raw answer; `None` for an error that PoCo does not have.
    #[must_use]
    pub fn decode(data: &[u8]) -> Option<Self> {
        let Some((&selector, rest)) = data.split_first_chunk() else {
            return data.is_empty().then_some(Self::Silent);
        };
        Some(match selector {
            Reason::SELECTOR => Self::Reason(Reason::abi_decode_raw_validate(rest).ok()?.reason),
            Panic::SELECTOR => Self::Panic(Panic::abi_decode_raw_validate(rest).ok()?.code),
            Hub::CallerIsNotTheRequester::SELECTOR => Self::CallerIsNotTheRequester,
            Hub::IncompatibleDatasetOrder::SELECTOR => Self::IncompatibleDatasetOrder(
                Hub::IncompatibleDatasetOrder::abi_decode_raw_validate(rest).ok()?.reason,
            ),
            Hub::MathOverflowedMulDiv::SELECTOR => Self::MathOverflowedMulDiv,
            Hub::OperationFailed::SELECTOR => Self::OperationFailed,
            Hub::UnsupportedOperation::SELECTOR => {
                Self::UnsupportedOperation(Hub::UnsupportedOperation::abi_decode_raw_validate(rest).ok()?.selector.0)
            }
            _ => return None,
        })
    }
}
