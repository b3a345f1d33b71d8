//! The orders of `orders` and the contracts' structs, one into the other.

use crate::contracts;
use orders::{AppOrder, DatasetOrder, RequestOrder, Signed, WorkerpoolOrder};
use units::{Amount, Tag};

impl From<contracts::AppOrder> for Signed<AppOrder> {
    fn from(from: contracts::AppOrder) -> Self {
        let order = AppOrder {
            app: from.app,
            appprice: Amount(from.appprice),
            volume: from.volume,
            tag: Tag(from.tag),
            datasetrestrict: from.datasetrestrict,
            workerpoolrestrict: from.workerpoolrestrict,
            requesterrestrict: from.requesterrestrict,
            salt: from.salt,
        };
        Self { order, sign: from.sign }
    }
}

impl From<Signed<AppOrder>> for contracts::AppOrder {
    fn from(Signed { order, sign }: Signed<AppOrder>) -> Self {
        Self {
            app: order.app,
            appprice: order.appprice.0,
            volume: order.volume,
            tag: order.tag.0,
            datasetrestrict: order.datasetrestrict,
            workerpoolrestrict: order.workerpoolrestrict,
            requesterrestrict: order.requesterrestrict,
            salt: order.salt,
            sign,
        }
    }
}

impl From<contracts::DatasetOrder> for Signed<DatasetOrder> {
    fn from(from: contracts::DatasetOrder) -> Self {
        let order = DatasetOrder {
            dataset: from.dataset,
            datasetprice: Amount(from.datasetprice),
            volume: from.volume,
            tag: Tag(from.tag),
            apprestrict: from.apprestrict,
            workerpoolrestrict: from.workerpoolrestrict,
            requesterrestrict: from.requesterrestrict,
            salt: from.salt,
        };
        Self { order, sign: from.sign }
    }
}

impl From<Signed<DatasetOrder>> for contracts::DatasetOrder {
    fn from(Signed { order, sign }: Signed<DatasetOrder>) -> Self {
        Self {
            dataset: order.dataset,
            datasetprice: order.datasetprice.0,
            volume: order.volume,
            tag: order.tag.0,
            apprestrict: order.apprestrict,
            workerpoolrestrict: order.workerpoolrestrict,
            requesterrestrict: order.requesterrestrict,
            salt: order.salt,
            sign,
        }
    }
}

impl From<contracts::WorkerpoolOrder> for Signed<WorkerpoolOrder> {
    fn from(from: contracts::WorkerpoolOrder) -> Self {
        let order = WorkerpoolOrder {
            workerpool: from.workerpool,
            workerpoolprice: Amount(from.workerpoolprice),
            volume: from.volume,
            tag: Tag(from.tag),
            category: from.category,
            trust: from.trust,
            apprestrict: from.apprestrict,
            datasetrestrict: from.datasetrestrict,
            requesterrestrict: from.requesterrestrict,
            salt: from.salt,
        };
        Self { order, sign: from.sign }
    }
}

impl From<Signed<WorkerpoolOrder>> for contracts::WorkerpoolOrder {
    fn from(Signed { order, sign }: Signed<WorkerpoolOrder>) -> Self {
        Self {
            workerpool: order.workerpool,
            workerpoolprice: order.workerpoolprice.0,
            volume: order.volume,
            tag: order.tag.0,
            category: order.category,
            trust: order.trust,
            apprestrict: order.apprestrict,
            datasetrestrict: order.datasetrestrict,
            requesterrestrict: order.requesterrestrict,
            salt: order.salt,
            sign,
        }
    }
}

impl From<contracts::RequestOrder> for Signed<RequestOrder> {
    fn from(from: contracts::RequestOrder) -> Self {
        let order = RequestOrder {
            app: from.app,
            appmaxprice: Amount(from.appmaxprice),
            dataset: from.dataset,
            datasetmaxprice: Amount(from.datasetmaxprice),
            workerpool: from.workerpool,
            workerpoolmaxprice: Amount(from.workerpoolmaxprice),
            requester: from.requester,
            volume: from.volume,
            tag: Tag(from.tag),
            category: from.category,
            trust: from.trust,
            beneficiary: from.beneficiary,
            callback: from.callback,
            params: from.params,
            salt: from.salt,
        };
        Self { order, sign: from.sign }
    }
}

impl From<Signed<RequestOrder>> for contracts::RequestOrder {
    fn from(Signed { order, sign }: Signed<RequestOrder>) -> Self {
        Self {
            app: order.app,
            appmaxprice: order.appmaxprice.0,
            dataset: order.dataset,
            datasetmaxprice: order.datasetmaxprice.0,
            workerpool: order.workerpool,
            workerpoolmaxprice: order.workerpoolmaxprice.0,
            requester: order.requester,
            volume: order.volume,
            tag: order.tag.0,
            category: order.category,
            trust: order.trust,
            beneficiary: order.beneficiary,
            callback: order.callback,
            params: order.params,
            salt: order.salt,
            sign,
        }
    }
}
