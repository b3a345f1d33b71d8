//! Whole scenarios as transactions, each with what came of it on the real contracts (PoCo 6.2.0).

use crate::events::{named, recorded};
use crate::files::{address, bytes, load, number, seconds, text, word};
use crate::views;
use abi::{Call, Log};
use exchange::{Command, Entry, Event, Exchange, Genesis, RULES_VERSION, Transaction, World};
use poco::{Asset, AssetKind, Category, Contract, Policy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, TaskId, Timestamp, U256};

/// The tokens that the vectors' operator starts with: 87 million RLC.
const SUPPLY_CREDITS: u64 = 87_000_000;
/// Seconds of the categories XS to XL.
const CATEGORIES: [(&str, u64); 5] = [("XS", 300), ("S", 1_200), ("M", 3_600), ("L", 10_800), ("XL", 36_000)];

/// Who is called what in a file.
pub(crate) struct Cast {
    pub(crate) accounts: BTreeMap<String, Address>,
    contracts: BTreeMap<String, Address>,
    assets: BTreeMap<String, Address>,
}

fn addresses(value: &Value) -> BTreeMap<String, Address> {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), address(value))).collect()
}

impl Cast {
    fn new(file: &Value) -> Self {
        let mut accounts = addresses(&file["accounts"]);
        accounts.insert("hub".to_owned(), address(&file["contracts"]["hub"]));
        accounts.insert("kitty".to_owned(), address(&file["kitty"]));
        Self { accounts, contracts: addresses(&file["contracts"]), assets: addresses(&file["assets"]) }
    }

    pub(crate) fn account(&self, name: &str) -> Address {
        self.accounts.get(name).copied().unwrap_or_else(|| name.parse().unwrap())
    }

    fn recipient(&self, name: &str) -> Address {
        let mut known = self.contracts.iter().chain(&self.assets);
        let known = known.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, address)| *address);
        known.unwrap_or_else(|| name.parse().unwrap())
    }

    pub(crate) fn name(&self, address: Address) -> String {
        let known = self.accounts.iter().find(|(_, known)| **known == address);
        known.map_or_else(|| address.to_string(), |(name, _)| name.clone())
    }
}

/// One scenario being played.
pub(crate) struct Stage<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) exchange: Exchange,
    /// What the last transaction told of the hub.
    pub(crate) last: Vec<(String, BTreeMap<String, String>)>,
    /// Everything the hub ever told.
    pub(crate) told: Vec<(String, BTreeMap<String, String>)>,
    /// Where a complaint is about.
    pub(crate) place: String,
}

/// What is published in the vectors' world, by whom. The names say what is what.
fn published(cast: &Cast) -> Vec<(Address, Asset)> {
    let kinds = cast.assets.iter().map(|(name, address)| {
        let (owner, kind) = if name.starts_with("app") {
            let kind = AssetKind::App {
                name: name.clone(),
                runtime: "DOCKER".to_owned(),
                multiaddr: Bytes::new(),
                checksum: B256::ZERO,
                mrenclave: Bytes::new(),
            };
            ("appProvider", kind)
        } else if name.starts_with("dataset") {
            let kind = AssetKind::Dataset { name: name.clone(), multiaddr: Bytes::new(), checksum: B256::ZERO };
            ("datasetProvider", kind)
        } else {
            let kind = AssetKind::Workerpool { description: name.clone(), policy: Policy::default() };
            ("scheduler", kind)
        };
        (*address, Asset { owner: cast.account(owner), kind })
    });
    kinds.collect()
}

/// Test contracts that the scenario deploys: a list of accounts if somebody is ever put on it, else just a program.
fn deployed(cast: &Cast, scenario: &Value) -> Vec<(Address, Contract)> {
    let steps = scenario["steps"].as_array().unwrap();
    let of = |step: &Value| {
        let deployed = address(step.get("deploys")?);
        let member = steps.iter().find(|step| {
            step.get("to").is_some_and(|to| cast.recipient(text(to)) == deployed)
                && step["function"] == "setKeyHasPurpose"
        });
        let contract = member.map_or(Contract::Program, |step| Contract::Group {
            owner: cast.account(text(&step["from"])),
            members: BTreeSet::new(),
        });
        Some((deployed, contract))
    };
    steps.iter().filter_map(of).collect()
}

