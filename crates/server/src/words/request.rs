//! A request or job: how far it is matched, what keeps the rest, and what would help.

use super::{capabilities, count};
use api::explain::{Cause, Change, Explain, Fix};
use market::{Explanation, JobLoad, JobView, Misfit, Obstacle, Standing};
use orders::RequestOrder;
use units::{Address, Amount, OrderHash, Tag, U256};

/// What is known of a request that somebody asks about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) order: OrderHash,
    /// The order, while it rests.
    pub(crate) bid: Option<RequestOrder>,
    pub(crate) explanation: Option<Explanation>,
    pub(crate) view: JobView,
    pub(crate) standing: Standing,
    pub(crate) load: JobLoad,
    /// Workers that are connected to any pool.
    pub(crate) workers: u64,
    pub(crate) operator: Address,
    /// The names of the time classes.
    pub(crate) categories: Vec<String>,
}

/// Puts it into words.
pub(crate) fn request(asked: &Asked) -> Explain {
    let waiting = asked.explanation.as_ref().map_or(0, |found| small(found.waiting));
    let fixes = asked.explanation.iter().flat_map(|found| worthwhile(&found.fixes));
    let fixes: Vec<Fix> = fixes.map(|it| fix(it, asked)).collect();
    let mut causes = asked.explanation.as_ref().map(passed_over).unwrap_or_default();
    let standing = standing(asked);
    let (obstacle, advice) = match &asked.explanation {
        Some(found) => obstacle(found, asked, &mut causes),
        None => (String::new(), None),
    };
    let summary = match (waiting, bought(asked, &standing)) {
        (0, Some(bought)) => bought,
        (0, None) => "nothing waits: all of its tasks have ended, or its order is closed".to_owned(),
        (_, Some(bought)) => format!("{obstacle}; {bought}"),
        (_, None) => obstacle,
    };
    Explain {
        order: asked.order,
        matched: asked.view.matched,
        running: asked.view.running,
        provisional: asked.standing.held,
        finished: asked.view.ended(),
        waiting,
        summary,
        causes,
        standing,
        advice: advice.or_else(|| fixes.first().map(|fix| fix.words.clone())),
        fixes,
    }
}

/// The fixes, less those that pay more for machines that a nearer one has already.
fn worthwhile(fixes: &[market::Fix]) -> Vec<&market::Fix> {
    let bid = |fix: &market::Fix| match fix.changes.as_slice() {
        [market::Change::PoolPrice { to, .. }] => fix.machines.map(|machines| (*to, machines)),
        _ => None,
    };
    let mut kept: Vec<&market::Fix> = Vec::new();
    for fix in fixes {
        let no_better = |(price, machines): (Amount, u64)| {
            kept.iter().filter_map(|it| bid(it)).any(|(nearer, had)| nearer <= price && had >= machines)
        };
        if !bid(fix).is_some_and(no_better) {
            kept.push(fix);
        }
    }
    kept
}

/// What the bought tasks that have not ended wait for, in a clause; none if there are none.
fn bought(asked: &Asked, standing: &[Cause]) -> Option<String> {
    let open = asked.view.matched.saturating_sub(asked.view.ended());
    let most = standing.iter().filter(|cause| cause.tasks > 0).max_by_key(|cause| cause.tasks)?;
    let rest = if most.tasks < open { format!(" of {open}") } else { String::new() };
    Some(format!("{}{rest} that are bought {}", count(most.tasks, "task"), most.detail))
}

fn standing(asked: &Asked) -> Vec<Cause> {
    let Standing { untouched, running, wanting, undecided, held, showing } = asked.standing;
    let load = asked.load;
    let rows = [
        ("untouched", untouched, untouched, "wait for a machine that may and can run them"),
        ("running", running, running, "are run by machines just now"),
        ("hedged", load.hedges, 0, "are run by a second machine too, for the first is late"),
        ("wanting", wanting, wanting, "were begun and given up, and wait for another machine"),
        ("undecided", undecided, undecided, "have a result, and wait for other machines to agree"),
        ("held", held, held, "have a result that is provisional until a check of its machine passes"),
        ("showing", showing, showing, "are agreed on, and wait for a machine to show the result"),
        ("stuck", load.stuck, 0, "were tried by many machines in vain, and are tried again at growing intervals"),
        ("quarantined", load.quarantined.try_into().unwrap_or(u64::MAX), 0, "quarantined for having failed it"),
    ];
    let some = rows.into_iter().filter(|(_, count, ..)| *count > 0);
    some.map(|(code, count, tasks, detail)| Cause { code: code.to_owned(), count, tasks, detail: detail.to_owned() })
        .collect()
}

