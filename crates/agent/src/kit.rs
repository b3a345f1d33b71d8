//! What the tasks of a deal have in common, fetched and read once.

#[cfg(target_os = "linux")]
use crate::containers::{ContainerHost, InUse};
use crate::fetch::{FetchError, Fetcher};
use crate::link::chain;
use crate::table::{Table, TableError};
#[cfg(target_os = "linux")]
use api::image::ImageAddress;
use api::limits::{BLOB_BYTES, TABLE_BYTES};
use api::params::{Input, Params, ParamsError, Row, TaskSpec};
use api::worker::{DealBrief, DeclineReason};
use blobs::Pin;
use futures::future::try_join_all;
use results::{Failure, Unusable};
use sandbox::{Program, Source};
use std::collections::BTreeMap;
use std::path::PathBuf;
use units::Digest;

/// What this machine's owner lets a task use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) memory_mib: u64,
    pub(crate) disk_mib: u64,
}

/// Why a task is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It is to be given back: another machine may run it.
    Here(DeclineReason),
    /// No machine can run it: that is its result. With words for its requester.
    Everywhere(Unusable, String),
}

impl From<DeclineReason> for Obstacle {
    fn from(reason: DeclineReason) -> Self {
        Self::Here(reason)
    }
}

impl From<FetchError> for Obstacle {
    fn from(error: FetchError) -> Self {
        Self::Here(error.into())
    }
}

impl From<ParamsError> for Obstacle {
    fn from(error: ParamsError) -> Self {
        match error {
            // A later agent may know it.
            ParamsError::Version(_) => Self::Here(DeclineReason::Params),
            ParamsError::InputName(_) | ParamsError::SameName(_) | ParamsError::TooManyInputs(_) => {
                Self::Everywhere(Unusable::Inputs, error.to_string())
            }
            ParamsError::TooLong(_)
            | ParamsError::NotJson(_)
            | ParamsError::InputUrl(_)
            | ParamsError::CheckTooLong
            | ParamsError::OpenQuote => Self::Everywhere(Unusable::Params, error.to_string()),
        }
    }
}

/// An obstacle that every machine meets.
fn unusable(what: Unusable) -> Obstacle {
    Obstacle::Everywhere(what, Failure::Unusable(what).to_string())
}

/// Where this machine gets from what its tasks need.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) fetcher: Fetcher,
    #[cfg(target_os = "linux")]
    pub(crate) containers: Option<ContainerHost>,
}

impl Sources {
    async fn payload(&self, brief: &DealBrief, params: &Params) -> Result<Payload, Obstacle> {
        let bag = params.manyhands.as_ref();
        let Some(image) = &brief.image else {
            let file = self.fetcher.get(brief.app, BLOB_BYTES).await?;
            let program = Program { digest: brief.app, source: Source::File(file.path().to_owned()) };
            let canonical_nans = bag.is_some_and(|bag| bag.canonical_nans);
            return Ok(Payload::Module { program, canonical_nans, _file: file });
        };
        #[cfg(target_os = "linux")]
        if let Some(containers) = &self.containers {
            let address = ImageAddress::read(image);
            let image = containers.prepare(&address, brief.app, &self.fetcher).await?;
            return Ok(Payload::Image { image, stdout_counts: bag.is_some_and(|bag| bag.stdout) });
        }
        tracing::warn!(image, "this machine runs no containers");
        Err(DeclineReason::Runtime.into())
    }
}

/// A deal, ready to be run.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) brief: DealBrief,
    pub(crate) caps: Caps,
    pub(crate) payload: Payload,
    params: Params,
    /// What a task without a row of its own is to do.
    plain: TaskSpec,
    table: Option<Table>,
    /// The files that all tasks see, kept in the cache; by digest.
    files: BTreeMap<Digest, Pin>,
}

/// What a deal's tasks run.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A WebAssembly module.
    Module { program: Program, canonical_nans: bool, _file: Pin },
    /// A container image.
    #[cfg(target_os = "linux")]
    Image { image: InUse, stdout_counts: bool },
}

