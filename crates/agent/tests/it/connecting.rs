//! How an agent comes to its exchange, and what it does when that is not as it should be.

use crate::guests;
use crate::peer::{POOL, Peer, challenge, deal, domain, id, key, printed};
use agent::{Agent, AgentError, Config, Owner, PoolChoice, StartError, State, Timing};
use api::limits;
use api::worker::{FromWorker, Phase, ToWorker};
use axum::extract::ws::Message;
use orders::SigningKey;
use orders::hello::{Ownership, WorkerHello};
use std::time::Duration;
use units::Amount;

#[tokio::test]
async fn a_hello_is_signed_by_the_worker_and_countersigned_by_its_owner() {
    let mut peer = Peer::start().await;
    let owner = SigningKey::from_bytes(&[8; 32]).unwrap();
    let ownership = Ownership { worker: key().address(), owner: owner.address() };
    let signature = owner.sign(ownership.digest(&domain()));
    let config = Config {
        owner: Some(Owner { address: owner.address(), signature }),
        join_token: Some("let me in".to_owned()),
        floors: [(0, Amount::nanos(5))].into(),
        cores: 2,
        ..peer.config()
    };
    let _agent = Agent::start(config).unwrap();
    let mut connection = peer.connection().await;
    let hello = connection.hello().await;
    let signed = |nonce| WorkerHello {
        challenge: "prove it".to_owned(),
        worker: key().address(),
        owner: owner.address(),
        pool: POOL,
        nonce,
    };
    assert!(signed(hello.nonce).is_signed_by_worker(&domain(), &hello.signature));
    assert!(ownership.is_signed_by_owner(&domain(), &hello.owner_signature.unwrap()));
    assert_eq!((hello.worker, hello.owner, hello.pool), (key().address(), owner.address(), POOL));
    assert_eq!(hello.join_token.as_deref(), Some("let me in"));
    assert_eq!((hello.capabilities.cores, hello.slots), (2, 4));
    assert!(hello.capabilities.benchmark > 0);
    assert_eq!(hello.floors, [(0, Amount::nanos(5))].into());
    drop(connection);
    let again = peer.connection().await.hello().await;
    assert!(again.nonce > hello.nonce, "a session's number is greater than the one's before");
    assert!(signed(again.nonce).is_signed_by_worker(&domain(), &again.signature));
}

#[tokio::test]
async fn after_a_broken_connection_it_says_what_it_holds_and_states_results_again_without_computing_them_again() {
    let mut peer = Peer::start().await;
    let agent = peer.agent();
    let brief = deal(peer.store(&guests::hello()));
    let (mut connection, hello) = peer.welcomed().await;
    assert_eq!(hello.holding, []);
    connection.assign(&brief, &[1]).await;
    let first = connection.batch().await;
    drop(connection);
    let (mut connection, hello) = peer.welcomed().await;
    let held = &hello.holding[0];
    assert_eq!((held.task, held.deal, held.index, held.phase), (id(1), brief.deal, 1, Phase::Committed));
    let second = connection.batch().await;
    assert_eq!(second.completes, first.completes);
    assert!(second.sequence > first.sequence);
    let mut status = agent.status();
    let status = status.wait_for(|status| status.done > 0).await.unwrap().clone();
    assert_eq!(status.done, 1);
}

#[tokio::test]
async fn what_a_new_connection_drops_is_not_stated_again() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let brief = deal(peer.store(&guests::hello()));
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    connection.batch().await;
    drop(connection);
    let mut connection = peer.connection().await;
    connection.hello().await;
    let token = "a token".to_owned();
    connection.say(&ToWorker::Welcome { token, adopted: vec![], dropped: vec![id(1)], sequence: 40 }).await;
    connection.assign(&brief, &[2]).await;
    let batch = connection.batch().await;
    assert_eq!(batch.completes.iter().map(|it| it.task).collect::<Vec<_>>(), [id(2)]);
    assert_eq!(batch.sequence, 41, "beyond what the exchange has seen");
}

#[tokio::test]
async fn a_silent_exchange_is_left_and_come_back_to() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let timing = Timing { silence: Duration::from_millis(100), ..config.timing };
    let agent = Agent::start(Config { timing, ..config }).unwrap();
    let silent = peer.connection().await;
    let mut status = agent.status();
    let lost = |state: &State| matches!(state, State::Connecting { because } if because.contains("silent"));
    status.wait_for(|status| lost(&status.state)).await.unwrap();
    let _again = peer.connection().await;
    drop(silent);
}

#[tokio::test]
async fn it_says_something_from_time_to_time_and_answers_a_heartbeat() {
    let mut peer = Peer::start().await;
    let config = peer.config();
    let timing = Timing { heartbeat: Duration::from_millis(50), ..config.timing };
    let _agent = Agent::start(Config { timing, ..config }).unwrap();
    let (mut connection, _) = peer.welcomed().await;
    connection.until(|frame| (frame == FromWorker::Pong).then_some(())).await;
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let (mut connection, _) = peer.welcomed().await;
    connection.say(&ToWorker::Ping).await;
    connection.until(|frame| (frame == FromWorker::Pong).then_some(())).await;
}

