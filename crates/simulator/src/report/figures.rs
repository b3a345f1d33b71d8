//! From what was found to what is reported.

use super::large::STRAGGLERS;
use super::play::Play;
use super::statistics::{mean, upper_limit};
use super::{Finding, Found, Liars};
use std::collections::BTreeMap;

/// Wrong results among so many tasks, for so many executions: what each strategy came to.
#[derive(Debug, Default)]
struct Runs(Vec<(u64, u64, u64)>);

impl Runs {
    fn add(&mut self, wrong: u64, tasks: u64, executions: u64) {
        self.0.push((wrong, tasks, executions));
    }

    /// The run with the greatest share of wrong results.
    fn worst(&self) -> Option<(u64, u64, u64)> {
        self.0
            .iter()
            .copied()
            .filter(|(_, tasks, _)| *tasks > 0)
            .max_by(|left, right| share(*left).total_cmp(&share(*right)))
    }

    /// The 99.9 % limit of the worst run; of all together where none found any.
    fn bound(&self) -> Option<f64> {
        let (wrong, tasks, _) = self.worst()?;
        let all = self.0.iter().map(|(_, tasks, _)| tasks).sum();
        Some(if wrong == 0 { upper_limit(0, all) } else { upper_limit(wrong, tasks) })
    }

    /// The most executions for a task that a run took.
    fn most_work(&self) -> f64 {
        self.0.iter().map(|(_, tasks, executions)| *executions as f64 / (*tasks).max(1) as f64).fold(0.0, f64::max)
    }

    fn write(&self, before: &str, after: &str, figures: &mut BTreeMap<String, f64>) {
        let Some(worst) = self.worst() else { return };
        figures.insert(format!("{before}wrong_accepted_share_{after}"), share(worst));
        figures.insert(format!("{before}wrong_accepted_bound_{after}"), self.bound().unwrap_or(1.0));
        figures.insert(format!("{before}work_ratio_{after}"), worst.2 as f64 / worst.1 as f64);
        figures.insert(format!("{before}work_ratio_highest_{after}"), self.most_work());
        let tasks: u64 = self.0.iter().map(|(_, tasks, _)| tasks).sum();
        figures.insert(format!("{before}tasks_{after}"), tasks as f64);
    }
}

fn share((wrong, tasks, _): (u64, u64, u64)) -> f64 {
    wrong as f64 / tasks as f64
}

/// The figures by name.
#[must_use]
pub fn figures(found: &[Found]) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    let mut runs: BTreeMap<(&'static str, String), Runs> = BTreeMap::new();
    let mut profits: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
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
                runs.entry(("", name)).or_default().add(tally.wrong, tally.tasks, tally.executions);
                deals += tally.deals;
                seized += tally.seized_deals;
                if *trust == 1 && tally.caught > 0 {
                    per_name = per_name.max(tally.wrong as f64 / tally.caught as f64);
                }
            }
            Finding::Poco { trust, percent, outcome } => {
                let name = format!("trust{trust}_liars{percent}");
                runs.entry(("poco_", name)).or_default().add(outcome.wrong, outcome.tasks, outcome.executions);
            }
            Finding::Boinc { percent, outcome } => {
                let name = format!("liars{percent}");
                runs.entry(("boinc_", name)).or_default().add(outcome.wrong, outcome.tasks, outcome.executions);
            }
            Finding::Profit { name, ratio } => profits.entry(name).or_default().push(*ratio),
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
    figures.insert("wrong_accepted_per_identity_caught_trust1".to_owned(), per_name);
    figures.insert("stake_lost_deals".to_owned(), f64::from(u32::try_from(seized).unwrap_or(u32::MAX)));
    figures.insert("stake_lost_deal_share".to_owned(), seized as f64 / deals.max(1) as f64);
    write_profits(&profits, &mut figures);
    write_makespans(&makespans, &mut figures);
    figures
}

fn write_profits(profits: &BTreeMap<&'static str, Vec<f64>>, figures: &mut BTreeMap<String, f64>) {
    let mut best = f64::NEG_INFINITY;
    for (name, ratios) in profits {
        let ratio = (mean(ratios) * 1_000.0).round() / 1_000.0;
        best = best.max(ratio);
        figures.insert(format!("cheat_profit_{name}"), ratio);
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
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        let suffix = if *name == "hung" { String::new() } else { format!("_{name}") };
        figures.insert(format!("straggler_makespan_ratio{suffix}"), mean(&ratios));
        figures.insert(format!("straggler_makespan_ratio_worst{suffix}"), worst);
    }
}
