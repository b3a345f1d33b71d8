//! Following a job: its progress and results as they come, over as many connections as it takes.

use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use crate::sse::{Message, Parser};
use api::job::{Job, TaskResult};
use futures::Stream;
use reqwest::{Method, Response, header};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::sleep;
use units::OrderHash;

/// What happens to a job.
#[derive(Debug)]
pub enum Event {
    /// How it stands; in a final state, the last event.
    Progress(Box<Job>),
    /// A task ended.
    Result(Box<TaskResult>),
    /// The connection is lost; it is made again, without end, and nothing is missed.
    Lost {
        /// Why.
        error: Error,
        /// When the next attempt is made.
        retry_in: Duration,
    },
}

struct Watcher {
    client: Client,
    job: OrderHash,
    /// Ordinal of the last result seen.
    last: Option<u64>,
    connection: Option<(Response, Parser)>,
    pending: VecDeque<Event>,
    backoff: Backoff,
    wait: Duration,
    ended: bool,
}

impl Client {
    /// Follows a job until nothing more will happen to it. Results up to the ordinal `after` are left out; each other comes
    /// once, in order of ordinals. The stream ends with an error only where trying again cannot help.
    pub fn watch(
        &self,
        job: OrderHash,
        after: Option<u64>,
    ) -> impl Stream<Item = Result<Event, Error>> + Send + 'static {
        let watcher = Watcher {
            client: self.clone(),
            job,
            last: after,
            connection: None,
            pending: VecDeque::new(),
            backoff: Backoff::new(),
            wait: Duration::ZERO,
            ended: false,
        };
        futures::stream::unfold(watcher, |mut watcher| async {
            let event = watcher.next().await?;
            Some((event, watcher))
        })
    }
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.ended |= matches!(&event, Event::Progress(job) if job.state.is_final());
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.connection = None;
                if !may_pass(&error) {
                    self.ended = true;
                    return Some(Err(error));
                }
                self.wait = self.backoff.next();
                return Some(Ok(Event::Lost { error, retry_in: self.wait }));
            }
        }
    }

    /// Connects, or takes in the next piece of the stream.
    async fn advance(&mut self) -> Result<(), Error> {
        let Some((response, parser)) = &mut self.connection else {
            sleep(std::mem::take(&mut self.wait)).await;
            self.connection = Some((self.connect().await?, Parser::new()));
            return Ok(());
        };
        let Some(piece) = self.client.http().chunk(response).await? else {
            // The exchange stopped, or ended a connection that had lasted long.
            self.connection = None;
            self.wait = self.backoff.next();
            return Ok(());
        };
        let mut messages = Vec::new();
        let request = "/events";
        parser.push(&piece, |message| messages.push(message)).map_err(|error| Error::answer(request, error))?;
        for message in messages {
            self.take(&message).map_err(|error| Error::answer(request, error))?;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<Response, Error> {
        let path = format!("/v1/jobs/{}/events", self.job);
        let response = self
            .client
            .request(Method::GET, &path, |request| {
                let request = request.header(header::ACCEPT, "text/event-stream");
                match self.last {
                    Some(last) => request.header("last-event-id", last),
                    None => request,
                }
            })
            .await?;
        if response.status().is_success() { Ok(response) } else { Err(self.client.http().refusal(response).await) }
    }

    fn take(&mut self, message: &Message) -> Result<(), serde_json::Error> {
        match message.event.as_str() {
            "progress" => self.pending.push_back(Event::Progress(serde_json::from_str(&message.data)?)),
            "result" => {
                let result: Box<TaskResult> = serde_json::from_str(&message.data)?;
                if self.last.is_none_or(|last| result.ordinal > last) {
                    self.last = Some(result.ordinal);
                    self.pending.push_back(Event::Result(result));
                }
            }
            // An event that a later version has.
            _ => {}
        }
        self.backoff = Backoff::new();
        Ok(())
    }
}

/// Whether trying again may help.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Silent { .. } => true,
        Error::Refused { status, .. } => *status >= 500 || *status == 429,
        Error::Url { .. }
        | Error::Version { .. }
        | Error::Answer { .. }
        | Error::Reverted { .. }
        | Error::Receipt { .. }
        | Error::Blob { .. }
        | Error::Tampered { .. }
        | Error::File { .. }
        | Error::Params(_)
        | Error::Randomness => false,
    }
}
