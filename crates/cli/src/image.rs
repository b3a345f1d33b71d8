//! The image of a job: which one a name means is found out here, on the requester's machine.

mod kept;

use crate::exit::hinted;
use crate::terminal::note;
use agent::{ContainerHost, OwnImage};
use anyhow::{Context as _, bail};
use api::image::ImageAddress;
use clap::Args;
use client::{App, AppPrice, Client};
use images::{Caps, Credentials, Puller, Reference, Registries, Store};
use std::path::{Path, PathBuf};
use units::{Address, Digest};

/// The image to run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ImageArgs {
    /// A container image in place of a WebAssembly program: its name in a registry, or an archive's file (of `skopeo copy …
    /// oci-archive:FILE`, or `docker save`), which is sent. What follows `--` stands in for its command, after its entry point.
    #[arg(long, value_name = "REF|FILE")]
    pub(crate) image: Option<String>,
    /// What the image's program prints belongs to the result: whole, and agreed on. Default: only its files do, and the last
    /// words of what it prints are shown.
    #[arg(long, requires = "image")]
    pub(crate) stdout: bool,
}

/// An image, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundImage {
    address: ImageAddress,
    digest: Digest,
    /// A name for people.
    pub(crate) name: String,
    /// All of the name that was typed.
    pub(crate) full_name: String,
    /// Its archive's file, which is to be sent.
    archive: Option<PathBuf>,
    /// The registry that this machine's own workers are to fetch from, if it is one that they would not.
    pub(crate) registry: Option<String>,
}

/// Finds out which image a reference means, or a file is.
pub(crate) async fn find(text: &str) -> anyhow::Result<FoundImage> {
    let path = Path::new(text);
    if path.exists() {
        return in_archive(path.to_owned()).await;
    }
    let reference: Reference = text.parse()?;
    let mut registries = Registries::default();
    let own = url_of(reference.registry());
    registries.allow(&own);
    let credentials = login(reference.registry());
    let found = Puller::new(registries).resolve(&reference, &credentials).await;
    let digest = found.map_err(|error| {
        hinted(
            error.to_string(),
            "a name like docker.io/library/alpine:3, or an archive's file; `docker login` signs in",
        )
    })?;
    let last = text.rsplit('/').next().unwrap_or(text);
    let name = last.split(['@', ':']).next().unwrap_or(last).to_owned();
    let registry = registry_of(text)?;
    let address = ImageAddress::Registry(reference.to_string());
    Ok(FoundImage { address, digest, name, full_name: text.to_owned(), archive: None, registry })
}

/// The registry of a reference, if it is one that this machine's workers would not fetch from by themselves.
pub(crate) fn registry_of(text: &str) -> anyhow::Result<Option<String>> {
    let reference: Reference = text.parse()?;
    let public = images::PUBLIC_REGISTRIES.contains(&reference.registry());
    Ok((!public).then(|| url_of(reference.registry())))
}

/// The image of an archive, read and checked whole before a byte of it is sent.
pub(crate) async fn in_archive(path: PathBuf) -> anyhow::Result<FoundImage> {
    let name = path.file_stem().map_or_else(|| "image".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let file = path.clone();
    let reading = tokio::task::spawn_blocking(move || -> anyhow::Result<Digest> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let store = Store::open(folder.path(), Caps::default())?;
        Ok(store.import(&file)?.digest)
    });
    let digest = reading.await?.with_context(|| format!("{} is no image", path.display()))?;
    if path.is_dir() {
        return Err(hinted(
            format!("{} is a folder; an image is sent as one file", path.display()),
            format!("tar -C {} -cf image.tar .", path.display()),
        ));
    }
    let address = ImageAddress::Archive(Digest::default());
    Ok(FoundImage { address, digest, full_name: name.clone(), name, archive: Some(path), registry: None })
}

/// The image that an app at an exchange is.
pub(crate) async fn of_app(client: &Client, app: Address, name: &str) -> anyhow::Result<FoundImage> {
    let (address, digest) = client.app_image(app).await?;
    let (full_name, registry) = match &address {
        ImageAddress::Registry(text) => (text.clone(), registry_of(text)?),
        ImageAddress::Archive(_) => (name.to_owned(), None),
    };
    Ok(FoundImage { address, digest, name: name.to_owned(), full_name, archive: None, registry })
}

impl FoundImage {
    /// Readies it to be run here, its archive fetched from the exchange where it is in one and was not fetched before.
    pub(crate) async fn fetched(&self, host: &ContainerHost, client: &Client) -> anyhow::Result<OwnImage> {
        let ImageAddress::Archive(archive) = &self.address else { return self.ready(host).await };
        if let Some(kept) = host.own_kept(self.digest).await? {
            return Ok(kept);
        }
        note(format_args!("fetching the image {} from the exchange", self.name));
        let file = client.download(*archive).await?;
        let readied = host.own_archive(file.path().to_owned(), self.digest).await;
        readied.with_context(|| format!("the image {} cannot be run here", self.full_name))
    }

    /// Which image it is.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// Publishes it for this client's own use, or for everybody; sends its archive where the exchange lacks it.
    pub(crate) async fn publish(&self, client: &Client, price: AppPrice) -> anyhow::Result<App> {
        let address = match &self.archive {
            None => self.address.clone(),
            Some(file) => ImageAddress::Archive(client.upload(file).await?.digest),
        };
        Ok(client.publish_image(&self.name, &address, self.digest, price).await?)
    }

    /// Readies it to be run here.
    pub(crate) async fn ready(&self, host: &ContainerHost) -> anyhow::Result<OwnImage> {
        let readied = match (&self.archive, &self.address) {
            (Some(archive), _) => host.own_archive(archive.clone(), self.digest).await,
            (None, ImageAddress::Registry(name)) => {
                let reference: Reference = name.parse()?;
                host.own_reference(&reference, self.digest, &login(reference.registry())).await
            }
            (None, ImageAddress::Archive(_)) => bail!("the archive of the image {} is not known here", self.name),
        };
        readied.with_context(|| format!("the image {} cannot be run here", self.full_name))
    }
}

/// How a registry is spoken to: one on this machine without TLS, as is the custom.
fn url_of(registry: &str) -> String {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let here =
        host == "localhost" || host == "[::1]" || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback());
    if here { format!("http://{registry}") } else { registry.to_owned() }
}

/// What this person signed in with.
fn login(registry: &str) -> Credentials {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
    let known = folder.and_then(|folder| Credentials::read_logins(&folder.join("config.json")).ok());
    known.and_then(|mut known| known.remove(registry)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_of_this_machine_is_spoken_to_without_tls() {
        assert_eq!(url_of("127.0.0.1:5000"), "http://127.0.0.1:5000");
        assert_eq!(url_of("localhost"), "http://localhost");
        assert_eq!(url_of("ghcr.io"), "ghcr.io");
        assert_eq!(url_of("10.0.0.1:5000"), "10.0.0.1:5000");
    }
}
