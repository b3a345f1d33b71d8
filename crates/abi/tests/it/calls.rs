//! What a transaction may ask.

use crate::{address, word};
use abi::call::{NewApp, NewDataset, NewWorkerpool};
use abi::contracts::{AppOrder, AppOrderOperation, Hub, Registry};
use abi::{AssetKind, Call, DecodeError, Erc20, Erc721, Managed, OrderSet, Target};
use alloy_sol_types::SolCall;
use orders::{Operation, Signed};
use proptest::prelude::*;
use units::{Amount, B256, Bytes, DealId, TaskId, U256};

/// Every call there is, with arguments made of these.
fn every_call(a: u8, n: U256, w: B256, text: &str, raw: &[u8]) -> Vec<Call> {
    let (at, amount, raw) = (address(a), Amount(n), Bytes::copy_from_slice(raw));
    let (task, deal, text) = (TaskId(w), DealId(w), text.to_owned());
    let mut orders = OrderSet::default();
    orders.app.order.app = at;
    orders.app.order.volume = n;
    orders.app.sign = raw.clone();
    orders.dataset.order.datasetprice = amount;
    orders.dataset.sign = raw.clone();
    orders.workerpool.order.trust = n;
    orders.workerpool.order.salt = w;
    orders.request.order.params = text.clone();
    orders.request.order.callback = at;
    orders.request.sign = raw.clone();
    let mut calls = vec![
        Call::MatchOrders(Box::new(orders.clone())),
        Call::SponsorMatchOrders(Box::new(orders.clone())),
        Call::ManageAppOrder(managed(&orders.app, Operation::Sign, &raw)),
        Call::ManageDatasetOrder(managed(&orders.dataset, Operation::Close, &raw)),
        Call::ManageWorkerpoolOrder(managed(&orders.workerpool, Operation::Sign, &raw)),
        Call::ManageRequestOrder(managed(&orders.request, Operation::Close, &raw)),
        Call::BroadcastAppOrder(Box::new(orders.app)),
        Call::BroadcastDatasetOrder(Box::new(orders.dataset)),
        Call::BroadcastWorkerpoolOrder(Box::new(orders.workerpool)),
        Call::BroadcastRequestOrder(Box::new(orders.request)),
        Call::Initialize { deal, index: n },
        Call::InitializeArray(vec![(deal, n), (deal, U256::ZERO)]),
        Call::Contribute {
            task,
            result_hash: w,
            result_seal: word(a),
            enclave: at,
            enclave_sign: raw.clone(),
            authorization_sign: Bytes::new(),
        },
        Call::ContributeAndFinalize {
            task,
            digest: w,
            results: raw.clone(),
            results_callback: Bytes::new(),
            enclave: at,
            enclave_sign: Bytes::new(),
            authorization_sign: raw.clone(),
        },
        Call::Reveal { task, digest: word(a) },
        Call::Reopen { task },
        Call::Finalize { task, results: raw.clone(), results_callback: Bytes::new() },
        Call::Claim { task },
        Call::ClaimArray(vec![task, TaskId(word(a))]),
        Call::InitializeAndClaimArray(vec![]),
        Call::Deposit { amount },
        Call::DepositFor { amount, target: at },
        Call::DepositForArray(vec![(amount, at)]),
        Call::Withdraw { amount },
        Call::WithdrawTo { amount, target: at },
        Call::HubToken(Erc20::IncreaseAllowance { spender: at, amount }),
        Call::HubToken(Erc20::DecreaseAllowance { spender: at, amount }),
        Call::Issue { account: at, amount },
        Call::Redeem { account: at, amount },
        Call::SetTeeBroker { broker: at },
        Call::SetCallbackGas { gas: n },
        Call::CreateCategory { name: text.clone(), description: String::new(), work_clock_seconds: n },
        Call::CreateApp(Box::new(NewApp {
            owner: at,
            name: text.clone(),
            kind: "WASM".to_owned(),
            multiaddr: raw.clone(),
            checksum: w,
            mrenclave: raw.clone(),
        })),
        Call::CreateDataset(Box::new(NewDataset {
            owner: at,
            name: text.clone(),
            multiaddr: raw.clone(),
            checksum: w,
        })),
        Call::CreateWorkerpool(NewWorkerpool { owner: at, description: text }),
        Call::ChangePolicy { pool: at, worker_stake_ratio: n, scheduler_reward_ratio: U256::from(1) },
        Call::CreateGroup { salt: w },
        Call::SetGroupMember { group: at, member: address(1), is_member: true },
        Call::OpenPool {
            description: "cellar".into(),
            worker_stake_ratio: U256::from(30),
            scheduler_reward_ratio: U256::from(1),
            open: true,
        },
        Call::HostPool { pool: at, open: false },
        Call::ClosePool { pool: at },
        Call::Invite { pool: at, worker: address(1), invited: true },
        Call::LeavePool { pool: at, worker: address(1) },
    ];
    for wrap in [Call::HubToken, Call::Token] {
        calls.extend([
            wrap(Erc20::Transfer { to: at, amount }),
            wrap(Erc20::TransferFrom { from: at, to: address(1), amount }),
            wrap(Erc20::Approve { spender: at, amount }),
            wrap(Erc20::ApproveAndCall { spender: at, amount, data: raw.clone() }),
        ]);
    }
    for kind in [AssetKind::App, AssetKind::Dataset, AssetKind::Workerpool] {
        calls.extend([
            Call::Registry(kind, Erc721::Transfer { from: at, to: address(1), token: n }),
            Call::Registry(kind, Erc721::SafeTransfer { from: at, to: address(1), token: n, data: raw.clone() }),
            Call::Registry(kind, Erc721::Approve { to: at, token: n }),
            Call::Registry(kind, Erc721::ApproveForAll { operator: at, approved: false }),
        ]);
    }
    calls
}

