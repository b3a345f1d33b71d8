//! What the statements about an audited task amount to.

use crate::gate::{Group, last_call};
use crate::open::{Open, Stand};
use crate::{Bag, Dispatch};
use std::cmp::Reverse;
use units::{Address, Timestamp};

/// More statements than this are not asked for to settle one task.
const MOST_STATEMENTS: usize = 7;
/// So many proven workers convict a proven one.
const PROVEN_FOR_PROVEN: usize = 2;

/// What the statements about a task amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing yet.
    Wait,
    /// The check is decided.
    Settled(Verdict),
    /// Time is over and nothing was decided: these are taken at their word.
    Unchecked(Vec<Address>),
}

/// Who passed a check and who did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Who stated what is accepted, in the order in which they did.
    pub(super) winners: Vec<Address>,
    /// Who is alone against them, and convicted.
    pub(super) convicted: Vec<Address>,
    /// Who stated something else and is let go.
    pub(super) dismissed: Vec<Address>,
}

impl Dispatch {
    pub(super) fn finding(&self, at: Timestamp, open: &Open, bag: &Bag) -> Finding {
        if matches!(open.audit.stand, Stand::Released { .. }) {
            return Finding::Wait;
        }
        if self.awaits_words(at, open, bag) {
            return Finding::Wait;
        }
        let groups = self.groups(open);
        let known = |group: &Group| usize::from(open.audit.known() == Some(group.hash));
        let standing = |group: &Group| (group.members.len().saturating_add(known(group)), !group.failed);
        let proven = |group: &Group| {
            let members = group.members.iter().filter(|worker| self.audits.is_proven(bag.terms.pool, **worker));
            members.count().saturating_add(known(group))
        };
        let place = |group: &Group| groups.iter().position(|it| it.hash == group.hash).map(Reverse);
        let Some(best) = groups.iter().max_by_key(|group| (standing(group), proven(group), place(group))) else {
            return Finding::Wait;
        };
        let others: Vec<&Group> = groups.iter().filter(|group| group.hash != best.hash).collect();
        let over = at >= last_call(bag);
        let ahead = others.iter().all(|group| standing(group) < standing(best));
        let to_be_had = self.proven_to_be_had(open);
        let vouched = proven(best) > 0 || !to_be_had;
        if standing(best).0 < self.words_needed(open, best.failed) || !ahead || !vouched {
            if !over {
                return Finding::Wait;
            }
            let heard = groups.iter().filter(|group| !group.failed || group.members.len() >= 2);
            let by = heard.max_by_key(|group| (proven(group), standing(group), place(group)));
            return by.map_or(Finding::Wait, |group| Finding::Unchecked(group.members.clone()));
        }
        let alone = |group: &&&Group| group.members.len() == 1 && known(group) == 0 && !group.failed && !best.failed;
        let suspects = others
            .iter()
            .filter(alone)
            .filter(|it| !open.in_doubt(it.hash, best.hash))
            .flat_map(|group| &group.members);
        let (convicted, unclear): (Vec<Address>, Vec<Address>) = suspects.partition(|suspect| {
            let needed = if self.audits.is_proven(bag.terms.pool, **suspect) {
                PROVEN_FOR_PROVEN
            } else {
                usize::from(to_be_had)
            };
            proven(best) >= needed
        });
        let said: usize = groups.iter().map(|group| group.members.len()).sum();
        if !unclear.is_empty() && to_be_had && !over && said < MOST_STATEMENTS {
            return Finding::Wait;
        }
        let dismissed = others.iter().flat_map(|group| &group.members).filter(|it| !convicted.contains(it));
        Finding::Settled(Verdict { winners: best.members.clone(), dismissed: dismissed.copied().collect(), convicted })
    }
}
