//! What leaves to a worker: the loop's messages gathered into few frames.
//!
//! Invariant: in one gathering a task is spoken of once, so that the order of its frames does not matter; a task that comes
//! again begins the next gathering. The outbox is not bounded by a number, but by the worker's slots: the loop speaks only of
//! tasks that the worker holds.

use super::{Farewell, Seat, Sink, send};
use api::limits;
use api::worker::{Assignment, DealBrief, Instead, Settlement, ToWorker};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use units::{Address, DealId, OrderHash, TaskId, Timestamp};

/// Most bytes of deals' descriptions in one frame, well below [`limits::FRAME_BYTES`].
const BRIEF_BYTES: usize = 1 << 20;

/// A deal as workers need it, the job it is of, and whose its parts are.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub(crate) job: OrderHash,
    pub(crate) requester: Address,
    pub(crate) app_owner: Address,
    pub(crate) dataset_owner: Address,
    pub(crate) deal: DealBrief,
}

/// A message of the loop's.
#[derive(Clone, Debug)]
pub(crate) enum Out {
    Assign { task: TaskId, index: u64, until: Timestamp, brief: Arc<Brief> },
    Reveal(TaskId, Option<Box<market::Package>>),
    Upload(TaskId),
    Cancel { task: TaskId, reason: &'static str },
    Settled(Settlement),
    Refused { task: TaskId, code: &'static str, reason: String },
    Bye { code: &'static str, reason: &'static str, reconnect: bool },
}

impl Out {
    fn task(&self) -> Option<TaskId> {
        match self {
            Self::Assign { task, .. }
            | Self::Reveal(task, _)
            | Self::Upload(task)
            | Self::Cancel { task, .. }
            | Self::Refused { task, .. } => Some(*task),
            Self::Settled(settlement) => Some(settlement.task),
            Self::Bye { .. } => None,
        }
    }
}

fn of_package(task: TaskId, package: market::Package) -> Instead {
    let market::Package { digest, blob, callback } = package;
    Instead { task, digest, blob, callback: Some(callback).filter(|callback| !callback.is_empty()) }
}

/// Messages to be sent together.
#[derive(Debug, Default)]
struct Gathering {
    tasks: BTreeSet<TaskId>,
    assigned: Vec<(Assignment, Arc<Brief>)>,
    reveal: Vec<TaskId>,
    instead: Vec<Instead>,
    upload: Vec<TaskId>,
    cancel: BTreeMap<&'static str, Vec<TaskId>>,
    settled: Vec<Settlement>,
    refused: Vec<ToWorker>,
}

impl Gathering {
    /// Takes a message, or gives it back: its task was spoken of, or the gathering is full.
    fn take(&mut self, out: Out) -> Result<(), Out> {
        if let Some(task) = out.task()
            && (self.tasks.len() >= limits::BATCH_ITEMS || !self.tasks.insert(task))
        {
            return Err(out);
        }
        match out {
            Out::Assign { task, index, until, brief } => {
                self.assigned.push((Assignment { task, deal: brief.deal.deal, index, until }, brief));
            }
            Out::Reveal(task, instead) => {
                self.reveal.push(task);
                self.instead.extend(instead.map(|package| of_package(task, *package)));
            }
            Out::Upload(task) => self.upload.push(task),
            Out::Cancel { task, reason } => self.cancel.entry(reason).or_default().push(task),
            Out::Settled(settlement) => self.settled.push(settlement),
            Out::Refused { task, code, reason } => {
                self.refused.push(ToWorker::Refused { task: Some(task), code: code.to_owned(), reason });
            }
            bye @ Out::Bye { .. } => return Err(bye),
        }
        Ok(())
    }

    /// The frames; `known` are the deals that this connection has had described.
    fn frames(self, seat: &Seat, known: &mut BTreeSet<DealId>) -> Vec<ToWorker> {
        let mut frames = Vec::new();
        seat.release(&self.settled.iter().map(|settlement| settlement.task).collect::<Vec<_>>());
        seat.release(self.cancel.values().flatten());
        seat.hold(self.assigned.iter().map(|(assignment, brief)| (assignment.task, Arc::clone(brief))));
        let (mut deals, mut tasks, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        for (assignment, brief) in self.assigned {
            if known.insert(assignment.deal) {
                bytes = bytes.saturating_add(brief.deal.params.len());
                if bytes > BRIEF_BYTES && !tasks.is_empty() {
                    frames.push(ToWorker::Assign {
                        deals: std::mem::take(&mut deals),
                        tasks: std::mem::take(&mut tasks),
                    });
                    bytes = brief.deal.params.len();
                }
                deals.push(brief.deal.clone());
            }
            tasks.push(assignment);
        }
        if !tasks.is_empty() {
            frames.push(ToWorker::Assign { deals, tasks });
        }
        if !self.reveal.is_empty() {
            frames.push(ToWorker::Reveal { tasks: self.reveal, instead: self.instead });
        }
        if !self.upload.is_empty() {
            frames.push(ToWorker::Upload { tasks: self.upload });
        }
        for (reason, tasks) in self.cancel {
            frames.push(ToWorker::Cancel { tasks, reason: reason.to_owned() });
        }
        if !self.settled.is_empty() {
            frames.push(ToWorker::Settled { tasks: self.settled });
        }
        frames.extend(self.refused);
        frames
    }
}

/// Writes what the loop and the reader have to say until one of them ends, or the worker is gone (`None`).
pub(super) async fn write(
    seat: Arc<Seat>,
    mut sink: Sink,
    mut outbox: mpsc::UnboundedReceiver<Vec<Out>>,
    replies: &mut mpsc::Receiver<ToWorker>,
) -> Option<(Farewell, Sink)> {
    let mut heartbeat = tokio::time::interval(limits::HEARTBEAT);
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = BTreeSet::new();
    let mut gathered = Vec::new();
    loop {
        let count = tokio::select! {
            biased;
            count = outbox.recv_many(&mut gathered, 64) => count,
            Some(reply) = replies.recv() => {
                if !send(&mut sink, &reply).await {
                    return None;
                }
                continue;
            }
            _ = heartbeat.tick() => {
                if !send(&mut sink, &ToWorker::Ping).await {
                    return None;
                }
                continue;
            }
        };
        if count == 0 {
            // The loop let go of this connection; the reader says why.
            while let Ok(reply) = replies.try_recv() {
                if !send(&mut sink, &reply).await {
                    return None;
                }
            }
            return Some((Farewell::lost("closed", "the connection is closed"), sink));
        }
        let (frames, bye) = framed(gathered.drain(..).flatten(), &seat, &mut known);
        for frame in &frames {
            if !send(&mut sink, frame).await {
                return None;
            }
        }
        if let Some(bye) = bye {
            return Some((bye, sink));
        }
    }
}

/// Frames for messages, in order; what comes after a goodbye is not said.
fn framed(
    outs: impl Iterator<Item = Out>,
    seat: &Seat,
    known: &mut BTreeSet<DealId>,
) -> (Vec<ToWorker>, Option<Farewell>) {
    let (mut frames, mut gathering) = (Vec::new(), Gathering::default());
    for out in outs {
        let Err(again) = gathering.take(out) else { continue };
        frames.extend(std::mem::take(&mut gathering).frames(seat, known));
        if let Out::Bye { code, reason, reconnect } = again {
            return (frames, Some(Farewell { code, reason: reason.to_owned(), reconnect }));
        }
        let taken = gathering.take(again);
        assert!(taken.is_ok(), "an empty gathering takes any message about a task");
    }
    frames.extend(gathering.frames(seat, known));
    (frames, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::worker::TaskLimits;
    use units::{B256, Digest};

    fn task(byte: u8) -> TaskId {
        TaskId(B256::repeat_byte(byte))
    }

    fn assign(byte: u8) -> Out {
        let deal = DealBrief {
            deal: DealId(B256::repeat_byte(9)),
            app: Digest::default(),
            app_type: "WASM".into(),
            image: None,
            dataset: None,
            params: String::new(),
            first: 0,
            size: 9,
            direct: true,
            limits: TaskLimits { run_ms: 1, memory_mib: 1, output_mib: 1, output_files: 1 },
        };
        let (requester, app_owner, dataset_owner) = (Address::ZERO, Address::ZERO, Address::ZERO);
        let job = OrderHash(B256::repeat_byte(7));
        let brief = Arc::new(Brief { job, requester, app_owner, dataset_owner, deal });
        Out::Assign { task: task(byte), index: 0, until: Timestamp(1), brief }
    }

    #[test]
    fn many_messages_are_few_frames_and_a_deal_is_described_once() {
        let seat = Seat::new(Address::ZERO, 0, 0);
        let mut known = BTreeSet::new();
        let outs = vec![assign(1), Out::Reveal(task(2), None), assign(3), Out::Reveal(task(4), None)];
        let (frames, _) = framed(outs.into_iter(), &seat, &mut known);
        assert!(matches!(&frames[..], [
            ToWorker::Assign { deals, tasks }, ToWorker::Reveal { tasks: reveals, .. }
        ] if deals.len() == 1 && tasks.len() == 2 && reveals.len() == 2));
        let (frames, _) = framed(std::iter::once(assign(5)), &seat, &mut known);
        assert!(matches!(&frames[..], [ToWorker::Assign { deals, .. }] if deals.is_empty()));
    }

    #[test]
    fn a_task_cancelled_and_assigned_again_ends_up_assigned() {
        let seat = Seat::new(Address::ZERO, 0, 0);
        let outs = vec![assign(1), Out::Cancel { task: task(1), reason: "late" }, assign(1)];
        let (frames, _) = framed(outs.into_iter(), &seat, &mut BTreeSet::new());
        assert!(matches!(&frames[..], [ToWorker::Assign { .. }, ToWorker::Cancel { .. }, ToWorker::Assign { .. }]));
        assert_eq!(seat.jobs().len(), 1);
    }
}
