//! What no design can go below on this machine: hashes, one durable write, one trip over a WebSocket.

use crate::report::{Repeats, Report, micros, rates};
use alloy_primitives::keccak256;
use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _};
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

const REPEATS: u32 = 7;
const HASHES: u32 = 20_000;
const WRITES: u32 = 500;
const TRIPS: u32 = 5_000;
/// Bytes of a message: about a small frame of the worker protocol.
const MESSAGE: usize = 200;
/// Bytes of a durable write: about a record with a few entries.
const RECORD: usize = 2_048;

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading("Floors of this machine");
    let message = [7_u8; MESSAGE];
    let sha = rates(REPEATS, HASHES, || (), |()| (0..HASHES).for_each(|_| hash(&message)));
    report.median("floor_sha256_200_bytes_per_s", &sha);
    let keccak = rates(
        REPEATS,
        HASHES,
        || (),
        |()| {
            (0..HASHES).for_each(|_| {
                black_box(keccak256(black_box(message)));
            });
        },
    );
    report.median("floor_keccak256_200_bytes_per_s", &keccak);
    let large = vec![7_u8; 1 << 20];
    let stream = rates(REPEATS, 100, || (), |()| (0..100).for_each(|_| hash(&large)));
    let bytes = stream.median() * 1_048_576.0 / 1e6;
    report.figure("floor_sha256_stream_megabytes_per_s", bytes);
    let writes = durable_writes(folder).context("a file in the bench's folder")?;
    report.tail("floor_append_fdatasync_2_kib", "us", &writes);
    let trips = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(trips())?;
    report.tail("floor_websocket_round_trip_200_bytes", "us", &trips);
    Ok(())
}

fn hash(bytes: &[u8]) {
    black_box(results::sha256(black_box(bytes)));
}

fn durable_writes(folder: &Path) -> std::io::Result<Repeats> {
    let mut file = File::create(folder.join("appended"))?;
    let record = [7_u8; RECORD];
    let mut times = Vec::new();
    for _ in 0..WRITES {
        let began = Instant::now();
        file.write_all(&record)?;
        file.sync_data()?;
        times.push(micros(began.elapsed()));
    }
    Ok(Repeats::new(times))
}

/// One message there and back at a time, over loopback, both ends in this process.
async fn trips() -> anyhow::Result<Repeats> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let echo = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut socket = accept_async(stream).await?;
        while let Some(message) = socket.next().await {
            let message = message?;
            if message.is_close() {
                break;
            }
            socket.send(message).await?;
        }
        anyhow::Ok(())
    });
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{address}/"), stream).await?;
    let text = "x".repeat(MESSAGE);
    let mut times = Vec::new();
    for _ in 0..TRIPS {
        let began = Instant::now();
        socket.send(Message::text(text.clone())).await?;
        socket.next().await.context("the echo answers")??;
        times.push(micros(began.elapsed()));
    }
    socket.close(None).await?;
    drop(echo.await?);
    Ok(Repeats::new(times))
}
