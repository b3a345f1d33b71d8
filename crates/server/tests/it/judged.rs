//! Jobs whose results are judged: machines whose results differ in noise, liars, provers, all over real connections.

use crate::house::{House, finish, free, key, publish};
use agent::{Agent, AgentHandle, Cache, Config, Honesty, PoolChoice};
use api::job::State;
use api::params::Check;
use client::{Client, JobSpec, Tasks};
use exchange::Verdict;
use journal::{Again, Heard, Source, Verdicts};
use server::Retrial;
use units::{Address, Amount};

/// A job of so many tasks, each of which says a number of its own, judged so.
fn numbers(app: &client::App, count: u64, trust: u64, check: Check) -> JobSpec {
    JobSpec {
        tasks: Tasks::each_with_args((0..count).map(|index| vec![format!("row {index}.0 end")])),
        trust,
        check: Some(check),
        ..JobSpec::of(app.address)
    }
}

/// The bundled checker with this tolerance.
async fn within(client: &Client, tolerance: &str) -> Check {
    let judge = client.upload_bytes("compare.wasm", bundle::COMPARE).await.unwrap().digest;
    let args = ["numbers", "--absolute", tolerance].map(str::to_owned).to_vec();
    Check::Checker { judge, args }
}

/// A prover that says this of everything.
async fn says(client: &Client, word: &str) -> Check {
    let text = format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 8) "{word}")
             (func (export "_start")
               (i32.store (i32.const 0) (i32.const 8))
               (i32.store (i32.const 4) (i32.const {}))
               (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"#,
        word.len()
    );
    let judge = client.upload_bytes("prover.wasm", wat::parse_str(text).unwrap()).await.unwrap().digest;
    Check::SelfProving { judge, args: Vec::new() }
}

/// A worker of the bonded pool that asks for something, so that there is a stake to lose.
fn paid(house: &House, number: u8, honesty: Honesty) -> AgentHandle {
    let cache = Cache::open(&house.folder.path().join(format!("cache-{number}")), 1 << 30).unwrap();
    let mut config = Config::new(house.url(), key(number), cache);
    config.pool = PoolChoice::Name("bonded".to_owned());
    config.honesty = honesty;
    config.floors = (0..6).map(|category| (category, Amount::nanos(10_000_000))).collect();
    Agent::start(config).unwrap()
}

fn pool(client: &Client, name: &str) -> Address {
    client.exchange().pools.iter().find(|pool| pool.name == name).unwrap().address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn results_that_differ_in_noise_agree_by_their_checker_and_a_liar_loses_its_stake() {
    let house = House::open().await;
    let operator = house.operator().await;
    for account in [1, 10, 11, 12, 13] {
        operator.issue(key(account).address(), Amount::credits(100)).await.unwrap();
    }
    operator.issue(operator.address(), Amount::credits(1_000)).await.unwrap();
    let _liar = paid(&house, 10, Honesty::Liar);
    let _noisy = [11, 12, 13].map(|number| paid(&house, number, Honesty::Noisy(number - 10)));
    let client = house.client(1).await;
    let app = publish(&client).await;
    let check = within(&client, "0.5").await;
    let spec = numbers(&app, 4, 3, check);
    let spec = JobSpec { max_price: Amount::credits(1), pool: Some(pool(&client, "bonded")), ..spec };
    let submitted = client.submit(&spec).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    assert_eq!((job.state, job.finished, job.failed), (State::Completed, 4, 0));
    assert!(results.iter().all(|result| result.agreed >= 2), "{results:?}");
    for result in &results {
        let fetched = client.fetch(result).await.unwrap();
        assert!(matches!(fetched, client::Fetched::Tree(_)));
    }
    assert!(free(&client, 10).await < Amount::credits(100), "the liar lost its stake");
    for honest in [11, 12, 13] {
        assert!(free(&client, honest).await >= Amount::credits(100), "worker {honest} lost nothing");
    }
    let House { folder, server } = house;
    server.stop().await.unwrap();
    let folder = folder.path().join("data");
    let (said, words) = audited(folder.clone()).await;
    assert!(said.heard >= 4 && said.confirmed == said.heard, "of each of four tasks one more was judged: {said:?}");
    assert_eq!((said.not_asked, said.decided_only_now), (0, 0));
    // Had the operator written down the opposite, its judge would say so; without a result nobody can ask it.
    let scratch = tempfile::tempdir().unwrap();
    let mut retrial = Retrial::of(&folder, scratch.path());
    for heard in &words {
        let good = heard.verdict == Verdict::Equal;
        assert_eq!(retrial.ask(heard), if good { Again::Good } else { Again::Wrong }, "{heard:?}");
    }
    assert!(words.iter().any(|heard| heard.verdict == Verdict::Different), "the liar's");
    std::fs::write(blobs::path_in(&folder.join("blobs"), &words[0].blob), "another result").unwrap();
    let (said, _) = audited(folder).await;
    assert!(said.not_asked > 0 && said.confirmed + said.not_asked == said.heard, "{said:?}");
}

/// An audit that asks judges again, and what it asked them.
async fn audited(folder: std::path::PathBuf) -> (Verdicts, Vec<Heard>) {
    let auditing = tokio::task::spawn_blocking(move || {
        let scratch = tempfile::tempdir().unwrap();
        let mut retrial = Retrial::of(&folder, scratch.path());
        let mut asked = Vec::new();
        let mut ask = |heard: &Heard| {
            asked.push(heard.clone());
            retrial.ask(heard)
        };
        let report = journal::audit_with(Source::open(&folder).unwrap(), &[], &mut ask).unwrap();
        (report.verdicts, asked)
    });
    auditing.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_trust_one_newcomers_whose_results_differ_in_noise_pass_each_others_checks() {
    let house = House::open().await;
    let _noisy = [11, 12].map(|number| house.agent(number, "commons", Honesty::Noisy(number - 10)));
    let client = house.client(1).await;
    let app = publish(&client).await;
    let check = within(&client, "0.5").await;
    let submitted = client.submit(&numbers(&app, 3, 1, check)).await.unwrap();
    let (job, _) = finish(&client, submitted.job.id).await;
    assert_eq!((job.state, job.finished, job.failed), (State::Completed, 3, 0));
    for worker in [11, 12] {
        let provider = client.provider(key(worker).address()).await.unwrap();
        assert!(provider.wrong == 0 && !provider.barred && provider.delivered > 0, "{provider:?}");
    }
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_proved_result_is_taken_from_one_newcomer_with_nobody_there_to_check_it() {
    let house = House::open().await;
    let _alone = house.agent(11, "commons", Honesty::Honest);
    let client = house.client(1).await;
    let app = publish(&client).await;
    let check = says(&client, "proved").await;
    let submitted = client.submit(&numbers(&app, 3, 1, check)).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    assert_eq!((job.state, job.finished), (State::Completed, 3));
    assert!(results.iter().all(|result| !result.provisional), "{results:?}");
    house.server.stop().await.unwrap();
}
