//! Signed transactions, against the EIPs' examples and another implementation.

use crate::{address, bytes, read, vectors};
use abi::transaction::MAX_TRANSACTION_BYTES;
use abi::{SignedTransaction, Transaction, TransactionError, TransactionKind};
use orders::{Recovered, SigningKey};
use proptest::prelude::*;
use units::{Address, B256, Bytes, U256};

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).unwrap()
}

fn hex(text: &str) -> Bytes {
    text.parse().unwrap()
}

/// The example in EIP-155.
const EIP_155: &str = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

#[test]
fn the_example_of_eip_155_is_read() {
    let transaction = SignedTransaction::decode(&hex(EIP_155)).unwrap();
    assert_eq!(transaction.kind, TransactionKind::Legacy);
    assert_eq!((transaction.chain_id, transaction.nonce), (1, 9));
    assert_eq!(transaction.to, Some(address(0x35)));
    assert_eq!(transaction.value, U256::from(10).pow(U256::from(18)));
    assert_eq!(transaction.input, Bytes::new());
    let signing_hash: B256 = "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53".parse().unwrap();
    assert_eq!(transaction.signing_hash(), signing_hash);
    assert_eq!(transaction.recover(), Recovered::By(key(0x46).address()));
}

#[test]
fn transactions_of_another_implementation_are_read_and_written_alike() {
    let vectors = vectors("tests/vectors/transactions.json");
    let key = SigningKey::from_bytes(&read::<B256>(&vectors["privateKey"])).unwrap();
    let cases = vectors["transactions"].as_array().unwrap();
    let mut written = 0;
    for case in cases {
        let raw = bytes(&case["raw"]);
        let read_back = SignedTransaction::decode(&raw).unwrap();
        assert_eq!(u64::from(read_back.kind.number()), case["type"].as_u64().unwrap());
        assert_eq!(read_back.chain_id, case["chainId"].as_u64().unwrap());
        assert_eq!(read_back.nonce, read::<u64>(&case["nonce"]));
        assert_eq!(read_back.to, case["to"].as_str().map(|to| to.parse().unwrap()));
        assert_eq!(read_back.value, read::<U256>(&case["value"]));
        assert_eq!(read_back.input, bytes(&case["data"]));
        assert_eq!(read_back.hash, read::<B256>(&case["hash"]));
        assert_eq!(read_back.signing_hash(), read::<B256>(&case["signingHash"]), "{case}");
        assert_eq!(read_back.recover(), Recovered::By(read::<Address>(&case["from"])));
        if case["type"] == 2 && case["accessList"] == 0 {
            let transaction = Transaction {
                chain_id: read_back.chain_id,
                nonce: read_back.nonce,
                max_priority_fee: read(&case["maxPriorityFeePerGas"]),
                max_fee: read(&case["maxFeePerGas"]),
                gas_limit: read(&case["gasLimit"]),
                to: read_back.to,
                value: read_back.value,
                input: read_back.input,
            };
            assert_eq!(transaction.sign(&key), raw);
            written += 1;
        }
    }
    assert!(cases.len() >= 5 && written >= 1);
}

proptest! {
    #[test]
    fn a_signed_transaction_reads_back_as_it_was(
        (chain_id, nonce, gas_limit) in (any::<u64>(), 0..u64::MAX, any::<u64>()),
        (fee, more, value) in (any::<u64>(), any::<u64>(), any::<[u8; 32]>()),
        to in proptest::option::of(any::<[u8; 20]>()),
        input in proptest::collection::vec(any::<u8>(), 0..400),
        key in (1_u8..255).prop_map(key),
    ) {
        let transaction = Transaction {
            chain_id,
            nonce,
            max_priority_fee: U256::from(fee),
            max_fee: U256::from(fee) + U256::from(more),
            gas_limit,
            to: to.map(Address::from),
            value: U256::from_be_bytes(value),
            input: input.into(),
        };
        let signed = SignedTransaction::decode(&transaction.sign(&key)).unwrap();
        prop_assert_eq!(signed.kind, TransactionKind::DynamicFee);
        prop_assert_eq!((signed.chain_id, signed.nonce), (chain_id, nonce));
        prop_assert_eq!((signed.to, signed.value, &signed.input), (transaction.to, transaction.value, &transaction.input));
        prop_assert_eq!(signed.signing_hash(), transaction.signing_hash());
        prop_assert_eq!(signed.recover(), Recovered::By(key.address()));
    }

    #[test]
    fn garbage_is_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_u8..4) {
        let _ = SignedTransaction::decode(&bytes);
        let _ = SignedTransaction::decode(&[&[kind], &bytes[..]].concat());
    }

    #[test]
    fn a_transaction_with_a_byte_changed_is_refused_or_is_another(place in any::<usize>(), byte in any::<u8>()) {
        let good = SignedTransaction::decode(&hex(EIP_155)).unwrap();
        let mut raw = hex(EIP_155).to_vec();
        let place = place % raw.len();
        prop_assume!(raw[place] != byte);
        raw[place] = byte;
        if let Ok(other) = SignedTransaction::decode(&raw) {
            prop_assert_ne!(other.hash, good.hash);
            prop_assert_ne!(other.recover(), good.recover());
        }
    }
}

