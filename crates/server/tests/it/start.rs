//! Starting: each thing that can be in the way is named, with what to do.

use crate::house::{House, config, job_of, key, publish};
use client::{Client, Options};
use server::{Config, LoopError, Server, StartError};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_with_the_option_that_helps() {
    let house = House::open().await;
    let folder = tempfile::tempdir().unwrap();
    let second = Config { listen: house.server.addr(), ..config(folder.path(), false) };
    let error = Server::start(second).await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { .. }));
    assert!(error.to_string().contains("--listen"), "{error}");
    assert!(!folder.path().join("data").exists(), "nothing is made where nothing was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_in_use_is_named() {
    let house = House::open().await;
    let error = Server::start(config(house.folder.path(), false)).await.unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    house.client(1).await.jobs().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_of_a_newer_version_is_refused_untouched() {
    let house = House::open().await;
    let House { folder, server } = house;
    server.stop().await.unwrap();
    let path = folder.path().join("data/journal.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = Server::start(config(folder.path(), false)).await.unwrap_err();
    assert!(matches!(error, StartError::Journal(journal::JournalError::Newer { found: 99, .. })), "{error}");
    assert!(error.to_string().contains("update hands"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_disk_is_full_nothing_more_is_acknowledged_and_nothing_is_lost() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    house.server.limit_journal(2).await;
    let mut taken = Vec::new();
    let short = Options { patience: Duration::from_millis(200), ..Options::default() };
    let hasty = Client::connect(&house.url(), key(1), short).await.unwrap();
    while let Ok(submitted) = hasty.submit(&job_of(&app, 1, 1)).await {
        taken.push(submitted.job.id);
        assert!(taken.len() < 50, "the journal did not fill");
    }
    let House { folder, server } = house;
    let error = server.join().await.unwrap_err();
    assert!(matches!(error, LoopError::Journal(journal::JournalError::Full { .. })), "{error}");
    let server = Server::start(config(folder.path(), false)).await.unwrap();
    let house = House { folder, server };
    let mut kept: Vec<_> = house.client(1).await.jobs().await.unwrap().into_iter().map(|job| job.id).collect();
    kept.sort_unstable();
    taken.sort_unstable();
    assert_eq!(kept, taken, "what was acknowledged is there, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operators_key_beside_a_journal_is_refused() {
    let House { folder, server } = House::open().await;
    server.stop().await.unwrap();
    std::fs::write(folder.path().join("data/operator.key"), "01".repeat(32)).unwrap();
    let error = Server::start(config(folder.path(), false)).await.unwrap_err();
    assert!(matches!(error, StartError::OtherOperator { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_leaves_no_note_of_where_it_listened() {
    let House { folder, server } = House::open().await;
    let data = folder.path().join("data");
    assert_eq!(server::Endpoint::read(&data).unwrap().pid, std::process::id());
    server.stop().await.unwrap();
    assert!(server::Endpoint::read(&data).is_none());
}
