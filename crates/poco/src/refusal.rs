//! PoCo's ways of saying no, in the contracts' own words.

use units::{Address, Amount};

/// Selector of Solidity's `Error(string)`.
const ERROR_SELECTOR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Selector of Solidity's `Panic(uint256)`.
const PANIC_SELECTOR: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];
/// Selector of `CallerIsNotTheRequester()`.
const NOT_REQUESTER_SELECTOR: [u8; 4] = [0x74, 0xa0, 0x58, 0x3f];
/// Selector of `OperationFailed()`.
const OPERATION_FAILED_SELECTOR: [u8; 4] = [0x03, 0x64, 0xee, 0xd2];
/// Selector of `UnsupportedOperation(bytes4)`.
const UNSUPPORTED_SELECTOR: [u8; 4] = [0xde, 0x61, 0x68, 0xe5];
/// Selector of `IncompatibleDatasetOrder(string)`.
const INCOMPATIBLE_SELECTOR: [u8; 4] = [0x0a, 0xfd, 0x93, 0x82];
/// Length of an ABI word.
const WORD: usize = 32;

/// Why PoCo refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Four orders that make no deal: `iExecV5-matchOrders-0xNN`, the code as the contracts number their checks.
    #[error("iExecV5-matchOrders-{0:#04x}")]
    MatchOrders(u8),
    /// A signature that is neither 65 nor 64 bytes long.
    #[error("invalid-signature-format")]
    InvalidSignatureFormat,
    /// Neither sent nor signed by who may.
    #[error("invalid-sender-or-signature")]
    InvalidSenderOrSignature,
    /// The account has less free than is to be moved or locked.
    #[error("IexecEscrow: Transfer amount exceeds balance")]
    TransferExceedsBalance {
        /// Whose money was too little.
        account: Address,
        /// What it has free.
        available: Amount,
        /// What it would take.
        needed: Amount,
    },
    /// Money cannot come from the zero address.
    #[error("IexecEscrow: Transfer from empty address")]
    TransferFromNobody,
    /// Money cannot go to the zero address.
    #[error("IexecEscrow: Transfer to empty address")]
    TransferToNobody,
    /// An allowance cannot be given to the zero address.
    #[error("ERC20: approve to the zero address")]
    ApproveToNobody,
    /// Two lists that should be equally long are not.
    #[error("invalid-array-length")]
    InvalidArrayLength,
    /// For the exchange's operator alone.
    #[error("Ownable: caller is not the owner")]
    NotOperator,
    /// For the asset's owner alone.
    #[error("caller is not the owner")]
    NotOwner,
    /// No function of the contract that was addressed.
    #[error("fallback-disabled")]
    UnknownFunction,
    /// Orders matched along with a deposit must be the depositor's own.
    #[error("CallerIsNotTheRequester()")]
    CallerIsNotTheRequester,
    /// What came along with a deposit failed without words.
    #[error("OperationFailed()")]
    OperationFailed,
    /// Only `matchOrders` may come along with a deposit.
    #[error("UnsupportedOperation(bytes4)")]
    UnsupportedOperation([u8; 4]),
    /// The dataset order does not fit the deal.
    #[error("{0}")]
    IncompatibleDatasetOrder(DatasetMismatch),
    /// A number that does not fit into 256 bits, or would be negative.
    #[error("arithmetic overflow")]
    Overflow,
    /// A call of the exchange's extension is refused, in these words (PoCo's own calls never are).
    #[error("{0}")]
    Extension(&'static str),
    /// Refused without words: Solidity's `require(false)`.
    #[error("refused without words")]
    Silent,
}

