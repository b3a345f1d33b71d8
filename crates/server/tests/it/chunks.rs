//! A file that is mostly what another of its sender's was costs the rest, and nobody learns of others' files by that.

use crate::house::House;
use crate::wire::{Wire, code};
use api::limits::{BLOB_PART_BYTES, CHUNK_BYTES};
use client::Client;
use reqwest::{Method, StatusCode};
use results::sha256;
use serde_json::json;
use std::path::Path;

/// Bytes without a pattern.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Sends a file of this content, makes sure that it is there as it was, and says how much of it was sent.
async fn send(client: &Client, folder: &Path, content: &[u8]) -> u64 {
    let path = folder.join("scene.blend");
    std::fs::write(&path, content).unwrap();
    let sent = client.send(&path).await.unwrap();
    assert_eq!((sent.input.digest, sent.input.size), (sha256(content), content.len() as u64));
    let fetched = client.download(sent.input.digest).await.unwrap();
    assert!(std::fs::read(fetched.path()).unwrap() == content, "what is there is what the file is");
    sent.bytes.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_that_changed_in_places_only_the_changed_stretches_are_sent() {
    let house = House::open().await;
    let owner = house.client(1).await;
    let folder = tempfile::tempdir().unwrap();
    let (_, _, most) = CHUNK_BYTES;
    let most = most as u64;
    for (seed, size) in [(1, 5 << 20), (2, 40 << 20)] {
        let mut scene = noise(seed, size);
        assert_eq!(send(&owner, folder.path(), &scene).await, size as u64);
        assert_eq!(send(&owner, folder.path(), &scene).await, 0);
        // A texture of 300 kB is another one, in its place.
        let other = noise(99, 300_000);
        scene[3_000_000..3_300_000].copy_from_slice(&other);
        let sent = send(&owner, folder.path(), &scene).await;
        assert!(
            (300_000..300_000 + 2 * most).contains(&sent),
            "{sent} bytes of {size} were sent for 300,000 that changed"
        );
        // Something is put in at the beginning, and all the rest moves.
        scene.splice(100..100, noise(7, 1_001));
        let sent = send(&owner, folder.path(), &scene).await;
        assert!((1..=2 * most).contains(&sent), "{sent} bytes of {size} were sent for 1,001 that were put in");
        // And taken out again, with some behind it.
        scene.drain(50..200_050);
        let sent = send(&owner, folder.path(), &scene).await;
        assert!(sent <= 2 * most, "{sent} bytes of {size} were sent for 200,000 that were taken out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_pieces_are_to_be_taken_from_may_vanish_or_change_and_all_is_sent_instead() {
    for vanishes in [true, false] {
        let house = House::open().await;
        let owner = house.client(1).await;
        let folder = tempfile::tempdir().unwrap();
        let scene = noise(11, 5 << 20);
        let size = scene.len() as u64;
        assert_eq!(send(&owner, folder.path(), &scene).await, size);
        // From now on it is remembered what it consists of.
        let wire = Wire::signed_in(&house, 1).await;
        let told = wire.get(&format!("/v1/chunks?size={size}")).await.1;
        assert_eq!(told["files"][0]["digest"], sha256(&scene).to_string());
        let file = blobs::path_in(&house.folder.path().join("data/blobs"), &sha256(&scene));
        if vanishes {
            std::fs::remove_file(&file).unwrap();
        } else {
            std::fs::write(&file, noise(12, scene.len())).unwrap();
        }
        let mut next = scene.clone();
        next[3_000_000..3_100_000].copy_from_slice(&noise(13, 100_000));
        assert!(send(&owner, folder.path(), &next).await >= size, "nothing could be taken from elsewhere");
        if vanishes {
            assert_eq!(code(&wire.get(&format!("/v1/blobs/{}", sha256(&scene))).await), (404, "unknown_blob"));
            assert!(send(&owner, folder.path(), &scene).await > 0, "what is gone is taken in again");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_told_of_and_taken_from_only_what_whoever_asks_may_read() {
    let house = House::open().await;
    let folder = tempfile::tempdir().unwrap();
    let secret = noise(3, 6 << 20);
    let owner = house.client(1).await;
    send(&owner, folder.path(), &secret).await;
    let (digest, size) = (sha256(&secret), secret.len());
    let (mine, strange) = (Wire::signed_in(&house, 1).await, Wire::signed_in(&house, 2).await);
    let question = format!("/v1/chunks?size={size}");
    let told = mine.get(&question).await;
    assert_eq!(told.1["files"][0]["digest"], digest.to_string());
    let chunks = told.1["files"][0]["chunks"].as_array().unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk[0].as_u64().unwrap()).sum::<u64>(), size as u64);
    // A stranger is told nothing; who is nobody, not even that.
    assert_eq!(strange.get(&question).await, (StatusCode::OK, json!({ "files": [] })));
    assert_eq!(code(&Wire::new(&house).get(&question).await), (401, "unauthorized"));
    // A stranger who has heard the digest takes nothing of it, and is told what it would be told if it were not there.
    let part = |wire: &Wire, of: units::Digest, start: u64, length: u64| {
        let head = json!([{ "of": of, "start": start, "length": length }]).to_string();
        let path = format!("/v1/uploads/0123456789abcdef0123456789abcdef?pieces={}", head.len());
        let range = format!("bytes 0-{}/{length}", length - 1);
        Wire::answer(wire.request(Method::PUT, &path).header("content-range", range).body(head))
    };
    let absent = sha256(b"nothing has this digest");
    for of in [digest, absent] {
        assert_eq!(code(&part(&strange, of, 0, 10).await), (404, "unknown_blob"));
    }
    let end = format!("/v1/blobs/{}?upload=0123456789abcdef0123456789abcdef", sha256(&secret[..10]));
    let ended = Wire::answer(strange.request(Method::PUT, &end)).await;
    assert_eq!(code(&ended), (404, "unknown_upload"), "nothing came of it");
    // Its own file that has the same stretches is sent whole: nothing is known to it of another's.
    let other = house.client(2).await;
    let mut like = secret.clone();
    like[0] ^= 1;
    assert_eq!(send(&other, folder.path(), &like).await, size as u64);
    // The owner may, within the file.
    assert_eq!(part(&mine, digest, 0, 10).await.0, StatusCode::ACCEPTED);
    assert_eq!(Wire::answer(mine.request(Method::PUT, &end)).await.0, StatusCode::CREATED);
    assert_eq!(code(&part(&mine, digest, size as u64 - 5, 10).await), (400, "bad_pieces"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_do_not_make_a_part_are_refused() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let put = |pieces: &str, head: usize, rest: &str, total: u64| {
        let path = format!("/v1/uploads/0123456789abcdef0123456789abcdef?pieces={head}");
        let range = format!("bytes 0-{}/{total}", total - 1);
        let body = format!("{pieces}{rest}");
        Wire::answer(wire.request(Method::PUT, &path).header("content-range", range).body(body))
    };
    let ten = r#"[{"length":10}]"#;
    for (pieces, head, rest, total) in [
        ("none", 4, "", 10),
        (ten, ten.len() + 1, "", 10),
        (ten, usize::MAX, "0123456789", 10),
        (&format!(r#"[{{"length":{}}}]"#, BLOB_PART_BYTES + 1), 0, "", 10),
        (r#"[{"length":18446744073709551615},{"length":18446744073709551615}]"#, 66, "", 10),
    ] {
        assert_eq!(code(&put(pieces, head, rest, total).await), (400, "bad_pieces"), "{pieces}");
    }
    // Less than was said, more than was said, and more than the part has.
    assert_eq!(code(&put(ten, ten.len(), "012345678", 10).await), (400, "bad_part"));
    assert_eq!(code(&put(ten, ten.len(), "0123456789a", 10).await), (400, "broken_off"));
    assert_eq!(code(&put(ten, ten.len(), "0123456789", 9).await), (400, "bad_part"));
    assert_eq!(put(ten, ten.len(), "0123456789", 10).await.0, StatusCode::ACCEPTED);
    let end = format!("/v1/blobs/{}?upload=0123456789abcdef0123456789abcdef", sha256(b"0123456789"));
    assert_eq!(Wire::answer(wire.request(Method::PUT, &end)).await.0, StatusCode::CREATED);
}
