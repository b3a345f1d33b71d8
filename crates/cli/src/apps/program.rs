//! What an app's tasks run: a module of its own, or a container image; on an exchange, or here.

use super::{Known, Origin};
use crate::containers::{ContainerArgs, Found};
use crate::exit::hinted;
use crate::home::Home;
use crate::image::{self, FoundImage};
use agent::{ContainerHost, OwnImage, OwnTask};
use anyhow::Context as _;
use api::order::{BookRow, Kind};
use client::{AppPrice, BookFilter, Client};
use manifest::{ImageSource, Source};
use sandbox::{Finished, Program, Run, RunError, Sandbox};
use std::path::PathBuf;
use std::sync::Arc;
use units::{Address, Amount, Tag};

/// What tasks run, as far as it is known before anybody is asked.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    /// What the manifest calls it.
    program: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// A WebAssembly file of the app's.
    Module(String),
    /// An image of a registry, by its digest.
    Pinned(String),
    /// An archive in the app's folder.
    Archive(PathBuf),
    /// An image that this person has given the name that the manifest uses.
    Kept(FoundImage),
    /// The image that an exchange's operator publishes under this name.
    Published(String),
    /// What somebody else's app has for workers alone.
    Others,
}

/// What tasks run at an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offered {
    pub(super) address: Address,
    /// What its owner asks for a task.
    pub(super) price: Amount,
    /// What it asks of machines.
    pub(super) tag: Tag,
}

/// What tasks run here, readied.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    Module(Program, Sandbox),
    /// With what keeps other commands from the folder of images.
    Image(Arc<(OwnImage, Found)>),
}

impl Runs {
    /// What the program of this name is; the app's first where a plan names none.
    pub(super) fn of(home: &Home, app: &Known, named: Option<&str>) -> anyhow::Result<Self> {
        let program = app.manifest.program(named).context("a plan's program is one of its manifest's")?;
        let what = match &program.source {
            Source::Wasm(wasm) if app.file_here(wasm).is_none() => What::Others,
            Source::Wasm(wasm) => What::Module(wasm.clone()),
            Source::Image(ImageSource::Pinned(reference)) => What::Pinned(reference.clone()),
            Source::Image(ImageSource::Archive(_)) if matches!(app.origin, Origin::Others(_)) => What::Others,
            Source::Image(ImageSource::Archive(file)) => What::Archive(app.archive(file)?),
            Source::Image(ImageSource::Named(name)) => match FoundImage::kept(home, name)? {
                Some(found) => What::Kept(found),
                None => What::Published(name.clone()),
            },
        };
        Ok(Self { program: program.name.clone(), what })
    }

    /// The registries that this machine's own workers fetch from beside the public ones, where tasks run images.
    pub(super) fn images(&self) -> anyhow::Result<Option<Vec<String>>> {
        Ok(match &self.what {
            What::Module(_) | What::Others => None,
            What::Pinned(reference) => Some(image::registry_of(reference)?.into_iter().collect()),
            What::Kept(found) => Some(found.registry.iter().cloned().collect()),
            What::Archive(_) | What::Published(_) => Some(Vec::new()),
        })
    }

    /// Its address at an exchange: that of what was published from here, or is now, for this person's own use; or of what
    /// the operator publishes.
    pub(super) async fn offered(&self, home: &Home, app: &Known, client: &Client) -> anyhow::Result<Offered> {
        let published = app.published(home)?;
        let here = published.0.get(&client.exchange().hub.to_string()).and_then(|own| own.get(&self.program));
        if let Some(address) = here
            && let Some(offered) = cheapest(client, *address).await?
        {
            return Ok(offered);
        }
        let (address, tag) = match &self.what {
            What::Module(wasm) => {
                let module = app.file(wasm).to_vec();
                (client.publish_module(&self.program, module, AppPrice::OwnUse).await?.address, Tag::NONE)
            }
            What::Published(name) => return by_name(client, name).await,
            What::Others => {
                let name = &app.manifest.name;
                let words = format!("the owner of {name} offers its program {} not here, or no longer", self.program);
                return Err(hinted(words, format!("`hands app use {name}` at the exchange where it is offered")));
            }
            What::Pinned(text) => (publish(&image::find(text).await?, client).await?, Tag::CONTAINERS),
            What::Archive(file) => (publish(&image::in_archive(file.clone()).await?, client).await?, Tag::CONTAINERS),
            What::Kept(found) => (publish(found, client).await?, Tag::CONTAINERS),
        };
        Ok(Offered { address, price: Amount::ZERO, tag })
    }

