//! A worker: why it has nothing (more) to do.

use super::{capabilities, count};
use api::explain::{ExplainWorker, Quarantine};
use market::{Fault, Idle, WorkerView};
use units::{Amount, OrderHash};

/// Puts it into words; `free` is what the worker can spend.
pub(crate) fn worker(view: &WorkerView, idle: &Idle, free: Amount) -> ExplainWorker {
    let (code, summary, advice) = sentence(view, idle, free);
    let jobs = if let Idle::Quarantined { jobs } = idle { jobs.as_slice() } else { &[] };
    let quarantined = jobs.iter().map(|(job, fault)| {
        let (why, words) = fault_words(*fault);
        Quarantine { job: *job, why: why.to_owned(), words: words.to_owned() }
    });
    let quarantined = quarantined.collect();
    ExplainWorker {
        worker: view.worker.address,
        owner: view.worker.owner,
        pool: view.worker.pool,
        holding: u64::try_from(view.holding).unwrap_or(u64::MAX),
        code: code.to_owned(),
        summary,
        advice,
        quarantined,
    }
}

fn sentence(view: &WorkerView, idle: &Idle, free: Amount) -> (&'static str, String, Option<String>) {
    match idle {
        Idle::NotConnected => {
            let advice = "start it on its machine: hands work --exchange URL".to_owned();
            ("not_connected", "it is not connected".to_owned(), Some(advice))
        }
        Idle::Barred => {
            let words =
                "it is barred from its pool: a check found a result of its wrong, and it gets no more tasks there";
            ("barred", words.to_owned(), None)
        }
        Idle::Full { holding: 0 } => {
            let advice = "its owner's rules decide when it works (hands work --help)".to_owned();
            ("full", "it takes no tasks just now".to_owned(), Some(advice))
        }
        Idle::Full { holding } => {
            ("full", format!("it holds {}, all it says it can take", count(*holding, "task")), None)
        }
        Idle::Resting { holding } => {
            let held = count(*holding, "task");
            let words = format!("it failed tasks lately, so for a while it holds no more than the {held} it has");
            ("resting", words, Some("every accepted result and every half hour ease it".to_owned()))
        }
        Idle::NoWork => {
            ("no_work", "nobody asks for work that its pool has sold and nobody has begun".to_owned(), None)
        }
        Idle::Quarantined { jobs } => ("quarantined", quarantined(jobs), None),
        Idle::AsksTooMuch { floor: Some(floor), best_pay } => {
            let words = format!("it asks {floor} credits a task, and the best that is paid is {best_pay}");
            ("asks_too_much", words, Some(format!("lower its --floor to {best_pay} or less")))
        }
        Idle::AsksTooMuch { floor: None, .. } => {
            let words = "it works in none of the time classes that have tasks".to_owned();
            ("wrong_category", words, Some("give it a floor for them (hands work --floor)".to_owned()))
        }
        Idle::CannotStake { needs } => {
            let words = format!("a task asks it to stake {needs} credits, and it has {free}");
            let missing = needs.checked_sub(free).unwrap_or(*needs);
            let address = view.worker.address;
            (
                "cannot_stake",
                words,
                Some(format!("deposit {missing} credits: hands wallet transfer {address} {missing}")),
            )
        }
        Idle::TagMissing { missing } => {
            ("tag_missing", format!("the tasks ask for {}, which it has not", capabilities(*missing)), None)
        }
        Idle::ChecksBehind => {
            let words = "it is not proven yet, and its pool has as many results of newcomers to check as it can";
            ("checks_behind", words.to_owned(), None)
        }
        Idle::GaveBack => {
            let words = "it gave tasks back for its owner too often, gets those again before others of their jobs, and others run \
                         them now";
            ("gave_back", words.to_owned(), None)
        }
        Idle::OwnerTakesPart => {
            let words = "it or another machine of its owner takes part in every task that wants a worker already";
            ("owner_takes_part", words.to_owned(), None)
        }
        Idle::Soon => ("soon", "a task is on its way to it".to_owned(), None),
    }
}

/// How a worker failed a job: a stable word, and words that follow "it".
fn fault_words(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Late => ("late", "let its time for a task run out"),
        Fault::NotBrought => ("not_brought", "did not bring a result that it had stated"),
        Fault::Dissented => ("dissented", "stated a result that the others did not agree with"),
        Fault::Denied => ("denied", "said that the program failed where others had a result"),
        Fault::Beaten => ("beaten", "was late, and another machine was sooner"),
        Fault::Trouble => ("trouble", "had trouble with its tasks three times in a row"),
        Fault::Unable => ("unable", "said that it cannot run its tasks"),
        Fault::Slow => ("slow", "said that it is too slow for its tasks"),
    }
}

/// The first jobs by name, each with the reason; the rest by number.
fn quarantined(jobs: &[(OrderHash, Fault)]) -> String {
    let named = jobs.iter().take(3).map(|(job, fault)| {
        let name: String = job.to_string().chars().take(10).collect();
        format!("{name}: it {}", fault_words(*fault).1)
    });
    let named: Vec<String> = named.collect();
    let more = match jobs.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!("; and {} more", count(more, "job")),
    };
    format!("it gets no more of the jobs that have tasks ({}{more})", named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Worker;
    use units::Tag;

    fn said(idle: &Idle) -> ExplainWorker {
        let view = WorkerView { worker: Worker::default(), connected: true, holding: 0, free: 1 };
        worker(&view, idle, Amount::nanos(100_000_000))
    }

    #[test]
    fn each_reason_has_its_words_and_its_remedy() {
        let asks = Idle::AsksTooMuch { floor: Some(Amount::credits(5)), best_pay: Amount::credits(3) };
        let found = said(&asks);
        assert_eq!(found.summary, "it asks 5.00 credits a task, and the best that is paid is 3.00");
        assert_eq!(found.advice.as_deref(), Some("lower its --floor to 3.00 or less"));
        let found = said(&Idle::CannotStake { needs: Amount::nanos(300_000_000) });
        assert_eq!(found.summary, "a task asks it to stake 0.30 credits, and it has 0.10");
        assert!(found.advice.unwrap().starts_with("deposit 0.20 credits"));
        let found = said(&Idle::Quarantined { jobs: vec![(OrderHash::default(), Fault::Dissented); 5] });
        assert_eq!((found.quarantined.len(), found.quarantined[0].why.as_str()), (5, "dissented"));
        let said = found.summary;
        assert!(said.contains("0x00000000: it stated a result that the others did not agree with"), "{said}");
        assert!(said.ends_with("and 2 jobs more)"), "{said}");
    }

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        let all = [
            Idle::NotConnected,
            Idle::Barred,
            Idle::Full { holding: 0 },
            Idle::Resting { holding: 1 },
            Idle::NoWork,
            Idle::Quarantined { jobs: Vec::new() },
            Idle::AsksTooMuch { floor: Some(Amount::ZERO), best_pay: Amount::ZERO },
            Idle::AsksTooMuch { floor: None, best_pay: Amount::ZERO },
            Idle::CannotStake { needs: Amount::ZERO },
            Idle::TagMissing { missing: Tag::NONE },
            Idle::ChecksBehind,
            Idle::OwnerTakesPart,
            Idle::GaveBack,
            Idle::Soon,
        ];
        let codes: std::collections::BTreeSet<String> = all.iter().map(|idle| said(idle).code).collect();
        assert_eq!(codes.len(), all.len());
    }
}
