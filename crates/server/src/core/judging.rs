//! Questions to judges, and what is known again after a restart of what they said.

use super::turn::Loop;
use crate::package;
use blobs::Store;
use market::{Case, Package};
use std::fs::File;
use std::io::ErrorKind;
use units::{Bytes, TaskId};

impl Loop {
    /// Puts a question to a judge.
    pub(super) fn ask_judge(&self, case: Case) {
        let Some(deal) = self.state.market.exchange().deal(case.deal) else { return };
        self.judges.ask(case, deal.requester, deal.params.clone());
    }

    /// The first results of classes, which others count as: their packages, as far as they are here.
    pub(super) fn take_up_judged(&self, blobs: &Store, found: &mut Vec<(TaskId, Package)>) {
        for (task, holding) in self.state.market.exchange().all_held() {
            for first in holding.judged.values().map(|judged| judged.first) {
                let callback = Bytes::new();
                let open = || File::open(blobs.pin(&first.blob).ok_or(ErrorKind::NotFound)?.path());
                let digest = package::survey(package::limits(), &callback, open).map(|it| it.digest);
                if digest.is_ok_and(|digest| digest == first.digest) {
                    found.push((task, Package { digest: first.digest, blob: first.blob, callback }));
                }
            }
        }
    }
}
