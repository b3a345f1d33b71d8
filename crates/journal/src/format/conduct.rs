//! What entries about workers' conduct look like: enlisting, checks, ratings.

use super::signed::SignerRecord;
use super::values::{Account, Octets, Word};
use exchange::{Evidence, First, Judgement, Verdict};
use minicbor::{Decode, Encode};
use orders::{CheckedRating, Rating, SignedRating};
use units::{DealId, Digest, TaskId};

/// A worker, its pool and its owner.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct EnlistRecord {
    #[n(0)]
    pub(super) pool: Account,
    #[n(1)]
    pub(super) worker: Account,
    #[n(2)]
    pub(super) owner: Account,
    #[n(3)]
    pub(super) evidence: Octets,
}

/// What a result is held against.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) enum EvidenceRecord {
    #[n(0)]
    Witnesses(#[n(0)] Vec<Account>),
    #[n(1)]
    Known,
}

/// A rating, its signature, and whom that is by.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct RatingRecord {
    #[n(0)]
    deal: Word,
    #[n(1)]
    subject: Account,
    #[n(2)]
    performance: u8,
    #[n(3)]
    safety: u8,
    #[n(4)]
    sign: Octets,
    #[n(5)]
    rater: SignerRecord,
}

/// What a judge said about a statement.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct JudgementRecord {
    #[n(0)]
    task: Word,
    #[n(1)]
    worker: Account,
    #[n(2)]
    digest: Word,
    #[n(3)]
    other: Option<Word>,
    #[n(4)]
    verdict: VerdictRecord,
    /// Of the other.
    #[n(5)]
    blob: Option<Word>,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(index_only)]
enum VerdictRecord {
    #[n(0)]
    Equal,
    #[n(1)]
    Different,
    #[n(2)]
    Undecided,
    #[n(3)]
    Conceded,
    #[n(4)]
    Proved,
    #[n(5)]
    Wrong,
}

impl From<&Judgement> for JudgementRecord {
    fn from(judgement: &Judgement) -> Self {
        let Judgement { task, worker, digest, other, verdict } = *judgement;
        let verdict = match verdict {
            Verdict::Equal => VerdictRecord::Equal,
            Verdict::Different => VerdictRecord::Different,
            Verdict::Undecided => VerdictRecord::Undecided,
            Verdict::Conceded => VerdictRecord::Conceded,
            Verdict::Proved => VerdictRecord::Proved,
            Verdict::Wrong => VerdictRecord::Wrong,
        };
        let blob = other.map(|first| Word(first.blob.0));
        let other = other.map(|first| Word(first.digest));
        Self { task: Word(task.0), worker: Account(worker), digest: Word(digest), other, verdict, blob }
    }
}

impl From<JudgementRecord> for Judgement {
    fn from(record: JudgementRecord) -> Self {
        let JudgementRecord { task, worker, digest, other, verdict, blob } = record;
        let verdict = match verdict {
            VerdictRecord::Equal => Verdict::Equal,
            VerdictRecord::Different => Verdict::Different,
            VerdictRecord::Undecided => Verdict::Undecided,
            VerdictRecord::Conceded => Verdict::Conceded,
            VerdictRecord::Proved => Verdict::Proved,
            VerdictRecord::Wrong => Verdict::Wrong,
        };
        let other =
            other.map(|digest| First { digest: digest.0, blob: Digest(blob.map(|blob| blob.0).unwrap_or_default()) });
        Self { task: TaskId(task.0), worker: worker.0, digest: digest.0, other, verdict }
    }
}

impl From<&Evidence> for EvidenceRecord {
    fn from(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::Witnesses(witnesses) => Self::Witnesses(witnesses.iter().copied().map(Account).collect()),
            Evidence::Known => Self::Known,
        }
    }
}

impl From<EvidenceRecord> for Evidence {
    fn from(record: EvidenceRecord) -> Self {
        match record {
            EvidenceRecord::Witnesses(witnesses) => {
                Self::Witnesses(witnesses.into_iter().map(|witness| witness.0).collect())
            }
            EvidenceRecord::Known => Self::Known,
        }
    }
}

impl From<&CheckedRating> for RatingRecord {
    fn from(checked: &CheckedRating) -> Self {
        let Rating { deal, subject, performance, safety } = checked.signed.rating;
        let sign = Octets(checked.signed.sign.clone());
        Self { deal: Word(deal.0), subject: Account(subject), performance, safety, sign, rater: checked.rater.into() }
    }
}

impl From<RatingRecord> for CheckedRating {
    fn from(record: RatingRecord) -> Self {
        let RatingRecord { deal, subject, performance, safety, sign, rater } = record;
        let rating = Rating { deal: DealId(deal.0), subject: subject.0, performance, safety };
        Self { signed: SignedRating { rating, sign: sign.0 }, rater: rater.into() }
    }
}
