//! Processes that die at the worst moment: the exchange's, a worker's, a requester's. Nothing is lost.

use crate::hands::{Home, listing};
use crate::processes::{Process, free_port, spinner};
use std::collections::{BTreeSet, hash_map::RandomState};
use std::hash::BuildHasher as _;
use std::time::{Duration, Instant};

/// Tasks of a job.
const TASKS: usize = 36;
/// Deaths of the exchange.
const KILLS: u32 = 20;

/// An exchange with a folder and a port that outlive its process.
struct Exchange {
    home: Home,
    port: u16,
    url: String,
    token: String,
    process: Process,
}

impl Exchange {
    fn found() -> Self {
        let (home, port) = (Home::new(), free_port());
        let mut process = Self::start(&home, port);
        let url = process.value("exchange");
        let token = process.value("join token");
        Self { home, port, url, token, process }
    }

    fn start(home: &Home, port: u16) -> Process {
        Process::start(home, &format!("serve --private --listen 127.0.0.1:{port}"))
    }

    fn again(&mut self) {
        self.process = Self::start(&self.home, self.port);
    }

    fn worker(&self, home: &Home) -> Process {
        Process::start(home, &format!("work --exchange {} --join {} --cores 1", self.url, self.token))
    }
}

/// Numbers that follow from a seed: xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % most
    }
}

/// Makes so many files to map, empty: their names are the work.
fn files(home: &Home, count: usize) {
    for task in 0..count {
        home.file(&format!("file-{task}"), []);
    }
}

/// Their names, as they are typed.
fn names(count: usize) -> String {
    (0..count).map(|task| format!("file-{task}")).collect::<Vec<_>>().join(" ")
}

/// A map that is started, and its results' folder.
struct Map {
    process: Process,
    out: String,
    trust: u64,
}

impl Map {
    fn start(exchange: &Exchange, home: &Home, trust: u64, number: usize) -> Self {
        let out = format!("out-{trust}-{number}");
        let words = format!(
            "map spinner.wasm {} --exchange {} --join {} --trust {trust} --out {out} -- {{stem}}",
            names(TASKS),
            exchange.url,
            exchange.token
        );
        Self { process: Process::start(home, &words), out, trust }
    }

