//! What an agent does with tasks.

use crate::guests;
use crate::peer::{Connection, Peer, deal, id, key, printed};
use agent::{Agent, Config, Heat, HeatDemand, Honesty};
use api::limits::BLOB_PART_BYTES;
use api::params::Input;
use api::worker::{DealBrief, DeclineReason, Ending, FromWorker, Phase, Settlement, ToWorker};
use orders::ids;
use results::{Decoder, Failure, Unusable};
use std::collections::BTreeMap;
use std::time::Duration;
use units::{Amount, Digest, TaskId};

async fn declined(connection: &mut Connection) -> (TaskId, DeclineReason) {
    connection
        .until(|frame| if let FromWorker::Decline { task, reason } = frame { Some((task, reason)) } else { None })
        .await
}

/// What becomes of one task of this deal.
async fn fate(peer: &mut Peer, config: Config, brief: &DealBrief) -> DeclineReason {
    let _agent = Agent::start(config).unwrap();
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(brief, &[1]).await;
    let (task, reason) = declined(&mut connection).await;
    assert_eq!(task, id(1));
    reason
}

#[tokio::test]
async fn a_task_at_trust_1_is_completed_with_its_result_and_paid() {
    let mut peer = Peer::start().await;
    let agent = peer.agent();
    let brief = deal(peer.store(&guests::hello()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    let batch = connection.batch().await;
    let complete = &batch.completes[0];
    let encoding = printed(b"hello\n");
    assert_eq!((complete.task, complete.failed), (id(1), false));
    assert_eq!(complete.digest, results::sha256(&encoding).0);
    assert_eq!(Digest(complete.digest), complete.result.blob);
    assert_eq!(complete.result.inline.as_ref().unwrap(), &encoding);
    assert_eq!(complete.result.stdout, "hello\n");
    assert!(batch.commits.is_empty() && batch.reveals.is_empty());
    let reward = Amount::nanos(12);
    let settlement = Settlement { task: id(1), ending: Ending::Accepted, reward };
    connection.say(&ToWorker::Settled { tasks: vec![settlement] }).await;
    let mut status = agent.status();
    let status = status.wait_for(|status| status.accepted == 1).await.unwrap().clone();
    assert_eq!((status.earned, status.unsettled, status.done), (reward, 0, 1));
}

#[tokio::test]
async fn a_sealed_result_is_committed_first_and_shown_only_when_asked() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let mut brief = deal(peer.store(&guests::hello()));
    brief.direct = false;
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    let batch = connection.batch().await;
    let digest = results::sha256(&printed(b"hello\n")).0;
    assert_eq!(batch.commits[0].result_hash, ids::result_hash(id(1), digest));
    assert_eq!(batch.commits[0].result_seal, ids::result_seal(key().address(), id(1), digest));
    assert!(batch.completes.is_empty() && batch.reveals.is_empty());
    let opened = batch.commits[0].opened.as_ref().unwrap();
    assert_eq!(opened.digest, digest, "for the exchange alone");
    assert_eq!(opened.result.inline.as_ref().unwrap(), &printed(b"hello\n"));
    let blob = opened.result.blob;
    connection.say(&ToWorker::Reveal { tasks: vec![id(1)], instead: Vec::new() }).await;
    let batch = connection.batch().await;
    assert_eq!((batch.reveals[0].task, batch.reveals[0].digest), (id(1), digest));
    assert_eq!((batch.reveals[0].result.blob, &batch.reveals[0].result.inline), (blob, &None), "it came before");
}

#[tokio::test]
async fn a_programs_failure_is_a_result() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let brief = deal(peer.store(&guests::crash()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    let complete = connection.batch().await.completes.pop().unwrap();
    assert!(complete.failed);
    assert_eq!(complete.digest, Failure::Trap.digest().0);
    assert_eq!(complete.result.inline.unwrap(), Failure::Trap.encode());
    assert!(complete.result.stderr.contains("unreachable"), "{}", complete.result.stderr);
}

#[tokio::test]
async fn a_large_result_is_uploaded_when_asked() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let brief = deal(peer.store(&guests::large()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    let result = connection.batch().await.completes.pop().unwrap().result;
    let encoding = printed(&[0; 20_000]);
    assert_eq!((result.inline, result.size), (None, u64::try_from(encoding.len()).unwrap()));
    assert_eq!(peer.stored(&result.blob), None);
    connection.say(&ToWorker::Upload { tasks: vec![id(1)] }).await;
    let uploaded = |frame| if let FromWorker::Uploaded { tasks } = frame { Some(tasks) } else { None };
    assert_eq!(connection.until(uploaded).await, [id(1)]);
    assert_eq!(peer.stored(&result.blob), Some(encoding));
}

#[tokio::test]
async fn each_task_of_a_table_gets_its_row_and_files_are_fetched_once() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let app = peer.store(&guests::arguments());
    let input = peer.store(b"shared by all");
    let table = peer.store(b"{\"args\":[\"zero\"]}\n{\"args\":[\"one\",\"two\"]}\n{}\n");
    let mut brief = deal(app);
    brief.params = format!(
        r#"{{"manyhands":{{"version":1,"args":["plain"],"table":"{table}","inputs":[{{"name":"in","digest":"{input}","size":13}}]}}}}"#
    );
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[0, 1, 2, 3]).await;
    let (mut printed_by, mut failed) = (Vec::new(), Vec::new());
    while printed_by.len() < 3 || failed.is_empty() {
        match connection.heard().await.unwrap() {
            FromWorker::Batch(batch) => {
                let (bad, good): (Vec<_>, Vec<_>) = batch.completes.into_iter().partition(|it| it.failed);
                printed_by.extend(good.into_iter().map(|it| (it.task, it.result.stdout)));
                failed.extend(bad.into_iter().map(|it| (it.task, it.digest)));
            }
            FromWorker::Ready { .. } | FromWorker::Phase { .. } | FromWorker::Pong => {}
            other @ (FromWorker::Hello(_)
            | FromWorker::Decline { .. }
            | FromWorker::Uploaded { .. }
            | FromWorker::Floors { .. }) => panic!("{other:?}"),
        }
    }
    printed_by.sort();
    let expected = [(id(0), "app\0zero\0"), (id(1), "app\0one\0two\0"), (id(2), "app\0plain\0")];
    assert_eq!(printed_by, expected.map(|(task, text)| (task, text.to_owned())));
    let no_row = Failure::Unusable(Unusable::Params).digest().0;
    assert_eq!(failed, [(id(3), no_row)], "there is no fourth row");
    let first_part = format!("bytes=0-{}", BLOB_PART_BYTES - 1);
    for digest in [app, input, table] {
        assert_eq!(peer.asked(&digest), [Some(first_part.clone())], "once");
    }
}

#[tokio::test]
async fn a_fetch_that_breaks_off_goes_on_where_it_was() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let module = guests::hello();
    let brief = deal(peer.store(&module));
    peer.break_off(brief.app);
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    assert_eq!(connection.batch().await.completes.len(), 1);
    let asked = peer.asked(&brief.app);
    assert_eq!(asked.len(), 2, "{asked:?}");
    let half = module.len() as u64 / 2;
    assert_eq!(asked[1], Some(format!("bytes={half}-{}", half + BLOB_PART_BYTES - 1)));
}