fn passed_over(found: &Explanation) -> Vec<Cause> {
    let cause = |(cause, offers): (&market::Cause, &market::Tally)| {
        let (code, detail) = match cause {
            market::Cause::Category => ("category", "offers of another time class"),
            market::Cause::Misfit(misfit) => misfit_words(*misfit),
        };
        let tasks = u64::try_from(offers.tasks).unwrap_or(u64::MAX);
        Cause { code: code.to_owned(), count: offers.offers, tasks, detail: detail.to_owned() }
    };
    found.passed_over.iter().map(cause).collect()
}

/// What stands in the way, in a sentence; the advice that is not a change of the request; a cause that is no offer.
fn obstacle(found: &Explanation, asked: &Asked, causes: &mut Vec<Cause>) -> (String, Option<String>) {
    let mut say = |code: &str, detail: &str| {
        causes.push(Cause { code: code.to_owned(), count: 1, tasks: 0, detail: detail.to_owned() });
    };
    match found.obstacle {
        None => ("an offer fits: its next tasks are bought at once".to_owned(), None),
        Some(Obstacle::NotResting) => ("the order is not on the book".to_owned(), None),
        Some(Obstacle::NoAppOrder(why)) => {
            say("no_app_order", "nobody sells the app to this requester at this price");
            let publish = || "publish an app order: hands order sell-app".to_owned();
            (missing_seller("app", why), found.fixes.is_empty().then(publish))
        }
        Some(Obstacle::NoDatasetOrder(why)) => {
            say("no_dataset_order", "nobody sells the dataset to this requester at this price");
            let ask = || "ask the data's owner for an order".to_owned();
            (missing_seller("dataset", why), found.fixes.is_empty().then(ask))
        }
        Some(Obstacle::NoWorkerpoolOrder(why)) if asked.workers == 0 => {
            say("no_workers", "no worker is connected to a pool of this exchange");
            let nearest = why.map(|why| format!("; the nearest offer is no use: {}", misfit_words(why).1));
            let nearest = nearest.unwrap_or_default();
            let summary = format!("no workers are connected; the job waits until some are{nearest}");
            (summary, Some("start one: hands work --exchange URL".to_owned()))
        }
        Some(Obstacle::NoWorkerpoolOrder(None)) => {
            say("busy", "no offer of computing in this time class just now");
            let words = "all workers are busy, or none works in this time class for this trust; tasks are bought as \
                they free up";
            (words.to_owned(), None)
        }
        Some(Obstacle::NoWorkerpoolOrder(Some(Misfit::Busy))) => {
            let words = "the machines that would work for it are busy; its tasks are bought as they free up";
            (words.to_owned(), None)
        }
        Some(Obstacle::NoWorkerpoolOrder(Some(Misfit::Unstaked))) => {
            let (_, words) = misfit_words(Misfit::Unstaked);
            let operator = asked.operator;
            let advice =
                format!("the exchange's own pools stake its operator's: hands operator credit {operator} AMOUNT");
            (format!("no offer of computing fits: {words}"), Some(advice))
        }
        Some(Obstacle::NoWorkerpoolOrder(Some(why))) => {
            (format!("no offer of computing fits: {}", misfit_words(why).1), None)
        }
        Some(Obstacle::Funds { needed, free, .. }) => {
            say("funds", &format!("{needed} credits are needed and {free} are free"));
            (format!("the requester has {free} credits free and the next tasks cost {needed}"), None)
        }
    }
}

fn missing_seller(what: &str, why: Option<Misfit>) -> String {
    match why {
        None => format!("nobody sells the {what}: there is no order for it on the book"),
        Some(why) => format!("no order for the {what} fits: {}", misfit_words(why).1),
    }
}

