//! From what was found to what is reported.

use super::baseline::Outcome;
use super::large::STRAGGLERS;
use super::play::Play;
use super::profit::Gain;
use super::setup::Tally;
use super::statistics::{mean, upper_limit};
use super::{Finding, Found, Liars};
use std::collections::BTreeMap;

/// What each strategy came to.
#[derive(Debug, Default)]
struct Runs(Vec<Run>);

/// Wrong results among so many tasks, for so many executions, and the operator's loss for each credit that was paid.
#[derive(Clone, Copy, Debug)]
struct Run {
    wrong: u64,
    tasks: u64,
    executions: u64,
    loss: Option<f64>,
}

impl Run {
    fn of_market(tally: &Tally) -> Self {
        let Tally { wrong, tasks, executions, lost, paid, .. } = *tally;
        Self { wrong, tasks, executions, loss: (paid > 0).then(|| lost as f64 / paid as f64) }
    }

    fn of_baseline(outcome: &Outcome) -> Self {
        let Outcome { wrong, tasks, executions } = *outcome;
        Self { wrong, tasks, executions, loss: None }
    }

    fn share(&self) -> f64 {
        self.wrong as f64 / self.tasks as f64
    }

    fn work(&self) -> f64 {
        self.executions as f64 / self.tasks as f64
    }
}

impl Runs {
    /// The run with the greatest share of wrong results; of equals, the one that took most work.
    fn worst(&self) -> Option<Run> {
        let order =
            |left: &Run, right: &Run| left.share().total_cmp(&right.share()).then(left.work().total_cmp(&right.work()));
        self.0.iter().copied().filter(|run| run.tasks > 0).max_by(order)
    }

    /// The 99.9 % limit of the worst run; of all together where none found any.
    fn bound(&self, worst: Run) -> f64 {
        let all = self.0.iter().map(|run| run.tasks).sum();
        if worst.wrong == 0 { upper_limit(0, all) } else { upper_limit(worst.wrong, worst.tasks) }
    }

    fn write(&self, before: &str, after: &str, figures: &mut BTreeMap<String, f64>) {
        let Some(worst) = self.worst() else { return };
        let mut figure = |name: &str, figure: f64| figures.insert(format!("{before}{name}_{after}"), figure);
        figure("wrong_accepted_share", worst.share());
        figure("wrong_accepted_bound", self.bound(worst));
        figure("work_ratio", worst.work());
        figure("work_ratio_highest", self.0.iter().map(Run::work).fold(0.0, f64::max));
        figure("tasks", self.0.iter().map(|run| run.tasks).sum::<u64>() as f64);
        if let Some(loss) = self.0.iter().filter_map(|run| run.loss).max_by(f64::total_cmp) {
            figure("operator_loss_share", loss);
        }
    }
}

/// The figures by name.
#[must_use]
pub fn figures(found: &[Found]) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    let mut runs: BTreeMap<(&'static str, String), Runs> = BTreeMap::new();
    let mut profits: BTreeMap<&'static str, Vec<Gain>> = BTreeMap::new();
    let mut makespans: BTreeMap<(u64, usize), u64> = BTreeMap::new();
    let (mut deals, mut seized, mut per_name) = (0, 0, 0.0_f64);
    for Found(finding) in found {
        match finding {
            Finding::Accuracy { liars, trust, percent, tally } => {
                let word = match liars {
                    Liars::Independent => "liars",
                    Liars::Colluders => "colluders",
                    Liars::Returning => "returning",
                };
                let name = format!("trust{trust}_{word}{percent}");
                runs.entry(("", name)).or_default().0.push(Run::of_market(tally));
                deals += tally.deals;
                seized += tally.seized_deals;
                if *trust == 1 && tally.caught > 0 {
                    per_name = per_name.max(tally.wrong as f64 / tally.caught as f64);
                }
            }
            Finding::Poco { trust, percent, outcome } => {
                let name = format!("trust{trust}_liars{percent}");
                runs.entry(("poco_", name)).or_default().0.push(Run::of_baseline(outcome));
            }
            Finding::Boinc { percent, outcome } => {
                let name = format!("liars{percent}");
                runs.entry(("boinc_", name)).or_default().0.push(Run::of_baseline(outcome));
            }
            Finding::Profit { name, gain } => profits.entry(name).or_default().push(*gain),
            Finding::Straggler { which, seed, makespan_ms } => {
                makespans.insert((*seed, *which), *makespan_ms);
            }
            Finding::Stake { deals: more, seized: lost } => {
                deals += more;
                seized += lost;
            }
            Finding::Day { tally } => {
                figures.insert("scale_tasks".to_owned(), tally.tasks as f64);
                figures.insert("scale_events".to_owned(), tally.events as f64);
                figures.insert("scale_entries".to_owned(), tally.entries as f64);
                figures.insert("scale_departures".to_owned(), tally.departures as f64);
                figures.insert("scale_missed_deadlines".to_owned(), tally.claimed as f64);
                figures.insert("scale_work_ratio".to_owned(), tally.executions as f64 / tally.tasks.max(1) as f64);
            }
        }
    }
    for ((before, after), runs) in runs {
        runs.write(before, &after, &mut figures);
    }
    if per_name > 0.0 {
        figures.insert("wrong_accepted_per_identity_caught_trust1".to_owned(), per_name);
    }
    if deals > 0 {
        figures.insert("stake_deals".to_owned(), deals as f64);
        figures.insert("stake_lost_deals".to_owned(), seized as f64);
        figures.insert("stake_lost_deal_share".to_owned(), seized as f64 / deals as f64);
        figures.insert("stake_lost_deal_bound".to_owned(), upper_limit(seized, deals));
    }
    write_profits(&profits, &mut figures);
    write_makespans(&makespans, &mut figures);
    figures
}

fn write_profits(profits: &BTreeMap<&'static str, Vec<Gain>>, figures: &mut BTreeMap<String, f64>) {
    let mut best = f64::NEG_INFINITY;
    let digits = |of: Vec<f64>| (mean(&of) * 1_000.0).round() / 1_000.0;
    for (name, gains) in profits {
        let profit = digits(gains.iter().map(|gain| gain.profit).collect());
        best = best.max(profit);
        figures.insert(format!("cheat_profit_{name}"), profit);
        figures.insert(format!("cheat_earnings_{name}"), digits(gains.iter().map(|gain| gain.earnings).collect()));
    }
    if !profits.is_empty() {
        figures.insert("best_cheat_profit_over_honest".to_owned(), best);
    }
}

/// Each seed's makespan against that of its healthy twin; the mean of all seeds.
fn write_makespans(makespans: &BTreeMap<(u64, usize), u64>, figures: &mut BTreeMap<String, f64>) {
    let healthy = STRAGGLERS.iter().position(|(_, play)| *play == Play::Honest).expect("one is healthy");
    for (which, (name, _)) in STRAGGLERS.iter().enumerate().filter(|(which, _)| *which != healthy) {
        let ratios: Vec<f64> = makespans
            .iter()
            .filter(|((_, other), _)| *other == which)
            .filter_map(|((seed, _), ms)| Some(*ms as f64 / *makespans.get(&(*seed, healthy))? as f64))
            .collect();
        if ratios.is_empty() {
            continue;
        }
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        let suffix = if *name == "hung" { String::new() } else { format!("_{name}") };
        figures.insert(format!("straggler_makespan_ratio{suffix}"), mean(&ratios));
        figures.insert(format!("straggler_makespan_ratio_worst{suffix}"), worst);
    }
}