    /// Readies it on this machine: also what the operator of an exchange publishes for everybody.
    pub(super) async fn here_or_of(
        &self,
        home: &Home,
        app: &Known,
        sandbox: &Sandbox,
        client: Option<&Client>,
    ) -> anyhow::Result<Engine> {
        let (What::Published(name), Some(client)) = (&self.what, client) else {
            return self.here(home, app, sandbox).await;
        };
        let found = image::of_app(client, by_name(client, name).await?.address, name).await?;
        let (host, containers) = host(home, &found)?;
        let image = found.fetched(&host, client).await?;
        Ok(Engine::Image(Arc::new((image, containers))))
    }

    /// Readies it on this machine, without any exchange.
    pub(super) async fn here(&self, home: &Home, app: &Known, sandbox: &Sandbox) -> anyhow::Result<Engine> {
        let found = match &self.what {
            What::Module(wasm) => return Ok(Engine::Module(Program::from_bytes(app.file(wasm)), sandbox.clone())),
            What::Pinned(text) => image::find(text).await?,
            What::Archive(file) => image::in_archive(file.clone()).await?,
            What::Kept(found) => found.clone(),
            What::Others => {
                let words = format!("what {} runs is its owner's, and only workers are given it", app.manifest.name);
                return Err(hinted(words, "without `--local`"));
            }
            What::Published(name) => {
                return Err(hinted(
                    format!("no image is called {name} here, and without an exchange nobody else has it"),
                    format!("`hands app use {name}.tar`, or a name in a registry in its place"),
                ));
            }
        };
        let (host, containers) = host(home, &found)?;
        let image = found.ready(&host).await?;
        Ok(Engine::Image(Arc::new((image, containers))))
    }
}

/// What runs an image on this machine, and what keeps other commands from its folder meanwhile.
fn host(home: &Home, image: &FoundImage) -> anyhow::Result<(ContainerHost, Found)> {
    let registries: Vec<String> = image.registry.iter().cloned().collect();
    let containers = ContainerArgs::of_embedded(Some(&registries)).open(&home.exchange_folder())?;
    match &containers {
        Found::Ready(_) => Ok((containers.host().context("what is ready has a host")?, containers)),
        Found::Missing(missing) => {
            let words = format!("this machine runs no container images: {missing}");
            Err(hinted(words, "`hands doctor` says how to get there"))
        }
        Found::Unwanted => anyhow::bail!("this machine's owner wants no container images here"),
    }
}

impl Engine {
    /// Runs a task. Blocks.
    pub(super) fn run(&self, task: OwnTask) -> Result<Finished, RunError> {
        match self {
            Self::Module(program, sandbox) => {
                let OwnTask { args, env, inputs, limits, control } = task;
                sandbox.run(&Run { args, env, inputs, limits, control, ..Run::new(program.clone()) })
            }
            Self::Image(own) => own.0.run(task),
        }
    }
}

async fn publish(found: &FoundImage, client: &Client) -> anyhow::Result<Address> {
    Ok(found.publish(client, AppPrice::OwnUse).await?.address)
}

/// The best offer of an app on the book.
async fn cheapest(client: &Client, address: Address) -> anyhow::Result<Option<Offered>> {
    let filter = BookFilter { kind: Some(Kind::App), ..BookFilter::default() };
    let is_ours = |row: &BookRow| row.only_for.is_none_or(|only| only == client.address());
    let rows = client.book(filter).await?.into_iter().filter(|row| row.subject == address && is_ours(row));
    let best = rows.min_by_key(|row| row.price);
    Ok(best.map(|row| Offered { address, price: row.price, tag: row.tag }))
}

/// The operator's app of this name.
async fn by_name(client: &Client, name: &str) -> anyhow::Result<Offered> {
    let filter = BookFilter { kind: Some(Kind::App), maker: Some(client.exchange().operator), ..BookFilter::default() };
    let mut rows = client.book(filter).await?;
    rows.sort_by_key(|row| (row.price, row.since));
    for row in rows.into_iter().filter(|row| row.only_for.is_none_or(|only| only == client.address())) {
        if client.app_name(row.subject).await? == name {
            return Ok(Offered { address: row.subject, price: row.price, tag: row.tag });
        }
    }
    Err(hinted(
        format!("the operator of this exchange publishes no image called {name}"),
        format!("`hands app use {name}.tar` where you have it, or `cargo xtask image {name}` makes it"),
    ))
}
