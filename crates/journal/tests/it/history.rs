//! The history: what it counts, and what a repeat changes (nothing).

use journal::history::{
    Change, DealFilter, DealRow, History, HistoryWriter, JobRow, LogRow, NewJob, OrderFilter, OrderKind, OrderRow,
    OrderStatus, Outcome, Page, PartOutcome, PartRow, Party, RatingRow, RatingSummary, ResultRow, ResultState,
    StandingRow, TransactionRow,
};
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, TaskId, Timestamp, U256};

const ALL: Page = Page { skip: 0, most: 100 };

fn job(number: u8, tasks: u64) -> NewJob {
    NewJob {
        id: OrderHash(B256::repeat_byte(number)),
        requester: Address::repeat_byte(number),
        app: Address::repeat_byte(0xa0),
        trust: 3,
        category: 5,
        tasks,
        created: Timestamp(u64::from(number)),
    }
}

fn deal(job: &NewJob, number: u8, volume: u64) -> DealRow {
    DealRow {
        id: DealId(B256::repeat_byte(number)),
        request_order: job.id,
        requester: job.requester,
        app: job.app,
        app_price: Amount(U256::MAX),
        volume: U256::from(volume),
        params: "{}".into(),
        ..DealRow::default()
    }
}

fn result(job: &NewJob, number: u8, outcome: Outcome) -> ResultRow {
    ResultRow {
        job: job.id,
        ordinal: 0,
        task: TaskId(B256::repeat_byte(number)),
        index: u64::from(number),
        deal: DealId(B256::repeat_byte(0xd0)),
        outcome,
        digest: B256::repeat_byte(number),
        blob: Some(Digest(B256::repeat_byte(number))),
        stderr: "last words".into(),
        stdout: String::new(),
        cost: Amount::nanos(10),
        agreed: 2,
        dissented: 1,
        ended: Timestamp(1_000 + u64::from(number)),
        state: ResultState::Final,
        ran_ms: Some(7),
        parties: vec![Party { worker: Address::repeat_byte(number), status: 2, reward: Amount::nanos(4) }],
    }
}

fn written(writer: &mut HistoryWriter, changes: &[Change]) -> Vec<(TaskId, u64)> {
    let through = writer.through().unwrap() + 1;
    writer.write(changes, through).unwrap()
}

#[test]
fn a_job_is_counted_to_its_end_and_a_repeat_counts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let job = job(1, 3);
    written(&mut writer, &[Change::Title { job: job.id, title: "tracer × 3".into() }, Change::Job(job.clone())]);
    let changes = [
        Change::Deal(Box::new(deal(&job, 0xd0, 3))),
        Change::Result(Box::new(result(&job, 1, Outcome::Completed))),
        Change::Result(Box::new(result(&job, 2, Outcome::Failed("exit code 1".into())))),
    ];
    let ordinals = written(&mut writer, &changes);
    assert_eq!(ordinals.iter().map(|(_, ordinal)| *ordinal).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(written(&mut writer, &changes), []);
    let row = history.job(job.id).unwrap().unwrap();
    let expected = JobRow {
        job: job.clone(),
        title: "tracer × 3".into(),
        matched: 3,
        finished: 2,
        failed: 1,
        claimed: 0,
        provisional: 0,
        spent: Amount::nanos(20),
        halted: false,
        closed: false,
        ended: None,
    };
    assert_eq!(row, expected);
    written(&mut writer, &[Change::Result(Box::new(result(&job, 3, Outcome::Claimed)))]);
    assert_eq!(history.job(job.id).unwrap().unwrap().ended, Some(Timestamp(1_003)));
    let results = history.results(job.id, 1, 10).unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0], ResultRow { ordinal: 1, ..result(&job, 2, Outcome::Failed("exit code 1".into())) });
    assert_eq!(history.result(results[1].task).unwrap().unwrap().outcome, Outcome::Claimed);
}

