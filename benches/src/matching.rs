//! Matches against a book of ten thousand resting orders: the search alone, and the whole way through rules and policy.

mod world;

use crate::report::{Repeats, Report, micros, rates};
use book::{Book, Facts};
use exchange::Command;
use orders::{RequestOrder, WorkerpoolOrder};
use std::hint::black_box;
use std::time::Instant;
use units::{Address, Amount, B256, OrderHash, U256};
use world::World;

/// Offers of computing at rest, and as many bids, so that together they are ten thousand.
const ASKS: u64 = 5_000;
const BIDS: u64 = 5_000;
/// The cheapest offer asks so much; the highest resting bid is below.
const CHEAPEST: u64 = 10_000;
const REPEATS: u32 = 7;
const SEARCHES: u32 = 2_000;
/// Bids that cross the book, placed one after the other.
const SINGLES: u32 = 300;
/// Bids that cross the book, placed together.
const TOGETHER: u32 = 1_000;

pub(crate) fn measure(report: &mut Report) {
    report.heading("Matching against 10,000 resting orders (5,000 offers, 5,000 bids), one core");
    search(report);
    whole_way(report);
}

/// An exchange on which everybody can pay, nobody is a member of anything, and no pool is busy.
struct Open;

impl Facts for Open {
    fn is_member(&self, _: Address, _: Address) -> bool {
        false
    }

    fn free(&self, _: Address) -> Amount {
        Amount::credits(1_000_000)
    }

    fn room(&self, _: Address) -> Option<u64> {
        None
    }

    fn pool_owner(&self, _: Address) -> Option<Address> {
        None
    }

    fn machines(&self, _: &WorkerpoolOrder) -> Option<u64> {
        None
    }

    fn seconds(&self, _: U256) -> Option<u64> {
        Some(60)
    }
}

fn name(number: u64) -> OrderHash {
    OrderHash(B256::from(U256::from(number)))
}

/// The `number`th offer: each a little dearer than the one before.
fn ask(number: u64, pool: Address) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool: pool,
        workerpoolprice: Amount::nanos(CHEAPEST + number),
        volume: U256::from(1_000_000),
        trust: U256::from(16),
        salt: name(number).0,
        ..WorkerpoolOrder::default()
    }
}

/// A bid for one task.
fn bid(number: u64, app: Address, requester: Address, price: u64) -> RequestOrder {
    RequestOrder {
        app,
        requester,
        beneficiary: requester,
        workerpoolmaxprice: Amount::nanos(price),
        volume: U256::ONE,
        trust: U256::ONE,
        salt: name(number).0,
        ..RequestOrder::default()
    }
}

/// A bid that no offer meets.
fn low_bid(number: u64, app: Address, requester: Address) -> RequestOrder {
    bid(number, app, requester, CHEAPEST - 1 - number % (CHEAPEST / 2))
}

/// The book alone.
fn search(report: &mut Report) {
    let (app, pool, requester) = (Address::repeat_byte(1), Address::repeat_byte(2), Address::repeat_byte(3));
    let mut book = Book::default();
    let sale = orders::AppOrder { app, volume: U256::from(1_000_000), ..orders::AppOrder::default() };
    book.insert(name(0), book::AnyOrder::App(sale), U256::from(1_000_000), 0);
    for number in 1..=ASKS {
        let order = ask(number, pool);
        let volume = order.volume;
        book.insert(name(number), book::AnyOrder::Workerpool(order), volume, number);
    }
    for number in 1..BIDS {
        let order = low_bid(number, app, requester);
        book.insert(name(ASKS + number), book::AnyOrder::Request(order), U256::ONE, ASKS + number);
    }
    let crossing = name(ASKS + BIDS);
    let order = bid(0, app, requester, 2 * CHEAPEST);
    book.insert(crossing, book::AnyOrder::Request(order.clone()), U256::ONE, ASKS + BIDS);
    let found = searches(&book, crossing, SEARCHES);
    report.figure("book_search_first_offer_fits_us", 1e6 / found.median());
    report.median("book_searches_per_s", &found);
    let refused = searches(&book, name(ASKS + 1), SEARCHES);
    report.figure("book_search_too_dear_us", 1e6 / refused.median());

    // The same with all offers but the dearest for somebody else.
    let stranger = Address::repeat_byte(9);
    for number in 1..ASKS {
        let order = WorkerpoolOrder { requesterrestrict: stranger, ..ask(number, pool) };
        let volume = order.volume;
        book.insert(name(number), book::AnyOrder::Workerpool(order), volume, number);
    }
    let order = RequestOrder { workerpoolmaxprice: Amount::nanos(CHEAPEST + ASKS), ..order };
    book.insert(crossing, book::AnyOrder::Request(order), U256::ONE, ASKS + BIDS);
    let deep = searches(&book, crossing, 20);
    report.figure("book_search_last_of_5000_offers_fits_us", 1e6 / deep.median());
}

fn searches(book: &Book, request: OrderHash, count: u32) -> Repeats {
    rates(
        REPEATS,
        count,
        || (),
        |()| {
            for _ in 0..count {
                let _found = black_box(book.best(black_box(request), &Open));
            }
        },
    )
}

/// Book, rules and policy.
fn whole_way(report: &mut Report) {
    let mut world = World::new();
    let (app, pool, requester, sale) = (world.app, world.pool, world.requester(), world.app_order);
    let asks: Vec<_> = (1..=ASKS).map(|number| world.sign_ask(ask(number, pool))).collect();
    let bids: Vec<_> = (1..=BIDS).map(|number| world.sign_bid(low_bid(number, app, requester))).collect();
    let began = Instant::now();
    let placed = asks.len() + bids.len();
    let cheapest = asks[0].hash();
    asks.into_iter().chain(bids).for_each(|order| world.place(order));
    report.figure("orders_placed_per_s", placed as f64 / began.elapsed().as_secs_f64());
    world.decide();

    let mut salt = BIDS;
    let mut crossing = |world: &World| {
        salt += 1;
        world.sign_bid(bid(salt, app, requester, 2 * CHEAPEST))
    };
    let mut times = Vec::new();
    for _ in 0..SINGLES {
        let order = crossing(&world);
        let request = order.hash();
        world.place(order);
        let began = Instant::now();
        world.enter(Command::Match { app: sale, dataset: None, workerpool: cheapest, request });
        times.push(micros(began.elapsed()));
    }
    report.tail("match_command", "us", &Repeats::new(times));

    let mut times = Vec::new();
    for _ in 0..SINGLES {
        let order = crossing(&world);
        let before = world.matched();
        let began = Instant::now();
        world.place(order);
        world.decide();
        times.push(micros(began.elapsed()));
        assert_eq!(world.matched(), before + 1, "the bid crosses");
    }
    report.tail("order_placed_and_matched_alone", "us", &Repeats::new(times));

    let mut matches = Vec::new();
    for _ in 0..REPEATS {
        let orders: Vec<_> = (0..TOGETHER).map(|_| crossing(&world)).collect();
        let before = world.matched();
        let began = Instant::now();
        orders.into_iter().for_each(|order| world.place(order));
        world.decide();
        matches.push(f64::from(TOGETHER) / began.elapsed().as_secs_f64());
        assert_eq!(world.matched(), before + u64::from(TOGETHER), "every bid crosses");
    }
    report.median("orders_placed_and_matched_1000_together_per_s", &Repeats::new(matches));
}