#[tokio::test]
async fn a_task_whose_files_cannot_be_had_is_given_back() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let brief = deal(results::sha256(b"nobody has this"));
    assert_eq!(fate(&mut peer, config.clone(), &brief).await, DeclineReason::Fetch);
    let mut brief = deal(peer.store(&guests::hello()));
    let missing = results::sha256(b"nor this");
    brief.params = format!(r#"{{"iexec_input_files":["blob:{missing}/x"]}}"#);
    assert_eq!(fate(&mut peer, config, &brief).await, DeclineReason::Fetch);
}

#[tokio::test]
async fn a_file_longer_than_stated_is_not_taken() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let mut brief = deal(peer.store(&guests::hello()));
    let input = peer.store(b"twelve bytes");
    brief.params =
        format!(r#"{{"manyhands":{{"version":1,"inputs":[{{"name":"in","digest":"{input}","size":11}}]}}}}"#);
    assert_eq!(fate(&mut peer, config, &brief).await, DeclineReason::Fetch);
}

/// How the program failed, as the worker states one task of this deal.
async fn failure(peer: &mut Peer, config: Config, brief: &DealBrief) -> Failure {
    let _agent = Agent::start(config).unwrap();
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(brief, &[1]).await;
    let complete = connection.batch().await.completes.pop().unwrap();
    assert!(complete.failed && !complete.result.stderr.is_empty());
    let failure = Failure::decode(&complete.result.inline.unwrap()).unwrap();
    assert_eq!(complete.digest, failure.digest().0);
    failure
}