fn genesis(file: &Value, cast: &Cast, scenario: &Value) -> Genesis {
    let categories = CATEGORIES.iter().map(|(name, seconds)| Category {
        name: (*name).to_owned(),
        description: String::new(),
        seconds: *seconds,
    });
    let scores = scenario.get("scores").and_then(Value::as_object).into_iter().flatten();
    Genesis {
        chain_id: seconds(&file["chainId"]),
        operator: cast.account("admin"),
        hub: address(&file["domain"]["verifyingContract"]),
        token: cast.contracts["rlc"],
        app_registry: cast.contracts["appRegistry"],
        dataset_registry: cast.contracts["datasetRegistry"],
        workerpool_registry: cast.contracts["workerpoolRegistry"],
        categories: categories.collect(),
        private: false,
        pools: Vec::new(),
        world: World {
            token_supply: Amount::credits(SUPPLY_CREDITS),
            assets: published(cast),
            contracts: deployed(cast, scenario),
            scores: scores.map(|(name, score)| (cast.account(name), number(score))).collect(),
        },
        rules_version: RULES_VERSION,
    }
}

impl Stage<'_> {
    fn accounts(&self) -> BTreeMap<String, Value> {
        let held = self.cast.accounts.iter().map(|(name, address)| {
            let account = self.exchange.account(*address);
            (name.clone(), json!([account.free.0.to_string(), account.locked.0.to_string()]))
        });
        held.collect()
    }

    /// The transaction of a step, with the sender's next nonce.
    fn transaction(&self, step: &Value, hash: u64) -> Transaction {
        let from = self.cast.account(text(&step["from"]));
        let recipient = self.cast.recipient(text(&step["to"]));
        let (to, input) = if step["function"] == "setKeyHasPurpose" {
            (self.exchange.genesis().hub, join_group(recipient, &bytes(&step["calldata"])))
        } else {
            (recipient, bytes(&step["calldata"]))
        };
        let transaction = Transaction {
            from,
            nonce: self.exchange.nonce(from),
            chain_id: self.exchange.genesis().chain_id,
            to,
            input,
            signers: Vec::new(),
            hash: B256::from(U256::from(hash)),
            raw: Bytes::new(),
        };
        transaction.recover(self.exchange.genesis())
    }

    fn transact(&mut self, step: &Value, hash: u64) {
        let place = self.place.clone();
        let transaction = self.transaction(step, hash);
        let before = self.accounts();
        let unchanged = self.exchange.clone();
        let entry = Entry {
            at: Timestamp::from_seconds(seconds(&step["at"])),
            command: Command::Transact(Box::new(transaction)),
        };
        let mut events = Vec::new();
        self.exchange.apply(&entry, &mut events).unwrap_or_else(|rejection| panic!("{place}: {rejection}"));
        let refusal = events
            .iter()
            .find_map(|event| if let Event::Refused { refusal, .. } = event { Some(refusal.clone()) } else { None });
        assert_eq!(refusal.is_none(), step["ok"], "{place}: {refusal:?}");
        if let Some(refusal) = refusal {
            assert_eq!(refusal.reason(), step["reason"].as_str().map(str::to_owned), "{place}");
            assert_eq!(Bytes::from(refusal.revert_bytes()), bytes(&step["revert"]), "{place}");
            assert!(self.exchange.hub() == unchanged.hub(), "{place}: a refused transaction changed the hub");
            assert_eq!(events.len(), 1, "{place}");
        }
        let logs: Vec<Log> = events.iter().filter_map(|event| event.log(self.exchange.genesis())).collect();
        self.compare_events(step, &logs);
        let changed: BTreeMap<_, _> =
            self.accounts().into_iter().filter(|(name, account)| before[name] != *account).collect();
        let expected: BTreeMap<String, Value> = step
            .get("accounts")
            .and_then(Value::as_object)
            .map(|accounts| accounts.iter().map(|(name, account)| (name.clone(), account.clone())).collect())
            .unwrap_or_default();
        assert_eq!(changed, expected, "{place}: accounts");
        assert!(self.exchange.hub().ledger().is_sound(), "{place}");
    }

    fn compare_events(&mut self, step: &Value, logs: &[Log]) {
        let place = &self.place;
        let hub = self.exchange.genesis().hub;
        let empty = Vec::new();
        let expected = step.get("events").and_then(Value::as_array).unwrap_or(&empty);
        let of_hub = logs.iter().filter(|log| log.address == hub);
        // Groups are an extension of ours, and have events of ours.
        self.last = of_hub.filter_map(named).collect();
        let recorded_hub: Vec<_> = expected.iter().filter(|event| event["by"] == "hub").map(recorded).collect();
        assert_eq!(self.last, recorded_hub, "{place}: events of the hub");
        self.told.extend(self.last.iter().cloned());
        // Other contracts' events are recorded raw; the pool's are ours to tell, a test contract's are not.
        let raw = expected.iter().filter(|event| event.get("topics").is_some());
        for event in raw.filter(|event| self.cast.assets.values().any(|asset| *asset == address(&event["by"]))) {
            let log = logs.iter().find(|log| log.address == address(&event["by"]));
            let log = log.unwrap_or_else(|| panic!("{place}: the asset told nothing"));
            let topics: Vec<B256> = event["topics"].as_array().unwrap().iter().map(word).collect();
            assert_eq!((&log.topics, &log.data), (&topics, &bytes(&event["data"])), "{place}: the asset's event");
        }
    }

    fn compare_final(&self, expected: &Value) {
        let place = &self.place;
        let accounts: BTreeMap<_, _> =
            self.accounts().into_iter().filter(|(_, account)| *account != json!(["0", "0"])).collect();
        let recorded: BTreeMap<String, Value> = expected["accounts"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let recorded: BTreeMap<_, _> =
            recorded.into_iter().filter(|(_, account)| *account != json!(["0", "0"])).collect();
        assert_eq!(accounts, recorded, "{place}: accounts");
        for (worker, score) in expected["scores"].as_object().unwrap() {
            assert_eq!(self.exchange.score(self.cast.account(worker)), number(score), "{place}: score of {worker}");
        }
        let hub = self.exchange.hub();
        let deals: BTreeMap<String, Value> =
            hub.deals().map(|(id, deal)| (id.to_string(), views::deal(deal))).collect();
        assert_eq!(deals, lowercase(&expected["deals"]), "{place}: deals");
        let mut tasks = BTreeMap::new();
        for (id, deal) in hub.deals() {
            let mut index = deal.bot_first;
            while index < deal.bot_first + deal.bot_size {
                let task: TaskId = orders::ids::task_id(id, index);
                if let Some(found) = hub.task(task) {
                    tasks.insert(task.to_string(), views::task(found));
                }
                index += U256::ONE;
            }
        }
        assert_eq!(tasks, lowercase(&expected["tasks"]), "{place}: tasks");
        for (order, consumed) in expected["consumed"].as_object().unwrap() {
            let order: OrderHash = order.parse().unwrap();
            assert_eq!(hub.consumed(order), number(consumed), "{place}: consumed of {order}");
        }
    }

    /// The deal that was made last.
    pub(crate) fn last_deal(&self) -> &poco::Deal {
        let matched = self.told.iter().rev().find(|(name, _)| name == "OrdersMatched").unwrap();
        let id: DealId = matched.1["dealid"].parse().unwrap();
        self.exchange.deal(id).unwrap()
    }

    /// The tasks that were opened, in their order.
    pub(crate) fn tasks(&self) -> Vec<&poco::Task> {
        let opened = self.told.iter().filter(|(name, _)| name == "TaskInitialize");
        opened.map(|(_, args)| self.exchange.task(args["taskid"].parse().unwrap()).unwrap()).collect()
    }
}

