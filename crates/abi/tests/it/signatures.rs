//! Every signature is as the contracts have it.

use abi::contracts::{Asset, Extension, Hub, Registry, Rlc};
use std::collections::{BTreeMap, BTreeSet};

/// The selectors and topics of abi.txt, by contract and by what they are of.
fn published() -> BTreeMap<(String, String), BTreeSet<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../exchange/tests/vectors/abi.txt");
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let mut contract = String::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        if let Some(name) = line.strip_prefix("# ") {
            name.trim().clone_into(&mut contract);
        } else if let Some((signature, selector)) = line.split_once("// 0x") {
            let kind = signature.split(' ').next().unwrap().to_owned();
            found.entry((contract.clone(), kind)).or_default().insert(selector.trim_end_matches('…').to_owned());
        }
    }
    found
}

fn hold(contract: &str, kind: &str, ours: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let published = published();
    let theirs = &published[&(contract.to_owned(), kind.to_owned())];
    for selector in ours {
        let selector: String = selector.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(theirs.contains(&selector), "{contract} has no {kind} {selector}");
    }
}

#[test]
fn the_hubs_functions_events_and_errors_are_pocos() {
    hold("hub", "function", Hub::HubCalls::SELECTORS);
    hold("hub", "event", Hub::HubEvents::SELECTORS);
    hold("hub", "error", Hub::HubErrors::SELECTORS);
    let published = published();
    let count = |kind: &str| published[&("hub".to_owned(), kind.to_owned())].len();
    assert_eq!(Hub::HubEvents::SELECTORS.len(), count("event"), "no event is missing");
    assert_eq!(Hub::HubErrors::SELECTORS.len(), count("error"), "no error is missing");
}

#[test]
fn the_tokens_functions_are_the_rlcs() {
    hold("RLC", "function", Rlc::RlcCalls::SELECTORS);
    hold("RLC", "event", Rlc::RlcEvents::SELECTORS);
}

#[test]
fn the_registries_and_assets_functions_are_pocos() {
    let published = published();
    for (contracts, ours) in [
        (["AppRegistry", "DatasetRegistry", "WorkerpoolRegistry"], Registry::RegistryCalls::SELECTORS),
        (["App", "Dataset", "Workerpool"], Asset::AssetCalls::SELECTORS),
    ] {
        let theirs: BTreeSet<_> =
            contracts.iter().flat_map(|name| &published[&((*name).to_owned(), "function".to_owned())]).collect();
        for selector in ours {
            let selector: String = selector.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(theirs.contains(&selector), "{contracts:?} have no function {selector}");
        }
    }
    hold("AppRegistry", "event", Registry::RegistryEvents::SELECTORS);
    hold("Workerpool", "event", Asset::AssetEvents::SELECTORS);
}

#[test]
fn our_extension_takes_no_function_of_the_hubs() {
    let published = published();
    let hubs = &published[&("hub".to_owned(), "function".to_owned())];
    for selector in Extension::ExtensionCalls::SELECTORS {
        let selector: String = selector.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!hubs.contains(&selector), "{selector}");
    }
}
