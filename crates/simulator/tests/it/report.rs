//! The report, run small: every figure is there and is what it can be.

use simulator::report::{Cell, Size, cells, figures};

#[test]
fn a_quick_report_has_every_figure() {
    let found: Vec<_> = cells(Size::Quick).iter().map(Cell::run).collect();
    let figures = figures(&found);
    for trust in [1, 10, 100, 1_000] {
        for liars in [1, 5, 10, 20] {
            for name in ["wrong_accepted_share", "wrong_accepted_bound", "work_ratio"] {
                let name = format!("poco_{name}_trust{trust}_liars{liars}");
                assert!(figures.contains_key(&name), "{name}");
            }
        }
    }
    for liars in [1, 5, 10, 20] {
        let share = figures[&format!("wrong_accepted_share_trust1_liars{liars}")];
        let bound = figures[&format!("wrong_accepted_bound_trust1_liars{liars}")];
        assert!((0.0..=1.0).contains(&share) && share <= bound && bound <= 1.0, "{share} {bound}");
        assert!(figures[&format!("work_ratio_trust1_liars{liars}")] >= 1.0);
        assert!(figures.contains_key(&format!("boinc_wrong_accepted_share_liars{liars}")));
    }
    let others = ["best_cheat_profit_over_honest", "straggler_makespan_ratio", "stake_lost_deal_share", "scale_events"];
    for name in others.into_iter().chain(["wrong_accepted_share_trust10_colluders10"]) {
        assert!(figures.contains_key(name), "{name}");
    }
    assert!(figures.values().all(|figure| figure.is_finite()));
}

#[test]
fn a_report_is_the_same_each_time() {
    let run = || {
        let cells = cells(Size::Quick);
        let some = cells.iter().filter(|cell| cell.name().contains("trust 10, Rare { per_mille: 1000 }"));
        figures(&some.map(Cell::run).collect::<Vec<_>>())
    };
    assert_eq!(run(), run());
}