fn misfit_words(misfit: Misfit) -> (&'static str, &'static str) {
    match misfit {
        Misfit::TooDear => ("too_dear", "it asks more than the request pays"),
        Misfit::TrustTooLow => ("trust_too_low", "it sells less trust than is asked for"),
        Misfit::Tag => ("tag", "it lacks a capability that is asked for"),
        Misfit::Restricted => ("restricted", "it is restricted to others"),
        Misfit::Busy => ("busy", "its pool can take on no more tasks just now"),
        Misfit::Unstaked => ("unstaked", "its pool's owner has not the credits to stake, 30 % of the price"),
    }
}

fn fix(found: &market::Fix, asked: &Asked) -> Fix {
    let tasks = u64::try_from(found.offers.tasks).unwrap_or(u64::MAX);
    let what: Vec<String> = found.changes.iter().map(|change| change_words(*change, asked)).collect();
    let serves = match found.machines {
        Some(machines) if machines > 0 => count(machines, "machine"),
        Some(_) | None => count(small(found.matched), "task"),
    };
    Fix {
        changes: found.changes.iter().map(|it| change(*it)).collect(),
        matched: small(found.matched),
        offers: found.offers.offers,
        tasks,
        machines: found.machines,
        words: format!("{}: {serves} now", what.join(" and ")),
    }
}

fn change(change: market::Change) -> Change {
    use market::Change as Is;
    let row = |what: &str, to: Option<String>, more: Option<Amount>| Change { what: what.to_owned(), to, more };
    match change {
        Is::PoolPrice { to, more } => row("pool_price", Some(to.0.to_string()), Some(more)),
        Is::AppPrice { to, more } => row("app_price", Some(to.0.to_string()), Some(more)),
        Is::DatasetPrice { to, more } => row("dataset_price", Some(to.0.to_string()), Some(more)),
        Is::Deposit { amount } => row("deposit", None, Some(amount)),
        Is::Trust { to } => row("trust", Some(to.to_string()), None),
        Is::Category { to } => row("category", Some(to.to_string()), None),
        Is::Tag { to } => row("tag", Some(to.to_string()), None),
        Is::AnyPool => row("any_pool", None, None),
    }
}

fn change_words(change: market::Change, asked: &Asked) -> String {
    use market::Change as Is;
    let bid = asked.bid.as_ref();
    match change {
        Is::PoolPrice { to, more } => format!("+{more} credits a task (--max-price {to})"),
        Is::AppPrice { to, more } => format!("+{more} credits a task for the app (up to {to})"),
        Is::DatasetPrice { to, more } => format!("+{more} credits a task for the dataset (up to {to})"),
        Is::Deposit { amount } => {
            let requester = bid.map(|bid| bid.requester).unwrap_or_default();
            format!("deposit {amount} credits (the operator's hands operator credit {requester} {amount})")
        }
        Is::Trust { to } => format!("lower --trust to {to}"),
        Is::Category { to } => {
            let from = bid.map(|bid| name_of(bid.category, asked)).unwrap_or_default();
            format!("category {} instead of {from}", name_of(to, asked))
        }
        Is::Tag { to } => {
            let missing = bid.map_or(Tag::NONE, |bid| Tag(bid.tag.0 & !to.0));
            format!("do without {}", capabilities(missing))
        }
        Is::AnyPool => "let any pool work, not --pool alone".to_owned(),
    }
}

/// What a time class is called.
fn name_of(category: U256, asked: &Asked) -> String {
    let name = usize::try_from(category).ok().and_then(|index| asked.categories.get(index));
    name.cloned().unwrap_or_else(|| category.to_string())
}

