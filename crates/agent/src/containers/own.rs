//! Images run for this machine's own person, outside any exchange: what no stranger asks for and nobody pays.

use super::{ContainerHost, InUse, described};
use images::{Credentials, Error, Reference};
use sandbox::{Control, Finished, Input, Limits, RunError};
use std::path::{Path, PathBuf};
use units::Digest;

/// An image that is ready to be run here; it stays for as long as this does.
#[derive(Debug)]
pub struct OwnImage {
    host: ContainerHost,
    image: InUse,
}

/// One task of a person's own.
#[derive(Clone, Debug)]
pub struct OwnTask {
    /// Arguments, which stand in for the image's command.
    pub args: Vec<String>,
    /// The task contract's environment, beside the image's own.
    pub env: Vec<(String, String)>,
    /// The files under `/iexec_in`.
    pub inputs: Vec<Input>,
    /// The limits.
    pub limits: Limits,
    /// The person's hand on the run.
    pub control: Control,
}

impl ContainerHost {
    /// The image, if it is here and ready to be run.
    ///
    /// # Errors
    /// [`images::Error`].
    pub async fn own_kept(&self, digest: Digest) -> Result<Option<OwnImage>, Error> {
        Ok(self.keep(digest).await?.map(|image| self.owned(image)))
    }

    /// Readies the image of an archive's file.
    ///
    /// # Errors
    /// [`images::Error`].
    pub async fn own_archive(&self, archive: PathBuf, digest: Digest) -> Result<OwnImage, Error> {
        let mutex = self.mutex(digest);
        let _alone = mutex.lock_owned().await;
        if let Some(image) = self.keep(digest).await? {
            return Ok(self.owned(image));
        }
        let image = self.import(archive).await?;
        Ok(self.owned(self.unpack(image).await?))
    }

    /// Readies an image of a registry that this machine fetches from.
    ///
    /// # Errors
    /// [`images::Error`].
    pub async fn own_reference(
        &self,
        reference: &Reference,
        digest: Digest,
        login: &Credentials,
    ) -> Result<OwnImage, Error> {
        let mutex = self.mutex(digest);
        let _alone = mutex.lock_owned().await;
        if let Some(image) = self.keep(digest).await? {
            return Ok(self.owned(image));
        }
        let reference = reference.pinned(digest);
        let image = self.shared.puller.pull(&reference, login, &self.shared.store, |_, _| {}).await?;
        Ok(self.owned(self.unpack(image).await?))
    }

    fn owned(&self, image: InUse) -> OwnImage {
        OwnImage { host: self.clone(), image }
    }
}

impl OwnImage {
    /// Runs a task as an agent would. Blocks.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&self, task: OwnTask) -> Result<Finished, RunError> {
        let OwnTask { args, env, inputs, limits, control } = task;
        self.host.containers().run(&described(&self.image.prepared, &args, env, inputs, limits, control))
    }

    /// Where its files are: the root that its programs see.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.image.prepared.tree
    }
}