/// A list of fields, each given as its encoding.
fn list(fields: &[&[u8]]) -> Vec<u8> {
    let payload = fields.concat();
    assert!(payload.len() < 56, "short lists only");
    [&[0xc0 + u8::try_from(payload.len()).unwrap()], &payload[..]].concat()
}

/// The fields of a legacy transaction without value and words for chain 1, with scalars of one byte.
const FIELDS: [&[u8]; 9] = [&[0x01], &[0x80], &[0x80], &[0x80], &[0x80], &[0x80], &[0x25], &[0x01], &[0x01]];

#[test]
fn an_encoding_has_one_form_only() {
    assert!(SignedTransaction::decode(&list(&FIELDS)).is_ok());
    let with = |place: usize, field: &'static [u8]| {
        let mut fields = FIELDS;
        fields[place] = field;
        list(&fields)
    };
    for (bad, why) in [
        (with(0, &[0x00]), "a zero that is not empty"),
        (with(0, &[0x81, 0x01]), "a small byte with a length"),
        (with(0, &[0x82, 0x00, 0x80]), "leading zeros"),
        (with(0, &[0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), "a nonce of nine bytes"),
        (with(0, &[0x88, 255, 255, 255, 255, 255, 255, 255, 255]), "the greatest nonce"),
        (with(0, &[0xc0]), "a list for a number"),
        (with(3, &[0x82, 0x11, 0x11]), "an address of two bytes"),
        (with(6, &[0x80]), "no v"),
        (with(7, &[0x82, 0x00, 0x80]), "leading zeros of r"),
        (list(&FIELDS[..8]), "a field too few"),
        (list(&[&FIELDS[..], &[&[0x01]]].concat()), "a field too many"),
        ([list(&FIELDS), vec![0x80]].concat(), "something after it"),
        (vec![0xf8, 9, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x25, 1, 1], "a long form of a short length"),
        (vec![0xc0], "nothing in it"),
        (vec![], "nothing"),
        (vec![0xff; 20], "a length beyond everything"),
    ] {
        assert_eq!(SignedTransaction::decode(&bad), Err(TransactionError::Malformed), "{why}");
    }
}

#[test]
fn a_transaction_good_on_every_chain_is_refused() {
    for v in [27, 28] {
        let mut fields = FIELDS;
        let v = [v];
        fields[6] = &v;
        assert_eq!(SignedTransaction::decode(&list(&fields)), Err(TransactionError::NoChain));
    }
}

#[test]
fn other_types_and_too_many_bytes_are_refused() {
    for kind in [0, 3, 4, 0x7f, 0x80] {
        assert_eq!(SignedTransaction::decode(&[kind, 0xc0]), Err(TransactionError::UnsupportedType(kind)));
    }
    let transaction = Transaction::call(1, 0, address(1), vec![0; MAX_TRANSACTION_BYTES].into());
    let raw = transaction.sign(&key(1));
    assert_eq!(SignedTransaction::decode(&raw), Err(TransactionError::TooLong { length: raw.len() }));
    let transaction = Transaction::call(1, 0, address(1), vec![0; MAX_TRANSACTION_BYTES - 200].into());
    assert!(SignedTransaction::decode(&transaction.sign(&key(1))).is_ok());
}

#[test]
fn a_priority_fee_beyond_the_whole_fee_is_refused() {
    let mut transaction = Transaction::call(1, 0, address(1), Bytes::new());
    transaction.max_priority_fee = U256::from(2);
    transaction.max_fee = U256::from(1);
    assert_eq!(SignedTransaction::decode(&transaction.sign(&key(1))), Err(TransactionError::Malformed));
}

#[test]
fn the_twin_with_s_in_the_upper_half_is_from_nobody() {
    let group: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let mut raw = hex(EIP_155).to_vec();
    let start = raw.len() - 32;
    let s = U256::from_be_slice(&raw[start..]);
    raw[start..].copy_from_slice(&(group - s).to_be_bytes::<32>());
    let v = raw.iter().position(|byte| *byte == 0x25).unwrap();
    raw[v] = 0x26;
    assert_eq!(SignedTransaction::decode(&raw).unwrap().recover(), Recovered::Nobody);
}
