//! iExec's own hashes and signatures.

use crate::{read, vectors};
use orders::challenge::{Authorization, Challenge};
use orders::secret::secret_digest;
use orders::signature::{compact, recover_personal};
use orders::{
    AppOrder, DatasetOrder, Domain, Operation, Order, Recovered, RequestOrder, SigningKey, WorkerpoolOrder, ids,
    recover,
};
use serde_json::Value;
use units::{Address, B256, Bytes, DealId, OrderHash, TaskId, U256};

/// Keys of the mnemonic's accounts, which the vectors name by role.
const KEYS: [(&str, &str); 5] = [
    ("requester", "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    ("appProvider", "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    ("datasetProvider", "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    ("scheduler", "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    ("enclave", "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
];

fn key(role: &Value) -> SigningKey {
    let role = role.as_str().unwrap();
    let (_, key) = KEYS.iter().find(|(name, _)| *name == role).unwrap_or_else(|| panic!("a key for {role}"));
    SigningKey::from_bytes(&key.parse::<B256>().unwrap()).unwrap()
}

fn domain(vectors: &Value) -> Domain {
    let domain = &vectors["domain"];
    assert_eq!(domain["name"], Domain::NAME);
    assert_eq!(domain["version"], Domain::VERSION);
    Domain::new(
        domain["chainId"].as_u64().unwrap_or_else(|| read(&domain["chainId"])),
        read(&domain["verifyingContract"]),
    )
}

/// Calls `$body` with the order in `$value` as the type that `$kind` names.
macro_rules! with_order {
    ($kind:expr, $value:expr, |$order:ident| $body:expr) => {
        match $kind {
            "AppOrder" => {
                let $order: AppOrder = serde_json::from_value($value.clone()).unwrap();
                $body
            }
            "DatasetOrder" => {
                let $order: DatasetOrder = serde_json::from_value($value.clone()).unwrap();
                $body
            }
            "WorkerpoolOrder" => {
                let $order: WorkerpoolOrder = serde_json::from_value($value.clone()).unwrap();
                $body
            }
            "RequestOrder" => {
                let $order: RequestOrder = serde_json::from_value($value.clone()).unwrap();
                $body
            }
            other => panic!("{other} is an order"),
        }
    };
}

#[test]
fn domain_and_types_are_pocos() {
    let vectors = vectors();
    assert_eq!(domain(&vectors).separator(), read::<B256>(&vectors["domainSeparator"]));
    let types = &vectors["typehashes"];
    assert_eq!(AppOrder::type_hash(), read::<B256>(&types["AppOrder"]));
    assert_eq!(DatasetOrder::type_hash(), read::<B256>(&types["DatasetOrder"]));
    assert_eq!(WorkerpoolOrder::type_hash(), read::<B256>(&types["WorkerpoolOrder"]));
    assert_eq!(RequestOrder::type_hash(), read::<B256>(&types["RequestOrder"]));
}

#[test]
fn every_order_hashes_signs_and_recovers_as_iexecs() {
    let vectors = vectors();
    let domain = domain(&vectors);
    let cases = vectors["orders"].as_array().unwrap();
    assert_eq!(cases.len(), 16);
    for case in cases {
        let (struct_hash, hash) = with_order!(case["type"].as_str().unwrap(), case["order"], |order| {
            (order.struct_hash(), order.hash(&domain))
        });
        assert_eq!(struct_hash, read::<B256>(&case["structHash"]), "{case}");
        assert_eq!(hash, read::<OrderHash>(&case["digest"]), "{case}");
        let key = key(&case["signer"]);
        assert_eq!(key.address(), read::<Address>(&vectors["accounts"][case["signer"].as_str().unwrap()]));
        let signature: Bytes = read(&case["signature"]);
        let short: Bytes = read(&case["compact"]);
        assert_eq!(key.sign(hash.0), signature, "{case}");
        assert_eq!(compact(&signature), Some(short.clone()), "{case}");
        for signature in [&signature, &short] {
            assert_eq!(recover(hash.0, signature), Recovered::By(key.address()), "{case}");
        }
    }
}

#[test]
fn every_operation_on_an_order_is_signed_as_iexecs() {
    let vectors = vectors();
    let domain = domain(&vectors);
    let orders = vectors["orders"].as_array().unwrap();
    let cases = vectors["operations"].as_array().unwrap();
    assert_eq!(cases.len(), 32);
    for case in cases {
        let order =
            orders.iter().find(|order| order["digest"] == case["orderDigest"]).expect("the order is among them");
        let operation = match case["operation"].as_str().unwrap() {
            "SIGN" => Operation::Sign,
            "CLOSE" => Operation::Close,
            other => panic!("{other} is an operation"),
        };
        let digest = with_order!(order["type"].as_str().unwrap(), order["order"], |order| {
            order.operation_digest(operation, &domain)
        });
        assert_eq!(digest, read::<B256>(&case["digest"]), "{case}");
        assert_eq!(key(&order["signer"]).sign(digest), read::<Bytes>(&case["signature"]), "{case}");
    }
}

#[test]
fn deals_tasks_and_seals_have_iexecs_ids() {
    let vectors = vectors();
    let cases = vectors["ids"].as_array().unwrap();
    assert!(!cases.is_empty());
    let number = |value: &Value| U256::from(value.as_u64().unwrap_or_else(|| read(value)));
    for case in cases {
        let deal = ids::deal_id(read(&case["requestOrderDigest"]), number(&case["botFirst"]));
        assert_eq!(deal, read::<DealId>(&case["dealId"]));
        let task = ids::task_id(deal, number(&case["taskIndex"]));
        assert_eq!(task, read::<TaskId>(&case["taskId"]));
        let digest = read(&case["resultDigest"]);
        assert_eq!(ids::result_hash(task, digest), read::<B256>(&case["resultHash"]));
        assert_eq!(ids::result_seal(read(&case["worker"]), task, digest), read::<B256>(&case["resultSeal"]));
    }
}

#[test]
fn authorizations_and_enclaves_are_signed_as_iexecs() {
    let vectors = vectors();
    let cases = vectors["authorizations"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let message = match case["kind"].as_str().unwrap() {
            "scheduler authorization" => {
                ids::authorization_digest(read(&case["worker"]), read(&case["taskId"]), read(&case["enclave"]))
            }
            "enclave signature" => ids::enclave_digest(read(&case["resultHash"]), read(&case["resultSeal"])),
            other => panic!("{other} is an authorization"),
        };
        assert_eq!(message, read::<B256>(&case["messageHash"]), "{case}");
        let key = key(&case["signer"]);
        let signature: Bytes = read(&case["signature"]);
        assert_eq!(key.sign_personal(message), signature);
        assert_eq!(recover_personal(message, &signature), Recovered::By(key.address()));
        assert_ne!(recover(message, &signature), Recovered::By(key.address()), "signed as a personal message only");
    }
}

#[test]
fn secrets_are_put_away_under_iexecs_challenge() {
    let vectors = vectors();
    let cases = vectors["sms"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let value = case["value"].as_str().unwrap();
        let digest = secret_digest(read(&case["target"]), case["name"].as_str(), value.as_bytes());
        assert_eq!(digest, read::<B256>(&case["challenge"]), "{case}");
        assert_eq!(key(&case["signer"]).sign_personal(digest), read::<Bytes>(&case["authorization"]), "{case}");
    }
}

#[test]
fn signing_in_is_iexecs() {
    let vectors = vectors();
    let cases = vectors["market"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let chain_id = case["domain"]["chainId"].as_u64().unwrap();
        let text = case["message"]["challenge"].as_str().unwrap();
        let challenge = match case["domain"]["name"].as_str().unwrap() {
            "iExec Gateway" => Challenge::gateway(chain_id, text.rsplit(' ').next().unwrap()),
            "iExec Core" => Challenge::core(chain_id, text),
            other => panic!("{other} is a server"),
        };
        assert_eq!(challenge.text, text);
        assert_eq!(challenge.hash(), read::<B256>(&case["hash"]));
        let header = case["authorization"].as_str().unwrap();
        let authorization: Authorization = header.parse().unwrap();
        assert_eq!(authorization.to_string(), header);
        assert!(authorization.answers(&challenge));
        assert_eq!(challenge.answer(&key(&Value::from("requester"))), authorization);
        let typed = serde_json::to_value(&challenge).unwrap();
        assert_eq!(typed["domain"], case["domain"]);
        assert_eq!(typed["message"], case["message"]);
        assert_eq!(typed["primaryType"], "Challenge");
    }
}
