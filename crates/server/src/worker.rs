//! The worker gateway: `GET /v1/worker`, a WebSocket a worker.
//!
//! A connection reads frames, checks them and recovers their signers here, outside the loop; what is sound goes to the loop
//! as typed requests. The loop's messages come back through an outbox and leave as few frames. A worker has one connection:
//! the newer one wins. Frames that cannot be read are answered, and too many of them end the connection.

mod hello;
mod inbox;
mod outbox;
mod seats;

pub(crate) use outbox::{Brief, Out};
pub(crate) use seats::{Seat, Seats};

use crate::shared::Shared;
use api::limits;
use api::worker::{FromWorker, ToWorker};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Frames that cannot be read before a connection is ended.
const MALFORMED_FRAMES: u32 = 8;

/// Held for each connection while nothing comes; a larger frame takes more for as long as it lasts.
const READ_BUFFER: usize = 8 << 10;

/// Takes the upgrade.
pub(crate) async fn connect(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES)
        .read_buffer_size(READ_BUFFER)
        .on_upgrade(move |socket| serve(shared, socket))
}

/// Why a connection ends, as its worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Farewell {
    /// A stable word.
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    /// Whether to come back.
    pub(crate) reconnect: bool,
}

impl Farewell {
    fn refused(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), reconnect: false }
    }

    fn lost(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), reconnect: true }
    }
}

/// What came from a worker.
enum Heard {
    Frame(FromWorker),
    /// A frame that is none of the protocol's.
    Malformed(String),
    /// The worker is gone.
    Closed,
}

struct Wire {
    stream: SplitStream<WebSocket>,
}

impl Wire {
    /// The next frame; an error says why no more are read.
    async fn next(&mut self, until: Instant) -> Result<Heard, Farewell> {
        let message = match timeout_at(until, self.stream.next()).await {
            Err(_) => return Err(Farewell::lost("silence", "nothing was heard for too long")),
            Ok(None) => return Ok(Heard::Closed),
            Ok(Some(Err(error))) if is_too_large(&error) => {
                let words = format!("a frame may have {} bytes", limits::FRAME_BYTES);
                return Err(Farewell::lost("frame_too_large", words));
            }
            Ok(Some(Err(_))) => return Ok(Heard::Closed),
            Ok(Some(Ok(message))) => message,
        };
        Ok(match message {
            Message::Text(text) => match serde_json::from_str(text.as_str()) {
                Ok(frame) => Heard::Frame(frame),
                Err(error) => Heard::Malformed(error.to_string()),
            },
            Message::Binary(_) => Heard::Malformed("frames are JSON text".to_owned()),
            Message::Ping(_) | Message::Pong(_) => Heard::Frame(FromWorker::Pong),
            Message::Close(_) => Heard::Closed,
        })
    }
}

/// Whether the socket gave up because of a frame's size, which it tells before it has read the frame.
fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().contains("too large") || error.to_string().contains("too long")
}

/// A connection from its first frame to its last.
async fn serve(shared: Arc<Shared>, socket: WebSocket) {
    let (mut sink, stream) = socket.split();
    let mut wire = Wire { stream };
    let greeted = tokio::select! {
        greeted = hello::greet(&shared, &mut sink, &mut wire) => greeted,
        () = shared.stopping.cancelled() => Err(Farewell::lost("stopping", "the exchange is stopping")),
    };
    let (seat, outbox) = match greeted {
        Ok(Some(joined)) => joined,
        Ok(None) => return,
        Err(farewell) => return say_goodbye(&mut sink, farewell).await,
    };
    let worker = seat.worker;
    tracing::info!(%worker, "a worker connected");
    let (replies, mut queued) = mpsc::channel(64);
    let writing = outbox::write(Arc::clone(&seat), sink, outbox, &mut queued);
    let reading = inbox::read(&shared, &seat, wire, replies);
    let mut writing = std::pin::pin!(writing);
    let sink = tokio::select! {
        farewell = reading => {
            // What was to be answered still leaves; then the goodbye.
            shared.core.left(&seat).await;
            farewell.map(|farewell| (farewell, None))
        }
        ended = &mut writing => {
            shared.core.left(&seat).await;
            ended.map(|(farewell, sink)| (farewell, Some(sink)))
        }
    };
    shared.seats.leave(&seat);
    tracing::info!(%worker, "a worker disconnected");
    match sink {
        Some((farewell, Some(mut sink))) => say_goodbye(&mut sink, farewell).await,
        Some((farewell, None)) => {
            // The writer ends with its outbox, which `left` has closed, and gives the socket back.
            let drained = timeout(std::time::Duration::from_secs(1), writing).await;
            if let Ok(Some((_, mut sink))) = drained {
                say_goodbye(&mut sink, farewell).await;
            }
        }
        None => {}
    }
}

type Sink = SplitSink<WebSocket, Message>;

/// Sends one frame; whether it left.
async fn send(sink: &mut Sink, frame: &ToWorker) -> bool {
    let text = serde_json::to_string(frame).expect("a frame is plain JSON");
    let leaving = sink.send(Message::Text(text.into()));
    matches!(timeout(limits::SILENCE, leaving).await, Ok(Ok(())))
}

/// Says why, and closes.
async fn say_goodbye(sink: &mut Sink, farewell: Farewell) {
    let Farewell { code, reason, reconnect } = farewell;
    let refused = ToWorker::Refused { task: None, code: code.to_owned(), reason: reason.clone() };
    if send(sink, &refused).await && send(sink, &ToWorker::Bye { reason, reconnect }).await {
        let close = CloseFrame { code: close_code::NORMAL, reason: code.into() };
        drop(timeout(limits::HELLO_TIMEOUT, sink.send(Message::Close(Some(close)))).await);
    }
}

/// What the loop needs to know of a worker that said hello.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) seat: Arc<Seat>,
    pub(crate) worker: market::Worker,
    /// That its owner calls it theirs; empty for one that is its own.
    pub(crate) owner_signature: units::Bytes,
    /// Files that it holds already.
    pub(crate) cached: Vec<units::Digest>,
    pub(crate) holding: Vec<api::worker::Held>,
    pub(crate) outbox: mpsc::UnboundedSender<Vec<Out>>,
}
