//! What `eth_call` asks, and how it is answered.

use crate::{address, bytes, vectors, word};
use abi::contracts::{self, Hub};
use abi::view::{AssetView, Constant, HubView, RegistryView, TokenView};
use abi::{AssetKind, DecodeError, Log, Target, View, call::NewApp, returns};
use alloy_sol_types::SolCall;
use orders::Domain;
use units::{Bytes, DealId, OrderHash, TaskId, U256};

fn uint(value: u64) -> U256 {
    U256::from(value)
}

fn hex(text: &str) -> Bytes {
    text.parse().unwrap()
}

fn resource(first: u8) -> contracts::Resource {
    contracts::Resource { pointer: address(first), owner: address(first + 1), price: uint(u64::from(first) + 2) }
}

/// The views of views.json: what is asked, and the answer to the values that the file was made with.
fn expected() -> Vec<(&'static str, View, Bytes)> {
    let app = AssetKind::App;
    let details = NewApp {
        owner: address(16),
        name: "name".to_owned(),
        kind: "WASM".to_owned(),
        multiaddr: Bytes::from_static(b"blob"),
        checksum: word(2),
        mrenclave: Bytes::new(),
    };
    let verify = HubView::VerifySignature { identity: address(8), hash: word(9), signature: [1; 65].into() };
    let deal = contracts::Deal {
        app: resource(1),
        dataset: resource(4),
        workerpool: resource(7),
        trust: uint(10),
        category: uint(4),
        tag: word(11),
        requester: address(12),
        beneficiary: address(13),
        callback: address(14),
        params: "{\"iexec_args\":\"héllo\"}".to_owned(),
        startTime: uint(15),
        botFirst: uint(16),
        botSize: uint(17),
        workerStake: uint(18),
        schedulerRewardRatio: uint(19),
        sponsor: address(20),
    };
    let task = contracts::Task {
        status: 3,
        dealid: word(1),
        idx: uint(2),
        timeref: uint(3600),
        contributionDeadline: uint(4),
        revealDeadline: uint(5),
        finalDeadline: uint(6),
        consensusValue: word(7),
        revealCounter: uint(8),
        winnerCounter: uint(9),
        contributors: vec![address(10), address(11)],
        resultDigest: word(12),
        results: hex("0x0102"),
        resultsTimestamp: uint(13),
        resultsCallback: Bytes::new(),
    };
    let contribution = contracts::Contribution {
        status: 2,
        resultHash: word(5),
        resultSeal: word(6),
        enclaveChallenge: address(7),
        weight: uint(8),
    };
    let app_details = contracts::AppDetails {
        owner: address(1),
        m_appName: "name".to_owned(),
        m_appType: "WASM".to_owned(),
        m_appMultiaddr: Bytes::from_static(b"blob"),
        m_appChecksum: word(2),
        m_appMREnclave: Bytes::new(),
    };
    let dataset_details = contracts::DatasetDetails {
        owner: address(1),
        m_datasetName: "name".to_owned(),
        m_datasetMultiaddr: Bytes::from_static(b"blob"),
        m_datasetChecksum: word(2),
    };
    let pool_details = contracts::WorkerpoolDetails {
        owner: address(1),
        m_workerpoolDescription: "pool".to_owned(),
        m_workerStakeRatioPolicy: uint(30),
        m_schedulerRewardRatioPolicy: uint(1),
    };
    let multiaddr = Bytes::from(format!("blob:sha256:{}", "ab".repeat(32)).into_bytes());
    let hub = View::Hub;
    vec![
        ("domain", hub(HubView::Domain), returns::domain(&Domain::new(65_535, address(0xaa)))),
        ("viewAccount", hub(HubView::Account(address(1))), returns::account(U256::MAX, uint(7))),
        ("viewCategory", hub(HubView::Category(uint(4))), returns::category("XL", "ten hours", uint(36_000))),
        ("viewDeal", hub(HubView::Deal(DealId(word(1)))), returns::deal(&deal)),
        ("viewTask", hub(HubView::Task(TaskId(word(2)))), returns::task(&task)),
        (
            "viewContribution",
            hub(HubView::Contribution { task: TaskId(word(3)), worker: address(4) }),
            returns::contribution(&contribution),
        ),
        ("viewApp", hub(HubView::Asset(app, address(5))), returns::app(&app_details)),
        ("viewDataset", hub(HubView::Asset(AssetKind::Dataset, address(6))), returns::dataset(&dataset_details)),
        ("viewWorkerpool", hub(HubView::Asset(AssetKind::Workerpool, address(7))), returns::workerpool(&pool_details)),
        ("verifySignature", hub(verify), returns::boolean(true)),
        ("viewConsumed", hub(HubView::Consumed(OrderHash(word(10)))), returns::uint(uint(11))),
        ("token", hub(HubView::TokenAddress), returns::address(address(12))),
        ("eip712domain_separator", hub(HubView::DomainSeparator), returns::word(word(13))),
        ("symbol", hub(HubView::Token(TokenView::Symbol)), returns::string("SRLC")),
        ("resultFor", hub(HubView::Result(TaskId(word(14)))), returns::bytes(&hex("0x0badc0de"))),
        ("decimals", hub(HubView::Token(TokenView::Decimals)), returns::uint(uint(9))),
        ("isRegistered", View::Registry(app, RegistryView::IsRegistered(address(15))), returns::boolean(false)),
        ("predictApp", View::Registry(app, RegistryView::PredictApp(Box::new(details))), returns::address(address(17))),
        ("m_appMultiaddr", View::Asset(app, address(0x77), AssetView::Multiaddr), returns::bytes(&multiaddr)),
    ]
}