fn small(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn found(obstacle: Obstacle, changes: Vec<market::Change>, machines: Option<u64>) -> Asked {
        let offers = market::Tally { offers: 2, tasks: 30 };
        let fix = market::Fix { changes, matched: U256::from(4), offers, machines };
        let explanation = Explanation {
            waiting: U256::from(9),
            obstacle: Some(obstacle),
            fitting: market::Tally::default(),
            passed_over: BTreeMap::from([(market::Cause::Misfit(Misfit::TooDear), offers)]),
            fixes: vec![fix],
        };
        Asked {
            bid: Some(RequestOrder { category: U256::ZERO, ..RequestOrder::default() }),
            explanation: Some(explanation),
            workers: 12,
            categories: vec!["XS".to_owned(), "S".to_owned()],
            ..Asked::default()
        }
    }

    #[test]
    fn a_fix_says_what_it_costs_and_what_comes_of_it() {
        let dear = Obstacle::NoWorkerpoolOrder(Some(Misfit::TooDear));
        let raise = market::Change::PoolPrice { to: Amount::credits(8), more: Amount::credits(3) };
        let trust = market::Change::Trust { to: U256::from(10) };
        let cases = [
            (vec![raise], Some(12), "+3.00 credits a task (--max-price 8.00): 12 machines now"),
            (vec![trust], None, "lower --trust to 10: 4 tasks now"),
            (vec![market::Change::Category { to: U256::ONE }], Some(1), "category S instead of XS: 1 machine now"),
            (
                vec![raise, trust],
                Some(2),
                "+3.00 credits a task (--max-price 8.00) and lower --trust to 10: 2 machines now",
            ),
        ];
        for (changes, machines, words) in cases {
            let explain = request(&found(dear, changes, machines));
            assert_eq!(explain.advice.as_deref(), Some(words));
            assert_eq!(explain.fixes[0].words, words);
            assert_eq!(explain.summary, "no offer of computing fits: it asks more than the request pays");
            let cause = &explain.causes[0];
            assert_eq!((cause.code.as_str(), cause.count, cause.tasks), ("too_dear", 2, 30));
        }
    }

    #[test]
    fn paying_more_is_advised_only_where_it_brings_more_machines() {
        let dear = Obstacle::NoWorkerpoolOrder(Some(Misfit::TooDear));
        let mut asked = found(dear, Vec::new(), None);
        let raise = |credits: u64, machines| {
            let change = market::Change::PoolPrice { to: Amount::credits(credits), more: Amount::credits(1) };
            let offers = market::Tally { offers: 1, tasks: 3 };
            market::Fix { changes: vec![change], matched: U256::ONE, offers, machines: Some(machines) }
        };
        asked.explanation.as_mut().unwrap().fixes = vec![raise(2, 2), raise(3, 2), raise(4, 5), raise(5, 5)];
        let prices: Vec<_> = request(&asked).fixes.iter().map(|fix| fix.changes[0].to.clone().unwrap()).collect();
        assert_eq!(prices, ["2000000000", "4000000000"]);
    }

    #[test]
    fn who_lacks_money_is_told_how_much_and_whom_to_ask() {
        let (needed, free) = (Amount::credits(5), Amount::credits(3));
        let funds = Obstacle::Funds { needed, free, affordable: U256::ONE };
        let asked = found(funds, vec![market::Change::Deposit { amount: Amount::credits(2) }], None);
        let explain = request(&asked);
        assert_eq!(explain.summary, "the requester has 3.00 credits free and the next tasks cost 5.00");
        assert!(explain.advice.unwrap().starts_with("deposit 2.00 credits (the operator's hands operator credit 0x"));
        assert!(explain.causes.iter().any(|cause| cause.code == "funds"));
    }

    #[test]
    fn a_job_that_is_bought_and_stands_still_says_what_its_tasks_wait_for() {
        let view = JobView { matched: 20, finished: 9, running: 1, ..JobView::default() };
        let standing = Standing { untouched: 6, running: 1, held: 4, ..Standing::default() };
        let load = JobLoad { hedges: 1, quarantined: 2, ..JobLoad::default() };
        let explain = request(&Asked { view, standing, load, ..Asked::default() });
        assert_eq!(explain.summary, "6 tasks of 11 that are bought wait for a machine that may and can run them");
        let codes: Vec<_> = explain.standing.iter().map(|it| (it.code.as_str(), it.count)).collect();
        assert_eq!(codes, [("untouched", 6), ("running", 1), ("hedged", 1), ("held", 4), ("quarantined", 2)]);
        assert_eq!((explain.finished, explain.provisional, explain.waiting), (9, 4, 0));
        assert_eq!(explain.advice, None);
    }

    #[test]
    fn a_job_that_has_ended_waits_for_nothing() {
        let explain = request(&Asked::default());
        assert!(explain.summary.starts_with("nothing waits"));
    }
}
