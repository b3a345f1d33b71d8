//! The policy, driven by hand: what happens goes in, what to do comes out.

use super::*;
use api::worker::{Ending, Package, Phase};
use units::{Amount, B256, Bytes, DealId, Digest};

const FAR: Timestamp = Timestamp(1_000_000);

/// A worker, a clock and what it was last told to do.
struct World {
    policy: Policy,
    now: Timestamp,
}

fn id(number: u8) -> TaskId {
    TaskId(B256::repeat_byte(number))
}

fn ids(numbers: std::ops::Range<u8>) -> Vec<TaskId> {
    numbers.map(id).collect()
}

fn result(ran_ms: u64) -> Finished {
    let package = Package {
        blob: Digest::default(),
        size: 3,
        inline: Some(Bytes::from_static(b"abc")),
        callback: None,
        stderr: String::new(),
        stdout: String::new(),
    };
    Finished { digest: B256::repeat_byte(9), failed: false, ran: Duration::from_millis(ran_ms), package }
}

impl World {
    /// A worker that is connected and has said what it had to.
    fn connected(cores: u32) -> Self {
        let mut world = Self { policy: Policy::new(Address::repeat_byte(1), cores), now: Timestamp(1_000) };
        world.connect();
        world.actions();
        world
    }

    fn connect(&mut self) {
        self.policy.connected(&[], 0, self.now);
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.policy.poll()).collect()
    }

    fn wait(&mut self, ms: u64) {
        self.now = Timestamp(self.now.0 + ms);
        self.policy.tick(self.now);
    }

    fn assign(&mut self, number: u8, direct: bool) {
        let assignment = Assignment { task: id(number), deal: DealId::default(), index: u64::from(number), until: FAR };
        self.policy.assigned(&assignment, direct, self.now);
        self.policy.prepared(id(number), self.now);
    }

    fn end(&mut self, number: u8, ran_ms: u64) {
        self.policy.ended(id(number), Ok(result(ran_ms)), self.now);
    }

    fn batches(&mut self) -> Vec<Batch> {
        let batch = |action| if let Action::Sign(batch) = action { Some(*batch) } else { None };
        self.actions().into_iter().filter_map(batch).collect()
    }

    fn said(&mut self) -> Vec<FromWorker> {
        let said = |action| if let Action::Say(frame) = action { Some(frame) } else { None };
        self.actions().into_iter().filter_map(said).collect()
    }
}

fn run_actions(actions: &[Action]) -> Vec<TaskId> {
    actions.iter().filter_map(|action| if let Action::Run(task) = action { Some(*task) } else { None }).collect()
}

#[test]
fn tasks_run_in_the_order_in_which_they_are_ready_and_never_many_more_than_there_are_cores() {
    let mut world = World::connected(2);
    (1..=4).for_each(|number| world.assign(number, true));
    assert_eq!(run_actions(&world.actions()), ids(1..5), "two to run, and a fresh worker's two ahead");
    world.end(1, 20_000);
    assert_eq!(world.policy.counts(), Counts { waiting: 1, running: 2, done: 1 });
    (5..=9).for_each(|number| world.assign(number, true));
    assert_eq!(run_actions(&world.actions()), ids(0..0), "long tasks are handed over one ahead only");
    world.end(2, 20_000);
    assert_eq!(run_actions(&world.actions()), ids(5..6));
}

#[test]
fn slots_are_offered_as_tasks_end_and_the_window_grows_with_short_ones() {
    let mut world = World { policy: Policy::new(Address::ZERO, 2), now: Timestamp(1_000) };
    assert_eq!(world.policy.slots(), 4);
    world.connect();
    assert_eq!(world.said(), [], "the hello has said it");
    (1..=4).for_each(|number| world.assign(number, true));
    assert_eq!(world.said(), [], "nothing is free");
    world.end(1, 1);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 402 - 3 }]);
    world.end(2, 1);
    assert_eq!(world.said(), [], "one slot more of hundreds is not worth a frame");
}

