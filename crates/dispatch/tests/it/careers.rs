//! What audits come to over a worker's whole career: wrong results accepted, and what the checks cost.

use crate::world::{TIME, World, result, task, worker};
use dispatch::Decision::{self, Accept};
use dispatch::audit_draw;
use std::time::Duration;
use units::B256;

/// Runs a fleet's trust-1 tasks one after the other on one worker, who lies when `lies` says so, with enough proven workers
/// beside it, each task taking `pace`; wrong results accepted, tasks accepted, and replicas granted in all. Ends when it is
/// barred, or after `jobs`.
fn career(seed: u8, jobs: u64, pace: Duration, lies: impl Fn(u64) -> bool) -> (u64, u64, u64) {
    let mut world = World::audited(10, 50);
    world.secret(seed);
    for name in 2..=4 {
        world.join_checked(name, 0, 20);
    }
    world.join(1, 1);
    let (mut wrong, mut accepted, mut granted, mut done) = (0, 0, 0, 0);
    let mut lied = std::collections::BTreeSet::new();
    while done < jobs && !world.dispatch.is_barred(worker(1)) {
        let bag = units::DealId(B256::from(units::U256::from(done)));
        // As PoCo has it: seven times the category's time from the match, less the tenth that acting on it takes, and half
        // of that time for which the task waited for its turn.
        let until = world.now.saturating_add(TIME * 64 / 10);
        let terms = dispatch::Terms { until, ..world.terms(9, 1, 1) };
        world.dispatch.add_deal(bag, terms);
        world.dispatch.worker_ready(worker(1), 1);
        granted += u64::try_from(world.grants().len()).expect("few are granted");
        let id = orders::ids::task_id(bag, units::U256::ZERO);
        let lie = lies(done);
        if lie {
            lied.insert(id);
        }
        let said = if lie { result(9) } else { result(1) };
        world.package(id, said);
        let mut decided = world.states(1, id, said);
        decided.extend(world.wait(pace));
        // The checks that are wanted are done at once by the proven.
        for name in 2..=4 {
            world.dispatch.worker_ready(worker(name), 1);
            let mut decisions = Vec::new();
            world.dispatch.grants(world.now, &|_| units::Amount::ZERO, &mut decisions);
            for decision in decisions {
                let Decision::Grant { worker: by, task, .. } = decision else { continue };
                granted += 1;
                world.package(task, result(1));
                decided.extend(world.states(by[0], task, result(1)));
            }
            world.dispatch.worker_ready(worker(name), 0);
        }
        done += 1;
        for decision in decided {
            if let Accept { task, worker: by } = decision {
                accepted += 1;
                wrong += u64::from(by == worker(1) && lied.contains(&task));
                world.end(task);
            }
        }
    }
    (wrong, accepted, granted)
}

/// Whether a liar of this rate, percent, lies in its job of this number; by a fixed hash.
fn lies_at(seed: u8, percent: u64) -> impl Fn(u64) -> bool {
    move |job| audit_draw(B256::repeat_byte(seed ^ 0x5a), task(2, job), percent * 10)
}

#[test]
fn a_liar_at_any_rate_gets_about_nineteen_wrong_results_accepted_before_it_is_barred() {
    for percent in [5, 100] {
        let runs = 16;
        let wrong: u64 = (1..=runs).map(|seed| career(seed, 4_000, TIME / 10, lies_at(seed, percent)).0).sum();
        // (1 − p) / p = 19; over 16 runs the mean strays by 5 at one standard deviation.
        assert!(wrong <= u64::from(runs) * 28, "{percent} %: {wrong} in {runs} careers");
    }
}

#[test]
fn who_behaves_and_then_cheats_gets_nothing_wrong_accepted() {
    for seed in 1..=10 {
        let (wrong, accepted, _) = career(seed, 2_000, TIME / 10, |job| job >= 200);
        assert_eq!(wrong, 0, "seed {seed}");
        assert!(accepted >= 100);
    }
}

#[test]
fn an_honest_workers_audits_cost_six_percent_of_its_work_at_the_most() {
    let jobs = 10_000;
    let (wrong, accepted, granted) = career(3, jobs, TIME / 10, |_| false);
    assert_eq!(wrong, 0);
    assert!(granted * 100 <= jobs * 106, "{granted} replicas for {jobs} jobs");
    assert!(accepted + 100 >= jobs, "{accepted} of {jobs} are final, and the last are held");
}
