//! Blobs are what their names say, and for a task's parties only.

use crate::house::{House, finish, job_of, key, publish};
use crate::wire::{Wire, code};
use agent::Honesty;
use client::JobSpec;
use reqwest::{Method, StatusCode};
use results::sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_read_by_who_sent_it_and_by_no_stranger() {
    let house = House::open().await;
    let owner = Wire::signed_in(&house, 1).await;
    let path = format!("/v1/blobs/{}", sha256(b"mine"));
    let (status, _) = Wire::answer(owner.request(Method::PUT, &path).body("mine")).await;
    assert_eq!(status, StatusCode::CREATED);
    let read = owner.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), "mine");
    let part = owner.request(Method::GET, &path).header("range", "bytes=1-2").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, b"in".as_slice()));
    let stranger = Wire::signed_in(&house, 2).await;
    assert_eq!(code(&stranger.get(&path).await), (404, "unknown_blob"));
    let head = stranger.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
    assert_eq!(code(&Wire::new(&house).get(&path).await), (401, "unauthorized"));
    // Whoever has the content may say so, and then reads what they have.
    Wire::answer(stranger.request(Method::PUT, &path).body("mine")).await;
    assert_eq!(stranger.request(Method::HEAD, &path).send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_under_another_name_is_refused() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let path = format!("/v1/blobs/{}", sha256(b"one thing"));
    let answer = Wire::answer(wire.request(Method::PUT, &path).body("another")).await;
    assert_eq!(code(&answer), (400, "digest_mismatch"));
    assert_eq!(code(&wire.get(&path).await), (404, "unknown_blob"));
    // Longer than any blob may be, by its own word: nothing of it is waited for.
    let (token, length) = (wire.token(), api::limits::BLOB_BYTES + 1);
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n");
    let mut socket = tokio::net::TcpStream::connect(house.server.addr()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_anothers_file_in_a_job_opens_it_to_nobody() {
    let house = House::open().await;
    let owner = house.client(1).await;
    let secret = owner.upload_bytes("secret", "nobody's business").await.unwrap();
    let thief = house.client(2).await;
    let app = publish(&thief).await;
    let spec = JobSpec { inputs: vec![secret.clone()], ..job_of(&app, 1, 1) };
    assert_eq!(thief.submit(&spec).await.unwrap_err().code(), Some("blob_missing"));
    assert!(!thief.has_blob(secret.digest).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_result_is_for_its_requester_and_for_no_stranger() {
    let house = House::open().await;
    let _worker = house.agent(10, "commons", Honesty::Honest);
    let client = house.client(1).await;
    let app = publish(&client).await;
    let input = client.upload_bytes("given", "an input").await.unwrap();
    let spec = JobSpec { inputs: vec![input.clone()], ..job_of(&app, 1, 2) };
    let job = client.submit(&spec).await.unwrap().job;
    let (_, results) = finish(&client, job.id).await;
    let blob = results[0].blob.unwrap();
    assert!(client.has_blob(blob).await.unwrap());
    let stranger = house.client(2).await;
    assert!(!stranger.has_blob(blob).await.unwrap());
    // The worker read app and input while it held the task, and may no longer.
    let worker = house.client(10).await;
    assert_ne!(worker.address(), key(1).address());
    assert!(!worker.has_blob(input.digest).await.unwrap());
    assert!(!worker.has_blob(app.digest).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_up_and_comes_down_in_parts() {
    let house = House::open().await;
    let owner = house.client(1).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let size = 2 * usize::try_from(api::limits::BLOB_PART_BYTES).unwrap() + 7;
    let content: Vec<u8> = (0..251_u8).cycle().take(size).collect();
    std::fs::write(&path, &content).unwrap();
    let input = owner.upload(&path).await.unwrap();
    assert_eq!((input.digest, input.size), (sha256(&content), size as u64));
    let fetched = owner.download(input.digest).await.unwrap();
    assert!(std::fs::read(fetched.path()).unwrap() == content, "what came down is what went up");
    // The same file again, and another one of its size, which is asked for first.
    assert_eq!(owner.upload(&path).await.unwrap(), input);
    let other = folder.path().join("other");
    std::fs::write(&other, vec![7; size]).unwrap();
    let input = owner.upload(&other).await.unwrap();
    assert_eq!(input.digest, sha256(&vec![7; size]));
    assert!(owner.has_blob(input.digest).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_says_what_it_is_a_part_of_and_tells_a_stranger_nothing() {
    let house = House::open().await;
    let (owner, stranger) = (Wire::signed_in(&house, 1).await, Wire::signed_in(&house, 2).await);
    let part = api::limits::BLOB_PART_BYTES;
    let content = vec![7; usize::try_from(part).unwrap() + 1];
    let (name, path) = ("0123456789abcdef0123456789abcdef", format!("/v1/blobs/{}", sha256(&content)));
    let put = |wire: &Wire, range: String, body: Vec<u8>| {
        wire.request(Method::PUT, &format!("/v1/uploads/{name}")).header("content-range", range).body(body)
    };
    let end = |wire: &Wire| wire.request(Method::PUT, &format!("{path}?upload={name}"));
    let last = || (format!("bytes {part}-{part}/{}", part + 1), vec![7]);
    let first = || (format!("bytes 0-{}/{}", part - 1, part + 1), vec![7; usize::try_from(part).unwrap()]);
    let answer = Wire::answer(put(&owner, "one half".to_owned(), vec![7])).await;
    assert_eq!(code(&answer), (400, "bad_part"));
    let answer = Wire::answer(put(&owner, format!("bytes 1-1/{}", part + 1), vec![7])).await;
    assert_eq!(code(&answer), (400, "bad_part"), "parts begin where parts begin");
    let answer = Wire::answer(owner.request(Method::PUT, "/v1/uploads/mine").header("content-range", last().0)).await;
    assert_eq!(code(&answer), (400, "bad_upload"));
    let (range, body) = last();
    assert_eq!(put(&owner, range, body).send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(code(&Wire::answer(end(&owner)).await), (404, "unknown_upload"), "a part is missing");
    let (range, body) = first();
    assert_eq!(put(&owner, range, body).send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(code(&Wire::answer(end(&stranger)).await), (404, "unknown_upload"), "it is somebody else's");
    assert_eq!(Wire::answer(end(&owner)).await.0, StatusCode::CREATED);
    assert_eq!(owner.request(Method::HEAD, &path).send().await.unwrap().status(), StatusCode::OK);
    // Whoever has one part of it has not shown the whole, nor is told that such a file is here.
    let (range, body) = last();
    assert_eq!(put(&stranger, range, body).send().await.unwrap().status(), StatusCode::ACCEPTED);
    let head = stranger.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
    for (who, size, perhaps) in [(&owner, part + 1, true), (&owner, part, false), (&stranger, part + 1, false)] {
        let asked = who.request(Method::GET, &format!("/v1/uploads?size={size}"));
        assert_eq!(Wire::answer(asked).await.1["perhaps_here"], perhaps);
    }
}