#[test]
fn a_core_that_comes_free_of_a_long_task_is_offered_at_once() {
    let mut world = World::connected(8);
    (1..=16).for_each(|number| world.assign(number, true));
    (1..=8).for_each(|number| world.end(number, 60_000));
    assert_eq!(world.said(), [], "eight run");
    world.end(9, 60_000);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 1 }]);
}

#[test]
fn an_exchange_that_has_nothing_to_give_is_not_asked_again() {
    let mut world = World::connected(1);
    (1..=2).for_each(|number| world.assign(number, true));
    world.end(1, 10);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 20 }]);
    world.end(2, 5);
    assert_eq!(world.said(), [], "the window has grown, and nothing came for the room that was offered");
}

#[test]
fn a_worker_that_has_rested_asks_as_a_fresh_one() {
    let mut world = World::connected(1);
    world.assign(1, true);
    world.end(1, 1);
    world.policy.batch_sent(world.now);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 201 }]);
    assert_eq!(world.policy.next_deadline(), Some(Timestamp(1_010)));
    world.wait(10);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 2 }]);
    assert_eq!(world.policy.next_deadline(), None);
}

#[test]
fn a_result_in_the_clear_is_completed_and_a_sealed_one_committed_and_only_revealed_when_asked() {
    let mut world = World::connected(2);
    world.assign(1, true);
    world.assign(2, false);
    world.end(1, 5);
    world.wait(10);
    world.end(2, 5);
    let batches = world.batches();
    assert_eq!(batches.len(), 1, "the second waits until the first is signed");
    assert_eq!(batches[0].completes.iter().map(|it| it.task).collect::<Vec<_>>(), [id(1)]);
    world.wait(10);
    world.policy.batch_sent(world.now);
    let batch = world.batches().pop().unwrap();
    let commit = &batch.commits[0];
    let digest = B256::repeat_byte(9);
    assert_eq!(commit.result_hash, orders::ids::result_hash(id(2), digest));
    assert_eq!(commit.result_seal, orders::ids::result_seal(Address::repeat_byte(1), id(2), digest));
    assert_eq!((batch.sequence, batch.reveals.len(), batch.completes.len()), (2, 0, 0));
    world.policy.batch_sent(world.now);
    world.wait(10);
    assert_eq!(world.batches(), []);
    world.policy.reveal(&[id(2)], world.now);
    let batch = world.batches().pop().unwrap();
    assert_eq!((batch.sequence, batch.reveals[0].task, batch.reveals[0].digest), (3, id(2), digest));
}

#[test]
fn results_that_come_close_together_share_a_signature() {
    let mut world = World::connected(2);
    (1..=9).for_each(|number| world.assign(number, true));
    world.end(1, 0);
    assert_eq!(world.batches().len(), 1);
    world.policy.batch_sent(world.now);
    (2..=9).for_each(|number| world.end(number, 0));
    assert_eq!(world.batches(), [], "a moment has not passed since the last");
    assert_eq!(world.policy.next_deadline(), Some(Timestamp(world.now.0 + 2)));
    world.wait(2);
    assert_eq!(world.batches()[0].completes.len(), 8);
}

#[test]
fn results_wait_for_others_only_while_there_is_work_in_hand() {
    let mut world = World::connected(1);
    (1..=4).for_each(|number| world.assign(number, true));
    world.end(1, 1);
    assert_eq!(world.batches().len(), 1, "the first is stated at once");
    world.policy.batch_sent(world.now);
    world.end(2, 1);
    assert_eq!(world.policy.next_deadline(), Some(Timestamp(world.now.0 + 20)));
    world.wait(19);
    world.end(3, 1);
    assert_eq!(world.batches(), []);
    world.end(4, 1);
    assert_eq!(world.batches()[0].completes.len(), 3, "after the last there is nothing to wait for");
}