#[test]
fn a_provisional_result_is_replaced_by_what_becomes_of_it_and_no_ordinal_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let job = job(1, 2);
    let provisional = |number: u8, digest: u8| {
        let digest = B256::repeat_byte(digest);
        let row = result(&job, number, Outcome::Completed);
        Change::Result(Box::new(ResultRow { state: ResultState::Provisional, digest, ..row }))
    };
    let voided = |number: u8| Change::Voided { job: job.id, task: TaskId(B256::repeat_byte(number)), at: Timestamp(9) };
    let last = |number: u8| Change::Result(Box::new(result(&job, number, Outcome::Completed)));
    let mut ordinals =
        |changes: &[Change]| written(&mut writer, changes).into_iter().map(|(_, it)| it).collect::<Vec<_>>();
    let row = || history.job(job.id).unwrap().unwrap();
    let deal = Change::Deal(Box::new(deal(&job, 0xd0, 2)));
    assert_eq!(
        ordinals(&[Change::Job(job.clone()), deal, provisional(1, 1), provisional(1, 1), provisional(2, 0xbb)]),
        [0, 1]
    );
    assert_eq!((row().provisional, row().finished, row().ended), (2, 0, None));
    assert!(history.may_read(Digest(B256::repeat_byte(2)), job.requester).unwrap());
    assert_eq!(history.result(TaskId(B256::repeat_byte(1))).unwrap(), None, "it has not ended");
    // The first proves right; the second does not, and another takes its place.
    assert_eq!(ordinals(&[last(1), voided(2), voided(2)]), [2, 3]);
    assert!(!history.may_read(Digest(B256::repeat_byte(2)), job.requester).unwrap());
    let states = |from| {
        history.results(job.id, from, 10).unwrap().into_iter().map(|it| (it.ordinal, it.state)).collect::<Vec<_>>()
    };
    assert_eq!(states(0), [(2, ResultState::Final), (3, ResultState::Voided)]);
    assert_eq!(ordinals(&[provisional(2, 2), voided(1), provisional(1, 7)]), [4], "what is final stays");
    assert_eq!(ordinals(&[last(2)]), [5]);
    assert_eq!(states(3), [(5, ResultState::Final)]);
    assert_eq!((row().provisional, row().finished, row().spent), (0, 2, Amount::nanos(20)));
}

#[test]
fn a_result_that_is_provisional_and_final_in_one_batch_comes_once_and_one_that_is_void_between_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let job = job(1, 3);
    let last = |number: u8| Change::Result(Box::new(result(&job, number, Outcome::Completed)));
    let provisional = |number: u8| {
        let row = result(&job, number, Outcome::Completed);
        Change::Result(Box::new(ResultRow { state: ResultState::Provisional, ..row }))
    };
    let voided = |number: u8| Change::Voided { job: job.id, task: TaskId(B256::repeat_byte(number)), at: Timestamp(9) };
    let begin = [Change::Job(job.clone()), Change::Deal(Box::new(deal(&job, 0xd0, 3)))];
    let mut changes = begin.to_vec();
    changes.extend([
        provisional(1),
        provisional(2),
        last(1),
        voided(2),
        provisional(2),
        last(2),
        provisional(3),
        voided(3),
    ]);
    assert_eq!(written(&mut writer, &changes).len(), 4, "two final ones; one that came, and then is void");
    let states: Vec<_> =
        history.results(job.id, 0, 10).unwrap().into_iter().map(|it| (it.task.0[0], it.state)).collect();
    assert_eq!(states, [(1, ResultState::Final), (2, ResultState::Final), (3, ResultState::Voided)]);
    let row = history.job(job.id).unwrap().unwrap();
    assert_eq!((row.provisional, row.finished, row.ended), (0, 2, None));
}

#[test]
fn a_halted_job_ends_with_what_was_bought() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let job = job(1, 100);
    written(&mut writer, &[Change::Job(job.clone()), Change::Deal(Box::new(deal(&job, 1, 1)))]);
    written(&mut writer, &[Change::JobHalted { job: job.id, at: Timestamp(50) }]);
    let row = history.job(job.id).unwrap().unwrap();
    assert_eq!((row.halted, row.ended), (true, None));
    written(&mut writer, &[Change::Result(Box::new(result(&job, 7, Outcome::Failed("exit code 1".into()))))]);
    assert_eq!(history.job(job.id).unwrap().unwrap().ended, Some(Timestamp(1_007)));
}

