//! What the real contracts were sent, and what they answered when they refused.

use crate::{bytes, read, vectors};
use abi::{AssetKind, Call, Revert, Target};
use serde_json::Value;
use units::Address;

/// What the trace's name or address is; `None` for contracts of a test's own.
fn target(trace: &Value, to: &str) -> Option<Target> {
    let pool: Address = read(&trace["assets"]["workerpool"]);
    Some(match to {
        "hub" => Target::Hub,
        "rlc" => Target::Token,
        "workerpool" => Target::Asset(AssetKind::Workerpool, pool),
        "AppRegistry" => Target::Registry(AssetKind::App),
        "DatasetRegistry" => Target::Registry(AssetKind::Dataset),
        "WorkerpoolRegistry" => Target::Registry(AssetKind::Workerpool),
        _ => return None,
    })
}

fn transactions(trace: &Value) -> Vec<&Value> {
    let scenarios = trace["scenarios"].as_array().unwrap().iter().flat_map(|one| one["steps"].as_array().unwrap());
    let setup = trace["setup"].as_array().into_iter().flatten();
    setup.chain(scenarios).filter(|step| step.get("calldata").is_some()).collect()
}

fn traces() -> [Value; 2] {
    ["traces", "traces-random"].map(|name| vectors(&format!("../exchange/tests/vectors/{name}.json.gz")))
}

#[test]
fn every_transaction_of_the_traces_is_a_known_call_and_encodes_to_the_same_bytes() {
    let mut seen = 0;
    for trace in traces() {
        for step in transactions(&trace) {
            let Some(target) = target(&trace, step["to"].as_str().unwrap()) else { continue };
            let calldata = bytes(&step["calldata"]);
            let call = Call::decode(target, &calldata).unwrap();
            assert!(!matches!(call, Call::Unknown { .. }), "{step}");
            assert_eq!(call.target(), target);
            assert_eq!(call.encode(), calldata, "{step}");
            seen += 1;
        }
    }
    assert!(seen > 3_000, "{seen}");
}

#[test]
fn every_refusal_of_the_traces_is_encoded_as_the_contracts_did() {
    let mut seen = 0;
    for trace in traces() {
        for step in transactions(&trace) {
            let Some(raw) = step.get("revert").filter(|raw| raw.is_string()) else { continue };
            let revert = match step["reason"].as_str() {
                Some(reason) => Revert::reason(reason),
                None => Revert::Silent,
            };
            assert_eq!(revert.encode(), bytes(raw), "{step}");
            assert_eq!(Revert::decode(&bytes(raw)), Some(revert));
            seen += 1;
        }
    }
    assert!(seen > 1_000, "{seen}");
}
