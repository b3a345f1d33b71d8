//! What entries about workers' conduct look like: enlisting, checks, ratings.

use super::signed::SignerRecord;
use super::values::{Account, Octets, Word};
use exchange::Evidence;
use minicbor::{Decode, Encode};
use orders::{CheckedRating, Rating, SignedRating};
use units::DealId;

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