#[test]
fn a_closed_job_ends_when_all_that_was_bought_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let (job, unmatched) = (job(1, 100), job(2, 100));
    written(&mut writer, &[Change::Job(job.clone()), Change::Job(unmatched.clone())]);
    written(&mut writer, &[Change::Deal(Box::new(deal(&job, 1, 1)))]);
    let closed = |job: &NewJob| Change::JobClosed { job: job.id, at: Timestamp(50) };
    written(&mut writer, &[closed(&job), closed(&unmatched)]);
    assert_eq!(history.job(job.id).unwrap().unwrap().ended, None);
    assert_eq!(history.job(unmatched.id).unwrap().unwrap().ended, Some(Timestamp(50)));
    written(&mut writer, &[Change::Result(Box::new(result(&job, 7, Outcome::Completed)))]);
    assert_eq!(history.job(job.id).unwrap().unwrap().ended, Some(Timestamp(1_007)));
    let newest: Vec<_> = history.jobs(None, ALL).unwrap().into_iter().map(|row| row.job).collect();
    assert_eq!(newest, [unmatched.clone(), job]);
    assert_eq!(history.jobs(Some(unmatched.requester), ALL).unwrap().len(), 1);
}

#[test]
fn deals_are_found_by_what_they_are_of_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let (one, two) = (job(1, 10), job(2, 10));
    let rows = [deal(&one, 11, 5), deal(&one, 12, 5), deal(&two, 13, 5)];
    written(&mut writer, &rows.clone().map(|row| Change::Deal(Box::new(row))));
    assert_eq!(history.deal(rows[1].id).unwrap().as_ref(), Some(&rows[1]));
    let of_one = DealFilter { requester: Some(one.requester), app: Some(one.app), ..DealFilter::default() };
    assert_eq!(history.deals(&of_one, ALL).unwrap(), [rows[1].clone(), rows[0].clone()]);
    assert_eq!(history.count_deals(&of_one).unwrap(), 2);
    assert_eq!(history.deals(&DealFilter::default(), Page { skip: 1, most: 1 }).unwrap(), [rows[1].clone()]);
}

#[test]
fn transactions_and_orders_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let history = History::open(folder.path()).unwrap();
    let log =
        LogRow { address: Address::repeat_byte(1), topics: vec![B256::repeat_byte(2)], data: Bytes::from_static(b"x") };
    let transaction = TransactionRow {
        hash: B256::repeat_byte(9),
        record: 3,
        position: 1,
        at: Timestamp(5),
        sender: Address::repeat_byte(1),
        target: Address::repeat_byte(2),
        nonce: 7,
        kind: 2,
        succeeded: true,
        revert: Bytes::new(),
        created: Some(Address::repeat_byte(3)),
        logs: vec![log],
    };
    let order = OrderRow {
        hash: OrderHash(B256::repeat_byte(4)),
        kind: OrderKind::Workerpool,
        signer: Address::repeat_byte(5),
        subject: Address::repeat_byte(6),
        body: "{}".into(),
        remaining: U256::MAX,
        status: OrderStatus::Open,
        published: Timestamp(8),
    };
    written(&mut writer, &[Change::Transaction(Box::new(transaction.clone())), Change::Order(Box::new(order.clone()))]);
    assert_eq!(history.transaction(transaction.hash).unwrap(), Some(transaction));
    assert_eq!(history.order(order.hash).unwrap().as_ref(), Some(&order));
    let filled = Change::OrderChanged { order: order.hash, remaining: U256::ZERO, status: OrderStatus::Filled };
    written(&mut writer, &[filled]);
    let open = OrderFilter { status: Some(OrderStatus::Open), ..OrderFilter::default() };
    assert_eq!(history.orders(&open, ALL).unwrap(), []);
    let of_signer = OrderFilter { signer: Some(order.signer), kind: Some(order.kind), ..OrderFilter::default() };
    let now = OrderRow { remaining: U256::ZERO, status: OrderStatus::Filled, ..order };
    assert_eq!(history.orders(&of_signer, ALL).unwrap(), [now]);
    assert_eq!(history.count_orders(&of_signer).unwrap(), 1);
}

#[test]
fn a_history_knows_how_far_it_goes_and_a_broken_one_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    writer.write(&[Change::Job(job(1, 1))], 41).unwrap();
    writer.write(&[], 40).unwrap();
    drop(writer);
    assert_eq!(HistoryWriter::open(folder.path()).unwrap().through().unwrap(), 41);
    std::fs::write(folder.path().join("history.db"), "not a database at all, whatever its name may say").unwrap();
    let writer = HistoryWriter::open(folder.path()).unwrap();
    assert_eq!(writer.through().unwrap(), 0);
    assert_eq!(History::open(folder.path()).unwrap().job(job(1, 1).id).unwrap(), None);
}

