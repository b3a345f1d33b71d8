//! A long line in user space: bytes take their time each way, and of a connection no more are on their way than a kernel
//! would let be. Counts what passes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

/// Most bytes of a connection that were sent and not acknowledged. Half of the 6 MiB that Linux gives a receiver by default
/// is window, the rest is its own accounting.
const WINDOW: usize = 3 << 20;
const PIECE: usize = 64 << 10;

/// A line to one server.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) address: SocketAddr,
    passed: Arc<AtomicU64>,
}

impl Line {
    /// A line whose way there takes `delay`, and back again.
    pub(super) async fn to(server: SocketAddr, delay: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let passed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&passed);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(server).await else { continue };
                drop((near.set_nodelay(true), far.set_nodelay(true)));
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                one_way(near_in, far_out, delay, Arc::clone(&count));
                one_way(far_in, near_out, delay, Arc::clone(&count));
            }
        });
        Ok(Self { address, passed })
    }

    /// Bytes that have passed, both ways together.
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration, passed: Arc<AtomicU64>) {
    let window = Arc::new(Semaphore::new(WINDOW));
    let (give, mut take) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let (tell, mut told) = mpsc::unbounded_channel::<(Instant, usize)>();
    let room = Arc::clone(&window);
    tokio::spawn(async move {
        let mut piece = vec![0; PIECE];
        while let Ok(read) = from.read(&mut piece).await {
            if read == 0 {
                break;
            }
            let permits = u32::try_from(read).expect("a piece is small");
            let Ok(taken) = room.acquire_many(permits).await else { return };
            taken.forget();
            passed.fetch_add(u64::from(permits), Ordering::Relaxed);
            if give.send((Instant::now() + delay, piece[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((at, piece)) = take.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
            if tell.send((Instant::now() + delay, piece.len())).is_err() {
                return;
            }
        }
        drop(to.shutdown().await);
    });
    tokio::spawn(async move {
        while let Some((at, length)) = told.recv().await {
            sleep_until(at).await;
            window.add_permits(length);
        }
    });
}