impl Kit {
    /// Fetches what the deal's tasks have in common.
    ///
    /// # Errors
    /// Why its tasks are not run.
    pub(crate) async fn load(brief: DealBrief, caps: Caps, sources: Sources) -> Result<Self, Obstacle> {
        let fetcher = &sources.fetcher;
        if !brief.app_type.eq_ignore_ascii_case("WASM") && brief.image.is_none() {
            return Err(unusable(Unusable::Kind));
        }
        // The zero digest is that of an address which names no file.
        if brief.app == Digest::default() {
            return Err(unusable(Unusable::App));
        }
        if brief.dataset.as_ref().is_some_and(|dataset| dataset.digest == Digest::default()) {
            return Err(unusable(Unusable::Dataset));
        }
        let params = Params::parse(&brief.params)?;
        let plain = params.task(&Row::default())?;
        check_names(&brief, &plain)?;
        let table = async {
            match params.table() {
                Some(digest) => load_table(fetcher, digest).await.map(Some),
                None => Ok(None),
            }
        };
        let files = brief.dataset.iter().chain(&plain.inputs).map(|input| fetch(fetcher, input));
        let payload = sources.payload(&brief, &params);
        let (payload, table, files) = futures::try_join!(payload, table, try_join_all(files))?;
        let files = files.into_iter().map(|pin| (pin.digest(), pin)).collect();
        Ok(Self { brief, caps, payload, params, plain, table, files })
    }

    /// What the task of this index is to do.
    ///
    /// # Errors
    /// Why it is not run. With [`DeclineReason::Fetch`] the kit is to be loaded anew.
    pub(crate) fn task(&self, index: u64) -> Result<TaskSpec, Obstacle> {
        let Some(table) = &self.table else { return Ok(self.plain.clone()) };
        let row = table.row(index).map_err(|error| match error {
            TableError::Damaged(_) => Obstacle::Here(DeclineReason::Fetch),
            TableError::NoRow { .. } | TableError::Malformed(_) => {
                Obstacle::Everywhere(Unusable::Params, chain(&error))
            }
        })?;
        let spec = self.params.task(&row)?;
        check_names(&self.brief, &spec)?;
        Ok(spec)
    }

    /// Where a file lies that all tasks see.
    pub(crate) fn file(&self, digest: &Digest) -> Option<PathBuf> {
        self.files.get(digest).map(|pin| pin.path().to_owned())
    }

    /// What of a task's inputs is its own.
    pub(crate) fn own_inputs<'a>(&self, spec: &'a TaskSpec) -> impl Iterator<Item = &'a Input> {
        spec.inputs.iter().filter(|input| !self.files.contains_key(&input.digest))
    }
}

/// Fetches one input. Its size is not known where an iExec URL names it.
pub(crate) async fn fetch(fetcher: &Fetcher, input: &Input) -> Result<Pin, Obstacle> {
    let limit = if input.size == 0 { BLOB_BYTES } else { input.size };
    Ok(fetcher.get(input.digest, limit).await?)
}

async fn load_table(fetcher: &Fetcher, digest: Digest) -> Result<Table, Obstacle> {
    let pin = fetcher.get(digest, TABLE_BYTES).await?;
    match tokio::task::spawn_blocking(move || Table::index(pin)).await {
        Ok(Ok(table)) => Ok(table),
        Ok(Err(error)) => {
            tracing::warn!(%digest, error = chain(&error), "a table was fetched in vain");
            fetcher.forget(&digest);
            Err(DeclineReason::Fetch.into())
        }
        Err(_) => Err(DeclineReason::Broken.into()),
    }
}

/// Inputs and the dataset lie in one folder, under names that every machine's sandbox takes.
fn check_names(brief: &DealBrief, spec: &TaskSpec) -> Result<(), Obstacle> {
    let dataset = brief.dataset.as_ref();
    let good = |input: &Input| results::check_path(&input.name).is_ok() && !input.name.contains('/');
    let clash = spec.inputs.iter().any(|input| dataset.is_some_and(|dataset| dataset.name == input.name));
    if clash || !dataset.into_iter().chain(&spec.inputs).all(good) {
        return Err(unusable(Unusable::Inputs));
    }
    Ok(())
}