#[test]
fn a_workers_parts_are_counted_once_and_listed_with_its_owners() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let (pool, worker, owner) = (Address::repeat_byte(1), Address::repeat_byte(2), Address::repeat_byte(3));
    let part = |number: u8, outcome| {
        let task = TaskId(B256::repeat_byte(number));
        Change::Part(PartRow { task, pool, worker, outcome, at: Timestamp(u64::from(number)) })
    };
    let standing = |checks| StandingRow {
        pool,
        worker,
        owner,
        accepted: 4,
        checks,
        barred: false,
        score: U256::from(7),
        at: Timestamp(9),
    };
    let parts = [part(1, PartOutcome::Delivered), part(2, PartOutcome::Late), part(3, PartOutcome::Wrong)];
    written(&mut writer, &parts);
    written(&mut writer, &parts);
    written(
        &mut writer,
        &[part(4, PartOutcome::Delivered), Change::Standing(standing(1)), Change::Standing(standing(2))],
    );
    let history = History::open(folder.path()).unwrap();
    let row = history.worker(pool, worker).unwrap().unwrap();
    assert_eq!((row.delivered, row.late, row.wrong, row.standing), (2, 1, 1, standing(2)));
    for about in [worker, owner] {
        assert_eq!(history.workers_of(about, ALL).unwrap(), [row]);
    }
    assert_eq!(history.worker(owner, worker).unwrap(), None);
}

#[test]
fn a_part_in_a_finalized_task_counts_once_whatever_is_said_of_it_before_after_and_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let (pool, job) = (Address::repeat_byte(99), job(1, 9));
    let part = |number: u8, outcome| {
        let (task, worker) = (TaskId(B256::repeat_byte(number)), Address::repeat_byte(number));
        Change::Part(PartRow { task, pool, worker, outcome, at: Timestamp(1) })
    };
    let ended = |number| Change::Result(Box::new(result(&job, number, Outcome::Completed)));
    let counts = || {
        let history = History::open(folder.path()).unwrap();
        [1, 2, 3].map(|number| {
            let row = history.worker(pool, Address::repeat_byte(number)).unwrap();
            row.map_or((0, 0, 0), |row| (row.delivered, row.late, row.wrong))
        })
    };
    written(&mut writer, &[Change::Job(job.clone()), part(1, PartOutcome::Delivered)]);
    let all = [
        ended(1),
        part(1, PartOutcome::Delivered),
        ended(2),
        part(2, PartOutcome::Delivered),
        part(2, PartOutcome::Late),
        ended(3),
    ];
    written(&mut writer, &all);
    written(&mut writer, &all);
    written(&mut writer, &[part(2, PartOutcome::Late), part(2, PartOutcome::Wrong)]);
    assert_eq!(counts(), [(1, 0, 0), (1, 0, 0), (0, 0, 0)]);
    let late = Change::Part(PartRow {
        task: TaskId(B256::repeat_byte(1)),
        pool,
        worker: Address::repeat_byte(3),
        outcome: PartOutcome::Late,
        at: Timestamp(2),
    });
    written(&mut writer, std::slice::from_ref(&late));
    written(&mut writer, &[late]);
    assert_eq!(counts(), [(1, 0, 0), (1, 0, 0), (0, 1, 0)], "it is not among those whom the result names");
}

#[test]
fn what_is_said_of_somebody_is_listed_newest_first_and_summed() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = HistoryWriter::open(folder.path()).unwrap();
    let subject = Address::repeat_byte(1);
    let rating = |number: u8| RatingRow {
        deal: DealId(B256::repeat_byte(number)),
        rater: Address::repeat_byte(2),
        subject,
        performance: number,
        safety: 5,
        at: Timestamp(u64::from(number)),
    };
    let said = [Change::Rating(rating(1)), Change::Rating(rating(2))];
    written(&mut writer, &said);
    written(&mut writer, &said);
    let history = History::open(folder.path()).unwrap();
    assert_eq!(history.ratings(subject, ALL).unwrap(), [rating(2), rating(1)]);
    assert_eq!(history.ratings(subject, Page { skip: 1, most: 1 }).unwrap(), [rating(1)]);
    assert_eq!(history.rating_summary(subject).unwrap(), RatingSummary { count: 2, performance: 3, safety: 10 });
    assert_eq!(history.rating_summary(Address::ZERO).unwrap(), RatingSummary::default());
}
