//! Requests whose app or dataset nobody sells to them are left out, and come back when that may have changed.

use crate::market::{ALICE, APP, DATA, Market, app, buy, dataset, name};
use book::{AnyOrder, Obstacle};
use orders::{AppOrder, DatasetOrder, RequestOrder};
use proptest::prelude::*;
use units::{Address, OrderHash, U256};

const BOB: Address = Address::repeat_byte(0x02);
const OTHER: Address = Address::repeat_byte(0xa1);
const GROUP: Address = Address::repeat_byte(0x77);

/// What may happen to a book.
#[derive(Clone, Copy, Debug)]
enum Step {
    Bid { app: Address, dataset: Address, requester: Address, price: u64 },
    SellApp { app: Address, only: Address, price: u64 },
    SellData { only: Address },
    Remove(u8),
    Join(Address),
    Look { most: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let app = || prop::sample::select(vec![APP, OTHER]);
    let who = || prop::sample::select(vec![Address::ZERO, ALICE, GROUP]);
    let bid =
        (app(), prop::sample::select(vec![Address::ZERO, DATA]), prop::sample::select(vec![ALICE, BOB]), 0_u64..4);
    let step = prop_oneof![
        4 => bid.prop_map(|(app, dataset, requester, price)| Step::Bid { app, dataset, requester, price }),
        2 => (app(), who(), 0_u64..20).prop_map(|(app, only, price)| Step::SellApp { app, only, price }),
        1 => who().prop_map(|only| Step::SellData { only }),
        2 => (0_u8..40).prop_map(Step::Remove),
        1 => prop::sample::select(vec![ALICE, BOB]).prop_map(Step::Join),
        3 => (0_usize..5).prop_map(|most| Step::Look { most }),
    ];
    prop::collection::vec(step, 0..40)
}

fn take(market: &mut Market, number: u8, step: Step) {
    match step {
        Step::Bid { app, dataset, requester, price } => {
            market.rest(number, AnyOrder::Request(RequestOrder { app, dataset, requester, ..buy(price, 1) }));
        }
        Step::SellApp { app: sold, only, price } => {
            let order = AppOrder { app: sold, requesterrestrict: only, ..app(price) };
            market.rest(number, AnyOrder::App(order));
        }
        Step::SellData { only } => {
            market.rest(number, AnyOrder::Dataset(DatasetOrder { requesterrestrict: only, ..dataset(1) }));
        }
        Step::Remove(which) => market.book.remove(name(which)),
        Step::Join(who) => {
            market.world.members.insert((GROUP, who));
            market.book.members_changed();
        }
        Step::Look { most } => {
            let look = market.book.look(U256::ZERO, most, &market.world);
            assert!(look.wants.len() <= most && !look.more, "so few are looked at at once");
            let without = look.without;
            market.book.leave_out(without);
        }
    }
}

proptest! {
    /// Whatever was looked at before, the requests whose goods are on offer are found, in their order, and no others.
    #[test]
    fn what_was_left_out_has_no_goods(steps in steps()) {
        let mut market = Market::default();
        for (number, step) in (0_u8..).zip(steps) {
            take(&mut market, number, step);
            let look = market.book.look(U256::ZERO, usize::MAX, &market.world);
            let wanted: Vec<OrderHash> = look.wants.iter().map(|want| want.request).collect();
            let plain = market.book.requests(U256::ZERO).map(|(hash, _, _)| hash);
            let plain = plain.filter(|hash| {
                let found = market.book.best(*hash, &market.world);
                !matches!(found, Err(Obstacle::NoAppOrder(_) | Obstacle::NoDatasetOrder(_)))
            });
            prop_assert_eq!(wanted, plain.collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_bid_for_an_app_that_nobody_sells_is_looked_at_once_until_somebody_does() {
    let mut market = Market::default();
    market.buy(1, 5, 1);
    market.sell(2, 5, 1);
    let crossing = |market: &Market| market.book.crossing(U256::ZERO).map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(crossing(&market), [name(1)]);
    let without = market.book.look(U256::ZERO, 1, &market.world).without;
    market.book.leave_out(without);
    assert_eq!(crossing(&market), []);
    market.rest(3, AnyOrder::App(app(1)));
    assert_eq!(crossing(&market), [name(1)]);
    assert_eq!(market.book.look(U256::ZERO, 1, &market.world).without, []);
}
