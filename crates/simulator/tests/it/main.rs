//! Seeds that once found something, and some that did not: each a whole market, lived through in virtual time.

mod report;

use simulator::{Report, simulate};

/// Seeds with a pool of somebody's, data, ratings, and requesters who match their jobs themselves.
const SIDES: &[u64] = &[0, 2, 25, 80];

/// Fails with what a seed found, its last steps, and how to see it again.
fn live_through(seeds: &[u64]) {
    let mut finished = 0;
    for seed in seeds {
        let Report { finding, figures, .. } = simulate(*seed);
        if let Some(finding) = finding {
            let (steps, life) = (finding.steps.join("\n    "), finding.life.join("\n    "));
            panic!(
                "seed {seed}: {}: {}\n    {steps}\n  the task's life:\n    {life}\n  cargo xtask simulate --seed {seed}",
                finding.rule, finding.detail
            );
        }
        // A seed may ask for what nobody sells.
        finished += figures.finished;
    }
    assert!(finished > 0, "the seeds did no work at all");
}

#[test]
fn markets_of_every_kind_come_to_rest() {
    live_through(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn markets_of_every_category_and_trust_come_to_rest() {
    live_through(&[24, 37, 86, 110, 112, 146]);
}

#[test]
fn a_restart_costs_no_trust_and_a_batch_never_stops_the_process() {
    live_through(&[359, 408, 454, 460, 916]);
}

#[test]
fn what_cost_a_pool_its_stake_once_costs_it_no_more() {
    for seed in [139, 562, 910, 1849, 10_051, 10_325, 11_140, 11_361] {
        let Report { finding, figures, .. } = simulate(seed);
        assert!(finding.is_none(), "seed {seed}: {finding:?}");
        assert_eq!(figures.seized_deals, 0, "seed {seed}");
    }
}

#[test]
fn others_pools_data_ratings_and_deals_made_by_requesters_are_lived_through() {
    let figures: Vec<_> = SIDES.iter().map(|seed| simulate(*seed)).collect();
    for report in &figures {
        assert!(report.finding.is_none(), "{report:?}");
    }
    let sum = |of: fn(&simulator::Figures) -> u64| figures.iter().map(|report| of(&report.figures)).sum::<u64>();
    let sides = [sum(|it| it.guests_deals), sum(|it| it.data_deals), sum(|it| it.own_deals), sum(|it| it.ratings)];
    assert!(sides.iter().all(|count| *count > 0), "{sides:?}");
}

#[test]
fn the_same_seed_makes_the_same_run() {
    assert_eq!(simulate(3), simulate(3));
    assert_ne!(simulate(3).figures, simulate(4).figures);
}
