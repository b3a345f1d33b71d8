//! What a worker says to the exchange, under its signature.

use crate::{address, key, word};
use alloy_primitives::keccak256;
use orders::hello::{Ownership, WorkerHello};
use orders::{
    CheckedBatch, CheckedRating, Commit, Complete, Domain, Rating, Recovered, Reveal, SignedRating, WorkerBatch,
};
use units::{Address, B256, Bytes, DealId, Digest, TaskId, U256};

fn domain() -> Domain {
    Domain::new(65_535, address(0xaa))
}

fn batch(worker: Address) -> WorkerBatch {
    WorkerBatch {
        worker,
        sequence: 7,
        commits: vec![Commit { task: TaskId(word(1)), result_hash: word(2), result_seal: word(3), failed: true }],
        completes: vec![Complete {
            task: TaskId(word(4)),
            digest: word(5),
            failed: false,
            blob: Digest(word(6)),
            callback: Bytes::from_static(b"callback"),
        }],
        reveals: vec![
            Reveal { task: TaskId(word(7)), digest: word(8), blob: Digest(word(9)), callback: Bytes::new() },
            Reveal { task: TaskId(word(10)), digest: word(11), blob: Digest(word(12)), callback: Bytes::new() },
        ],
    }
}

#[test]
fn a_batch_is_hashed_as_eip_712_says() {
    // ethers 6: TypedDataEncoder.hash of the same domain, types and values.
    let known: B256 = "0x86fbc919c20148b4dae02da84f5b9fb345467e7c6c138c0123dbd38b27970618".parse().unwrap();
    assert_eq!(batch(address(0xbb)).digest(&domain()), known);
}

#[test]
fn a_hello_and_an_ownership_are_hashed_as_eip_712_says() {
    // ethers 6: TypedDataEncoder.hash of the same domain, types and values.
    let hello = WorkerHello {
        challenge: "a challenge".to_owned(),
        worker: address(1),
        owner: address(2),
        pool: address(3),
        nonce: 9,
    };
    let known: B256 = "0x646e226ddfd4f865b7d0420ddbdf723337cf1fdda5590fde0134bd1ccf01c634".parse().unwrap();
    assert_eq!(hello.digest(&domain()), known);
    let known: B256 = "0x21912fde13e730a2fb80f081057327141332b234590a6af49990b28917485505".parse().unwrap();
    assert_eq!(Ownership { worker: address(1), owner: address(2) }.digest(&domain()), known);
}

#[test]
fn a_batch_is_genuine_when_the_worker_it_names_signed_it() {
    let (worker, other) = (key(1), key(2));
    let signed = batch(worker.address()).sign(&domain(), &worker);
    let checked = CheckedBatch::recover(signed.clone(), &domain());
    assert!(checked.is_genuine());
    assert_eq!(checked, CheckedBatch::trust(signed.clone(), Recovered::By(worker.address())));
    assert!(!CheckedBatch::recover(signed, &Domain::new(1, address(0xaa))).is_genuine());
    let forged = batch(worker.address()).sign(&domain(), &other);
    assert!(!CheckedBatch::recover(forged, &domain()).is_genuine());
}

#[test]
fn nothing_in_a_batch_can_be_changed_under_its_signature() {
    let worker = key(1);
    let signed = batch(worker.address()).sign(&domain(), &worker);
    let changes: [fn(&mut WorkerBatch); 9] = [
        |batch| batch.worker = address(9),
        |batch| batch.sequence = 8,
        |batch| batch.commits[0].failed = false,
        |batch| batch.commits[0].result_seal = word(99),
        |batch| batch.completes[0].failed = true,
        |batch| batch.completes[0].blob = Digest(word(99)),
        |batch| batch.completes[0].callback = Bytes::new(),
        |batch| batch.reveals.swap(0, 1),
        |batch| batch.reveals.truncate(1),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut doctored = signed.clone();
        change(&mut doctored.order);
        assert!(!CheckedBatch::recover(doctored, &domain()).is_genuine(), "change {index}");
    }
}

#[test]
fn a_worker_signs_its_own_hello_and_an_owner_its_own_worker() {
    let (worker, owner) = (key(1), key(2));
    let hello = WorkerHello {
        challenge: "once".to_owned(),
        worker: worker.address(),
        owner: owner.address(),
        pool: address(3),
        nonce: 1,
    };
    let signature = worker.sign(hello.digest(&domain()));
    assert!(hello.is_signed_by_worker(&domain(), &signature));
    assert!(!WorkerHello { nonce: 2, ..hello.clone() }.is_signed_by_worker(&domain(), &signature));
    assert!(!hello.is_signed_by_worker(&domain(), &owner.sign(hello.digest(&domain()))));
    let ownership = Ownership { worker: worker.address(), owner: owner.address() };
    assert!(ownership.is_signed_by_owner(&domain(), &owner.sign(ownership.digest(&domain()))));
    assert!(!ownership.is_signed_by_owner(&domain(), &worker.sign(ownership.digest(&domain()))));
}

#[test]
fn a_rating_is_hashed_as_eip_712_says_and_is_its_signers() {
    // By hand from EIP-712: keccak256(0x1901 ‖ domain separator ‖ keccak256(type hash ‖ each field as a word)).
    let rating = Rating { deal: DealId(word(1)), subject: address(2), performance: 5, safety: 1 };
    let type_hash = keccak256("Rating(bytes32 deal,address subject,uint8 performance,uint8 safety)");
    let mark = |mark: u64| U256::from(mark).to_be_bytes::<32>();
    let subject = address(2).into_word();
    let fields = [type_hash.as_slice(), word(1).as_slice(), subject.as_slice(), &mark(5), &mark(1)].concat();
    let whole = [&[0x19, 0x01], domain().separator().as_slice(), keccak256(fields).as_slice()].concat();
    assert_eq!(rating.digest(&domain()), keccak256(whole));

    let signed = rating.sign(&domain(), &key(1));
    let by = |signed: &SignedRating, domain| CheckedRating::recover(signed.clone(), &domain).rater;
    assert_eq!(by(&signed, domain()), Recovered::By(key(1).address()));
    assert_ne!(by(&signed, Domain::new(1, address(0xaa))), Recovered::By(key(1).address()));
    let changes: [fn(&mut Rating); 4] = [
        |rating| rating.deal = DealId(word(9)),
        |rating| rating.subject = address(9),
        |rating| rating.performance = 1,
        |rating| rating.safety = 5,
    ];
    for change in changes {
        let mut forged = signed.clone();
        change(&mut forged.rating);
        assert_ne!(by(&forged, domain()), Recovered::By(key(1).address()));
    }
}
