//! The README's flows between machines, each a home of its own: serve, work, map, and what each is told when something is
//! not as it should be.

use crate::hands::{Home, listing};
use crate::processes::{Process, spinner};
use serde_json::Value;
use std::time::Duration;

/// A private exchange, and what it printed for the others.
struct Office {
    home: Home,
    at: String,
    process: Process,
}

impl Office {
    fn open() -> Self {
        let home = Home::new();
        let mut process = Process::start(&home, "serve --private --listen 127.0.0.1:0");
        let url = process.value("exchange");
        let token = process.value("join token");
        Self { home, at: format!("--exchange {url} --join {token}"), process }
    }

    /// A machine that works here with one core.
    fn worker(&self, home: &Home) -> Process {
        let mut worker = Process::start(home, &format!("work {} --cores 1", self.at));
        worker.says("connected");
        worker
    }
}

#[test]
fn machines_of_one_office_are_a_render_farm_and_results_come_as_they_are_done() {
    let (office, other, desk) = (Office::open(), Home::new(), Home::new());
    let _worker = office.worker(&other);
    desk.file("spinner.wasm", spinner(150));
    let frames: Vec<String> = (0..6).map(|frame| format!("frame-{frame}.txt")).collect();
    for frame in &frames {
        desk.file(frame, []);
    }
    let words =
        format!("map spinner.wasm {} {} --out film -- {{in}} {{out}}/{{stem}}.png", frames.join(" "), office.at);
    let mut map = Process::start(&desk, &words);
    let film = desk.work().join("film");
    while listing(&film).is_empty() {
        assert!(!map.ends_within(Duration::from_millis(20)), "nothing came before the end: {map:#?}");
    }
    assert!(listing(&film).len() < frames.len(), "all came at once");
    map.end().ok();
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!(desk.read(&format!("film/{frame}.stdout")), format!("/iexec_out/frame-{index}.png"));
    }
    // What another sees of it: the job is its submitter's alone, the workers are everybody's who was let in.
    assert_eq!(other.hands(&format!("job list --json {}", office.at)).ok().json(), serde_json::json!([]));
    let workers = desk.hands(&format!("workers --json {}", office.at)).ok().json();
    assert_eq!(workers.as_array().unwrap().len(), 1);
}

#[test]
fn a_failed_programs_words_on_both_outputs_are_shown_and_its_exit_code_once() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let ended = home.hands("run misfit.wasm -- exit 7").fails(3, &["failed: the program ended with exit code 7"]);
    assert_eq!(ended.stderr.matches("exit code 7").count(), 1, "{ended:#?}");
    assert_eq!(ended.stderr.matches("  |").count(), 0, "it said nothing: {ended:#?}");
    home.hands("run misfit.wasm -- read /etc/passwd").fails(3, &["exit code 1", "| misfit: read /etc/passwd"]);
    home.hands("run misfit.wasm -- memory").fails(3, &["more memory than its limit", "| memory allocation"]);
    home.hands("run misfit.wasm -- flood").fails(3, &["printed more than the limit", "| all work and no play"]);
    home.hands("run misfit.wasm -- flood files").fails(3, &["files"]);
}

#[test]
fn what_no_sandbox_would_run_is_the_programs_failure_with_the_reason() {
    let home = Home::new();
    let foreign = wat::parse_str(
        r#"(module (import "env" "socket" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
    );
    home.file("foreign.wasm", foreign.unwrap()).file("cut.wasm", &bundle::MISFIT[..1_000]);
    home.hands("run foreign.wasm").fails(3, &["env", "socket"]);
    home.hands("run cut.wasm").fails(3, &["WebAssembly"]);
}

#[test]
fn a_job_that_is_not_there_is_said_to_be_unknown_by_every_command() {
    let (office, desk) = (Office::open(), Home::new());
    let id = format!("0x{}", "12".repeat(32));
    for command in ["show", "watch", "results", "cancel", "explain"] {
        desk.hands(&format!("job {command} {id} {}", office.at)).fails(5, &["hands job list"]);
        desk.hands(&format!("job {command} 0x1212 {}", office.at)).fails(1, &["no job 0x1212", "hands job list"]);
    }
    desk.hands(&format!("order show {id} {}", office.at)).fails(1, &["no order", "hands book"]);
}

