//! What rules of later versions added to the story: standing, audits, ratings, pools of others; how soon it is over.

use crate::market::{Market, PRICE, key, maker, operator, requester, story, worker};
use abi::Call;
use abi::call::NewWorkerpool;
use alloy_primitives::keccak256;
use exchange::{Command, Evidence, First, Judgement, PayReason, Verdict, workerpool_address};
use orders::{CheckedRating, OrderKind, Ownership, Rating, SigningKey, WorkerpoolOrder};
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, U256};

/// Who owns worker 1.
fn landlord() -> SigningKey {
    key(30)
}

pub(crate) fn secret(number: u8) -> B256 {
    B256::repeat_byte(0x50 + number)
}

pub(crate) fn commit(market: &mut Market, number: u8) {
    market.enter(Command::AuditCommit { commitment: keccak256(secret(number)) });
}

pub(crate) fn enlist(market: &mut Market, pool: Address, worker: Address, owner: &SigningKey) {
    let domain = market.exchange.genesis().domain();
    let ownership = Ownership { worker, owner: owner.address() };
    let evidence = if worker == owner.address() { Bytes::new() } else { owner.sign(ownership.digest(&domain)) };
    market.enter(Command::Enlist { pool, worker, owner: owner.address(), evidence });
}

/// A deal of one task in the commons (0) or the bonded pool (1).
pub(crate) fn deal(market: &mut Market, app: (Address, OrderHash), pool: usize, trust: u64) -> DealId {
    // Cheaper than what rests: the audit minds who is passed over.
    let ask = market.sell(pool, PRICE - 1, 1, trust);
    let request = market.buy(app.0, PRICE, 1, trust);
    market.matched(app.1, ask, request)
}

/// A task of the bonded pool that two workers prove.
fn proven(market: &mut Market, app: (Address, OrderHash), digest: B256) -> DealId {
    let deal = deal(market, app, 1, 3);
    let task = market.commit(&worker(0), deal, 0, digest);
    market.commit(&worker(2), deal, 0, digest);
    for number in [0, 2] {
        market.authorize(task, &worker(number));
    }
    for number in [0, 2] {
        market.reveal(&worker(number), task, digest);
    }
    market.enter(Command::Finalize { task, results: Bytes::new(), callback: Bytes::new() });
    market.enter(Command::Know { task });
    deal
}

fn rate(market: &mut Market, by: &SigningKey, deal: DealId, subject: Address) {
    let domain = market.exchange.genesis().domain();
    let rating = Rating { deal, subject, performance: 5, safety: 4 };
    let rating = Box::new(CheckedRating::recover(rating.sign(&domain, by), &domain));
    market.enter(Command::Rate { rating });
}

/// The story, and what came with version 2.
pub(crate) fn conduct() -> Market {
    let mut market = story();
    let (right, wrong) = (B256::repeat_byte(0xaa), B256::repeat_byte(0xbb));
    let (commons, bonded) = (market.exchange.genesis().pools[0].address, market.exchange.genesis().pools[1].address);
    let app = market.app_at_rest();
    commit(&mut market, 1);
    enlist(&mut market, commons, worker(1).address(), &landlord());
    enlist(&mut market, commons, worker(3).address(), &worker(3));

    let checked = deal(&mut market, app, 0, 1);
    let task = market.complete(&worker(1), checked, 0, right);
    market.complete(&worker(3), checked, 0, right);
    let evidence = Evidence::Witnesses(vec![worker(3).address()]);
    market.enter(Command::Check { task, worker: worker(1).address(), evidence });
    market.enter(Command::Accept { task, worker: worker(1).address(), results: Bytes::new() });
    let (pool, paid, amount) = (commons, worker(3).address(), Amount::nanos(9));
    market.enter(Command::Pay { pool, worker: paid, amount, task, why: PayReason::Check });
    commit(&mut market, 2);
    market.enter(Command::AuditOpen { secret: secret(1) });

    let deal_known = proven(&mut market, app, right);
    let lied = deal(&mut market, app, 0, 1);
    let task = market.complete(&worker(0), lied, 0, wrong);
    market.enter(Command::Check { task, worker: worker(0).address(), evidence: Evidence::Known });
    let hopeless = market.buy(app.0, PRICE, 5, 3);
    market.enter(Command::Halt { request: hopeless });
    rate(&mut market, &requester(), deal_known, bonded);
    rate(&mut market, &operator(), deal_known, requester().address());
    cellar(&mut market);
    let leave = Call::LeavePool { pool: bonded, worker: worker(2).address() };
    market.transact(&worker(2), market.exchange.genesis().hub, &leave);
    market
}

/// A task whose results differ in noise: its checker finds them equal, and they count as one.
fn judged(market: &mut Market, app: (Address, OrderHash)) {
    let deal = deal(market, app, 1, 3);
    let (first, noisy) = (B256::repeat_byte(0xcc), B256::repeat_byte(0xcd));
    let task = market.commit(&worker(0), deal, 0, first);
    market.commit(&worker(1), deal, 0, noisy);
    let other = Some(First { digest: first, blob: units::Digest(first) });
    let judgement = Judgement { task, worker: worker(1).address(), digest: noisy, other, verdict: Verdict::Equal };
    market.enter(Command::Judge(judgement));
    for number in [0, 1] {
        market.authorize(task, &worker(number));
    }
    for number in [0, 1] {
        market.reveal(&worker(number), task, first);
    }
    market.enter(Command::Finalize { task, results: Bytes::new(), callback: Bytes::new() });
}

/// What version 3 added, and seconds after all that, when by the rules of version 3 what has finished is gone from the live state.
pub(crate) fn seconds_later() -> Market {
    let mut market = conduct();
    let app = market.app_at_rest();
    judged(&mut market, app);
    let live = market.exchange.hub().deals().count();
    market.now += 5_000;
    market.enter(Command::Tick);
    assert!(market.exchange.hub().deals().count() < live);
    market
}

/// A pool of somebody's, for which the exchange sells.
fn cellar(market: &mut Market) {
    let hub = market.exchange.genesis().hub;
    let terms = Call::OpenPool {
        description: "cellar".into(),
        worker_stake_ratio: U256::ZERO,
        scheduler_reward_ratio: U256::from(5),
        open: false,
    };
    market.transact(&maker(), hub, &terms);
    let cellar = NewWorkerpool { owner: maker().address(), description: "cellar".into() };
    let pool = workerpool_address(market.exchange.genesis(), &cellar);
    let order = WorkerpoolOrder {
        workerpool: pool,
        workerpoolprice: Amount::nanos(PRICE),
        volume: U256::from(3),
        trust: U256::ONE,
        ..WorkerpoolOrder::default()
    };
    market.enter(Command::Offer { order: Box::new(order) });
    market.transact(&maker(), hub, &Call::Invite { pool, worker: worker(3).address(), invited: true });
    market.transact(&maker(), hub, &Call::HostPool { pool, open: true });
    market.transact(&maker(), hub, &Call::ClosePool { pool });
}

impl Market {
    /// The app that everything runs, and its order.
    pub(crate) fn app_at_rest(&self) -> (Address, OrderHash) {
        let app = self.exchange.resting().find(|order| order.kind() == OrderKind::App).unwrap();
        (app.subject(), app.hash())
    }
}