#[test]
fn tasks_are_asked_for_when_a_quarter_is_done_and_not_one_by_one() {
    let mut world = World::connected(1);
    world.assign(1, true);
    world.assign(2, true);
    world.end(1, 10);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 20 }]);
    (3..=22).for_each(|number| world.assign(number, true));
    (2..=5).for_each(|number| world.end(number, 10));
    assert_eq!(world.said(), [], "most of it is still in hand");
    world.end(6, 10);
    assert_eq!(world.said(), [FromWorker::Ready { slots: 5 }]);
}

#[test]
fn what_is_done_is_stated_again_on_a_new_connection_until_it_is_settled() {
    let mut world = World::connected(4);
    world.assign(1, false);
    world.assign(2, false);
    world.assign(3, false);
    world.end(1, 5);
    world.end(2, 5);
    world.policy.reveal(&[id(2)], world.now);
    world.actions();
    world.policy.disconnected();
    world.end(3, 5);
    assert_eq!(world.batches(), [], "nothing is said to nobody");
    let phases: Vec<Phase> = world.policy.holding().iter().map(|held| held.phase).collect();
    assert_eq!(phases, [Phase::Committed; 3]);
    world.policy.connected(&[], 7, world.now);
    let batch = world.batches().pop().unwrap();
    assert_eq!(batch.sequence, 8, "beyond what the exchange knows");
    assert_eq!(batch.commits.iter().map(|it| it.task).collect::<Vec<_>>(), [id(1), id(3)]);
    assert_eq!(batch.reveals.iter().map(|it| it.task).collect::<Vec<_>>(), [id(2)], "its commitment is known there");
    let settle = |task| Settlement { task, ending: Ending::Accepted, reward: Amount::ZERO };
    world.policy.settled(&[settle(id(1)), settle(id(3))], world.now);
    assert_eq!(world.actions(), [Action::Forget(id(1)), Action::Forget(id(3))]);
    world.policy.disconnected();
    world.policy.connected(&[id(2)], 7, world.now);
    assert_eq!(world.batches(), [], "what the exchange dropped is gone");
    assert!(world.policy.is_drained());
}

#[test]
fn a_run_goes_on_while_the_connection_is_gone() {
    let mut world = World::connected(1);
    world.assign(1, true);
    world.wait(100);
    world.actions();
    world.policy.disconnected();
    assert_eq!(world.policy.holding()[0].phase, Phase::Run);
    world.connect();
    assert!(!world.actions().contains(&Action::Abort(id(1))));
    assert_eq!(world.policy.counts().running, 1);
}

#[test]
fn cancelled_tasks_free_their_core_only_when_their_run_has_ended() {
    let mut world = World::connected(1);
    world.assign(1, true);
    world.assign(2, true);
    world.assign(3, true);
    world.actions();
    world.policy.cancelled(&[id(1)], world.now);
    assert_eq!(world.actions(), [Action::Abort(id(1)), Action::Forget(id(1))]);
    world.assign(1, true);
    world.policy.ended(id(1), Err(DeclineReason::Owner), world.now);
    assert_eq!(run_actions(&world.actions()), [id(3)], "the first run's end is not the second's");
    assert_eq!(world.policy.counts(), Counts { waiting: 2, running: 1, done: 0 });
}

#[test]
fn a_long_run_is_announced_and_a_short_one_is_not() {
    let mut world = World::connected(1);
    world.assign(1, true);
    world.wait(49);
    assert_eq!(world.said(), []);
    world.wait(1);
    assert_eq!(world.said(), [FromWorker::Phase { tasks: vec![id(1)], phase: Phase::Run }]);
    world.wait(50);
    assert_eq!(world.said(), [], "once");
}

