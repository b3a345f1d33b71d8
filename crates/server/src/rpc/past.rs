//! `viewDeal` and `viewTask` of what has left the live state: on a chain a deal can be looked at for ever.

use super::RpcError;
use crate::shared::Shared;
use abi::view::HubView;
use abi::{contracts, returns};
use journal::history::{DealRow, Outcome, ResultRow};
use std::sync::Arc;
use std::time::Duration;
use units::{B256, Bytes, DealId, TaskId, U256};

/// PoCo's number of a contribution that was proved.
const PROVED: u8 = 2;

/// The answer to a question about a deal or task that only the history knows; none for all else.
pub(super) async fn answer(shared: &Arc<Shared>, view: &HubView) -> Result<Option<Bytes>, RpcError> {
    if let HubView::Deal(id) = view {
        return deal(shared, *id).await;
    }
    if let HubView::Task(id) = view {
        return task(shared, *id).await;
    }
    Ok(None)
}

async fn deal(shared: &Arc<Shared>, id: DealId) -> Result<Option<Bytes>, RpcError> {
    if shared.core.read(move |state| state.market.exchange().deal(id).is_some()).await? {
        return Ok(None);
    }
    let row = shared.reads.read(move |history| history.deal(id)).await?;
    Ok(row.map(|row| returns::deal(&deal_of(row))))
}

async fn task(shared: &Arc<Shared>, id: TaskId) -> Result<Option<Bytes>, RpcError> {
    if shared.core.read(move |state| state.market.exchange().task(id).is_some()).await? {
        return Ok(None);
    }
    let Some(row) = shared.reads.read(move |history| history.result(id)).await? else { return Ok(None) };
    let of = row.deal;
    let Some(deal) = shared.reads.read(move |history| history.deal(of)).await? else { return Ok(None) };
    let category = usize::try_from(deal.category).unwrap_or(usize::MAX);
    let reference =
        move |state: &crate::core::State| state.market.exchange().categories().get(category).map(|c| c.seconds);
    let Some(seconds) = shared.core.read(reference).await? else { return Ok(None) };
    Ok(Some(returns::task(&task_of(&row, &deal, seconds))))
}

fn deal_of(row: DealRow) -> contracts::Deal {
    let part = |pointer, owner, price: units::Amount| contracts::Resource { pointer, owner, price: price.0 };
    contracts::Deal {
        app: part(row.app, row.app_owner, row.app_price),
        dataset: part(row.dataset, row.dataset_owner, row.dataset_price),
        workerpool: part(row.workerpool, row.workerpool_owner, row.workerpool_price),
        trust: row.trust,
        category: U256::from(row.category),
        tag: row.tag.0,
        requester: row.requester,
        beneficiary: row.beneficiary,
        callback: row.callback,
        params: row.params,
        startTime: U256::from(row.at.seconds()),
        botFirst: row.bot_first,
        botSize: row.volume,
        workerStake: row.worker_stake.0,
        schedulerRewardRatio: row.scheduler_reward_ratio,
        sponsor: row.sponsor,
    }
}

/// A task that ended in a deal of a category with this reference time. When it was to be revealed is not kept.
fn task_of(row: &ResultRow, deal: &DealRow, seconds: u64) -> contracts::Task {
    let status = match row.outcome {
        Outcome::Completed | Outcome::Failed(_) => poco::TaskStatus::Completed,
        Outcome::Claimed => poco::TaskStatus::Failed,
    };
    let is_completed = status == poco::TaskStatus::Completed;
    let deadline = |ratio: u64| {
        let after = Duration::from_secs(seconds.saturating_mul(ratio));
        U256::from(deal.at.saturating_add(after).seconds())
    };
    let proved = row.parties.iter().filter(|party| party.status == PROVED).count();
    contracts::Task {
        status: status.number(),
        dealid: row.deal.0,
        idx: U256::from(row.index),
        timeref: U256::from(seconds),
        contributionDeadline: deadline(poco::CONTRIBUTION_DEADLINE_RATIO),
        revealDeadline: U256::ZERO,
        finalDeadline: deadline(poco::FINAL_DEADLINE_RATIO),
        consensusValue: if is_completed { orders::ids::result_hash(row.task, row.digest) } else { B256::ZERO },
        revealCounter: U256::from(proved),
        winnerCounter: if is_completed { U256::from(row.agreed) } else { U256::ZERO },
        contributors: row.parties.iter().map(|party| party.worker).collect(),
        resultDigest: row.digest,
        results: where_it_is(row),
        resultsTimestamp: U256::ZERO,
        resultsCallback: Bytes::new(),
    }
}