fn managed<O: Clone>(order: &Signed<O>, operation: Operation, sign: &Bytes) -> Box<Managed<O>> {
    Box::new(Managed { order: order.clone(), operation, sign: sign.clone() })
}

fn targets() -> Vec<Target> {
    let mut targets = vec![Target::Hub, Target::Token, Target::Group(address(1))];
    for kind in [AssetKind::App, AssetKind::Dataset, AssetKind::Workerpool] {
        targets.extend([Target::Registry(kind), Target::Asset(kind, address(1))]);
    }
    targets
}

proptest! {
    #[test]
    fn every_call_reads_back_as_it_was(
        a in any::<u8>(),
        n in any::<[u8; 32]>(),
        w in any::<[u8; 32]>(),
        text in any::<String>(),
        raw in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        for call in every_call(a, U256::from_be_bytes(n), w.into(), &text, &raw) {
            prop_assert_eq!(Call::decode(call.target(), &call.encode()), Ok(call));
        }
    }

    #[test]
    fn calldata_cut_short_anywhere_is_refused_or_means_the_same_with_less_padding(cut in 4_usize..4_000) {
        for call in every_call(7, U256::from(9), word(3), "a text", &[1; 65]) {
            let calldata = call.encode();
            if cut < calldata.len() {
                match Call::decode(call.target(), &calldata[..cut]) {
                    Err(DecodeError) => {}
                    Ok(short) => {
                        prop_assert_eq!(short, call);
                        prop_assert!(calldata[cut..].iter().all(|byte| *byte == 0), "only padding was cut");
                    }
                }
            }
        }
    }

    #[test]
    fn calldata_with_a_byte_changed_is_read_without_panic(place in any::<usize>(), byte in any::<u8>()) {
        for call in every_call(7, U256::from(9), word(3), "a text", &[1; 65]) {
            let mut calldata = call.encode().to_vec();
            let place = place % calldata.len();
            calldata[place] = byte;
            let _ = Call::decode(call.target(), &calldata);
        }
    }

    #[test]
    fn garbage_is_an_unknown_call_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for target in targets() {
            if let Ok(call) = Call::decode(target, &bytes) {
                prop_assert_eq!(call.target(), target);
            }
        }
    }
}

#[test]
fn a_function_that_the_target_does_not_have_is_an_unknown_call() {
    let calldata = Call::Deposit { amount: Amount::nanos(1) }.encode();
    for target in targets().into_iter().filter(|target| *target != Target::Hub) {
        let call = Call::decode(target, &calldata).unwrap();
        assert_eq!(call, Call::Unknown { target, calldata: calldata.clone() });
        assert_eq!(call.encode(), calldata);
    }
    for calldata in [&[][..], &[1, 2, 3], &[0xff; 4], &[0; 40]] {
        let unknown = Call::Unknown { target: Target::Hub, calldata: Bytes::copy_from_slice(calldata) };
        assert_eq!(Call::decode(Target::Hub, calldata), Ok(unknown));
    }
    let create = Call::CreateWorkerpool(NewWorkerpool::default()).encode();
    let call = Call::decode(Target::Registry(AssetKind::App), &create).unwrap();
    assert!(matches!(call, Call::Unknown { .. }), "the apps' registry makes no workerpools");
}

