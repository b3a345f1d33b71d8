//! What a refused call answers.

use abi::Revert;
use proptest::prelude::*;
use units::U256;

#[test]
fn every_refusal_reads_back_as_it_was() {
    for revert in [
        Revert::Silent,
        Revert::reason(""),
        Revert::reason("iExecV5-matchOrders-0x00"),
        Revert::overflow(),
        Revert::Panic(U256::MAX),
        Revert::CallerIsNotTheRequester,
        Revert::IncompatibleDatasetOrder("why".to_owned()),
        Revert::MathOverflowedMulDiv,
        Revert::OperationFailed,
        Revert::UnsupportedOperation([1, 2, 3, 4]),
    ] {
        assert_eq!(Revert::decode(&revert.encode()), Some(revert));
    }
}

#[test]
fn errors_start_with_the_contracts_selectors() {
    // From abi.txt.
    for (revert, selector) in [
        (Revert::CallerIsNotTheRequester, [0x74, 0xa0, 0x58, 0x3f]),
        (Revert::IncompatibleDatasetOrder(String::new()), [0x0a, 0xfd, 0x93, 0x82]),
        (Revert::MathOverflowedMulDiv, [0x22, 0x7b, 0xc1, 0x53]),
        (Revert::OperationFailed, [0x03, 0x64, 0xee, 0xd2]),
        (Revert::UnsupportedOperation([0; 4]), [0xde, 0x61, 0x68, 0xe5]),
        (Revert::overflow(), [0x4e, 0x48, 0x7b, 0x71]),
    ] {
        assert_eq!(revert.encode()[..4], selector, "{revert:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(revert) = Revert::decode(&bytes) {
            prop_assert_eq!(Revert::decode(&revert.encode()), Some(revert));
        }
    }
}
