//! Tasks on their way: files, runs, uploads, as the policy hands them out.

use super::deals::Outfit;
use super::{Connection, Errand, Shell};
use crate::kit::{Caps, Kit, Obstacle, Sources, fetch};
use crate::link::Outgoing;
use crate::policy::Action;
use crate::runner::{Job, unusable};
use crate::upload;
use api::params::TaskSpec;
use api::worker::{DeclineReason, FromWorker};
use blobs::Pin;
use std::sync::Arc;
use units::TaskId;

impl Shell {
    /// Does what the policy hands out.
    pub(super) fn act(&mut self) {
        while let Some(action) = self.policy.poll() {
            match action {
                Action::Prepare(task) => self.prepare(task),
                Action::Run(task) => {
                    if let Some(job) = self.work.get_mut(&task).and_then(|work| work.job.take()) {
                        self.runner.run(job);
                    }
                }
                Action::Abort(task) => {
                    if let Some(work) = self.work.get(&task) {
                        work.control.cancel();
                    }
                }
                Action::Hold(hold) => {
                    for control in self.work.values().map(|work| &work.control) {
                        if hold { control.pause() } else { control.resume() }
                    }
                }
                Action::Say(frame) => {
                    self.status.declined += u64::from(matches!(frame, FromWorker::Decline { .. }));
                    self.say(frame);
                }
                Action::Sign(batch) => {
                    if let Some(Connection { outgoing, domain: Some(domain), .. }) = &self.connection {
                        // A connection that broke meanwhile is told by an event.
                        drop(outgoing.send(Outgoing::Batch { batch, domain: *domain }));
                    }
                }
                Action::Upload(task) => self.upload(task),
                Action::Forget(task) => {
                    if let Some(work) = self.work.remove(&task) {
                        self.deals.freed(&work.assignment.deal);
                    }
                }
            }
        }
    }

    /// Gets a task's files.
    fn prepare(&mut self, task: TaskId) {
        let Some(work) = self.work.get(&task) else { return };
        let deal = work.assignment.deal;
        match self.deals.outfit(&deal, task) {
            Some(Outfit::Ready(kit)) => self.outfit(task, &kit),
            Some(Outfit::Wait) => {}
            Some(Outfit::Load(brief)) => {
                let caps = Caps { memory_mib: self.config.memory_mib, disk_mib: self.config.disk_mib };
                let sources = Sources {
                    fetcher: self.fetcher.clone(),
                    #[cfg(target_os = "linux")]
                    containers: self.config.containers.clone(),
                };
                let errand = self.errand.clone();
                tokio::spawn(async move {
                    let kit = Kit::load(*brief, caps, sources).await.map(Arc::new);
                    drop(errand.send(Errand::Loaded { deal, kit }));
                });
            }
            None => self.policy.declined(task, DeclineReason::Broken, self.clock.now()),
        }
    }

    /// Gets the files that are a task's own; what its deal's tasks have in common is there.
    pub(super) fn outfit(&mut self, task: TaskId, kit: &Arc<Kit>) {
        let Some(work) = self.work.get(&task) else { return };
        let spec = match kit.task(work.assignment.index) {
            Ok(spec) => spec,
            Err(obstacle) => {
                if obstacle == Obstacle::Here(DeclineReason::Fetch) {
                    self.deals.spoiled(work.assignment.deal);
                }
                return self.obstructed(task, obstacle);
            }
        };
        let cached: Option<Vec<Pin>> = kit.own_inputs(&spec).map(|input| self.fetcher.cached(&input.digest)).collect();
        if let Some(own) = cached {
            return self.equip(task, kit, spec, own);
        }
        let (fetcher, errand, kit) = (self.fetcher.clone(), self.errand.clone(), Arc::clone(kit));
        tokio::spawn(async move {
            let own = kit.own_inputs(&spec).map(|input| fetch(&fetcher, input));
            let own = futures::future::try_join_all(own).await;
            drop(errand.send(Errand::Fetched { task, kit, spec, own }));
        });
    }

    /// A task is not run: it is given back, or what stands in every machine's way is its result.
    pub(super) fn obstructed(&mut self, task: TaskId, obstacle: Obstacle) {
        let now = self.clock.now();
        match obstacle {
            Obstacle::Here(reason) => self.policy.declined(task, reason, now),
            Obstacle::Everywhere(what, words) => {
                let (finished, kept) = unusable(what, words);
                if let Some(work) = self.work.get_mut(&task) {
                    work.kept = Some(Arc::new(kept));
                }
                self.policy.failed(task, finished, now);
            }
        }
    }

    /// All that a task needs is there.
    pub(super) fn equip(&mut self, task: TaskId, kit: &Arc<Kit>, spec: TaskSpec, own: Vec<Pin>) {
        let Some(work) = self.work.get_mut(&task) else { return };
        let (index, control) = (work.assignment.index, work.control.clone());
        work.job = Some(Job { task, index, kit: Arc::clone(kit), spec, own, control });
        self.policy.prepared(task, self.clock.now());
    }

    fn upload(&self, task: TaskId) {
        let kept = self.work.get(&task).and_then(|work| work.kept.clone());
        let (http, errand) = (Arc::clone(&self.http), self.errand.clone());
        tokio::spawn(async move {
            let there = match kept {
                Some(kept) => upload::put(&http, &kept).await,
                None => false,
            };
            drop(errand.send(Errand::Uploaded { task, there }));
        });
    }

    /// What a task was run from turned out not to be what it was: the next one is run from fresh copies.
    pub(super) fn spoiled(&mut self, task: TaskId) {
        let Some(work) = self.work.get(&task) else { return };
        let deal = work.assignment.deal;
        if let Some(brief) = self.deals.brief(&deal) {
            self.fetcher.forget(&brief.app);
        }
        self.deals.spoiled(deal);
    }
}