fn target(view: &View) -> Target {
    match view {
        View::Hub(_) => Target::Hub,
        View::Registry(kind, _) => Target::Registry(*kind),
        View::Asset(kind, address, _) => Target::Asset(*kind, *address),
        View::Token(_) => Target::Token,
        View::GroupMember { group, .. } => Target::Group(*group),
    }
}

#[test]
fn views_are_asked_and_answered_as_wallets_encode_them() {
    let vectors = vectors("tests/vectors/views.json");
    let cases = vectors["views"].as_array().unwrap();
    let expected = expected();
    assert_eq!(cases.len(), expected.len());
    for (case, (function, view, answer)) in cases.iter().zip(expected) {
        assert_eq!(case["function"], function);
        assert_eq!(View::decode(target(&view), &bytes(&case["calldata"])), Ok(Some(view)), "{function}");
        assert_eq!(answer, bytes(&case["returns"]), "{function}");
    }
}

#[test]
fn logs_are_as_wallets_read_them() {
    let vectors = vectors("tests/vectors/views.json");
    let hub = address(0xaa);
    let logs = [
        Log::new(hub, &Hub::Transfer { from: address(1), to: address(2), value: uint(3) }),
        Log::new(
            hub,
            &Hub::OrdersMatched {
                dealid: word(1),
                appHash: word(2),
                datasetHash: word(3),
                workerpoolHash: word(4),
                requestHash: word(5),
                volume: uint(6),
            },
        ),
        Log::new(hub, &Hub::TaskContribute { taskid: word(1), worker: address(2), hash: word(3) }),
        Log::new(
            hub,
            &Hub::CreateCategory {
                catid: uint(5),
                name: "name".to_owned(),
                description: "text".to_owned(),
                workClockTimeRef: uint(60),
            },
        ),
        Log::new(hub, &Hub::TaskFinalize { taskid: word(1), results: hex("0x0102") }),
    ];
    let cases = vectors["logs"].as_array().unwrap();
    assert_eq!(cases.len(), logs.len());
    for (case, log) in cases.iter().zip(&logs) {
        let topics: Vec<_> = case["topics"].as_array().unwrap().iter().map(crate::read).collect();
        assert_eq!((&log.topics, &log.data), (&topics, &bytes(&case["data"])), "{case}");
        assert_eq!(log.address, hub);
    }
    assert_eq!(logs[4].event(), Some(Hub::TaskFinalize { taskid: word(1), results: hex("0x0102") }));
    assert_eq!(logs[4].event::<Hub::Transfer>(), None);
}

#[test]
fn a_view_that_a_target_does_not_have_is_none() {
    let name = contracts::Asset::m_appNameCall {}.abi_encode();
    let app = Target::Asset(AssetKind::App, address(1));
    assert_eq!(View::decode(app, &name), Ok(Some(View::Asset(AssetKind::App, address(1), AssetView::Name))));
    let others = [
        Target::Hub,
        Target::Token,
        Target::Registry(AssetKind::App),
        Target::Asset(AssetKind::Dataset, address(1)),
        Target::Group(address(1)),
    ];
    for target in others {
        assert_eq!(View::decode(target, &name), Ok(None), "{target:?}");
        assert_eq!(View::decode(target, &[]), Ok(None));
        assert_eq!(View::decode(target, &[1, 2, 3]), Ok(None));
    }
}

#[test]
fn a_view_whose_arguments_do_not_decode_is_refused() {
    let mut calldata = Hub::viewAccountCall { account: address(1) }.abi_encode();
    calldata[4] = 1;
    assert_eq!(View::decode(Target::Hub, &calldata), Err(DecodeError), "dirty address");
    let calldata = Hub::viewDealCall { id: word(1) }.abi_encode();
    assert_eq!(View::decode(Target::Hub, &calldata[..35]), Err(DecodeError), "too short");
}

#[test]
fn groups_and_constants_are_views_too() {
    let calldata = contracts::Group::keyHasPurposeCall { key: word(3), purpose: uint(4) }.abi_encode();
    let view = View::GroupMember { group: address(2), key: word(3), purpose: uint(4) };
    assert_eq!(View::decode(Target::Group(address(2)), &calldata), Ok(Some(view)));
    let calldata = Hub::final_deadline_ratioCall {}.abi_encode();
    let view = View::Hub(HubView::Constant(Constant::FinalDeadlineRatio));
    assert_eq!(View::decode(Target::Hub, &calldata), Ok(Some(view)));
}