/// What the exchange said about where the result is when it finalized the task (`market` says it).
fn where_it_is(row: &ResultRow) -> Bytes {
    let failed = if matches!(row.outcome, Outcome::Failed(_)) { r#","failed":true"# } else { "" };
    let link = |blob| format!(r#"{{"storage":"manyhands","location":"/v1/blobs/{blob}"{failed}}}"#).into_bytes().into();
    row.blob.map(link).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::history::{Party, ResultState};
    use units::{Address, Amount, Digest, OrderHash, Tag, Timestamp};

    fn deal() -> DealRow {
        let (nobody, nothing) = (Address::ZERO, OrderHash::default());
        DealRow {
            id: DealId(B256::repeat_byte(1)),
            at: Timestamp(5_500),
            record: 3,
            transaction: B256::ZERO,
            app: Address::repeat_byte(2),
            app_owner: Address::repeat_byte(3),
            app_price: Amount::nanos(7),
            dataset: nobody,
            dataset_owner: nobody,
            dataset_price: Amount::ZERO,
            workerpool: Address::repeat_byte(4),
            workerpool_owner: Address::repeat_byte(5),
            workerpool_price: Amount::nanos(8),
            app_order: nothing,
            dataset_order: nothing,
            workerpool_order: nothing,
            request_order: nothing,
            requester: Address::repeat_byte(6),
            beneficiary: nobody,
            callback: nobody,
            sponsor: nobody,
            params: String::new(),
            volume: U256::from(9),
            category: 0,
            tag: Tag::NONE,
            trust: U256::from(2),
            bot_first: U256::from(10),
            scheduler_reward_ratio: U256::from(1),
            worker_stake: Amount::nanos(11),
        }
    }

    fn ended(outcome: Outcome) -> ResultRow {
        let party =
            |number: u8, status: u8| Party { worker: Address::repeat_byte(number), status, reward: Amount::ZERO };
        ResultRow {
            job: OrderHash::default(),
            ordinal: 0,
            task: TaskId(B256::repeat_byte(21)),
            index: 10,
            deal: deal().id,
            outcome,
            digest: B256::repeat_byte(22),
            blob: Some(Digest::default()),
            stderr: String::new(),
            stdout: String::new(),
            cost: Amount::nanos(15),
            agreed: 2,
            dissented: 1,
            ended: Timestamp(9_000),
            state: ResultState::Final,
            ran_ms: None,
            parties: vec![party(31, 2), party(32, 2), party(33, 3)],
        }
    }

    #[test]
    fn a_deal_of_the_past_is_shown_as_it_was() {
        let shown = deal_of(deal());
        assert_eq!((shown.botFirst, shown.botSize, shown.startTime), (U256::from(10), U256::from(9), U256::from(5)));
        assert_eq!(
            (shown.app.price, shown.workerpool.price, shown.trust),
            (U256::from(7), U256::from(8), U256::from(2))
        );
        assert_eq!((shown.requester, shown.workerStake), (Address::repeat_byte(6), U256::from(11)));
    }

    #[test]
    fn a_task_of_the_past_is_shown_with_its_end_and_its_result() {
        let task = task_of(&ended(Outcome::Completed), &deal(), 300);
        assert_eq!((task.status, task.idx, task.timeref), (3, U256::from(10), U256::from(300)));
        assert_eq!((task.contributionDeadline, task.finalDeadline), (U256::from(2_105), U256::from(3_005)));
        assert_eq!(
            (task.winnerCounter, task.revealCounter, task.contributors.len()),
            (U256::from(2), U256::from(2), 3)
        );
        let link = format!(r#"{{"storage":"manyhands","location":"/v1/blobs/{}"}}"#, Digest::default());
        assert_eq!(task.results, link.into_bytes());
        let failed = task_of(&ended(Outcome::Failed("exit code 1".to_owned())), &deal(), 300);
        assert_eq!(failed.status, 3, "a failure of the program is a result");
        assert!(failed.results.ends_with(br#","failed":true}"#));
        let claimed = task_of(&ended(Outcome::Claimed), &deal(), 300);
        assert_eq!((claimed.status, claimed.consensusValue, claimed.winnerCounter), (4, B256::ZERO, U256::ZERO));
    }
}