#[test]
fn a_private_exchange_lets_nobody_in_without_its_token_and_says_what_is_missing() {
    let (office, stranger) = (Office::open(), Home::new());
    let url = office.at.split_whitespace().nth(1).unwrap();
    stranger.file("misfit.wasm", bundle::MISFIT);
    for join in ["", " --join wrong"] {
        let said = ["--join"];
        stranger.hands(&format!("run misfit.wasm --exchange {url}{join} -- print x")).fails(5, &said);
        stranger.hands(&format!("book --exchange {url}{join}")).fails(5, &said);
        let work = stranger.hands(&format!("work --exchange {url}{join}"));
        assert!(work.code == Some(1) && work.stderr.contains("token"), "{work:#?}");
    }
    stranger.hands(&format!("audit {url}")).fails(5, &["--join"]);
}

#[test]
fn both_sides_of_the_market_rest_on_the_book_until_they_are_closed_or_meet() {
    let (office, provider) = (Office::open(), Home::new());
    let hands = |words: &str| office.home.hands(words).ok();
    office.home.file("misfit.wasm", bundle::MISFIT);
    let app = hands("app publish misfit.wasm --json").json()["app"].as_str().unwrap().to_owned();
    let pool = hands("pool publish mine").stdout.trim().to_owned();
    let sell = hands(&format!("order sell --pool {pool} --category 1 --price 0.5 --volume 5")).stdout.trim().to_owned();
    let kept = hands(&format!("order buy --app {app} --category 2 --max-price 0")).stdout.trim().to_owned();
    let book = |kind: &str| hands(&format!("book --kind {kind} --json")).json();
    let has = |rows: &Value, order: &str| rows.as_array().unwrap().iter().any(|row| row["order"] == order);
    assert!(has(&book("workerpool"), &sell) && has(&book("request"), &kept));
    let table = hands("book").stdout;
    assert!(["app", "workerpool", "request"].iter().all(|kind| table.contains(kind)), "{table}");
    for order in [&sell, &kept] {
        hands(&format!("order close {order}"));
    }
    assert!(!has(&book("workerpool"), &sell) && !has(&book("request"), &kept));

    // A request placed by hand is a job like any other.
    let args = ["order", "buy", "--app", &app, "--max-price", "0", "--params", r#"{"iexec_args":"print hello"}"#];
    let job = office.home.run(args).ok().stdout.trim().to_owned();
    assert!(hands(&format!("explain {job}")).stdout.contains("no workers"));
    let _worker = office.worker(&provider);
    assert_eq!(hands(&format!("job watch {job}")).stdout, "hello\n");
}

#[test]
fn a_request_that_no_pool_can_stake_for_says_so_and_is_served_once_one_can() {
    let (operator, provider, person) = (Home::new(), Home::new(), Home::new());
    person.file("misfit.wasm", bundle::MISFIT);
    let mut serve = Process::start(&operator, "serve --listen 127.0.0.1:0 --stakes 0");
    let at = format!("--exchange {}", serve.value("exchange"));
    let mut work = Process::start(&provider, &format!("work {at} --floor 1 --cores 1"));
    work.says("connected");
    let address = person.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
    operator.hands(&format!("operator credit {address} 10")).ok();
    let mut run = Process::start(&person, &format!("run misfit.wasm {at} --yes --trust 1 --max-price 2 -- print x"));
    run.says("waiting: no offer of computing fits: its pool's owner has not the credits to stake");
    let advice = run.says("hands operator credit");
    let (_, credit) = advice.split_once("hands ").unwrap();
    operator.hands(&credit.replace("AMOUNT", "10")).ok();
    assert_eq!(run.end().ok().stdout, "x\n");
}

#[test]
fn a_bonded_worker_is_told_to_stake_and_works_once_it_can() {
    let (operator, provider, person) = (Home::new(), Home::new(), Home::new());
    person.file("misfit.wasm", bundle::MISFIT);
    let mut serve = Process::start(&operator, "serve --listen 127.0.0.1:0 --data books");
    let at = format!("--exchange {}", serve.value("exchange"));
    serve.says("hands run");
    // The operator's key is found where the exchange is that runs here.
    for home in [&provider, &person] {
        let address = home.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
        operator.hands(&format!("operator credit {address} 10")).ok();
    }
    let mut work = Process::start(&provider, &format!("work {at} --pool bonded --floor 1 --cores 1"));
    let advice = work.says("hands wallet transfer");
    let mut run = Process::start(&person, &format!("run misfit.wasm {at} --yes --trust 2 --max-price 2 -- print x"));
    run.says("waiting:");
    let (_, transfer) = advice.split_once("hands ").unwrap();
    provider.hands(&transfer.split_once('`').unwrap().0.replace("CREDITS", "1")).ok();
    assert_eq!(run.end().ok().stdout, "x\n");
}

#[test]
fn every_listing_is_json_where_that_is_asked_for() {
    let (office, provider) = (Office::open(), Home::new());
    let _worker = office.worker(&provider);
    office.home.file("misfit.wasm", bundle::MISFIT);
    office.home.hands("run misfit.wasm -- print x").ok();
    let id = office.home.hands("job list --json").ok().json()[0]["id"].as_str().unwrap().to_owned();
    for list in ["job list", "order list", "book", "workers", "pool list", &format!("job results {id}")] {
        let rows = office.home.hands(&format!("{list} --json")).ok().json();
        assert!(!rows.as_array().unwrap().is_empty(), "{list}");
        assert!(!office.home.hands(list).ok().stdout.is_empty(), "{list}");
    }
    let worker = office.home.hands("workers --json").ok().json()[0]["address"].as_str().unwrap().to_owned();
    let task =
        office.home.hands(&format!("job results {id} --json")).ok().json()[0]["task"].as_str().unwrap().to_owned();
    let explain = [format!("explain --worker {worker}"), format!("explain {task}")];
    assert!(office.home.hands(&explain[0]).ok().stdout.contains("nobody asks for work"));
    assert!(office.home.hands(&explain[1]).ok().stdout.contains("its result is the result"));
    let job = [format!("job show {id}"), format!("job explain {id}"), format!("explain {id}")];
    let job = job.into_iter().chain(explain);
    let rest = ["wallet show", "wallet balance", "operator outstanding", "audit"].map(str::to_owned);
    for one in job.chain(rest) {
        assert!(office.home.hands(&format!("{one} --json")).ok().json().is_object(), "{one}");
    }
}

/// An exchange's folder after a job, at rest.
fn closed_books(home: &Home) -> std::path::PathBuf {
    home.file("misfit.wasm", bundle::MISFIT);
    home.hands("run misfit.wasm -- print x").ok();
    home.path().join("exchange/journal.db")
}

#[test]
fn an_audit_of_a_folder_names_the_record_in_which_a_byte_was_flipped() {
    let home = Home::new();
    let journal = closed_books(&home);
    let folder = journal.parent().unwrap();
    home.run(["audit".as_ref(), folder.as_os_str()]).ok();
    home.run(["audit".as_ref(), journal.as_os_str()]).ok();
    let mut bytes = std::fs::read(&journal).unwrap();
    // Where the app says which program it is: in the signed transaction that made it. SQLite may have left a copy where it
    // lay before, which is no part of the journal.
    let program = b"blob:sha256:";
    let places: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at..].starts_with(program)).map(|at| at + program.len()).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|place| bytes[place] ^= 1);
    std::fs::write(&journal, bytes).unwrap();
    home.run(["audit".as_ref(), folder.as_os_str()]).fails(6, &["NOT PROVEN", "record "]);
    let shown = home.run(["audit".as_ref(), journal.as_os_str(), "--json".as_ref()]).json();
    assert_eq!(shown["proven"], false);
    assert!(shown["place"].as_str().unwrap().contains("record"), "{shown}");
}