#[test]
fn both_forms_of_a_safe_transfer_are_one_call() {
    let three = Registry::safeTransferFrom_0Call { from: address(1), to: address(2), tokenId: U256::from(3) };
    let transfer = Erc721::SafeTransfer { from: address(1), to: address(2), token: U256::from(3), data: Bytes::new() };
    let target = Target::Registry(AssetKind::Dataset);
    assert_eq!(Call::decode(target, &three.abi_encode()), Ok(Call::Registry(AssetKind::Dataset, transfer)));
}

#[test]
fn an_address_with_dirty_bytes_is_refused() {
    let mut calldata = Call::WithdrawTo { amount: Amount::nanos(1), target: address(2) }.encode().to_vec();
    assert!(Call::decode(Target::Hub, &calldata).is_ok());
    for place in 36..48 {
        calldata[place] = 1;
        assert_eq!(Call::decode(Target::Hub, &calldata), Err(DecodeError), "byte {place}");
        calldata[place] = 0;
    }
}

#[test]
fn a_truth_value_beyond_one_is_refused() {
    let call = Call::SetGroupMember { group: address(1), member: address(2), is_member: true };
    let mut calldata = call.encode().to_vec();
    *calldata.last_mut().unwrap() = 2;
    assert_eq!(Call::decode(Target::Hub, &calldata), Err(DecodeError));
}

#[test]
fn an_operation_beyond_its_enum_is_refused() {
    let encode = |operation| {
        let order: AppOrder = Signed::<orders::AppOrder>::default().into();
        Hub::manageAppOrderCall { _apporderoperation: AppOrderOperation { order, operation, sign: Bytes::new() } }
            .abi_encode()
    };
    assert!(Call::decode(Target::Hub, &encode(1)).is_ok());
    assert_eq!(Call::decode(Target::Hub, &encode(2)), Err(DecodeError));
    assert_eq!(Call::decode(Target::Hub, &encode(255)), Err(DecodeError));
}

#[test]
fn lists_of_different_lengths_are_refused() {
    let initialize = Hub::initializeArrayCall { _dealid: vec![word(1), word(2)], _idx: vec![U256::ZERO] };
    assert_eq!(Call::decode(Target::Hub, &initialize.abi_encode()), Err(DecodeError));
    let claim = Hub::initializeAndClaimArrayCall { _dealid: vec![], _idx: vec![U256::ZERO] };
    assert_eq!(Call::decode(Target::Hub, &claim.abi_encode()), Err(DecodeError));
    let deposit = Hub::depositForArrayCall { amounts: vec![U256::ZERO], targets: vec![] };
    assert_eq!(Call::decode(Target::Hub, &deposit.abi_encode()), Err(DecodeError));
}

#[test]
fn a_text_that_is_not_utf_8_is_refused() {
    let call = Call::CreateWorkerpool(NewWorkerpool { owner: address(1), description: "abc".to_owned() });
    let mut calldata = call.encode().to_vec();
    let place = calldata.windows(3).position(|three| three == b"abc").unwrap();
    calldata[place] = 0xff;
    assert_eq!(Call::decode(call.target(), &calldata), Err(DecodeError));
}

#[test]
fn a_list_that_says_to_be_longer_than_its_calldata_is_refused_before_anything_is_allocated() {
    for length in [U256::from(3), U256::from(u32::MAX), U256::from(u64::MAX), U256::MAX] {
        let mut calldata = Call::ClaimArray(vec![TaskId(word(1))]).encode().to_vec();
        calldata[36..68].copy_from_slice(&length.to_be_bytes::<32>());
        assert_eq!(Call::decode(Target::Hub, &calldata), Err(DecodeError), "{length}");
    }
}

#[test]
fn what_follows_the_arguments_does_not_matter_as_in_the_contracts() {
    let call = Call::Deposit { amount: Amount::nanos(1) };
    let mut calldata = call.encode().to_vec();
    calldata.extend([0xab; 33]);
    assert_eq!(Call::decode(Target::Hub, &calldata), Ok(call));
}
