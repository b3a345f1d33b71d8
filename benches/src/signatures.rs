//! Orders checked a second by one core, beside the bare recovery of a public key: what the hash and the rest cost.

use crate::report::{Report, rates};
use alloy_primitives::keccak256;
use orders::{Checked, Domain, Order as _, RequestOrder, Signed, SigningKey, recover};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, SecretKey};
use std::hint::black_box;
use units::{Address, Amount, B256, U256};

const ORDERS: u32 = 2_000;
const REPEATS: u32 = 7;

/// What a `hands map` order says.
const PARAMS: &str = r#"{"manyhands":{"version":1,"args":["{in}","{out}/{stem}.jpg"],"inputs":[],"table":"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}}"#;

pub(crate) fn measure(report: &mut Report) {
    let domain = Domain::new(0x4d48_0000_0001, Address::repeat_byte(7));
    let key = SigningKey::from_bytes(&[3; 32]).expect("a repeated byte is a key");
    let signed: Vec<Signed<RequestOrder>> =
        (0..ORDERS).map(|number| Signed::with(request(key.address(), number), &domain, &key)).collect();

    report.heading("Orders checked, one core");
    let checked = rates(
        REPEATS,
        ORDERS,
        || signed.clone(),
        |orders| {
            for order in orders {
                assert!(Checked::recover(order, &domain).signer.is_by(key.address()), "the signature is good");
            }
        },
    );
    report.median("orders_checked_per_s", &checked);
    let bare = bare_recoveries(&domain, &signed);
    report.median("floor_secp256k1_recover_per_s", &bare);
    report.figure("orders_checked_to_floor_percent", 100.0 * checked.median() / bare.median());
    let hashed = rates(
        REPEATS,
        ORDERS,
        || (),
        |()| {
            for order in &signed {
                black_box(order.order.hash(&domain));
            }
        },
    );
    report.median("order_eip712_hash_per_s", &hashed);
    let digests: Vec<B256> = signed.iter().map(|signed| signed.order.hash(&domain).0).collect();
    let signers = rates(
        REPEATS,
        ORDERS,
        || (),
        |()| {
            for (digest, signed) in digests.iter().zip(&signed) {
                black_box(recover(*digest, &signed.sign));
            }
        },
    );
    report.median("signer_address_recovered_per_s", &signers);
}

/// `secp256k1` alone: digest and parsed signature in, public key out.
fn bare_recoveries(domain: &Domain, signed: &[Signed<RequestOrder>]) -> crate::report::Repeats {
    let curve = Secp256k1::new();
    let secret = SecretKey::from_byte_array([3; 32]).expect("a repeated byte is a key");
    let parsed: Vec<(Message, RecoverableSignature)> = signed
        .iter()
        .map(|signed| {
            let message = Message::from_digest(signed.order.hash(domain).0.0);
            let parity = if signed.sign[64] == 28 { RecoveryId::One } else { RecoveryId::Zero };
            let signature = RecoverableSignature::from_compact(&signed.sign[..64], parity);
            (message, signature.expect("what was signed is a signature"))
        })
        .collect();
    let public = secret.public_key(&curve);
    rates(
        REPEATS,
        ORDERS,
        || (),
        |()| {
            for (message, signature) in &parsed {
                let found = curve.recover_ecdsa(*message, signature).expect("the signature is good");
                assert_eq!(found, public, "the key is the signer's");
            }
        },
    )
}

fn request(requester: Address, number: u32) -> RequestOrder {
    RequestOrder {
        app: Address::repeat_byte(1),
        workerpoolmaxprice: Amount::nanos(1_000_000),
        requester,
        beneficiary: requester,
        volume: U256::from(1_000),
        trust: U256::from(3),
        params: PARAMS.to_owned(),
        salt: keccak256(number.to_be_bytes()),
        ..RequestOrder::default()
    }
}