/// Texts of a JSON value in lowercase, so that checksummed addresses compare.
fn lowercase(value: &Value) -> BTreeMap<String, Value> {
    let text = serde_json::to_string(value).unwrap().to_lowercase();
    serde_json::from_str(&text).unwrap()
}

/// What makes an account a member of the test group, as our own call for it.
fn join_group(group: Address, calldata: &[u8]) -> Bytes {
    let key = B256::from_slice(&calldata[4..36]);
    assert_eq!(U256::from_be_slice(&calldata[36..68]), U256::from(4u64), "purpose 4 makes a member");
    Call::SetGroupMember { group, member: Address::from_word(key), is_member: true }.encode()
}

#[test]
fn recorded_transactions_have_the_outcome_they_had_on_the_contracts() {
    let files = load("traces");
    assert!(!files.is_empty(), "no traces*.json to play");
    let (mut scenarios, mut transactions, mut seen, mut not_understood) = (0, 0, 0, Vec::new());
    for (file, content) in &files {
        let cast = Cast::new(content);
        for scenario in content["scenarios"].as_array().unwrap() {
            let exchange = Exchange::new(genesis(content, &cast, scenario));
            let mut stage = Stage { cast: &cast, exchange, last: Vec::new(), told: Vec::new(), place: String::new() };
            let steps = scenario["steps"].as_array().unwrap();
            for (position, step) in steps.iter().enumerate() {
                stage.place = format!("{file}: {} [{position}]", text(&scenario["name"]));
                if step.get("function").is_some() {
                    transactions += 1;
                    stage.transact(step, transactions);
                } else if step.get("value").is_some() {
                    match views::check(&stage, step, steps.get(position + 1)) {
                        true => seen += 1,
                        false => not_understood.push(text(&step["step"]).to_owned()),
                    }
                }
            }
            stage.place = format!("{file}: {} at the end", text(&scenario["name"]));
            stage.compare_final(&scenario["final"]);
            scenarios += 1;
        }
    }
    #[expect(clippy::print_stderr, reason = "how much was played belongs to the test's report")]
    {
        eprintln!(
            "played {scenarios} scenarios, {transactions} transactions, {seen} views of {} files; views without \
             counterpart: {not_understood:?}",
            files.len()
        );
    }
    assert!(scenarios > 0 && transactions > 0, "the files hold no scenarios");
}