#[test]
fn a_task_past_its_deadline_is_given_back_as_too_slow() {
    let mut world = World::connected(1);
    let assignment = Assignment { task: id(1), deal: DealId::default(), index: 0, until: Timestamp(1_500) };
    world.policy.assigned(&assignment, true, world.now);
    world.policy.prepared(id(1), world.now);
    world.wait(60);
    world.actions();
    assert_eq!(world.policy.next_deadline(), Some(Timestamp(1_500)));
    world.wait(440);
    let actions = world.actions();
    assert!(actions.contains(&Action::Abort(id(1))));
    assert!(actions.contains(&Action::Say(FromWorker::Decline { task: id(1), reason: DeclineReason::TooSlow })));
    let late = Assignment { task: id(2), ..assignment };
    world.policy.ended(id(1), Err(DeclineReason::Owner), world.now);
    world.policy.assigned(&late, true, world.now);
    world.policy.prepared(id(2), world.now);
    assert!(run_actions(&world.actions()).is_empty());
}

#[test]
fn for_its_owner_a_worker_takes_nothing_holds_runs_and_then_gives_them_back() {
    let mut world = World::connected(1);
    (1..=4).for_each(|number| world.assign(number, true));
    world.actions();
    world.policy.owner_needs_it(true, world.now);
    let actions = world.actions();
    assert!(actions.contains(&Action::Hold(true)));
    for task in ids(3..5) {
        assert!(actions.contains(&Action::Say(FromWorker::Decline { task, reason: DeclineReason::Owner })));
    }
    assert!(!actions.contains(&Action::Abort(id(1))));
    world.assign(5, true);
    assert_eq!(world.said(), [FromWorker::Decline { task: id(5), reason: DeclineReason::Owner }]);
    world.wait(60_000);
    assert!(world.actions().contains(&Action::Abort(id(1))));
    world.policy.ended(id(1), Err(DeclineReason::Owner), world.now);
    world.policy.ended(id(2), Err(DeclineReason::Owner), world.now);
    world.policy.owner_needs_it(false, world.now);
    let actions = world.actions();
    assert!(actions.contains(&Action::Hold(false)));
    assert!(actions.contains(&Action::Say(FromWorker::Ready { slots: 2 })));
}

#[test]
fn a_stopping_worker_gives_back_what_is_not_done_and_stays_for_what_is() {
    let mut world = World::connected(2);
    world.assign(1, false);
    world.assign(2, false);
    world.end(1, 5);
    world.policy.batch_sent(world.now);
    world.actions();
    world.policy.stop(world.now);
    let actions = world.actions();
    assert!(actions.contains(&Action::Say(FromWorker::Decline { task: id(2), reason: DeclineReason::Owner })));
    assert!(actions.contains(&Action::Abort(id(2))));
    world.policy.ended(id(2), Err(DeclineReason::Owner), world.now);
    assert!(!world.policy.is_drained(), "what is committed must be revealed");
    world.policy.reveal(&[id(1)], world.now);
    world.policy.cancelled(&[id(1)], world.now);
    world.wait(10);
    assert!(world.policy.is_drained());
}

#[test]
fn what_is_asked_for_and_not_here_is_given_back() {
    let mut world = World::connected(1);
    world.policy.reveal(&[id(1)], world.now);
    world.policy.upload(&[id(2)]);
    let broken = |task| FromWorker::Decline { task, reason: DeclineReason::Broken };
    assert_eq!(world.said(), [broken(id(1)), broken(id(2))]);
}

#[test]
fn an_upload_is_done_once_and_told_again_on_a_new_connection() {
    let mut world = World::connected(1);
    world.assign(1, true);
    world.end(1, 5);
    world.actions();
    world.policy.upload(&[id(1)]);
    world.policy.upload(&[id(1)]);
    let uploads = world.actions().iter().filter(|action| matches!(action, Action::Upload(_))).count();
    assert_eq!(uploads, 1);
    world.policy.disconnected();
    world.policy.uploaded(id(1), true);
    world.connect();
    assert!(world.said().contains(&FromWorker::Uploaded { tasks: vec![id(1)] }));
    world.policy.upload(&[id(1)]);
    assert_eq!(world.said(), [FromWorker::Uploaded { tasks: vec![id(1)] }], "it is there already");
}

