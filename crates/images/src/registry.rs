//! Fetching an image over the OCI distribution API.

use crate::manifest::{Blob, Document, Image, MANIFESTS, Manifest};
use crate::{Error, Fault, Reference, Registries, Store};
use futures::TryStreamExt as _;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use units::Digest;

/// How often a layer is begun anew when the connection breaks.
const TRIES: u32 = 3;
/// How long a registry may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Who asks a registry.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular: what is public.
    #[default]
    Anonymous,
    /// Somebody with a password or an access token in its place.
    User {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::User { name, .. } => f.debug_struct("User").field("name", name).finish_non_exhaustive(),
        }
    }
}

impl Credentials {
    fn to_auth(&self) -> RegistryAuth {
        match self {
            Self::Anonymous => RegistryAuth::Anonymous,
            Self::User { name, password } => RegistryAuth::Basic(name.clone(), password.clone()),
        }
    }
}

/// Fetches images from the registries that are allowed.
pub struct Puller {
    client: oci_client::Client,
    registries: Registries,
}

impl std::fmt::Debug for Puller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Puller").field("registries", &self.registries).finish_non_exhaustive()
    }
}

impl Puller {
    /// A puller that asks only these.
    #[must_use]
    pub fn new(registries: Registries) -> Self {
        // Whoever was first in the process has chosen; it is the same provider everywhere here.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig {
            protocol: ClientProtocol::HttpsExcept(registries.plain()),
            read_timeout: Some(SILENCE),
            connect_timeout: Some(SILENCE),
            user_agent: concat!("manyhands/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        Self { client: oci_client::Client::new(config), registries }
    }

    /// Fetches what the store does not keep of an image; `progress` is told of bytes come and bytes in all. An image that is
    /// kept and named by its digest costs no word to the registry. Dropping the future leaves nothing half done.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] before anything is asked; then [`Error::NotThere`], [`Error::Unreachable`], [`Error::Refused`],
    /// [`Error::Here`].
    pub async fn pull(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        store: &Store,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Image, Error> {
        if let Some(digest) = reference.digest()
            && let Some(image) = store.image(digest)?
        {
            return Ok(image);
        }
        self.registries.check(reference)?;
        self.client.store_auth_if_needed(reference.registry(), &credentials.to_auth()).await;
        let (digest, manifest) = self.manifest(reference, credentials, store).await?;
        manifest.check(store.caps())?;
        check_document(manifest.config, store)?;
        let blobs: Vec<Blob> = std::iter::once(manifest.config).chain(manifest.blobs()).collect();
        let total = blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add);
        let mut come = 0_u64;
        for blob in blobs {
            if !store.has(blob.digest) {
                self.blob(reference, blob, store, &mut |bytes| progress(come.saturating_add(bytes), total)).await?;
            }
            come = come.saturating_add(blob.size);
            progress(come, total);
        }
        let config = store.document(manifest.config.digest)?.ok_or(Fault::Missing(manifest.config.digest))?;
        Ok(manifest.with_config(digest, &config)?)
    }

    /// Which image a name means now: the digest of its manifest or list of platforms. Nothing is kept.
    ///
    /// # Errors
    /// As of [`Puller::pull`].
    pub async fn resolve(&self, reference: &Reference, credentials: &Credentials) -> Result<Digest, Error> {
        self.registries.check(reference)?;
        let auth = credentials.to_auth();
        self.client.store_auth_if_needed(reference.registry(), &auth).await;
        let asked = self.client.pull_manifest_raw(reference.name(), &auth, MANIFESTS).await;
        let (bytes, _) = asked.map_err(|error| unreachable(reference, "the manifest", error))?;
        Document::read(&bytes)?;
        let found = Digest::from(<[u8; 32]>::from(Sha256::digest(&bytes)));
        match reference.digest() {
            Some(expected) if expected != found => Err(Fault::Digest { expected, found }.into()),
            Some(_) | None => Ok(found),
        }
    }

    /// The manifest for this machine's platform, kept.
    async fn manifest(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        store: &Store,
    ) -> Result<(Digest, Manifest), Error> {
        let (digest, found) = self.document(reference, credentials, store).await?;
        match found {
            Document::Manifest(manifest) => Ok((digest, manifest)),
            Document::Index(chosen) => {
                let (digest, found) = self.document(&reference.pinned(chosen.digest), credentials, store).await?;
                match found {
                    Document::Manifest(manifest) => Ok((digest, manifest)),
                    Document::Index(_) => {
                        Err(Fault::Unsupported("a list of lists of images is not understood".to_owned()).into())
                    }
                }
            }
        }
    }

    async fn document(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        store: &Store,
    ) -> Result<(Digest, Document), Error> {
        let asked = self.client.pull_manifest_raw(reference.name(), &credentials.to_auth(), MANIFESTS).await;
        let (bytes, _) = asked.map_err(|error| unreachable(reference, "the manifest", error))?;
        let found = Digest::from(<[u8; 32]>::from(Sha256::digest(&bytes)));
        if let Some(expected) = reference.digest().filter(|expected| *expected != found) {
            return Err(Fault::Digest { expected, found }.into());
        }
        let blob = Blob { digest: found, size: u64::try_from(bytes.len()).unwrap_or(u64::MAX) };
        check_document(blob, store)?;
        let document = Document::read(&bytes)?;
        store.keep_document(blob, &bytes)?;
        Ok((found, document))
    }

    async fn blob(
        &self,
        reference: &Reference,
        blob: Blob,
        store: &Store,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), Error> {
        let mut tries = 1;
        loop {
            match self.blob_once(reference, blob, store, progress).await {
                Err(Error::Unreachable { .. }) if tries < TRIES => tries += 1,
                ended => return ended,
            }
        }
    }

    async fn blob_once(
        &self,
        reference: &Reference,
        blob: Blob,
        store: &Store,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), Error> {
        let what = format!("layer {}", blob.digest);
        let descriptor = OciDescriptor {
            digest: blob.digest.to_string(),
            size: i64::try_from(blob.size).unwrap_or(i64::MAX),
            // The manifest may name other places to fetch from: those are anybody's, and are not asked.
            urls: None,
            ..OciDescriptor::default()
        };
        let stream = self.client.pull_blob_stream(reference.name(), &descriptor).await;
        let mut stream = stream.map_err(|error| unreachable(reference, &what, error))?.stream;
        let mut intake = store.intake(blob)?;
        let mut come = 0_u64;
        loop {
            match stream.try_next().await {
                Ok(Some(bytes)) => {
                    intake.write(&bytes)?;
                    come = come.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                    progress(come);
                }
                Ok(None) => return intake.finish(),
                // The client hashes too, and says so as an error of reading: our own hash says it better.
                Err(_) if come == blob.size => return intake.finish(),
                Err(error) => {
                    let registry = reference.registry().to_owned();
                    return Err(Error::Unreachable { registry, what, why: error.to_string() });
                }
            }
        }
    }
}

/// A manifest or config is read into memory, and is small.
fn check_document(blob: Blob, store: &Store) -> Result<(), Fault> {
    let limit = store.caps().document_bytes;
    let over = Fault::TooMuch { what: "the bytes of a manifest or config", limit };
    if blob.size > limit { Err(over) } else { Ok(()) }
}

fn unreachable(reference: &Reference, what: &str, error: OciDistributionError) -> Error {
    let (registry, what) = (reference.registry().to_owned(), what.to_owned());
    let sign_in = "it asks for a sign-in, or does not take this one".to_owned();
    let said = match &error {
        OciDistributionError::RegistryError { envelope, .. } => {
            let told = envelope.errors.iter().map(|it| match it.code {
                OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown => "there is no such image".to_owned(),
                OciErrorCode::Denied | OciErrorCode::Unauthorized => "it asks for a sign-in".to_owned(),
                _ => format!("{:?} {}", it.code, it.message),
            });
            Some(told.collect::<Vec<_>>().join("; "))
        }
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            Some(sign_in)
        }
        OciDistributionError::ImageManifestNotFoundError(_) => Some("there is no such image".to_owned()),
        _ => None,
    };
    match (said, error) {
        (Some(why), _) => Error::NotThere { registry, what, why },
        (None, OciDistributionError::RequestError(error)) => Error::Unreachable { registry, what, why: chain(&error) },
        (None, other) => Error::Unreachable { registry, what, why: other.to_string() },
    }
}

/// An error with all its causes, which say what really happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
