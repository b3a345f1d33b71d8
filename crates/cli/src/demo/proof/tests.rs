//! The arithmetic on one deal, and evidence that is a nano-credit off.

use super::*;
use api::job;
use units::{B256, DealId, Timestamp};

const OWNER: Address = Address::repeat_byte(9);
const REQUESTER: Address = Address::repeat_byte(8);
const AUTHOR: Address = Address::repeat_byte(7);

fn deal() -> Deal {
    let part = |owner, price| job::Part { address: Address::ZERO, owner, price: Amount::nanos(price) };
    Deal {
        id: DealId(B256::repeat_byte(1)),
        requester: REQUESTER,
        app: part(AUTHOR, 5),
        dataset: None,
        workerpool: part(OWNER, 1_000),
        category: 0,
        trust: 3,
        first: 4,
        volume: 2,
        worker_stake: Amount::nanos(300),
        started: Timestamp(0),
    }
}

fn pool() -> Pool {
    Pool {
        name: "bonded".to_owned(),
        address: Address::repeat_byte(6),
        owner: OWNER,
        worker_stake_ratio: 30,
        scheduler_reward_ratio: 1,
        workers: 4,
        by_invitation: false,
    }
}

/// One finished task and one that is not: three right, of whom one counts double, one wrong.
fn facts() -> Facts {
    let (right, wrong) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let part = |worker, hash, log_weight| Contribution { worker: Address::repeat_byte(worker), hash, log_weight };
    let contributions = vec![part(4, wrong, 1), part(1, right, 1), part(2, right, 2), part(3, right, 1)];
    let shown = (1..=3).map(Address::repeat_byte).collect();
    let paid = [(1, 321), (2, 643), (3, 321), (9, 15)];
    let rewards = paid.map(|(who, nanos)| (Address::repeat_byte(who), Amount::nanos(nanos))).into();
    let done = TaskFacts { contributions, consensus: Some(right), shown, rewards, finalized: true };
    let task = |index: u64| orders::ids::task_id(deal().id, U256::from(index));
    let open = TaskFacts { finalized: false, ..done.clone() };
    Facts { tasks: BTreeMap::from([(task(4), done), (task(5), open)]), ..Facts::default() }
}

#[test]
fn a_pot_is_split_as_poco_splits_it() {
    let reckoning = Reckoning::new(&[deal()], &pool(), &facts());
    // 1,300 in the pot, 1,287 of it for the workers in four parts; 321, 643, 321 are paid out, and 15 are left.
    let moves = [(1, 321), (2, 643), (3, 321), (4, -300), (7, 5), (8, -1_005), (9, 15)];
    assert_eq!(reckoning.moves, moves.map(|(who, nanos)| (Address::repeat_byte(who), nanos)).into());
    assert_eq!(reckoning.moves.values().sum::<i128>(), 0);
    assert_eq!((reckoning.finished, &reckoning.lost), (1, &BTreeMap::from([(Address::repeat_byte(4), vec![300])])));
}

#[test]
fn what_the_pool_pays_beside_comes_from_its_owner() {
    let beside =
        crate::demo::facts::Beside { pool: pool().address, worker: Address::repeat_byte(1), amount: Amount::nanos(17) };
    let reckoning = Reckoning::new(&[], &pool(), &Facts { beside: vec![beside], ..Facts::default() });
    assert_eq!(reckoning.moves, BTreeMap::from([(Address::repeat_byte(1), 17), (OWNER, -17)]));
}

