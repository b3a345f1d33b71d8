//! The iExec SDK as its authors publish it, used against an exchange: what people have written for iExec's market goes on
//! working here. The SDK comes from npm, of the version and with the dependencies that `iexec_sdk/` pins; what is asked of
//! the exchange is overheard.

use crate::hands::{Home, Running};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = include_str!("iexec_sdk/package.json");
const LOCK: &str = include_str!("iexec_sdk/package-lock.json");
const OVERHEAR: &str = include_str!("iexec_sdk/overhear.mjs");
const MARKET: &str = include_str!("iexec_sdk/market.mjs");
const COMMANDS: &str = include_str!("iexec_sdk/commands.mjs");
/// JSON-RPC's code for a method that is not there.
const METHOD_NOT_FOUND: i64 = -32601;

/// The folder with the SDK in its `node_modules`: kept between runs in the build folder's own place for tests, and put
/// there only when it is whole.
fn sdk() -> PathBuf {
    let shelf = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let place = shelf.join("iexec-sdk");
    // Tests that run at the same time fetch it once.
    let turn = std::fs::File::create(shelf.join("iexec-sdk.lock")).unwrap();
    turn.lock().unwrap();
    let is_whole = || std::fs::read_to_string(place.join("package-lock.json")).is_ok_and(|lock| lock == LOCK);
    if is_whole() {
        return place;
    }
    let aside = tempfile::tempdir_in(shelf).unwrap();
    let whole = aside.path().join("whole");
    std::fs::create_dir(&whole).unwrap();
    std::fs::write(whole.join("package.json"), PACKAGE).unwrap();
    std::fs::write(whole.join("package-lock.json"), LOCK).unwrap();
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut install = Command::new(npm);
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&whole);
    let ended = install.output().unwrap_or_else(|error| panic!("npm cannot be run, and this test needs it: {error}"));
    let complaints = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "npm could not install the iExec SDK 9.0.0: {complaints}");
    if place.exists() {
        std::fs::rename(&place, aside.path().join("outdated")).unwrap();
    }
    std::fs::rename(&whole, &place).unwrap();
    place
}

/// Runs one of the scripts beside the SDK, and reads its report.
fn run(script: &str, source: &str, arguments: &Value) -> Value {
    let folder = tempfile::tempdir_in(sdk()).unwrap();
    std::fs::write(folder.path().join("overhear.mjs"), OVERHEAR).unwrap();
    std::fs::write(folder.path().join(script), source).unwrap();
    let mut node = Command::new("node");
    let ended = node.current_dir(folder.path()).arg(script).arg(arguments.to_string()).output();
    let ended = ended.unwrap_or_else(|error| panic!("node cannot be run, and this test needs it: {error}"));
    let (said, complaints) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    let report: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{script}: {error}\n{said}\n{complaints}"));
    let failed: Vec<_> = report["failed"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    assert!(failed.is_empty(), "of {script} these steps failed:\n{}\n{complaints}", failed.join("\n"));
    report
}

/// Nothing was asked that this exchange does not know; and refused was only what a script wanted refused.
fn assert_all_was_answered(report: &Value, refused: &[&str]) {
    for refusal in report["refused"].as_array().unwrap() {
        assert_ne!(refusal["code"], METHOD_NOT_FOUND, "{refusal}");
        assert!(refused.contains(&refusal["method"].as_str().unwrap()), "{refusal}");
    }
    for method in ["eth_call", "eth_chainId", "eth_sendRawTransaction", "eth_getTransactionReceipt"] {
        assert!(report["methods"][method].as_u64() > Some(0), "{method} was not even asked: {report:#}");
    }
}

/// An exchange for everybody, and two machines that are lent to it: a newcomer's first jobs are checked by another.
struct House {
    home: Home,
    exchange: String,
    _serve: Running,
    _works: [Running; 2],
    _workers: [Home; 2],
}

impl House {
    fn open() -> Self {
        let (home, workers) = (Home::new(), [Home::new(), Home::new()]);
        home.file("misfit.wasm", bundle::MISFIT);
        let mut serve = home.start("serve --listen 127.0.0.1:0");
        let exchange = serve.value("exchange");
        let works = [0, 1].map(|number: usize| workers[number].start(&format!("work --exchange {exchange} --cores 1")));
        Self { home, exchange, _serve: serve, _works: works, _workers: workers }
    }

    /// The key of somebody who has a hundred credits.
    fn somebody(&self) -> String {
        let home = Home::new();
        let address = home.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
        self.home.hands(&format!("operator credit {address} 100")).ok();
        home.hands("wallet export --plain").ok().stdout.trim().to_owned()
    }

    /// What was done is in the journal, and the journal proves it.
    fn audit(&self) {
        self.home.run(["audit", &self.exchange]).ok();
    }
}

#[test]
fn what_the_iexec_sdk_does_on_its_market_it_does_here() {
    let house = House::open();
    let [publisher, provider, requester] = [(); 3].map(|()| house.somebody());
    let keys = json!({ "publisher": publisher, "provider": provider, "requester": requester });
    let wasm = house.home.work().join("misfit.wasm");
    let report = run("market.mjs", MARKET, &json!({ "exchange": house.exchange, "keys": keys, "wasm": wasm }));
    assert_all_was_answered(&report, &["eth_estimateGas"]);
    house.audit();
}

#[test]
fn what_the_iexec_command_line_does_it_does_here() {
    let house = House::open();
    let app = house.home.hands("app publish misfit.wasm --price 0.5 --json").ok().json()["app"].clone();
    let arguments = json!({ "exchange": house.exchange, "key": house.somebody(), "app": app });
    let report = run("commands.mjs", COMMANDS, &arguments);
    assert_all_was_answered(&report, &[]);
    house.audit();
}
