//! The secrets by which results are drawn for hidden audits: made here, kept in the data folder until they are shown, so that
//! a restart loses none.

use super::turn::Loop;
use crate::folder::Folder;
use market::{Output, audit_commitment};
use std::collections::BTreeSet;
use units::{B256, Timestamp};

/// The secrets that are committed to and not shown.
#[derive(Debug)]
pub(crate) struct Secrets {
    folder: Folder,
}

impl Secrets {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder }
    }

    /// Adds a secret to those of the file that `wanted` says are still needed.
    fn keep(&self, secret: B256, wanted: &BTreeSet<B256>) {
        let kept = self.folder.audit_secrets().unwrap_or_default();
        let mut kept: Vec<B256> = kept.into_iter().filter(|it| wanted.contains(&audit_commitment(*it))).collect();
        kept.push(secret);
        if let Err(error) = self.folder.write_audit_secrets(&kept) {
            tracing::warn!(%error, "a secret of the audits is not kept; after a restart it cannot be shown");
        }
    }
}

impl Loop {
    /// After a restart: the secrets that were committed to before.
    pub(super) fn take_up_secrets(&mut self, at: Timestamp, out: &mut Output) {
        let wanted: BTreeSet<B256> = self.commitments();
        let kept = self.secrets.folder.audit_secrets().unwrap_or_else(|error| {
            tracing::warn!(%error, "the secrets of the audits cannot be read and will not be shown");
            Vec::new()
        });
        for secret in kept.into_iter().filter(|it| wanted.contains(&audit_commitment(*it))) {
            self.give_secret(at, secret, out);
        }
    }

    /// Gives the market a secret where it wants one.
    pub(super) fn draw_secret(&mut self, at: Timestamp, out: &mut Output) {
        if !self.state.market.wants_audit_secret() {
            return;
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the system gives random numbers");
        self.secrets.keep(secret.into(), &self.commitments());
        self.give_secret(at, secret.into(), out);
    }

    fn commitments(&self) -> BTreeSet<B256> {
        self.state.market.exchange().audit_commitments().map(|(commitment, _)| commitment).collect()
    }

    fn give_secret(&mut self, at: Timestamp, secret: B256, out: &mut Output) {
        if let Err(rejection) = self.state.market.audit_secret(at, secret, out) {
            tracing::warn!(%rejection, "a secret of the audits was not taken");
        }
    }
}
