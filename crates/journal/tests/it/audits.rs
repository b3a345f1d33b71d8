//! The operator's conduct, found in the journal: fair draws, and nobody agreeing with itself.

use crate::conduct::{commit, conduct, deal, enlist, seconds_later, secret};
use crate::market::{Market, genesis, key, worker};
use exchange::{Command, Evidence, Verdict, audit_draw};
use journal::{Again, AuditError, Audits, Fault, Heard, Journal, Source, audit, audit_with};
use tempfile::TempDir;
use units::{Address, B256, Bytes, OrderHash, TaskId};

const RIGHT: B256 = B256::repeat_byte(0xaa);

fn journaled(market: &mut Market) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &genesis()).unwrap();
    market.flush(&mut journal, 50);
    folder
}

fn found(market: &mut Market) -> Result<Audits, AuditError> {
    let folder = journaled(market);
    audit(Source::open(folder.path()).unwrap(), &[]).map(|report| report.audits)
}

/// A market with workers 0 and 1 in the commons, and a secret.
fn opened() -> (Market, (Address, OrderHash)) {
    let mut market = Market::new();
    let app = market.open();
    let commons = market.exchange.genesis().pools[0].address;
    for number in [0, 1] {
        enlist(&mut market, commons, worker(number).address(), &worker(number));
    }
    commit(&mut market, 1);
    (market, app)
}

/// One worker's word is accepted, after a check if it is to be checked; whether it was drawn.
fn word(market: &mut Market, app: (Address, OrderHash), check: impl Fn(bool) -> bool) -> TaskId {
    let deal = deal(market, app, 0, 1);
    let task = market.complete(&worker(0), deal, 0, RIGHT);
    if check(audit_draw(secret(1), task, 50)) {
        market.complete(&worker(1), deal, 0, RIGHT);
        let evidence = Evidence::Witnesses(vec![worker(1).address()]);
        market.enter(Command::Check { task, worker: worker(0).address(), evidence });
    }
    market.enter(Command::Accept { task, worker: worker(0).address(), results: Bytes::new() });
    task
}

fn show(market: &mut Market) {
    commit(market, 2);
    market.enter(Command::AuditOpen { secret: secret(1) });
}

#[test]
fn an_operator_that_checks_what_is_drawn_is_found_to_have() {
    let (mut market, app) = opened();
    for _ in 0..10 {
        word(&mut market, app, |_| true);
    }
    for _ in 0..60 {
        word(&mut market, app, |drawn| drawn);
    }
    show(&mut market);
    let audits = found(&mut market).unwrap();
    assert_eq!((audits.opened, audits.unopened, audits.single_words), (1, 1, 70));
    assert!(audits.drawn > 0, "of seventy some are drawn");
    assert_eq!((audits.missed, audits.alone, audits.first_missed), (0, 0, 0));
    assert!(audits.passed >= 10);
}

#[test]
fn an_operator_that_audits_only_whom_it_likes_is_found() {
    let (mut market, app) = opened();
    let tasks: Vec<TaskId> = (0..70).map(|_| word(&mut market, app, |_| false)).collect();
    show(&mut market);
    let audits = found(&mut market).unwrap();
    let drawn: Vec<TaskId> = tasks.into_iter().filter(|task| audit_draw(secret(1), *task, 50)).collect();
    assert_eq!(audits.missed, drawn.len() as u64);
    assert_eq!(audits.named, drawn);
    assert_eq!(audits.first_missed, 70, "it never checked the newcomer at all");
}

#[test]
fn where_nobody_else_is_nothing_could_be_checked() {
    let mut market = Market::new();
    let app = market.open();
    commit(&mut market, 1);
    for _ in 0..70 {
        word(&mut market, app, |_| false);
    }
    show(&mut market);
    let audits = found(&mut market).unwrap();
    assert_eq!((audits.missed, audits.first_missed), (0, 0));
    assert_eq!(audits.alone, audits.drawn);
}

#[test]
fn a_result_that_one_owner_agreed_on_with_itself_is_found() {
    let mut market = Market::new();
    let app = market.open();
    let bonded = market.exchange.genesis().pools[1].address;
    for number in [0, 1] {
        enlist(&mut market, bonded, worker(number).address(), &key(30));
    }
    let deal = deal(&mut market, app, 1, 3);
    let task = market.commit(&worker(0), deal, 0, RIGHT);
    market.commit(&worker(1), deal, 0, RIGHT);
    for number in [0, 1] {
        market.authorize(task, &worker(number));
    }
    for number in [0, 1] {
        market.reveal(&worker(number), task, RIGHT);
    }
    market.enter(Command::Finalize { task, results: Bytes::new(), callback: Bytes::new() });
    let AuditError::Found { fault, .. } = found(&mut market).unwrap_err() else { panic!("nothing was found") };
    assert_eq!(fault, Fault::OneOwner { task, owner: key(30).address() });
}

#[test]
fn the_whole_story_passes() {
    let audits = found(&mut conduct()).unwrap();
    assert_eq!((audits.opened, audits.unopened, audits.passed, audits.failed), (1, 1, 1, 1));
}

/// What an audit finds where the story's one judge says this when it is asked again.
fn asked_again(word: Again) -> (Result<journal::Verdicts, AuditError>, Vec<Heard>) {
    let folder = journaled(&mut seconds_later());
    let mut asked = Vec::new();
    let mut ask = |heard: &Heard| {
        asked.push(heard.clone());
        word
    };
    let report = audit_with(Source::open(folder.path()).unwrap(), &[], &mut ask);
    (report.map(|report| report.verdicts), asked)
}

#[test]
fn a_judges_word_that_it_does_not_say_again_is_found_to_be_forged() {
    let (confirmed, asked) = asked_again(Again::Good);
    let confirmed = confirmed.unwrap();
    assert_eq!((confirmed.heard, confirmed.confirmed, confirmed.not_asked), (1, 1, 0));
    let [heard] = asked.as_slice() else { panic!("one word: {asked:?}") };
    assert_eq!((heard.verdict, heard.index, heard.blob.0), (Verdict::Equal, 0, heard.digest));
    assert!(heard.other.is_some_and(|first| first.digest != heard.digest));
    for found in [Again::Wrong, Again::Open] {
        let AuditError::Found { fault, .. } = asked_again(found).0.unwrap_err() else { panic!("nothing was found") };
        let (task, worker) = (heard.task, heard.worker);
        assert_eq!(fault, Fault::Verdict { task, worker, said: Verdict::Equal, found });
    }
    let not_asked = asked_again(Again::NotAsked).0.unwrap();
    assert_eq!((not_asked.heard, not_asked.confirmed, not_asked.not_asked), (1, 0, 1));
}
