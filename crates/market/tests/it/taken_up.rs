//! What machines have in hand, and what is sold meanwhile.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use exchange::Event;
use std::time::Duration;

/// The category of a minute, and that of an hour.
const MINUTE: u64 = 5;
const HOUR: u64 = 2;

fn deals(world: &World) -> usize {
    world.events.iter().filter(|it| matches!(it, Event::Hub(poco::Event::OrdersMatched { .. }))).count()
}

#[test]
fn a_deal_of_minutes_is_not_sold_to_machines_that_are_taken_up_with_hours() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000);
    for name in 10..14 {
        world.join(name, Nature::Silent, "commons", 100);
    }
    world.settle();
    world.buy_in(HOUR, 1, 4, 1_000);
    world.settle();
    let before = deals(&world);
    assert!(before > 0, "each has a task of an hour");
    // Those who come then work in hours alone: by what is sold it looks as if they had these tasks.
    for name in 20..40 {
        world.join_for(name, Nature::Honest, HOUR);
    }
    world.settle();
    world.buy_in(MINUTE, 1, 2, 1_000);
    world.wait(Duration::from_secs(10));
    assert_eq!(deals(&world), before, "who would do it has no time");
    for name in 50..53 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.wait(Duration::from_secs(10));
    assert!(deals(&world) > before, "those who came have");
}
