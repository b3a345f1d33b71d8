//! The connection to the exchange: made, kept, and made again when it breaks.
//!
//! It carries frames and knows nothing of tasks. What comes is handed to the shell in order; what the shell says is signed
//! and written here, so that one batch is signed while the next gathers.

use crate::clock::parse_date;
use crate::config::{Config, PoolChoice, Timing};
use crate::handle::AgentError;
use crate::http::Http;
use crate::sign;
use api::exchange::Exchange;
use api::limits::{FRAME_BYTES, PROTOCOL_VERSION};
use api::worker::{Batch, FromWorker, ToWorker};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use orders::{Domain, SigningKey};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use units::{Address, Timestamp};

/// What the agent calls itself.
pub(crate) const SOFTWARE: &str = concat!("hands ", env!("CARGO_PKG_VERSION"));
/// How long the exchange may take to answer a connection, and to begin to speak on it.
const ANSWER: Duration = Duration::from_secs(20);

/// How often it is measured what a word takes to the exchange and back, at most, and only while something is said.
const PING_EVERY: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What happens on the connection, in order.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A connection is made; the exchange speaks next.
    Connected {
        outgoing: mpsc::UnboundedSender<Outgoing>,
        pool: Address,
        /// The exchange's time, where it told it.
        date: Option<Timestamp>,
    },
    Frame(ToWorker),
    /// The batch said last is on its way.
    BatchSent,
    /// A word went to the exchange and back in this time.
    Went(Duration),
    /// The connection is gone, or was not made; it is tried again.
    Lost {
        because: String,
    },
    /// It is not tried again. The last event.
    Over(AgentError),
}

/// What is to be said.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Frame(FromWorker),
    /// To be signed first.
    Batch {
        batch: Box<Batch>,
        domain: Domain,
    },
}

/// Why a connection ended.
enum End {
    Lost(String),
    Over(AgentError),
    /// Nobody listens to what comes.
    Unheard,
}

/// When the ping that has not come back yet was sent.
type Pinged = Mutex<Option<Instant>>;

/// What makes connections.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) http: Arc<Http>,
    pub(crate) key: SigningKey,
    pub(crate) pool: PoolChoice,
    pub(crate) timing: Timing,
    pub(crate) events: mpsc::Sender<LinkEvent>,
}

impl Link {
    pub(crate) fn new(config: &Config, http: Arc<Http>, events: mpsc::Sender<LinkEvent>) -> Self {
        Self { http, key: config.key.clone(), pool: config.pool.clone(), timing: config.timing, events }
    }

