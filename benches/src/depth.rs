//! A deep book: searches and explanations with ten thousand and a million offers of computing at rest.

use crate::report::{Report, rates};
use book::{AnyOrder, Book, Facts};
use orders::{AppOrder, RequestOrder, WorkerpoolOrder};
use std::hint::black_box;
use units::{Address, Amount, B256, OrderHash, Tag, U256};

/// How many offers rest.
const DEPTHS: [(u64, &str); 2] = [(10_000, "10k"), (1_000_000, "1m")];
/// Pools that sell, each at [`TRUSTS`] with and without a GPU: 600 classes.
const POOLS: u64 = 100;
const TRUSTS: u64 = 3;
/// Classes do not begin at one price: the cheapest offer of all asks so much.
const CHEAPEST: u64 = 1_000_000;
const REPEATS: u32 = 7;
const SEARCHES: u32 = 500;

/// Everybody can pay and stake, nobody is a member of anything, no pool is busy, each has ten machines.
struct Calm;

impl Facts for Calm {
    fn is_member(&self, _: Address, _: Address) -> bool {
        false
    }

    fn free(&self, _: Address) -> Amount {
        Amount::credits(1_000_000)
    }

    fn room(&self, _: Address) -> Option<u64> {
        None
    }

    fn pool_owner(&self, pool: Address) -> Option<Address> {
        Some(pool)
    }

    fn machines(&self, _: &WorkerpoolOrder) -> Option<u64> {
        Some(10)
    }

    fn seconds(&self, category: U256) -> Option<u64> {
        Some(60 * category.saturating_to::<u64>())
    }
}

pub(crate) fn measure(report: &mut Report) {
    for (depth, name) in DEPTHS {
        report.heading(&format!("A book with {depth} offers of computing in 600 classes, one core"));
        let book = deep(depth);
        let mut figure = |what: &str, trust, price, searches| {
            let request = name_of(u64::MAX - 1);
            let mut book = book.clone();
            book.insert(request, AnyOrder::Request(bid(trust, price)), U256::from(100), u64::MAX);
            let best = rates(
                REPEATS,
                searches,
                || (),
                |()| {
                    for _ in 0..searches {
                        let _found = black_box(book.best(black_box(request), &Calm));
                    }
                },
            );
            report.figure(&format!("book_{name}_best_{what}_us"), 1e6 / best.median());
            let explained = rates(
                REPEATS,
                searches,
                || (),
                |()| {
                    for _ in 0..searches {
                        let _found = black_box(book.explain(black_box(request), &Calm));
                    }
                },
            );
            report.figure(&format!("book_{name}_explain_{what}_us"), 1e6 / explained.median());
        };
        figure("first_offer_fits", 1, 2 * CHEAPEST, SEARCHES);
        figure("all_too_dear", 1, CHEAPEST - 1, SEARCHES);
        // Half of the offers are within the price, and no class sells the trust.
        figure("all_trust_too_low", 1_000, CHEAPEST + depth / 2, SEARCHES / 10);
    }
}

fn name_of(number: u64) -> OrderHash {
    OrderHash(B256::from(U256::from(number)))
}

/// Offers each of a price of its own, spread over the classes.
fn deep(depth: u64) -> Book {
    let mut book = Book::default();
    let sale = AppOrder { app: Address::repeat_byte(1), volume: U256::from(1_000_000), ..AppOrder::default() };
    book.insert(name_of(0), AnyOrder::App(sale), U256::from(1_000_000), 0);
    for number in 1..=depth {
        // A walk without pattern, so that neighbours in price are of different classes.
        let class = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let order = WorkerpoolOrder {
            workerpool: Address::from_word(U256::from(1_000 + class % POOLS).into()),
            workerpoolprice: Amount::nanos(CHEAPEST + number),
            volume: U256::from(10),
            tag: Tag(B256::with_last_byte(if (class / POOLS).is_multiple_of(2) { 0x10 } else { 0 })),
            trust: U256::from(2_u64 << (class / POOLS / 2 % TRUSTS)),
            salt: name_of(number).0,
            ..WorkerpoolOrder::default()
        };
        book.insert(name_of(number), AnyOrder::Workerpool(order), U256::from(10), number);
    }
    book
}

fn bid(trust: u64, price: u64) -> RequestOrder {
    RequestOrder {
        app: Address::repeat_byte(1),
        requester: Address::repeat_byte(3),
        workerpoolmaxprice: Amount::nanos(price),
        volume: U256::from(100),
        trust: U256::from(trust),
        ..RequestOrder::default()
    }
}
