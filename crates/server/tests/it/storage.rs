//! An account stores no more than it may, whatever way its bytes come, and makes room by forgetting.

use crate::house::{House, config, finish, job_of, key, publish};
use crate::wire::{Wire, code};
use agent::Honesty;
use api::limits::BLOB_PART_BYTES;
use client::Error;
use reqwest::{Method, StatusCode};
use results::sha256;
use serde_json::json;
use server::{Server, StorageLimits};
use units::Digest;

/// What an account may store here.
const MOST: u64 = 1 << 20;
const HALF: usize = 1 << 19;

async fn house(keep_free: u64) -> House {
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageLimits { per_account: MOST, keep_free };
    let config = server::Config { storage, ..config(folder.path(), false) };
    House { server: Server::start(config).await.unwrap(), folder }
}

async fn put(wire: &Wire, content: &[u8]) -> (StatusCode, serde_json::Value) {
    let path = format!("/v1/blobs/{}", sha256(content));
    Wire::answer(wire.request(Method::PUT, &path).body(content.to_vec())).await
}

/// The first part of an upload of so many bytes, `head` of them said to be elsewhere.
async fn part(wire: &Wire, upload: u128, total: u64, body: Vec<u8>, pieces: bool) -> (StatusCode, serde_json::Value) {
    let head = if pieces { format!("?pieces={}", body.len()) } else { String::new() };
    let range = format!("bytes 0-{}/{total}", total.min(BLOB_PART_BYTES) - 1);
    let request = wire.request(Method::PUT, &format!("/v1/uploads/{upload:032x}{head}"));
    Wire::answer(request.header("content-range", range).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_stores_no_more_than_it_may_and_makes_room_by_forgetting() {
    let house = house(0).await;
    let wire = Wire::signed_in(&house, 1).await;
    let (one, two, three) = (vec![1_u8; HALF], vec![2_u8; HALF], vec![3_u8; HALF]);
    for content in [&one, &two, &one] {
        assert_eq!(put(&wire, content).await.0, StatusCode::CREATED, "what it has already costs nothing more");
    }
    let refused = put(&wire, &three).await;
    assert_eq!(code(&refused), (413, "storage_full"));
    let words = refused.1["error"].as_str().unwrap();
    assert!(words.contains("stores 1 MiB") && words.contains("may store 1 MiB"), "{words}");
    assert!(words.contains("hands files forget"), "{words}");
    let files = wire.get("/v1/blobs").await.1;
    assert_eq!((&files["stored"], &files["allowed"], &files["count"]), (&json!(MOST), &json!(MOST), &json!(2)));
    // Another has its own room, also for the same files; and the operator's is its own disk.
    let other = Wire::signed_in(&house, 2).await;
    assert_eq!(put(&other, &two).await.0, StatusCode::CREATED);
    let operator = house.operator().await;
    let large = operator.upload_bytes("large", vec![9; 3 * HALF]).await.unwrap();
    assert_eq!(operator.files().await.unwrap().allowed, None);
    // What is forgotten makes room, and is gone where it is nobody else's.
    let forget =
        |digests: Vec<Digest>| wire.send(Method::POST, "/v1/blobs/forget", Some(json!({ "digests": digests })));
    let answer = forget(vec![sha256(&one), sha256(&two), large.digest]).await.1;
    assert_eq!(answer["forgotten"].as_array().unwrap().len(), 2, "{answer}: only its own");
    assert_eq!(answer["needed"], json!([]));
    let here = |content: &[u8]| {
        house
            .folder
            .path()
            .join("data/blobs/sha256")
            .join(&sha256(content).hex()[..2])
            .join(sha256(content).hex())
            .exists()
    };
    assert!(!here(&one) && here(&two));
    assert_eq!(code(&wire.get(&format!("/v1/blobs/{}", sha256(&two))).await), (404, "unknown_blob"));
    assert_eq!(put(&wire, &three).await.0, StatusCode::CREATED);
    // And it is known after a restart.
    let house = house.restart().await;
    assert_eq!(house.client(1).await.files().await.unwrap().stored, HALF as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_counts_as_what_it_is_said_to_become() {
    let house = house(0).await;
    let wire = Wire::signed_in(&house, 1).await;
    let whole = vec![5_u8; HALF + 1];
    assert_eq!(put(&wire, &whole[..HALF]).await.0, StatusCode::CREATED);
    // A few bytes that say that half a mebibyte is to be taken from the account's own file.
    let pieces = |length: usize| {
        json!([{ "of": sha256(&whole[..HALF]), "start": 0, "length": length }]).to_string().into_bytes()
    };
    let half = HALF as u64;
    assert_eq!(part(&wire, 1, half, pieces(HALF), true).await.0, StatusCode::ACCEPTED);
    for (upload, total) in [(2, half), (3, 1), (4, 16 << 30)] {
        let refused = part(&wire, upload, total, pieces(1), true).await;
        assert_eq!(code(&refused), (413, "storage_full"), "an upload of {total} bytes");
    }
    assert_eq!(code(&put(&wire, b"one byte more").await), (413, "storage_full"));
    // It ends as what the account has already, and its room is free again.
    let end = format!("/v1/blobs/{}?upload={:032x}", sha256(&whole[..HALF]), 1);
    assert_eq!(Wire::answer(wire.request(Method::PUT, &end)).await.0, StatusCode::CREATED);
    assert_eq!(part(&wire, 2, half, whole[..HALF].to_vec(), false).await.0, StatusCode::ACCEPTED);
    // What is not what it was to be leaves nothing.
    let wrong = format!("/v1/blobs/{}?upload={:032x}", sha256(b"else"), 2);
    assert_eq!(code(&Wire::answer(wire.request(Method::PUT, &wrong)).await), (400, "digest_mismatch"));
    assert_eq!(put(&wire, &vec![6; HALF]).await.0, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_in_where_the_disk_would_be_full() {
    let house = house(u64::MAX).await;
    let wire = Wire::signed_in(&house, 1).await;
    assert_eq!(code(&put(&wire, b"a file").await), (507, "disk_full"));
    assert_eq!(code(&part(&wire, 1, 5, b"parts".to_vec(), false).await), (507, "disk_full"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_that_a_job_or_an_offer_needs_is_not_forgotten_and_a_result_is_not_its_workers() {
    let house = House::private().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let input = client.upload_bytes("input", b"of a job".to_vec()).await.unwrap();
    let unused = client.upload_bytes("unused", b"of none".to_vec()).await.unwrap();
    let spec = client::JobSpec { inputs: vec![input.clone()], ..job_of(&app, 1, 1) };
    let job = client.submit(&spec).await.unwrap().job;
    let all: Vec<Digest> = client.files().await.unwrap().files.iter().map(|file| file.digest).collect();
    let answer = client.forget(all.clone()).await.unwrap();
    assert_eq!(answer.forgotten.iter().map(|file| file.digest).collect::<Vec<_>>(), [unused.digest]);
    assert!(answer.needed.iter().any(|file| file.digest == input.digest), "{answer:?}");
    let agents = [1, 2].map(|number| house.agent(10 + number, "commons", Honesty::Honest));
    let (ended, results) = finish(&client, job.id).await;
    assert_eq!((ended.finished, results.len()), (1, 1));
    for number in [11, 12] {
        let worker = house.client(number).await;
        assert_eq!(worker.files().await.unwrap().count, 0, "{}", key(number).address());
    }
    // The job is over; what is offered still needs the app's own file.
    let answer = client.forget(all).await.unwrap();
    assert!(answer.forgotten.iter().any(|file| file.digest == input.digest), "{answer:?}");
    assert!(matches!(client.download(input.digest).await, Err(Error::Refused { status: 404, .. })));
    assert!(client.fetch(&results[0]).await.is_ok());
    for agent in agents {
        agent.stop().await.unwrap();
    }
}
