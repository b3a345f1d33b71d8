//! What happens, in few words.

use crate::network::{Down, Up};
use crate::transition::Step;
use api::worker::FromWorker;
use exchange::Command;
use std::fmt;
use units::{B256, TaskId};

/// The task that the exchange speaks of.
pub(crate) fn task_of(down: &Down) -> Option<TaskId> {
    match down {
        Down::Welcome { .. } | Down::Bye => None,
        Down::Assign { task, .. }
        | Down::Reveal(task)
        | Down::Upload(task)
        | Down::Cancel(task)
        | Down::Refused(task) => Some(*task),
        Down::Settled(settlement) => Some(settlement.task),
    }
}

/// The tasks that an entry speaks of.
pub(crate) fn tasks_of(command: &Command) -> Vec<TaskId> {
    match command {
        Command::Batch { batch, .. } => {
            let said = batch.batch();
            let commits = said.commits.iter().map(|it| it.task);
            let completes = said.completes.iter().map(|it| it.task);
            commits.chain(completes).chain(said.reveals.iter().map(|it| it.task)).collect()
        }
        Command::Authorize { task, .. }
        | Command::Accept { task, .. }
        | Command::Discard { task, .. }
        | Command::Finalize { task, .. }
        | Command::Reopen { task }
        | Command::Claim { task }
        | Command::Pay { task, .. }
        | Command::Check { task, .. }
        | Command::Know { task } => vec![*task],
        Command::Judge(judgement) => vec![judgement.task],
        Command::Transact(_)
        | Command::PlaceOrder(_)
        | Command::RemoveOrder { .. }
        | Command::Match { .. }
        | Command::Initialize { .. }
        | Command::Enlist { .. }
        | Command::AuditCommit { .. }
        | Command::AuditOpen { .. }
        | Command::Halt { .. }
        | Command::Rate { .. }
        | Command::Offer { .. }
        | Command::Withdraw { .. }
        | Command::Tick => Vec::new(),
    }
}

/// An entry in few words.
pub(crate) fn label(command: &Command) -> String {
    match command {
        Command::Transact(_) => "transaction".to_owned(),
        Command::PlaceOrder(order) => format!("place {:?} {}", order.kind(), short(order.hash().0)),
        Command::RemoveOrder { order, .. } => format!("remove {}", short(order.0)),
        Command::Match { request, .. } => format!("match {}", short(request.0)),
        Command::Batch { batch, .. } => {
            let said = batch.batch();
            let tasks = |list: Vec<TaskId>| list.iter().take(4).map(|it| short(it.0)).collect::<Vec<_>>().join(" ");
            let commits = tasks(said.commits.iter().map(|it| it.task).collect());
            let completes = tasks(said.completes.iter().map(|it| it.task).collect());
            let reveals = tasks(said.reveals.iter().map(|it| it.task).collect());
            let who = short(said.worker.into_word());
            format!("batch of {who}: commits [{commits}] completes [{completes}] reveals [{reveals}]")
        }
        Command::Authorize { task, worker } => format!("authorize {} {}", short(task.0), short(worker.into_word())),
        Command::Accept { task, worker, .. } => format!("accept {} {}", short(task.0), short(worker.into_word())),
        Command::Discard { task, worker } => format!("discard {} {}", short(task.0), short(worker.into_word())),
        Command::Initialize { index, .. } => format!("initialize {index}"),
        Command::Finalize { task, .. } => format!("finalize {}", short(task.0)),
        Command::Reopen { task } => format!("reopen {}", short(task.0)),
        Command::Claim { task } => format!("claim {}", short(task.0)),
        Command::Pay { task, worker, amount, why, .. } => {
            format!("pay {} {amount} for {} ({why:?})", short(worker.into_word()), short(task.0))
        }
        Command::Enlist { worker, owner, .. } => {
            format!("enlist {} of {}", short(worker.into_word()), short(owner.into_word()))
        }
        Command::AuditCommit { commitment } => format!("commit to secret {}", short(*commitment)),
        Command::AuditOpen { .. } => "open a secret".to_owned(),
        Command::Check { task, worker, .. } => format!("check {} {}", short(task.0), short(worker.into_word())),
        Command::Know { task } => format!("know {}", short(task.0)),
        Command::Judge(it) => {
            format!("judge {} {}: {:?}", short(it.task.0), short(it.worker.into_word()), it.verdict)
        }
        Command::Halt { request } => format!("halt {}", short(request.0)),
        Command::Rate { rating } => format!("rate {}", short(rating.signed.rating.subject.into_word())),
        Command::Offer { order } => format!("offer for {}", short(order.workerpool.into_word())),
        Command::Withdraw { order } => format!("withdraw {}", short(order.0)),
        Command::Tick => "tick".to_owned(),
    }
}

/// Enough of an id to tell it from others.
fn short(id: B256) -> String {
    id[28..].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up { connection, said: Up::Hello { slots, holding } } => {
                write!(f, "line {connection}: hello, {slots} slots, holding {}", holding.len())
            }
            Self::Up { connection, said: Up::Frame(frame) } => match frame {
                FromWorker::Ready { slots } => write!(f, "line {connection}: ready for {slots}"),
                FromWorker::Floors { heat, .. } => write!(f, "line {connection}: other floors at {heat} %"),
                FromWorker::Phase { tasks, phase } => {
                    write!(
                        f,
                        "line {connection}: {phase:?} {}",
                        tasks.iter().map(|it| short(it.0)).collect::<Vec<_>>().join(" ")
                    )
                }
                FromWorker::Batch(batch) => write!(
                    f,
                    "line {connection}: batch {}, {} commits, {} completes, {} reveals",
                    batch.sequence,
                    batch.commits.len(),
                    batch.completes.len(),
                    batch.reveals.len()
                ),
                FromWorker::Uploaded { tasks } => write!(f, "line {connection}: uploaded {}", tasks.len()),
                FromWorker::Decline { task, reason } => {
                    write!(f, "line {connection}: declines {} ({reason:?})", short(task.0))
                }
                FromWorker::Hello(_) | FromWorker::Pong => write!(f, "line {connection}: pong"),
            },
            Self::Down { connection, said } => match said {
                Down::Welcome { dropped, .. } => write!(f, "line {connection}: welcome, {} dropped", dropped.len()),
                Down::Assign { task, .. } => write!(f, "line {connection}: assigned {}", short(task.0)),
                Down::Reveal(task) => write!(f, "line {connection}: asked to reveal {}", short(task.0)),
                Down::Upload(task) => write!(f, "line {connection}: asked to upload {}", short(task.0)),
                Down::Cancel(task) => write!(f, "line {connection}: cancelled {}", short(task.0)),
                Down::Settled(it) => {
                    write!(f, "line {connection}: settled {} {:?} {}", short(it.task.0), it.ending, it.reward)
                }
                Down::Refused(task) => write!(f, "line {connection}: refused {}", short(task.0)),
                Down::Bye => write!(f, "line {connection}: bye"),
            },
            Self::Prepared { machine, task, there, .. } => {
                write!(f, "machine {machine}: has files of {}: {there}", short(task.0))
            }
            Self::Rate { rater, subject, .. } => {
                write!(f, "{} rates {}", short(rater.into_word()), short(subject.into_word()))
            }
            Self::Uploaded { machine, task, .. } => write!(f, "machine {machine}: uploaded {}", short(task.0)),
            other => write!(f, "{other:?}"),
        }
    }
}