/// Evidence in which everything is as it should be.
fn evidence() -> (Evidence, Facts) {
    let mut facts = facts();
    let deal = Deal { volume: 1, ..deal() };
    let roles = [
        (1, Part::Worker),
        (2, Part::Worker),
        (3, Part::Worker),
        (4, Part::Liar),
        (7, Part::AppOwner),
        (8, Part::Requester),
        (9, Part::Operator),
    ];
    let moves = Reckoning::new(std::slice::from_ref(&deal), &pool(), &facts).moves;
    let account = |address, nanos: i128, score| Account {
        address,
        free: Amount::nanos(u64::try_from(nanos).unwrap()),
        locked: Amount::ZERO,
        score,
        nonce: 0,
    };
    let (mut parties, mut before, mut after) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for (number, part) in roles {
        let address = Address::repeat_byte(number);
        let score = u64::from(part == Part::Worker);
        parties.push(Party { role: format!("party {number}"), address, part });
        before.insert(address, account(address, 10_000, 0));
        after.insert(address, account(address, 10_000 + moves[&address], score));
        facts.scores.insert(address, score);
        facts.balances.insert(address, after[&address].free);
    }
    facts.issued = U256::from(70_000);
    let result = job::TaskResult {
        ordinal: 0,
        index: 0,
        task: TaskId::default(),
        deal: deal.id,
        outcome: job::Outcome::Completed,
        digest: B256::ZERO,
        blob: None,
        stderr: String::new(),
        stdout: String::new(),
        cost: Amount::nanos(1_005),
        agreed: 3,
        dissented: 1,
        ended: Timestamp(0),
        provisional: false,
        voided: false,
        ran_ms: None,
    };
    let job = job::Job {
        id: units::OrderHash::default(),
        title: String::new(),
        requester: REQUESTER,
        app: Address::ZERO,
        state: State::Completed,
        created: Timestamp(0),
        ended: None,
        trust: 3,
        category: 0,
        tasks: 1,
        matched: 1,
        running: 0,
        replicas: 0,
        finished: 1,
        failed: 0,
        claimed: 0,
        undecided: 0,
        provisional: 0,
        halted: false,
        spent: Amount::nanos(1_005),
        locked: Amount::ZERO,
        eta_ms: None,
        deals: vec![deal.id],
    };
    let rendered = Rendered {
        job,
        results: BTreeMap::from([(0, result)]),
        frames: BTreeMap::from([(0, "frame-0000.png".into())]),
    };
    let outstanding = Amount::nanos(70_000);
    let pool = pool();
    (Evidence { asked: 1, rendered, deals: vec![deal], pool, parties, before, after, outstanding }, facts)
}

fn broken(evidence: &Evidence, facts: &Facts) -> Vec<String> {
    let reckoning = Reckoning::new(&evidence.deals, &evidence.pool, facts);
    let checks = evidence.check(facts, &reckoning).into_iter();
    checks.filter(|check| !check.holds).map(|check| check.claim).collect()
}

#[test]
fn what_is_right_passes() {
    let (evidence, facts) = evidence();
    assert_eq!(broken(&evidence, &facts), Vec::<String>::new());
}

#[test]
fn a_single_nano_credit_is_missed() {
    for number in [1, 4, 7, 8, 9] {
        let (mut evidence, facts) = evidence();
        let account = evidence.after.get_mut(&Address::repeat_byte(number)).unwrap();
        account.free = account.free.checked_sub(Amount::nanos(1)).unwrap();
        // The party's own claim, the books, and the journal.
        assert_eq!(broken(&evidence, &facts).len(), 3, "party {number}");
    }
}

#[test]
fn tasks_paid_wrongly_are_missed_even_where_the_sum_is_right() {
    let (mut evidence, mut facts) = evidence();
    for (number, nanos) in [(1, 320), (3, 322)] {
        let (task, who) = (facts.tasks.values_mut().find(|task| task.finalized).unwrap(), Address::repeat_byte(number));
        task.rewards.insert(who, Amount::nanos(nanos));
    }
    let claims = [1, 3].map(|who| format!("party {who} was paid by PoCo's split to the last nano-credit"));
    assert_eq!(broken(&evidence, &facts), claims);
    evidence.deals[0].app.price = Amount::nanos(6);
    assert!(broken(&evidence, &facts).len() > 2);
}

#[test]
fn a_liar_that_was_never_caught_is_missed_and_so_is_one_with_a_score() {
    let (mut evidence, mut facts) = evidence();
    evidence.after.get_mut(&Address::repeat_byte(4)).unwrap().score = 1;
    assert_eq!(broken(&evidence, &facts), ["party 4 lost its stake in every task that it lied in, and has no score"]);
    evidence.after.get_mut(&Address::repeat_byte(4)).unwrap().score = 0;
    facts.tasks.values_mut().for_each(|task| task.contributions.retain(|part| part.worker != Address::repeat_byte(4)));
    assert!(broken(&evidence, &facts).contains(&"party 4 was caught".to_owned()));
}

#[test]
fn a_missing_frame_money_left_locked_and_credits_from_nowhere_are_missed() {
    let (mut evidence, facts) = evidence();
    evidence.rendered.frames.clear();
    let account = evidence.after.get_mut(&REQUESTER).unwrap();
    (account.locked, account.free) = (account.free, Amount::ZERO);
    evidence.outstanding = Amount::nanos(70_001);
    assert_eq!(broken(&evidence, &facts).len(), 3);
}

#[test]
fn amounts_have_their_sign() {
    assert_eq!([signed(0), signed(1), signed(-2_500_000_000)], ["0.00", "+0.000000001", "-2.50"]);
}
