//! The owner's hand on a running agent: what it is doing, and stop.

use crate::config::Config;
use crate::shell;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use units::{Address, Amount};

/// A provider's agent.
#[derive(Clone, Copy, Debug)]
pub struct Agent;

/// A running agent. Dropped, it stops by itself, as with [`AgentHandle::stop`].
#[derive(Debug)]
pub struct AgentHandle {
    worker: Address,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: Option<JoinHandle<Result<(), AgentError>>>,
}

/// What an agent is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How it stands with the exchange.
    pub state: State,
    /// Tasks whose files are being fetched, or which wait for a core.
    pub waiting: u32,
    /// Tasks running.
    pub running: u32,
    /// Results stated and not settled.
    pub unsettled: u32,
    /// Tasks run to their end since the start.
    pub done: u64,
    /// Tasks whose result was accepted.
    pub accepted: u64,
    /// Tasks for which another result was accepted.
    pub dissented: u64,
    /// Tasks given back.
    pub declined: u64,
    /// Earned since the start.
    pub earned: Amount,
}

/// How an agent stands with its exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Connecting, for the first time or again.
    Connecting {
        /// Why it is not connected, where that is known.
        because: String,
    },
    /// Connected; works when there is work.
    Working,
    /// Connected; holds still for the machine's owner.
    Paused,
    /// Giving back what it holds.
    Stopping,
    /// Ended.
    Ended,
}

/// Why an agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The exchange's address cannot be used.
    #[error("{url:?} is no exchange's address; it looks like http://127.0.0.1:7370")]
    Url {
        /// What was given.
        url: String,
    },
    /// The policy asked for cannot be held on this system.
    #[error("whether this machine is idle cannot be told on this system; choose to work always")]
    Idle,
    /// No HTTP client could be made, for want of root certificates say.
    #[error("no HTTP client could be made")]
    Http(#[source] reqwest::Error),
    /// The system gives no more threads.
    #[error("threads for tasks could not be started")]
    Threads(#[source] std::io::Error),
}

/// Why an agent ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The exchange does not want this worker, and says not to come back.
    #[error("the exchange refused this worker: {reason}")]
    Refused {
        /// In the exchange's words.
        reason: String,
    },
    /// The exchange speaks another version of the protocol: update whichever is older.
    #[error("the exchange speaks version {theirs} of the worker protocol, this agent version {ours}")]
    Version {
        /// The exchange's.
        theirs: u32,
        /// The agent's.
        ours: u32,
    },
    /// The exchange has no pool of that name.
    #[error("the exchange has no pool called {name:?}; it has: {}", there.join(", "))]
    NoPool {
        /// The name asked for.
        name: String,
        /// The names there are.
        there: Vec<String>,
    },
    /// The agent's own code failed.
    #[error("the agent failed; this is a bug")]
    Bug,
}

impl Agent {
    /// Starts an agent in the background, within a tokio runtime. It need not find its exchange at once: it goes on trying.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: Config) -> Result<AgentHandle, StartError> {
        let worker = config.key.address();
        let stop = CancellationToken::new();
        let (publish, status) = watch::channel(Status::default());
        let shell = shell::Shell::new(config, publish, stop.clone())?;
        let task = Some(tokio::spawn(shell.run()));
        Ok(AgentHandle { worker, status, stop, task })
    }
}

impl AgentHandle {
    /// The worker's address.
    #[must_use]
    pub fn worker(&self) -> Address {
        self.worker
    }

    /// What it is doing, for display; changes at most every 50 ms.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Stops it: what is not done is given back; for what it has committed to it stays for [`crate::Timing::grace`].
    ///
    /// # Errors
    /// [`AgentError`] where it had ended by itself.
    pub async fn stop(mut self) -> Result<(), AgentError> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// [`AgentError`] where it ended by itself.
    pub async fn ended(&mut self) -> Result<(), AgentError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        let ended = task.await.unwrap_or(Err(AgentError::Bug));
        self.task = None;
        ended
    }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: State::Connecting { because: String::new() },
            waiting: 0,
            running: 0,
            unsettled: 0,
            done: 0,
            accepted: 0,
            dissented: 0,
            declined: 0,
            earned: Amount::ZERO,
        }
    }
}