/// Why a dataset order does not fit a deal, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetMismatch {
    /// Closed, or all of its volume taken.
    #[error("Dataset order is revoked or fully consumed")]
    Consumed,
    /// Not signed by the dataset's owner.
    #[error("Invalid dataset order signature")]
    Signature,
    /// There is no such deal.
    #[error("Deal not found")]
    NoDeal,
    /// The deal has a dataset of its own.
    #[error("Deal already has a dataset")]
    HasDataset,
    /// Not for the deal's app.
    #[error("App restriction not satisfied")]
    App,
    /// Not for the deal's workerpool.
    #[error("Workerpool restriction not satisfied")]
    Workerpool,
    /// Not for the deal's requester.
    #[error("Requester restriction not satisfied")]
    Requester,
    /// The deal lacks a capability that the dataset demands.
    #[error("Tag compatibility not satisfied")]
    Tag,
}

impl Refusal {
    /// What a wallet would show: the contract's words, a panic's meaning, or nothing where PoCo says nothing or
    /// uses a custom error.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Silent
            | Self::CallerIsNotTheRequester
            | Self::OperationFailed
            | Self::UnsupportedOperation(_)
            | Self::IncompatibleDatasetOrder(_) => None,
            Self::Overflow => Some("Panic due to OVERFLOW(17)".to_owned()),
            Self::MatchOrders(_)
            | Self::InvalidSignatureFormat
            | Self::InvalidSenderOrSignature
            | Self::TransferExceedsBalance { .. }
            | Self::TransferFromNobody
            | Self::TransferToNobody
            | Self::ApproveToNobody
            | Self::InvalidArrayLength
            | Self::NotOperator
            | Self::NotOwner
            | Self::Extension(_)
            | Self::UnknownFunction => Some(self.to_string()),
        }
    }

    /// The bytes with which the contract would revert.
    #[must_use]
    pub fn revert_bytes(&self) -> Vec<u8> {
        match self {
            Self::Silent => Vec::new(),
            Self::Overflow => [&PANIC_SELECTOR[..], &word(0x11)].concat(),
            Self::CallerIsNotTheRequester => NOT_REQUESTER_SELECTOR.to_vec(),
            Self::OperationFailed => OPERATION_FAILED_SELECTOR.to_vec(),
            Self::UnsupportedOperation(selector) => [&UNSUPPORTED_SELECTOR[..], selector, &[0; 28]].concat(),
            Self::IncompatibleDatasetOrder(mismatch) => with_text(INCOMPATIBLE_SELECTOR, &mismatch.to_string()),
            Self::MatchOrders(_)
            | Self::InvalidSignatureFormat
            | Self::InvalidSenderOrSignature
            | Self::TransferExceedsBalance { .. }
            | Self::TransferFromNobody
            | Self::TransferToNobody
            | Self::ApproveToNobody
            | Self::InvalidArrayLength
            | Self::NotOperator
            | Self::NotOwner
            | Self::Extension(_)
            | Self::UnknownFunction => with_text(ERROR_SELECTOR, &self.to_string()),
        }
    }
}

/// A small number as an ABI word.
fn word(number: u8) -> [u8; WORD] {
    let mut bytes = [0; WORD];
    bytes[31] = number;
    bytes
}

/// A selector with one string argument, ABI-encoded.
fn with_text(selector: [u8; 4], text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("words of refusal are short");
    let mut bytes = [&selector[..], &word(0x20), &word(length), text.as_bytes()].concat();
    bytes.resize(text.len().next_multiple_of(WORD).saturating_add(4 + 2 * WORD), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_code_reads_as_the_contracts_write_it() {
        assert_eq!(Refusal::MatchOrders(0x1b).reason().unwrap(), "iExecV5-matchOrders-0x1b");
        assert_eq!(Refusal::MatchOrders(0).reason().unwrap(), "iExecV5-matchOrders-0x00");
    }

    #[test]
    fn words_are_reverted_as_an_abi_encoded_error() {
        let bytes = Refusal::InvalidSignatureFormat.revert_bytes();
        assert_eq!(bytes.len(), 4 + 3 * WORD);
        assert_eq!(bytes[..4], ERROR_SELECTOR);
        assert_eq!(bytes[35], 0x20);
        assert_eq!(bytes[67], 0x18);
        assert_eq!(&bytes[68..92], b"invalid-signature-format");
        assert_eq!(Refusal::Silent.revert_bytes(), Vec::<u8>::new());
    }
}