#[tokio::test]
async fn frames_that_are_too_large_or_make_no_sense_end_the_connection_and_not_the_agent() {
    let mut peer = Peer::start().await;
    let agent = peer.agent();
    let mut status = agent.status();
    let huge = Message::text("x".repeat(limits::FRAME_BYTES + 1));
    for (message, word) in [(huge, "more than"), (Message::text("{}"), "understand"), (Message::binary("x"), "no text")]
    {
        let (mut connection, _) = peer.welcomed().await;
        connection.throw(message).await;
        let lost = |state: &State| matches!(state, State::Connecting { because } if because.contains(word));
        status.wait_for(|status| lost(&status.state)).await.unwrap();
    }
    peer.welcomed().await;
}

#[tokio::test]
async fn work_before_the_welcome_ends_the_connection() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let brief = deal(peer.store(&guests::hello()));
    let mut connection = peer.connection().await;
    connection.hello().await;
    connection.assign(&brief, &[1]).await;
    while let Some(frame) = connection.heard().await {
        assert!(!matches!(frame, FromWorker::Batch(_)));
    }
    let (_, hello) = peer.welcomed().await;
    assert_eq!(hello.holding, []);
}

#[tokio::test]
async fn an_exchange_that_says_not_to_come_back_ends_the_agent_with_its_reason() {
    let mut peer = Peer::start().await;
    let mut agent = peer.agent();
    let mut connection = peer.connection().await;
    connection.hello().await;
    let reason = "the join token is wrong".to_owned();
    connection.say(&ToWorker::Bye { reason: reason.clone(), reconnect: false }).await;
    assert_eq!(agent.ended().await, Err(AgentError::Refused { reason }));
    assert_eq!(agent.status().borrow().state, State::Ended);
}

#[tokio::test]
async fn another_version_of_the_protocol_ends_the_agent() {
    let mut peer = Peer::start().await;
    let mut agent = peer.agent();
    let mut connection = peer.connection().await;
    connection.say(&challenge(2)).await;
    assert_eq!(agent.ended().await, Err(AgentError::Version { theirs: 2, ours: 1 }));
}

#[tokio::test]
async fn a_pool_that_is_not_there_ends_the_agent_with_the_names_of_those_that_are() {
    let peer = Peer::start().await;
    let name = "comons".to_owned();
    let config = Config { pool: PoolChoice::Name(name.clone()), ..peer.config() };
    let ended = Agent::start(config).unwrap().ended().await;
    assert_eq!(ended, Err(AgentError::NoPool { name, there: vec!["commons".to_owned()] }));
}

#[tokio::test]
async fn an_exchange_that_is_not_there_yet_is_waited_for_and_a_wrong_address_is_not() {
    let peer = Peer::start().await;
    let config = Config { exchange_url: "nowhere".to_owned(), ..peer.config() };
    assert!(matches!(Agent::start(config), Err(StartError::Url { url }) if url == "nowhere"));
    // A port that was free a moment ago and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let peer = Peer::start().await;
    let config = Config { exchange_url: format!("http://127.0.0.1:{port}"), ..peer.config() };
    let agent = Agent::start(config).unwrap();
    let mut status = agent.status();
    let lost = |state: &State| matches!(state, State::Connecting { because } if because.contains("not to be reached"));
    status.wait_for(|status| lost(&status.state)).await.unwrap();
    assert_eq!(agent.stop().await, Ok(()));
}

#[tokio::test]
async fn results_stated_after_a_restart_of_the_exchange_can_still_be_revealed() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let mut brief = deal(peer.store(&guests::hello()));
    brief.direct = false;
    let (mut connection, _) = peer.welcomed().await;
    connection.assign(&brief, &[1]).await;
    assert_eq!(connection.batch().await.commits.len(), 1);
    drop(connection);
    let (mut connection, _) = peer.welcomed().await;
    let commit = connection.batch().await.commits.pop().unwrap();
    let opened = commit.opened.unwrap();
    assert_eq!(opened.result.inline.unwrap(), printed(b"hello\n"), "the exchange may have lost what came beside it");
    connection.say(&ToWorker::Reveal { tasks: vec![id(1)], instead: Vec::new() }).await;
    let reveal = connection.batch().await.reveals.pop().unwrap();
    assert_eq!((reveal.digest, reveal.result.blob), (opened.digest, opened.result.blob));
}

#[tokio::test]
async fn a_token_that_has_expired_is_replaced_by_connecting_anew() {
    let mut peer = Peer::start().await;
    let _agent = peer.agent();
    let brief = deal(peer.store(&guests::hello()));
    let (mut connection, _) = peer.welcomed().await;
    peer.expire_token();
    connection.assign(&brief, &[1]).await;
    let (mut connection, hello) = peer.welcomed().await;
    assert_eq!(hello.holding.iter().map(|held| held.phase).collect::<Vec<_>>(), [Phase::Fetch]);
    assert_eq!(connection.batch().await.completes.len(), 1);
}