    /// Connects, again and again, until the exchange says not to.
    pub(crate) async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let began = Instant::now();
            match self.connection().await {
                End::Unheard => return,
                End::Over(error) => {
                    drop(self.events.send(LinkEvent::Over(error)).await);
                    return;
                }
                End::Lost(because) => {
                    tracing::info!(because, "not connected to the exchange");
                    if self.events.send(LinkEvent::Lost { because }).await.is_err() {
                        return;
                    }
                }
            }
            failures = if began.elapsed() > self.timing.silence { 0 } else { failures.saturating_add(1) };
            tokio::time::sleep(pause(&self.timing, failures)).await;
        }
    }

    /// One connection, from its making to its end.
    async fn connection(&self) -> End {
        let (pool, date) = match self.look_up().await {
            Ok(found) => found,
            Err(end) => return end,
        };
        let frames = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES)).max_frame_size(Some(FRAME_BYTES));
        let connecting = connect_async_with_config(self.http.socket(), Some(frames), true);
        let socket = match timeout(ANSWER, connecting).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(error)) => return End::Lost(format!("the exchange took no connection: {}", chain(&error))),
            Err(_) => return End::Lost("the exchange does not answer".to_owned()),
        };
        let (outgoing, said) = mpsc::unbounded_channel();
        if self.events.send(LinkEvent::Connected { outgoing, pool, date }).await.is_err() {
            return End::Unheard;
        }
        let (sink, stream) = socket.split();
        // Both are futures of some size, which this one need not hold.
        let pinged = Pinged::default();
        let (mut reading, mut writing) =
            (Box::pin(self.read(stream, &pinged)), Box::pin(self.write(sink, said, &pinged)));
        tokio::select! {
            end = &mut reading => end,
            end = &mut writing => end,
        }
    }

    /// Asks the exchange which pools it has, and what time it is.
    async fn look_up(&self) -> Result<(Address, Option<Timestamp>), End> {
        let unreachable =
            |error: reqwest::Error| End::Lost(format!("the exchange is not to be reached: {}", chain(&error)));
        let asking = self.http.client.get(self.http.url("v1/exchange")).timeout(ANSWER).send();
        let answer = asking.await.and_then(reqwest::Response::error_for_status).map_err(unreachable)?;
        let date = answer.headers().get(reqwest::header::DATE).and_then(|date| parse_date(date.to_str().ok()?));
        let exchange: Exchange = answer.json().await.map_err(unreachable)?;
        let pool = match &self.pool {
            PoolChoice::Address(address) => *address,
            PoolChoice::Name(name) => match exchange.pools.iter().find(|pool| pool.name == *name) {
                Some(pool) => pool.address,
                None => {
                    let there = exchange.pools.into_iter().map(|pool| pool.name).collect();
                    return Err(End::Over(AgentError::NoPool { name: name.clone(), there }));
                }
            },
        };
        Ok((pool, date))
    }

    /// Hands over what comes, until nothing does.
    async fn read(&self, mut stream: SplitStream<Socket>, pinged: &Pinged) -> End {
        loop {
            let message = match timeout(self.timing.silence, stream.next()).await {
                Err(_) => return End::Lost("the exchange fell silent".to_owned()),
                Ok(None) => return End::Lost("the exchange closed the connection".to_owned()),
                Ok(Some(Err(error))) => return End::Lost(format!("the connection broke: {}", socket_error(&error))),
                Ok(Some(Ok(message))) => message,
            };
            let text = match &message {
                Message::Text(text) => text.as_str(),
                Message::Close(_) => return End::Lost("the exchange closed the connection".to_owned()),
                Message::Pong(_) => {
                    let pinged = pinged.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(pinged) = pinged
                        && self.events.send(LinkEvent::Went(pinged.elapsed())).await.is_err()
                    {
                        return End::Unheard;
                    }
                    continue;
                }
                Message::Ping(_) => continue,
                Message::Binary(_) | Message::Frame(_) => return End::Lost("the exchange spoke no text".to_owned()),
            };
            let frame: ToWorker = match serde_json::from_str(text) {
                Ok(frame) => frame,
                Err(error) => {
                    return End::Lost(format!("the exchange said what this agent does not understand: {error}"));
                }
            };
            if let Some(end) = ends(&frame) {
                return end;
            }
            if self.events.send(LinkEvent::Frame(frame)).await.is_err() {
                return End::Unheard;
            }
        }
    }

    /// Writes what is to be said; when nothing more will be, closes.
    async fn write(
        &self,
        mut sink: SplitSink<Socket, Message>,
        mut said: mpsc::UnboundedReceiver<Outgoing>,
        pinged: &Pinged,
    ) -> End {
        let mut last_pinged: Option<Instant> = None;
        let lost = |error: SocketError| End::Lost(format!("the connection broke: {}", socket_error(&error)));
        loop {
            let mut next = match timeout(self.timing.heartbeat, said.recv()).await {
                Ok(Some(next)) => Some(next),
                Ok(None) => {
                    drop(sink.send(Message::Close(None)).await);
                    drop(sink.close().await);
                    return End::Lost("the agent closed the connection".to_owned());
                }
                Err(_) => Some(Outgoing::Frame(FromWorker::Pong)),
            };
            let mut batch_sent = false;
            while let Some(outgoing) = next {
                batch_sent |= matches!(outgoing, Outgoing::Batch { .. });
                if let Err(error) = sink.feed(self.encode(outgoing)).await {
                    return lost(error);
                }
                next = said.try_recv().ok();
            }
            if last_pinged.is_none_or(|last| last.elapsed() >= PING_EVERY) {
                last_pinged = Some(Instant::now());
                *pinged.lock().unwrap_or_else(PoisonError::into_inner) = last_pinged;
                if let Err(error) = sink.feed(Message::Ping(tungstenite::Bytes::new())).await {
                    return lost(error);
                }
            }
            if let Err(error) = sink.flush().await {
                return lost(error);
            }
            if batch_sent && self.events.send(LinkEvent::BatchSent).await.is_err() {
                return End::Unheard;
            }
        }
    }

    fn encode(&self, outgoing: Outgoing) -> Message {
        let frame = match outgoing {
            Outgoing::Frame(frame) => frame,
            Outgoing::Batch { mut batch, domain } => {
                let _way = tracing::trace_span!(target: "way", "sign");
                sign::batch(&mut batch, &domain, &self.key);
                FromWorker::Batch(batch)
            }
        };
        Message::text(serde_json::to_string(&frame).expect("the protocol's frames are JSON"))
    }
}

/// Whether a frame ends the connection.
fn ends(frame: &ToWorker) -> Option<End> {
    match frame {
        ToWorker::Bye { reason, reconnect: true } => Some(End::Lost(format!("the exchange said good-bye: {reason}"))),
        ToWorker::Bye { reason, reconnect: false } => Some(End::Over(AgentError::Refused { reason: reason.clone() })),
        ToWorker::Challenge { version, .. } if *version != PROTOCOL_VERSION => {
            Some(End::Over(AgentError::Version { theirs: *version, ours: PROTOCOL_VERSION }))
        }
        ToWorker::Challenge { .. }
        | ToWorker::Welcome { .. }
        | ToWorker::Assign { .. }
        | ToWorker::Reveal { .. }
        | ToWorker::Upload { .. }
        | ToWorker::Cancel { .. }
        | ToWorker::Settled { .. }
        | ToWorker::Refused { .. }
        | ToWorker::Ping => None,
    }
}

/// How long to wait after this many failures in a row: doubled each time, between half and all of it at random, so that
/// workers that lost their exchange together do not come back together.
fn pause(timing: &Timing, failures: u32) -> Duration {
    let doubled = timing.first_retry.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let random = getrandom::u32().unwrap_or(u32::MAX);
    let half = doubled.min(timing.slowest_retry) / 2;
    half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// An error and what is behind it, in a line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        source = error.source();
    }
    words
}

fn socket_error(error: &SocketError) -> String {
    if matches!(error, SocketError::Capacity(_)) {
        format!("the exchange sent a frame of more than {FRAME_BYTES} bytes")
    } else {
        chain(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_slowest_and_are_never_less_than_half() {
        let timing = Timing {
            first_retry: Duration::from_millis(100),
            slowest_retry: Duration::from_secs(1),
            ..Timing::default()
        };
        for (failures, most) in [(0, 100), (1, 100), (2, 200), (3, 400), (5, 1_000), (u32::MAX, 1_000)] {
            let pause = pause(&timing, failures);
            let most = Duration::from_millis(most);
            assert!(pause >= most / 2 && pause <= most, "{failures}: {pause:?}");
        }
    }
}