#[test]
fn a_batch_is_kept_below_the_size_of_a_frame() {
    let mut world = World::connected(200);
    let mut large = result(0);
    large.package.inline = Some(Bytes::from(vec![0; api::limits::INLINE_RESULT_BYTES]));
    large.package.stderr = "\0".repeat(api::limits::TAIL_BYTES);
    (0..200).for_each(|number| world.assign(number, true));
    world.policy.disconnected();
    for number in 0..200 {
        world.policy.ended(id(number), Ok(large.clone()), world.now);
    }
    world.actions();
    world.connect();
    let mut stated = 0;
    while stated < 200 {
        let batch = world.batches().pop().expect("each result is stated");
        stated += batch.completes.len();
        let frame = serde_json::to_string(&FromWorker::Batch(Box::new(batch))).unwrap();
        assert!(frame.len() < api::limits::FRAME_BYTES, "{}", frame.len());
        world.now = Timestamp(world.now.0 + 2);
        world.policy.batch_sent(world.now);
    }
}

#[test]
fn refused_results_are_kept_but_not_without_end() {
    let mut world = World::connected(1);
    let kept = u32::try_from(KEEP_REFUSED).unwrap();
    for number in 0..kept + 5 {
        let task = TaskId(B256::from(units::U256::from(number)));
        let assignment = Assignment { task, deal: DealId::default(), index: 0, until: FAR };
        world.policy.assigned(&assignment, false, world.now);
        world.policy.prepared(task, world.now);
        world.policy.ended(task, Ok(result(0)), world.now);
        world.policy.refused(task);
        world.policy.refused(task);
    }
    assert_eq!(world.policy.counts().done, kept, "each may have been said twice, and the oldest go");
}

#[test]
fn an_exchange_that_is_slow_to_give_more_is_asked_for_more_at_once() {
    let mut world = World::connected(1);
    world.policy.went(Duration::from_millis(1));
    (1..=2).for_each(|number| world.assign(number, true));
    world.end(1, 1);
    assert_eq!(world.policy.free(), 32, "33 ms of work for an exchange that is near, one task of it in hand");
    world.now = world.now.saturating_add(Duration::from_millis(15));
    world.assign(3, true);
    assert_eq!(world.policy.free(), 59, "61 ms of work, two tasks of it in hand");
}

#[test]
fn who_is_full_of_results_that_wait_still_takes_a_few_that_others_wait_for() {
    let mut world = World::connected(1);
    for number in 0..CREDIT_WINDOW {
        let task = TaskId(B256::from(units::U256::from(number)));
        let assignment = Assignment { task, deal: DealId::default(), index: 0, until: FAR };
        world.policy.assigned(&assignment, true, world.now);
        world.policy.prepared(task, world.now);
        world.policy.ended(task, Ok(result(0)), world.now);
    }
    assert_eq!(world.policy.counts().done, CREDIT_WINDOW, "all are held until they are settled");
    assert_eq!(world.policy.free(), 1, "one for each core");
}

#[test]
fn far_more_than_was_asked_for_is_given_back() {
    let mut world = World::connected(1);
    let most = CREDIT_WINDOW * 2;
    for number in 0..most + 3 {
        let task = TaskId(B256::from(units::U256::from(number)));
        let assignment = Assignment { task, deal: DealId::default(), index: 0, until: FAR };
        assert_eq!(world.policy.assigned(&assignment, true, world.now), number < most);
    }
    let declined = world.said().into_iter().filter(|frame| matches!(frame, FromWorker::Decline { .. })).count();
    assert_eq!(declined, 3);
}

#[test]
fn of_tasks_whose_files_still_come_it_is_said_and_of_others_not() {
    let mut world = World::connected(4);
    world.assign(1, true);
    let assignment = Assignment { task: id(2), deal: DealId::default(), index: 2, until: FAR };
    world.policy.assigned(&assignment, true, world.now);
    world.actions();
    world.policy.still_fetching();
    assert_eq!(world.said(), [FromWorker::Phase { tasks: vec![id(2)], phase: Phase::Fetch }]);
    world.policy.prepared(id(2), world.now);
    world.actions();
    world.policy.still_fetching();
    assert_eq!(world.said(), []);
}
