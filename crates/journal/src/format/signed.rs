//! Orders and batches with their makers' signatures, and whom these were found to be by.

use super::values::{Account, Number, Octets, Text, Word};
use exchange::AnyOrder;
use minicbor::{Decode, Encode};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, DatasetOrder, Domain, Recovered, RequestOrder, Reveal, Signed,
    WorkerBatch, WorkerpoolOrder,
};
use units::{Digest, Tag, TaskId};

/// Whom a signature is by.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) enum SignerRecord {
    #[n(0)]
    By(#[n(0)] Account),
    #[n(1)]
    Nobody,
    #[n(2)]
    Misshapen,
}

impl From<Recovered> for SignerRecord {
    fn from(signer: Recovered) -> Self {
        match signer {
            Recovered::By(address) => Self::By(Account(address)),
            Recovered::Nobody => Self::Nobody,
            Recovered::Misshapen => Self::Misshapen,
        }
    }
}

impl From<SignerRecord> for Recovered {
    fn from(signer: SignerRecord) -> Self {
        match signer {
            SignerRecord::By(account) => Self::By(account.0),
            SignerRecord::Nobody => Self::Nobody,
            SignerRecord::Misshapen => Self::Misshapen,
        }
    }
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct AppOrderRecord {
    #[n(0)]
    app: Account,
    #[n(1)]
    price: Number,
    #[n(2)]
    volume: Number,
    #[n(3)]
    tag: Word,
    #[n(4)]
    dataset_restrict: Account,
    #[n(5)]
    workerpool_restrict: Account,
    #[n(6)]
    requester_restrict: Account,
    #[n(7)]
    salt: Word,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct DatasetOrderRecord {
    #[n(0)]
    dataset: Account,
    #[n(1)]
    price: Number,
    #[n(2)]
    volume: Number,
    #[n(3)]
    tag: Word,
    #[n(4)]
    app_restrict: Account,
    #[n(5)]
    workerpool_restrict: Account,
    #[n(6)]
    requester_restrict: Account,
    #[n(7)]
    salt: Word,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct WorkerpoolOrderRecord {
    #[n(0)]
    workerpool: Account,
    #[n(1)]
    price: Number,
    #[n(2)]
    volume: Number,
    #[n(3)]
    tag: Word,
    #[n(4)]
    category: Number,
    #[n(5)]
    trust: Number,
    #[n(6)]
    app_restrict: Account,
    #[n(7)]
    dataset_restrict: Account,
    #[n(8)]
    requester_restrict: Account,
    #[n(9)]
    salt: Word,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct RequestOrderRecord {
    #[n(0)]
    app: Account,
    #[n(1)]
    app_max_price: Number,
    #[n(2)]
    dataset: Account,
    #[n(3)]
    dataset_max_price: Number,
    #[n(4)]
    workerpool: Account,
    #[n(5)]
    workerpool_max_price: Number,
    #[n(6)]
    requester: Account,
    #[n(7)]
    volume: Number,
    #[n(8)]
    tag: Word,
    #[n(9)]
    category: Number,
    #[n(10)]
    trust: Number,
    #[n(11)]
    beneficiary: Account,
    #[n(12)]
    callback: Account,
    #[n(13)]
    params: Text,
    #[n(14)]
    salt: Word,
}

/// An order of any kind, its signature, and whom that is by.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) enum OrderRecord {
    #[n(0)]
    App(#[n(0)] AppOrderRecord, #[n(1)] Octets, #[n(2)] SignerRecord),
    #[n(1)]
    Dataset(#[n(0)] DatasetOrderRecord, #[n(1)] Octets, #[n(2)] SignerRecord),
    #[n(2)]
    Workerpool(#[n(0)] WorkerpoolOrderRecord, #[n(1)] Octets, #[n(2)] SignerRecord),
    #[n(3)]
    Request(#[n(0)] RequestOrderRecord, #[n(1)] Octets, #[n(2)] SignerRecord),
}

impl From<&AppOrder> for AppOrderRecord {
    fn from(order: &AppOrder) -> Self {
        Self {
            app: Account(order.app),
            price: order.appprice.into(),
            volume: Number(order.volume),
            tag: Word(order.tag.0),
            dataset_restrict: Account(order.datasetrestrict),
            workerpool_restrict: Account(order.workerpoolrestrict),
            requester_restrict: Account(order.requesterrestrict),
            salt: Word(order.salt),
        }
    }
}

impl From<AppOrderRecord> for AppOrder {
    fn from(record: AppOrderRecord) -> Self {
        Self {
            app: record.app.0,
            appprice: record.price.into(),
            volume: record.volume.0,
            tag: Tag(record.tag.0),
            datasetrestrict: record.dataset_restrict.0,
            workerpoolrestrict: record.workerpool_restrict.0,
            requesterrestrict: record.requester_restrict.0,
            salt: record.salt.0,
        }
    }
}

impl From<&DatasetOrder> for DatasetOrderRecord {
    fn from(order: &DatasetOrder) -> Self {
        Self {
            dataset: Account(order.dataset),
            price: order.datasetprice.into(),
            volume: Number(order.volume),
            tag: Word(order.tag.0),
            app_restrict: Account(order.apprestrict),
            workerpool_restrict: Account(order.workerpoolrestrict),
            requester_restrict: Account(order.requesterrestrict),
            salt: Word(order.salt),
        }
    }
}

impl From<DatasetOrderRecord> for DatasetOrder {
    fn from(record: DatasetOrderRecord) -> Self {
        Self {
            dataset: record.dataset.0,
            datasetprice: record.price.into(),
            volume: record.volume.0,
            tag: Tag(record.tag.0),
            apprestrict: record.app_restrict.0,
            workerpoolrestrict: record.workerpool_restrict.0,
            requesterrestrict: record.requester_restrict.0,
            salt: record.salt.0,
        }
    }
}

impl From<&WorkerpoolOrder> for WorkerpoolOrderRecord {
    fn from(order: &WorkerpoolOrder) -> Self {
        Self {
            workerpool: Account(order.workerpool),
            price: order.workerpoolprice.into(),
            volume: Number(order.volume),
            tag: Word(order.tag.0),
            category: Number(order.category),
            trust: Number(order.trust),
            app_restrict: Account(order.apprestrict),
            dataset_restrict: Account(order.datasetrestrict),
            requester_restrict: Account(order.requesterrestrict),
            salt: Word(order.salt),
        }
    }
}

impl From<WorkerpoolOrderRecord> for WorkerpoolOrder {
    fn from(record: WorkerpoolOrderRecord) -> Self {
        Self {
            workerpool: record.workerpool.0,
            workerpoolprice: record.price.into(),
            volume: record.volume.0,
            tag: Tag(record.tag.0),
            category: record.category.0,
            trust: record.trust.0,
            apprestrict: record.app_restrict.0,
            datasetrestrict: record.dataset_restrict.0,
            requesterrestrict: record.requester_restrict.0,
            salt: record.salt.0,
        }
    }
}

impl From<&RequestOrder> for RequestOrderRecord {
    fn from(order: &RequestOrder) -> Self {
        Self {
            app: Account(order.app),
            app_max_price: order.appmaxprice.into(),
            dataset: Account(order.dataset),
            dataset_max_price: order.datasetmaxprice.into(),
            workerpool: Account(order.workerpool),
            workerpool_max_price: order.workerpoolmaxprice.into(),
            requester: Account(order.requester),
            volume: Number(order.volume),
            tag: Word(order.tag.0),
            category: Number(order.category),
            trust: Number(order.trust),
            beneficiary: Account(order.beneficiary),
            callback: Account(order.callback),
            params: Text(order.params.clone()),
            salt: Word(order.salt),
        }
    }
}

impl From<RequestOrderRecord> for RequestOrder {
    fn from(record: RequestOrderRecord) -> Self {
        Self {
            app: record.app.0,
            appmaxprice: record.app_max_price.into(),
            dataset: record.dataset.0,
            datasetmaxprice: record.dataset_max_price.into(),
            workerpool: record.workerpool.0,
            workerpoolmaxprice: record.workerpool_max_price.into(),
            requester: record.requester.0,
            volume: record.volume.0,
            tag: Tag(record.tag.0),
            category: record.category.0,
            trust: record.trust.0,
            beneficiary: record.beneficiary.0,
            callback: record.callback.0,
            params: record.params.0,
            salt: record.salt.0,
        }
    }
}

impl From<&AnyOrder> for OrderRecord {
    fn from(order: &AnyOrder) -> Self {
        match order {
            AnyOrder::App(checked) => {
                Self::App(checked.order().into(), Octets(checked.signed.sign.clone()), checked.signer.into())
            }
            AnyOrder::Dataset(checked) => {
                Self::Dataset(checked.order().into(), Octets(checked.signed.sign.clone()), checked.signer.into())
            }
            AnyOrder::Workerpool(checked) => {
                Self::Workerpool(checked.order().into(), Octets(checked.signed.sign.clone()), checked.signer.into())
            }
            AnyOrder::Request(checked) => {
                Self::Request(checked.order().into(), Octets(checked.signed.sign.clone()), checked.signer.into())
            }
        }
    }
}

impl OrderRecord {
    pub(super) fn into_order(self, domain: &Domain) -> AnyOrder {
        match self {
            Self::App(order, sign, signer) => {
                let signed = Signed { order: order.into(), sign: sign.0 };
                AnyOrder::App(Checked::trust(signed, domain, signer.into()))
            }
            Self::Dataset(order, sign, signer) => {
                let signed = Signed { order: order.into(), sign: sign.0 };
                AnyOrder::Dataset(Checked::trust(signed, domain, signer.into()))
            }
            Self::Workerpool(order, sign, signer) => {
                let signed = Signed { order: order.into(), sign: sign.0 };
                AnyOrder::Workerpool(Checked::trust(signed, domain, signer.into()))
            }
            Self::Request(order, sign, signer) => {
                let signed = Signed { order: order.into(), sign: sign.0 };
                AnyOrder::Request(Checked::trust(signed, domain, signer.into()))
            }
        }
    }
}

#[derive(Clone, Debug, Encode, Decode)]
struct CommitRecord {
    #[n(0)]
    task: Word,
    #[n(1)]
    result_hash: Word,
    #[n(2)]
    result_seal: Word,
    #[n(3)]
    failed: bool,
}

#[derive(Clone, Debug, Encode, Decode)]
struct CompleteRecord {
    #[n(0)]
    task: Word,
    #[n(1)]
    digest: Word,
    #[n(2)]
    failed: bool,
    #[n(3)]
    blob: Word,
    #[n(4)]
    callback: Octets,
}

#[derive(Clone, Debug, Encode, Decode)]
struct RevealRecord {
    #[n(0)]
    task: Word,
    #[n(1)]
    digest: Word,
    #[n(2)]
    blob: Word,
    #[n(3)]
    callback: Octets,
}

/// A worker's batch, its signature, and whom that is by.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct BatchRecord {
    #[n(0)]
    worker: Account,
    #[n(1)]
    sequence: u64,
    #[n(2)]
    commits: Vec<CommitRecord>,
    #[n(3)]
    completes: Vec<CompleteRecord>,
    #[n(4)]
    reveals: Vec<RevealRecord>,
    #[n(5)]
    sign: Octets,
    #[n(6)]
    signer: SignerRecord,
}

impl From<&CheckedBatch> for BatchRecord {
    fn from(checked: &CheckedBatch) -> Self {
        let batch = checked.batch();
        let commit = |item: &Commit| CommitRecord {
            task: Word(item.task.0),
            result_hash: Word(item.result_hash),
            result_seal: Word(item.result_seal),
            failed: item.failed,
        };
        let complete = |item: &Complete| CompleteRecord {
            task: Word(item.task.0),
            digest: Word(item.digest),
            failed: item.failed,
            blob: Word(item.blob.0),
            callback: Octets(item.callback.clone()),
        };
        let reveal = |item: &Reveal| RevealRecord {
            task: Word(item.task.0),
            digest: Word(item.digest),
            blob: Word(item.blob.0),
            callback: Octets(item.callback.clone()),
        };
        Self {
            worker: Account(batch.worker),
            sequence: batch.sequence,
            commits: batch.commits.iter().map(commit).collect(),
            completes: batch.completes.iter().map(complete).collect(),
            reveals: batch.reveals.iter().map(reveal).collect(),
            sign: Octets(checked.signed.sign.clone()),
            signer: checked.signer.into(),
        }
    }
}

impl BatchRecord {
    pub(super) fn into_batch(self) -> CheckedBatch {
        let commit = |item: CommitRecord| Commit {
            task: TaskId(item.task.0),
            result_hash: item.result_hash.0,
            result_seal: item.result_seal.0,
            failed: item.failed,
        };
        let complete = |item: CompleteRecord| Complete {
            task: TaskId(item.task.0),
            digest: item.digest.0,
            failed: item.failed,
            blob: Digest(item.blob.0),
            callback: item.callback.0,
        };
        let reveal = |item: RevealRecord| Reveal {
            task: TaskId(item.task.0),
            digest: item.digest.0,
            blob: Digest(item.blob.0),
            callback: item.callback.0,
        };
        let batch = WorkerBatch {
            worker: self.worker.0,
            sequence: self.sequence,
            commits: self.commits.into_iter().map(commit).collect(),
            completes: self.completes.into_iter().map(complete).collect(),
            reveals: self.reveals.into_iter().map(reveal).collect(),
        };
        CheckedBatch::trust(Signed { order: batch, sign: self.sign.0 }, self.signer.into())
    }
}