    /// Waits for its end: every task's result is there, and is right.
    fn check(self, home: &Home) {
        self.process.end().ok();
        let files: BTreeSet<String> = listing(&home.work().join(&self.out)).into_iter().collect();
        let expected: BTreeSet<String> = (0..TASKS).map(|task| format!("file-{task}.stdout")).collect();
        assert_eq!(files, expected, "{}", self.out);
        for task in 0..TASKS {
            assert_eq!(home.read(&format!("{}/file-{task}.stdout", self.out)), format!("file-{task}"));
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a failure is repeated from its seed")]
fn the_server_is_killed_twenty_times_at_random_moments_while_jobs_run_and_nothing_is_lost() {
    let seed = std::env::var("MANYHANDS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0)).max(1);
    println!("MANYHANDS_SEED={seed}");
    let mut dice = Dice(seed);
    let (requester, provider) = (Home::new(), Home::new());
    requester.file("spinner.wasm", spinner(40));
    files(&requester, TASKS);
    let mut exchange = Exchange::found();
    let _workers = [exchange.worker(&provider), exchange.worker(&provider)];

    let mut started = 0;
    let mut start = |exchange: &Exchange, trust| {
        started += 1;
        Map::start(exchange, &requester, trust, started)
    };
    let mut maps = [start(&exchange, 1), start(&exchange, 3)];
    for _ in 0..KILLS {
        let moment = Instant::now() + Duration::from_millis(dice.below(1_500));
        for map in &mut maps {
            // A job that has ended makes room for the next, so that there is always something to lose.
            if map.process.ends_within(moment.saturating_duration_since(Instant::now()) / 2) {
                let next = start(&exchange, map.trust);
                std::mem::replace(map, next).check(&requester);
            }
        }
        exchange.process.ends_within(moment.saturating_duration_since(Instant::now()));
        exchange.process.kill();
        exchange.again();
    }
    maps.into_iter().for_each(|map| map.check(&requester));

    // Each task of each job ended once, and nobody disagreed.
    let at = format!("--exchange {}", exchange.url);
    let jobs = requester.hands(&format!("job list --json {at}")).ok().json();
    let jobs = jobs.as_array().unwrap();
    println!("{started} jobs of {TASKS} tasks through {KILLS} deaths");
    assert_eq!(jobs.len(), started, "{jobs:#?}");
    for job in jobs {
        assert_eq!((&job["state"], &job["finished"], &job["failed"]), (&"completed".into(), &TASKS.into(), &0.into()));
        assert_eq!((&job["locked"], &job["spent"]), (&"0".into(), &"0".into()));
        let id = job["id"].as_str().unwrap();
        let results = requester.hands(&format!("job results {id} --json")).ok().json();
        let results = results.as_array().unwrap();
        let indexes: BTreeSet<u64> = results.iter().map(|result| result["index"].as_u64().unwrap()).collect();
        assert_eq!((results.len(), indexes.len()), (TASKS, TASKS), "{id}");
        assert!(results.iter().all(|result| result["outcome"]["kind"] == "completed" && result["dissented"] == 0));
    }
    prove(&requester, &exchange);
}

/// The books balance, every signature and rule holds, and every receipt that the requester was given is of this history.
fn prove(requester: &Home, exchange: &Exchange) {
    let receipts = requester.path().join("receipts");
    let receipts = receipts.join(&listing(&receipts)[0]);
    let folder = exchange.home.path().join("exchange");
    let words = ["audit".as_ref(), folder.as_os_str(), "--json".as_ref(), "--receipts".as_ref(), receipts.as_os_str()];
    let proven = requester.run(words).ok().json();
    assert_eq!(proven["proven"], true, "{proven:#}");
    assert!(proven["receipts"].as_u64().unwrap() > 0, "{proven:#}");
    assert_eq!((&proven["set_aside"], &proven["outstanding"]), (&0.into(), &"0".into()), "{proven:#}");
}

#[test]
fn a_killed_workers_tasks_go_to_another() {
    let (requester, provider) = (Home::new(), Home::new());
    requester.file("spinner.wasm", spinner(400));
    files(&requester, 8);
    let exchange = Exchange::found();
    let mut doomed = exchange.worker(&provider);
    doomed.says("connected");
    let at = format!("--exchange {} --join {}", exchange.url, exchange.token);
    let map = format!("map spinner.wasm {} {at} --out out -- {{stem}}", names(8));
    let mut map = Process::start(&requester, &map);
    map.says("running");
    let mut heir = exchange.worker(&provider);
    heir.says("connected");
    doomed.kill();
    let ended = map.end().ok();
    assert!(ended.stderr.contains("8 of 8 tasks done"), "{ended:#?}");
    for task in 0..8 {
        assert_eq!(requester.read(&format!("out/file-{task}.stdout")), format!("file-{task}"));
    }
    prove(&requester, &exchange);
}

#[test]
fn a_killed_requesters_job_is_watched_to_its_end_from_where_it_was() {
    let (requester, provider) = (Home::new(), Home::new());
    requester.file("spinner.wasm", spinner(100));
    files(&requester, 12);
    let exchange = Exchange::found();
    let _worker = exchange.worker(&provider);
    let at = format!("--exchange {} --join {}", exchange.url, exchange.token);
    let mut map = Process::start(&requester, &format!("map spinner.wasm {} {at} --out out -- {{stem}}", names(12)));
    let out = requester.work().join("out");
    while listing(&out).is_empty() {
        assert!(!map.ends_within(Duration::from_millis(20)), "nothing came before the end: {map:#?}");
    }
    map.kill();
    let id = requester.hands(&format!("job list --json {at}")).ok().json()[0]["id"].as_str().unwrap().to_owned();
    let ended = requester.hands(&format!("job watch {id}")).ok();
    assert!(ended.stderr.contains("12 of 12 tasks done, 12 files"), "{ended:#?}");
    assert_eq!(listing(&out).len(), 12);
    prove(&requester, &exchange);
}

#[test]
fn an_embedded_exchange_killed_with_its_job_goes_on_where_it_was() {
    let home = Home::new();
    home.file("spinner.wasm", spinner(100));
    files(&home, 12);
    let mut map = Process::start(&home, &format!("map spinner.wasm {} --out out -- {{stem}}", names(12)));
    let out = home.work().join("out");
    while listing(&out).is_empty() {
        assert!(!map.ends_within(Duration::from_millis(20)), "nothing came before the end: {map:#?}");
    }
    map.kill();
    let id = home.hands("job list --json").ok().json()[0]["id"].as_str().unwrap().to_owned();
    home.hands(&format!("job watch {id}")).ok();
    assert_eq!(listing(&out).len(), 12);
    home.hands("audit").ok();
}

#[cfg(unix)]
#[test]
fn told_to_end_by_either_signal_exchange_and_worker_end_well() {
    for signal in ["INT", "TERM"] {
        let provider = Home::new();
        let exchange = Exchange::found();
        let endpoint = exchange.home.path().join("exchange/endpoint");
        let mut worker = exchange.worker(&provider);
        worker.says("connected");
        assert!(endpoint.exists());
        worker.signal(signal);
        worker.end().ok();
        exchange.process.signal(signal);
        exchange.process.end().ok();
        assert!(!endpoint.exists(), "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn an_exchange_told_to_end_under_way_says_goodbye_and_goes_on_where_it_was() {
    let (requester, provider) = (Home::new(), Home::new());
    requester.file("spinner.wasm", spinner(200));
    files(&requester, 8);
    let mut exchange = Exchange::found();
    let _worker = exchange.worker(&provider);
    let at = format!("--exchange {} --join {}", exchange.url, exchange.token);
    let mut map = Process::start(&requester, &format!("map spinner.wasm {} {at} --out out -- {{stem}}", names(8)));
    map.says("running");
    exchange.process.signal("TERM");
    assert!(exchange.process.ends_within(Duration::from_secs(30)), "{:#?}", exchange.process);
    exchange.again();
    map.end().ok();
    assert_eq!(listing(&requester.work().join("out")).len(), 8);
    prove(&requester, &exchange);
}
