//! Finding the exchange to speak to: the one that was named, one that runs here, or one started for the purpose.

use crate::exit::hinted;
use crate::files::{read_json, write_json};
use crate::home::Home;
use crate::host::{self, Hosted};
use crate::job_record::Place;
use crate::terminal::note;
use clap::Args;
use client::{Client, Options};
use orders::SigningKey;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an exchange that never answered yet is tried.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);

/// Which exchange.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ExchangeArgs {
    /// The exchange, such as http://192.168.1.5:7370. Default: the one running here, else an embedded one is started.
    #[arg(long, value_name = "URL", env = "MANYHANDS_EXCHANGE", hide_env_values = true)]
    pub(crate) exchange: Option<String>,
    /// The token that a private exchange printed when it started; needed once, then remembered.
    #[arg(long, value_name = "TOKEN", env = "MANYHANDS_JOIN", hide_env_values = true)]
    pub(crate) join: Option<String>,
}

/// A connection to an exchange and, where it was started for this command, the exchange itself.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) client: Client,
    pub(crate) place: Place,
    pub(crate) hosted: Option<Hosted>,
}

/// What an exchange that is started here needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Only to be asked: no workers.
    Answers,
    /// Workers enough for results of this trust.
    Workers {
        /// The trust.
        trust: u64,
        /// Whether they may be given container images, and the registries that they fetch those from beside the public ones.
        images: Option<Vec<String>>,
    },
}

impl Attached {
    /// Whether the exchange is this machine's and another command's, so that it may have to be started again.
    pub(crate) fn may_be_gone(&self) -> bool {
        self.hosted.is_none() && matches!(self.place, Place::Folder(_))
    }

    /// Ends what was started for this command.
    pub(crate) async fn close(self) {
        if let Some(hosted) = self.hosted
            && let Err(error) = hosted.stop().await
        {
            note(format_args!("the embedded exchange did not end well: {error:#}"));
        }
    }
}

/// Finds the exchange, or starts one.
pub(crate) async fn attach(
    home: &Home,
    key: &SigningKey,
    args: &ExchangeArgs,
    needs: Needs,
) -> anyhow::Result<Attached> {
    if let Some(url) = &args.exchange {
        let client = connect(home, key, url, args.join.clone(), Options::default().patience).await?;
        if client.exchange().private && args.join.is_some() {
            home.remember(client.url(), |known| known.join_token.clone_from(&args.join))?;
        }
        return Ok(Attached { place: Place::Url(client.url().to_owned()), client, hosted: None });
    }
    for folder in running_folders(home)? {
        if let Some(client) = connect_to_folder(home, key, &folder).await? {
            return Ok(Attached { client, place: Place::Folder(folder), hosted: None });
        }
    }
    let folder = home.exchange_folder();
    if needs == Needs::Answers && !folder.exists() {
        return Err(hinted(
            "no exchange runs here and none was named",
            "`hands up` to start one, or `--exchange URL` to name one",
        ));
    }
    attach_folder(home, key, &folder, needs).await
}

/// Finds the exchange of a job again.
pub(crate) async fn attach_place(
    home: &Home,
    key: &SigningKey,
    place: &Place,
    needs: Needs,
) -> anyhow::Result<Attached> {
    match place {
        Place::Url(url) => {
            let client = connect(home, key, url, None, Options::default().patience).await?;
            Ok(Attached { client, place: place.clone(), hosted: None })
        }
        Place::Folder(folder) => attach_folder(home, key, folder, needs).await,
    }
}

/// Uses the exchange that runs on this data folder, or starts it.
async fn attach_folder(home: &Home, key: &SigningKey, folder: &Path, needs: Needs) -> anyhow::Result<Attached> {
    let place = Place::Folder(folder.to_owned());
    for _ in 0..host::STARTS {
        if let Some(client) = connect_to_folder(home, key, folder).await? {
            return Ok(Attached { client, place, hosted: None });
        }
        let Some(hosted) = host::start_embedded(folder, &needs).await? else {
            // Another command is just starting it.
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        };
        let token = hosted.join_token().map(str::to_owned);
        let client = connect(home, key, &hosted.url(), token, Options::default().patience).await?;
        return Ok(Attached { client, place, hosted: Some(hosted) });
    }
    Err(hinted(
        format!("another process holds {} and does not answer", folder.display()),
        "end that process, or use another folder with `--home`",
    ))
}

/// Connects to an exchange by its address, with this join token or the one that is remembered.
pub(crate) async fn connect(
    home: &Home,
    key: &SigningKey,
    url: &str,
    join: Option<String>,
    patience: Duration,
) -> anyhow::Result<Client> {
    let join_token = match join {
        Some(token) => Some(token),
        None => match home.known(url)?.join_token {
            Some(token) => Some(token),
            None => token_here(home, url)?,
        },
    };
    // Receipts are kept by hub, which is known only once the exchange has answered.
    let asked = Client::ask_exchange(url, patience.min(FIRST_PATIENCE)).await?;
    let receipts = Some(home.receipts_file(asked.hub));
    Ok(Client::connect(url, key.clone(), Options { join_token, receipts, patience }).await?)
}

/// The join token of an exchange that runs here, if one has this address: whoever can read its folder need not be told.
fn token_here(home: &Home, url: &str) -> anyhow::Result<Option<String>> {
    let here = running_folders(home)?.into_iter().filter_map(|folder| host::endpoint(&folder));
    Ok(here.into_iter().find(|(own, _)| own == url.trim_end_matches('/')).and_then(|(_, token)| token))
}

/// Connects to the exchange that runs on a data folder; none where none does.
async fn connect_to_folder(home: &Home, key: &SigningKey, folder: &Path) -> anyhow::Result<Option<Client>> {
    let Some((url, token)) = host::endpoint(folder) else { return Ok(None) };
    match Client::ask_exchange(&url, Duration::ZERO).await {
        Ok(_) => connect(home, key, &url, token, Options::default().patience).await.map(Some),
        // Whoever ran there ended without saying so.
        Err(error) if error.is_connection() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The data folders on which an exchange may be running, the embedded one's first.
pub(crate) fn running_folders(home: &Home) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![home.exchange_folder()];
    let others: Vec<PathBuf> = read_json(&home.running_file())?.unwrap_or_default();
    folders.extend(others.into_iter().filter(|folder| *folder != home.exchange_folder()));
    Ok(folders)
}

/// Writes down that an exchange is run on this data folder, so that other commands find it.
pub(crate) fn note_running(home: &Home, folder: &Path) -> anyhow::Result<()> {
    let mut folders = running_folders(home)?;
    if folders.iter().any(|known| known == folder) {
        return Ok(());
    }
    folders.retain(|folder| host::endpoint(folder).is_some());
    folders.push(folder.to_owned());
    write_json(&home.running_file(), &folders)
}
