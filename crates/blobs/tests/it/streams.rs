//! The asynchronous face.

use blobs::{Digest, PutError, ReadError, Store};
use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use proptest::prelude::*;
use std::io;
use tokio::runtime::Runtime;

fn pieces(of: &[&'static [u8]]) -> impl futures::Stream<Item = Result<Bytes, io::Error>> + Send {
    stream::iter(of.iter().map(|piece| Ok(Bytes::from_static(piece))).collect::<Vec<_>>())
}

fn store() -> (tempfile::TempDir, Store, Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    (folder, store, Runtime::new().unwrap())
}

#[test]
fn a_stream_is_taken_in_and_read_back_whole_or_in_part() {
    let (_folder, store, runtime) = store();
    runtime.block_on(async {
        let stored = store.put_stream(None, 100, pieces(&[b"hel", b"", b"lo"])).await.unwrap();
        assert_eq!(stored.size, 5);
        let read = async |range| {
            let reading = store.read(&stored.digest, range).await.unwrap();
            let content = reading.content.map_ok(|piece| piece.to_vec()).try_concat().await.unwrap();
            assert_eq!(reading.range.end - reading.range.start, content.len() as u64);
            content
        };
        assert_eq!(read(None).await, b"hello");
        assert_eq!(read(Some(1..3)).await, b"el");
        assert_eq!(read(Some(5..5)).await, b"");
        for (from, to) in [(0, 6), (6, 6), (3, 2)] {
            let beyond = store.read(&stored.digest, Some(std::ops::Range { start: from, end: to })).await;
            assert!(matches!(beyond, Err(ReadError::Range { size: 5 })), "{from}..{to}");
        }
        assert!(matches!(store.read(&Digest::default(), None).await, Err(ReadError::Missing { .. })));
        assert_eq!(store.put_bytes(Bytes::from_static(b"hello")).await.unwrap(), stored);
        assert_eq!(store.read_bytes(&stored.digest, 5).await.unwrap(), "hello");
    });
}

#[test]
fn a_stream_that_breaks_is_too_long_or_lies_leaves_nothing() {
    let (folder, store, runtime) = store();
    runtime.block_on(async {
        let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("gone"))]);
        assert!(matches!(store.put_stream(None, 100, broken).await, Err(PutError::Source(_))));
        let long = store.put_stream(None, 4, pieces(&[b"123", b"45"])).await;
        assert!(matches!(long, Err(PutError::TooLarge { limit: 4 })));
        let lie = store.put_stream(Some(Digest::default()), 100, pieces(&[b"lie"])).await;
        assert!(matches!(lie, Err(PutError::Mismatch { .. })));
    });
    assert_eq!(store.total(), 0);
    assert!(std::fs::read_dir(folder.path().join("incoming")).unwrap().next().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_content_in_any_pieces_comes_back(content in prop::collection::vec(any::<u8>(), 0..3000), piece in 1_usize..700) {
        let (_folder, store, runtime) = store();
        let pieces: Vec<_> = content.chunks(piece).map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece))).collect();
        let back = runtime.block_on(async {
            let stored = store.put_stream(None, 3000, stream::iter(pieces)).await.unwrap();
            store.read_bytes(&stored.digest, 3000).await.unwrap()
        });
        prop_assert_eq!(back, content);
    }
}