#[tokio::test]
async fn what_no_machine_can_run_is_a_failure_that_machines_agree_on() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let good = deal(peer.store(&guests::hello()));
    let clash = r#"{"iexec_input_files":["blob:sha256:0000000000000000000000000000000000000000000000000000000000000001/../x"]}"#;
    for (params, what) in [
        ("nonsense", Unusable::Params),
        (r#"{"iexec_args":"'open"}"#, Unusable::Params),
        (r#"{"iexec_input_files":["https://example.org/x"]}"#, Unusable::Params),
        (clash, Unusable::Inputs),
    ] {
        let brief = DealBrief { params: params.to_owned(), ..good.clone() };
        assert_eq!(failure(&mut peer, config.clone(), &brief).await, Failure::Unusable(what), "{params}");
    }
    let unknown = DealBrief { app_type: "ALGOL".to_owned(), ..good.clone() };
    assert_eq!(failure(&mut peer, config.clone(), &unknown).await, Failure::Unusable(Unusable::Kind));
    let nowhere = DealBrief { app: Digest::default(), ..good.clone() };
    assert_eq!(failure(&mut peer, config.clone(), &nowhere).await, Failure::Unusable(Unusable::App));
    let dataset = Input { name: "dataset".to_owned(), digest: Digest::default(), size: 0 };
    let no_data = DealBrief { dataset: Some(dataset), ..good };
    assert_eq!(failure(&mut peer, config, &no_data).await, Failure::Unusable(Unusable::Dataset));
}

#[tokio::test]
async fn an_image_is_given_back_by_a_machine_that_runs_none() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let good = deal(peer.store(&guests::hello()));
    let image = Some("docker.io/library/alpine:3".to_owned());
    let brief = DealBrief { app_type: "DOCKER".to_owned(), image, ..good };
    assert_eq!(fate(&mut peer, config, &brief).await, DeclineReason::Runtime);
}

#[tokio::test]
async fn params_of_a_later_version_are_given_back() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let later = r#"{"manyhands":{"version":2}}"#.to_owned();
    let brief = DealBrief { params: later, ..deal(peer.store(&guests::hello())) };
    assert_eq!(fate(&mut peer, config, &brief).await, DeclineReason::Params);
}

#[tokio::test]
async fn the_owners_memory_cap_never_makes_a_result() {
    let mut peer = Peer::start().await;
    let brief = deal(peer.store(&guests::greedy()));
    let config = Config { memory_mib: 2, ..peer.config() };
    assert_eq!(fate(&mut peer, config.clone(), &brief).await, DeclineReason::Memory);
    let _agent = Agent::start(Config { memory_mib: 8, ..config }).unwrap();
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    assert_eq!(connection.batch().await.completes[0].result.stdout, "hello\n");
}

#[tokio::test]
async fn a_cancelled_task_leaves_its_core_to_the_next() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let endless = deal(peer.store(&guests::endless()));
    let hello = deal(peer.store(&guests::hello()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&endless, &[1]).await;
    let runs = |frame| if let FromWorker::Phase { tasks, phase: Phase::Run } = frame { Some(tasks) } else { None };
    assert_eq!(connection.until(runs).await, [id(1)]);
    connection.assign(&hello, &[2]).await;
    connection.say(&ToWorker::Cancel { tasks: vec![id(1)], reason: "another was faster".to_owned() }).await;
    let batch = connection.batch().await;
    assert_eq!(batch.completes.iter().map(|it| it.task).collect::<Vec<_>>(), [id(2)]);
}

