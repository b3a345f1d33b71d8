//! The Rust SDK of Manyhands: sign orders, submit jobs, stream verified results.
//!
//! ```no_run
//! use client::{Client, Event, Fetched, Folder, JobSpec, Options, Tasks};
//! use futures::StreamExt as _;
//! use orders::SigningKey;
//! use units::Amount;
//!
//! # async fn example() -> Result<(), client::Error> {
//! let key = SigningKey::from_bytes(&[7; 32]).expect("a key");
//! let client = Client::connect("http://127.0.0.1:7370", key, Options::default()).await?;
//!
//! // Publish a program: any WASI preview 1 command. Doing it again costs nothing and gives the same app.
//! let app = client.publish_app("tool.wasm".as_ref()).await?;
//!
//! // Three tasks with the same input and different arguments, each believed when its chance of being wrong is below ⅓.
//! let scene = client.upload("scene.obj".as_ref()).await?;
//! let job = client
//!     .submit(&JobSpec {
//!         inputs: vec![scene],
//!         tasks: Tasks::each_with_args((0..3).map(|frame| vec!["--frame".to_owned(), frame.to_string()])),
//!         trust: 3,
//!         max_price: Amount::credits(1),
//!         ..JobSpec::of(app.address)
//!     })
//!     .await?
//!     .job;
//!
//! // Results come as they are done; each is checked against the digest that its workers agreed on.
//! let mut folder = Folder::new("frames");
//! let mut events = std::pin::pin!(client.watch(job.id, None));
//! while let Some(event) = events.next().await {
//!     match event? {
//!         Event::Progress(job) => eprintln!("{} of {} done", job.finished, job.tasks),
//!         Event::Result(result) => match client.fetch(&result).await? {
//!             Fetched::Tree(tree) => drop(folder.place(result.index, &tree, None)?),
//!             Fetched::Failure(failure) => eprintln!("task {}: {failure}\n{}", result.index, result.stderr),
//!             Fetched::Nothing => eprintln!("task {} was not done in time and costs nothing", result.index),
//!         },
//!         Event::Lost { error, .. } => eprintln!("{error}; trying again"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Invariants: a result is checked against the digest that consensus agreed on before it is handed over; a receipt is checked
//! against the operator's key and kept, if a file is named for it; a folder's files appear whole or not at all, and never
//! outside of it. Nothing here prints or asks. Connections that break are made again, with growing pauses.

mod apps;
mod blobs;
mod chunks;
mod client;
mod download;
mod error;
mod fetch;
mod folder;
mod http;
mod jobs;
mod market;
mod providers;
mod receipts;
pub mod sse;
mod transactions;
mod watch;

pub use abi;
pub use apps::{App, AppPrice};
pub use blobs::Sent;
pub use client::{Client, Options};
pub use error::Error;
pub use fetch::{Fetched, Tree, TreeFile};
pub use folder::{Folder, Placed};
pub use jobs::{JobSpec, Submitted, Tasks};
pub use market::BookFilter;
pub use providers::NewPool;
pub use transactions::Transacted;
pub use watch::Event;
