//! Which signatures are by somebody, and which are by nobody.

use crate::{address, key, word};
use orders::challenge::{Authorization, Challenge};
use orders::signature::{compact, personal_hash, recover_personal};
use orders::{AppOrder, Checked, Domain, InvalidKey, Order, Recovered, Signed, SigningKey, recover};
use proptest::prelude::*;
use units::{B256, U256};

/// The order of secp256k1's group.
fn group_order() -> U256 {
    "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap()
}

fn keys() -> impl Strategy<Value = SigningKey> {
    any::<[u8; 32]>().prop_filter_map("a key", |bytes| SigningKey::from_bytes(&bytes).ok())
}

fn digests() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

proptest! {
    #[test]
    fn who_signed_is_recovered_from_either_form(key in keys(), digest in digests()) {
        let signature = key.sign(digest);
        prop_assert_eq!(signature.len(), 65);
        prop_assert_eq!(recover(digest, &signature), Recovered::By(key.address()));
        let short = compact(&signature).unwrap();
        prop_assert_eq!(short.len(), 64);
        prop_assert_eq!(recover(digest, &short), Recovered::By(key.address()));
        prop_assert_eq!(recover_personal(digest, &key.sign_personal(digest)), Recovered::By(key.address()));
    }

    #[test]
    fn the_twin_with_s_in_the_upper_half_is_by_nobody(key in keys(), digest in digests()) {
        let mut twin = key.sign(digest).to_vec();
        let s = U256::from_be_slice(&twin[32..64]);
        twin[32..64].copy_from_slice(&(group_order() - s).to_be_bytes::<32>());
        twin[64] = 27 + 28 - twin[64];
        prop_assert_eq!(recover(digest, &twin), Recovered::Nobody);
        prop_assert_eq!(compact(&twin), None);
    }

    #[test]
    fn a_v_that_is_not_27_or_28_is_by_nobody(key in keys(), digest in digests(), v in any::<u8>()) {
        prop_assume!(v != 27 && v != 28);
        let mut signature = key.sign(digest).to_vec();
        signature[64] = v;
        prop_assert_eq!(recover(digest, &signature), Recovered::Nobody);
    }

    #[test]
    fn another_digest_is_by_somebody_else(key in keys(), digest in digests(), other in digests()) {
        prop_assume!(digest != other);
        prop_assert_ne!(recover(other, &key.sign(digest)), Recovered::By(key.address()));
    }

    #[test]
    fn any_other_length_is_misshapen_and_any_bytes_are_read_without_panic(
        digest in digests(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let misshapen = recover(digest, &bytes) == Recovered::Misshapen;
        prop_assert_eq!(misshapen, bytes.len() != 64 && bytes.len() != 65);
    }
}

#[test]
fn scalars_of_zero_or_beyond_the_group_are_by_nobody() {
    let digest = word(7);
    let good = key(1).sign(digest);
    for range in [0..32, 32..64] {
        for scalar in [U256::ZERO, group_order(), U256::MAX] {
            let mut signature = good.to_vec();
            signature[range.clone()].copy_from_slice(&scalar.to_be_bytes::<32>());
            assert_eq!(recover(digest, &signature), Recovered::Nobody, "{scalar} at {range:?}");
        }
    }
    assert_eq!(recover(digest, &[0; 65]), Recovered::Nobody);
    assert_eq!(recover(digest, &[0; 64]), Recovered::Nobody);
}

#[test]
fn a_key_is_neither_zero_nor_beyond_the_group_and_is_not_shown() {
    assert_eq!(SigningKey::from_bytes(&[0; 32]).unwrap_err(), InvalidKey);
    assert_eq!(SigningKey::from_bytes(&group_order().to_be_bytes()).unwrap_err(), InvalidKey);
    let key = SigningKey::from_bytes(&(group_order() - U256::from(1)).to_be_bytes()).unwrap();
    assert_eq!(SigningKey::from_bytes(&key.to_bytes()).unwrap().address(), key.address());
    assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.address()));
}

#[test]
fn a_personal_message_is_hashed_as_wallets_do() {
    // ethers 6: hashMessage(getBytes("0x" + "00".repeat(32)))
    let known: B256 = "0x5e4106618209740b9f773a94c5667b9659a7a4e2691c7c8a78336e9889a6be07".parse().unwrap();
    assert_eq!(personal_hash(B256::ZERO), known);
}

#[test]
fn a_signature_is_good_on_one_exchange_only() {
    let (here, elsewhere) = (Domain::new(1, address(1)), Domain::new(2, address(1)));
    let another_hub = Domain::new(1, address(2));
    let signed = Signed::with(AppOrder { app: address(9), ..AppOrder::default() }, &here, &key(5));
    let signer = key(5).address();
    assert!(Checked::recover(signed.clone(), &here).signer.is_by(signer));
    assert!(!Checked::recover(signed.clone(), &elsewhere).signer.is_by(signer));
    assert!(!Checked::recover(signed, &another_hub).signer.is_by(signer));
}

#[test]
fn an_order_checked_before_is_believed_but_hashed_again() {
    let domain = Domain::new(1, address(1));
    let signed = Signed::with(AppOrder::default(), &domain, &key(5));
    let checked = Checked::recover(signed.clone(), &domain);
    assert_eq!(checked.hash, checked.order().hash(&domain));
    assert_eq!(Checked::trust(signed.clone(), &domain, checked.signer), checked);
    assert_eq!(Checked::trust(signed, &domain, Recovered::Nobody).signer, Recovered::Nobody);
    let unsigned = Signed { order: AppOrder::default(), sign: Default::default() };
    assert_eq!(Checked::recover(unsigned, &domain).signer, Recovered::Misshapen);
}

#[test]
fn a_header_of_another_form_is_no_authorization() {
    let challenge = Challenge::gateway(1, "random");
    let good = challenge.answer(&key(3));
    assert_eq!(good.to_string().parse(), Ok(good.clone()));
    let [hash, signature, signer] = [good.hash.to_string(), good.signature.to_string(), good.address.to_string()];
    for bad in [
        String::new(),
        "__".to_owned(),
        hash.clone(),
        format!("{hash}_{signature}"),
        format!("{hash}_{signature}_{signer}_"),
        format!("{signature}_{hash}_{signer}"),
        format!("{hash}_{signature}_{}", &signer[2..]),
        format!("{hash}_{}00000000_{signer}", signature.repeat(2)),
        format!("{hash}_0xzz_{signer}"),
    ] {
        assert!(bad.parse::<Authorization>().is_err(), "{bad}");
    }
}

#[test]
fn an_authorization_answers_its_own_challenge_by_its_own_signer_only() {
    let challenge = Challenge::gateway(1, "random");
    let good = challenge.answer(&key(3));
    assert!(good.answers(&challenge));
    assert!(!good.answers(&Challenge::gateway(1, "another")));
    assert!(!good.answers(&Challenge::gateway(2, "random")));
    assert!(!Authorization { address: key(4).address(), ..good }.answers(&challenge));
}