#[tokio::test]
async fn stopping_gives_back_what_runs() {
    let mut peer = Peer::start().await;
    let agent = peer.agent();
    let brief = deal(peer.store(&guests::endless()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    connection.until(|frame| matches!(frame, FromWorker::Phase { .. }).then_some(())).await;
    let stopping = tokio::spawn(agent.stop());
    assert_eq!(declined(&mut connection).await, (id(1), DeclineReason::Owner));
    while connection.heard().await.is_some() {}
    assert_eq!(stopping.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_liar_states_another_result_and_always_the_same_with_a_package_to_show_for_it() {
    let mut peer = Peer::start().await;
    let _agent = Agent::start(Config { honesty: Honesty::Liar, ..peer.config() }).unwrap();
    let brief = deal(peer.store(&guests::hello()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    let complete = connection.batch().await.completes.pop().unwrap();
    let truth = results::sha256(&printed(b"hello\n"));
    assert_ne!(complete.result.blob, truth);
    assert_eq!(complete.digest, complete.result.blob.0);
    let inline = complete.result.inline.unwrap();
    assert_eq!(results::sha256(&inline), complete.result.blob);
    let limits = results::Limits { entries: 10, content_bytes: 1_000 };
    assert_eq!(Decoder::decode(limits, &inline, |_| ()), Ok(complete.result.blob), "it is as well made as any");
    connection.assign(&brief, &[2]).await;
    assert_eq!(connection.batch().await.completes[0].digest, complete.digest);
}

#[tokio::test]
async fn many_short_tasks_are_stated_under_few_signatures() {
    let mut peer = Peer::start().await;
    let _agent = Agent::start(Config { cores: 2, ..peer.config() }).unwrap();
    let brief = deal(peer.store(&guests::hello()));
    let (mut connection, _) = peer.welcomed().await;
    let tasks: Vec<u8> = (0..200).collect();
    connection.assign(&brief, &tasks).await;
    let (mut done, mut batches) = (0, 0);
    while done < 200 {
        done += connection.batch().await.completes.len();
        batches += 1;
    }
    assert!(batches < 100, "{batches} signatures for 200 tasks");
}

#[tokio::test]
async fn a_wish_for_load_lowers_the_floor_while_it_lasts() {
    let mut peer = Peer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heat");
    std::fs::write(&file, "20").unwrap();
    let mut config = peer.config();
    config.floors = BTreeMap::from([(0, Amount::nanos(1_000))]);
    config.region = Some("eu-west".to_owned());
    config.heat = Some(Heat { demand: HeatDemand::File(file.clone()), discount: 50 });
    config.timing.heat = Duration::from_millis(10);
    let _agent = Agent::start(config).unwrap();
    let (mut connection, hello) = peer.welcomed().await;
    assert_eq!((hello.heat, hello.region.as_deref()), (20, Some("eu-west")));
    assert_eq!(hello.floors, BTreeMap::from([(0, Amount::nanos(900))]));
    for (demand, floor) in [("100", 500), ("0", 1_000)] {
        std::fs::write(&file, demand).unwrap();
        let floors = |frame| if let FromWorker::Floors { floors, heat } = frame { Some((floors, heat)) } else { None };
        let mut said = connection.until(floors).await;
        // A file that is just being written says nothing for a moment.
        while said.1.to_string() != demand {
            said = connection.until(floors).await;
        }
        assert_eq!(said.0, BTreeMap::from([(0, Amount::nanos(floor))]));
    }
}

#[tokio::test]
async fn a_worker_that_comes_again_says_which_files_it_holds() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let app = peer.store(&guests::hello());
    let agent = Agent::start(config.clone()).unwrap();
    let (mut connection, hello) = peer.welcomed().await;
    assert!(hello.cached.is_empty());
    connection.assign(&deal(app), &[1]).await;
    connection.batch().await;
    drop(agent);
    let _again = Agent::start(config).unwrap();
    let (_connection, hello) = peer.welcomed().await;
    assert_eq!(hello.cached, [app]);
}
