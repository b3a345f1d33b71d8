//! A relay between agents and server that notes when certain frames pass. It changes nothing.

use anyhow::Context as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The server assigned a task.
    Assigned,
    /// An agent stated a result.
    Stated,
}

type Notes = Arc<Mutex<Vec<(Seen, Instant)>>>;

#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    notes: Notes,
    _threads: Runtime,
}

impl Relay {
    pub(super) fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let threads =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("relay").enable_all().build();
        let threads = threads.context("threads can be started")?;
        let listener = threads.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let notes = Notes::default();
        let noted = Arc::clone(&notes);
        threads.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, server, Arc::clone(&noted)));
            }
        });
        Ok(Self { address, notes, _threads: threads })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn forget(&self) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// When it was first seen since the last [`Relay::forget`].
    pub(super) fn first(&self, what: Seen) -> Option<Instant> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().find(|(seen, _)| *seen == what).map(|(_, at)| *at)
    }
}

async fn pass(agent: TcpStream, server: SocketAddr, notes: Notes) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    agent.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_agent, to_agent) = agent.into_split();
    let (from_server, to_server) = server.into_split();
    let heard = Arc::clone(&notes);
    tokio::spawn(carry(from_server, to_agent, move |bytes| {
        if contains(bytes, br#"{"type":"assign""#) {
            note(&heard, Seen::Assigned);
        }
    }));
    let mut frames = Masked::default();
    carry(from_agent, to_server, move |bytes| {
        if frames.push(bytes) {
            note(&notes, Seen::Stated);
        }
    })
    .await
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut look: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        let piece = buffer.get(..count).unwrap_or_default();
        if piece.is_empty() {
            return to.shutdown().await;
        }
        look(piece);
        to.write_all(piece).await?;
    }
}

fn note(notes: &Notes, what: Seen) {
    notes.lock().unwrap_or_else(PoisonError::into_inner).push((what, Instant::now()));
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// A client's half of a WebSocket connection, whose frames are masked.
#[derive(Default)]
struct Masked {
    upgraded: bool,
    pending: Vec<u8>,
}

impl Masked {
    /// Takes the next bytes; whether a frame among them begins a batch of statements.
    fn push(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        if !self.upgraded {
            let end = b"\r\n\r\n";
            let head = self.pending.windows(end.len()).position(|window| window == end);
            let Some(head) = head else { return false };
            self.upgraded = contains(&self.pending.to_ascii_lowercase(), b"upgrade: websocket");
            if !self.upgraded {
                self.pending.clear();
                return false;
            }
            self.pending.drain(..head + end.len());
        }
        let mut stated = false;
        while let Some((payload, length)) = first_frame(&self.pending) {
            stated |= payload.starts_with(br#"{"type":"batch""#);
            self.pending.drain(..length);
        }
        stated
    }
}

/// The beginning of the first frame's payload, and the frame's whole length, if it is all there.
fn first_frame(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let short = usize::from(bytes.get(1)? & 0x7f);
    let (size, mask_at) = match short {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        size => (size, 2),
    };
    let mask = bytes.get(mask_at..mask_at + 4)?;
    let payload = bytes.get(mask_at + 4..mask_at + 4 + size)?;
    let shown = payload.iter().zip(mask.iter().cycle()).take(32).map(|(byte, mask)| byte ^ mask).collect();
    Some((shown, mask_at + 4 + size))
}