#[test]
fn a_data_folder_of_a_newer_version_is_left_alone_and_said_to_be_newer() {
    let home = Home::new();
    let journal = closed_books(&home);
    let mut bytes = std::fs::read(&journal).unwrap();
    // SQLite's user_version, where the journal keeps the version of its format.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&journal, &bytes).unwrap();
    let said = ["newer", "9999"];
    home.hands("serve --listen 127.0.0.1:0").fails(1, &said);
    home.hands("up --listen 127.0.0.1:0").fails(1, &said);
    home.hands("run misfit.wasm -- print x").fails(1, &said);
    home.hands("audit").fails(1, &said);
    assert_eq!(std::fs::read(&journal).unwrap(), bytes);
}

#[test]
fn a_folder_that_another_exchange_serves_and_a_port_that_is_taken_are_named() {
    let (mut office, other) = (Office::open(), Home::new());
    let url = office.at.split_whitespace().nth(1).unwrap().to_owned();
    let address = url.strip_prefix("http://").unwrap();
    other.hands(&format!("serve --listen {address}")).fails(1, &[address, "--listen"]);
    assert!(!other.path().join("exchange").exists(), "nothing is founded before the port is had");
    let folder = office.home.path().join("exchange");
    let folder = folder.to_str().unwrap();
    other.hands(&format!("serve --listen 127.0.0.1:0 --data {folder}")).fails(1, &[folder]);
    assert!(!office.process.ends_within(Duration::ZERO));
}
