//! Seeds that once found something, and some that did not: each a whole market, lived through in virtual time.

mod report;

use simulator::{Report, simulate};

/// Fails with what a seed found, its last steps, and how to see it again.
fn live_through(seeds: &[u64]) {
    for seed in seeds {
        let Report { finding, figures, .. } = simulate(*seed);
        if let Some(finding) = finding {
            let (steps, life) = (finding.steps.join("\n    "), finding.life.join("\n    "));
            panic!(
                "seed {seed}: {}: {}\n    {steps}\n  the task's life:\n    {life}\n  cargo xtask simulate --seed {seed}",
                finding.rule, finding.detail
            );
        }
        assert!(figures.finished > 0, "seed {seed} did no work at all");
    }
}

#[test]
fn markets_that_paid_workers_less_than_they_ask_pay_them() {
    live_through(&[7, 49, 223]);
}

#[test]
fn machines_of_one_owner_never_agree_with_each_other_over_a_restart() {
    live_through(&[19, 67, 105, 268]);
}

#[test]
fn a_task_that_has_ended_is_not_begun_again_by_who_comes_back_with_it() {
    live_through(&[22, 38, 72, 220]);
}

#[test]
fn who_never_brings_its_result_does_not_cost_the_pool_its_stake() {
    live_through(&[87, 126, 252]);
}

#[test]
fn a_reopened_task_goes_to_others() {
    live_through(&[205, 390]);
}

#[test]
fn machines_that_were_cut_off_for_a_while_go_on_with_the_job() {
    live_through(&[1_543]);
}

#[test]
fn other_markets_come_to_rest() {
    live_through(&[0, 1, 3, 157, 1_000]);
}

#[test]
fn the_same_seed_makes_the_same_run() {
    assert_eq!(simulate(3), simulate(3));
    assert_ne!(simulate(3).figures, simulate(4).figures);
}
