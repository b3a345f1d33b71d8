//! Logs of the hub read back by the contracts' own definitions, in the vectors' form.

use abi::Log;
use abi::contracts::Hub;
use serde_json::Value;
use std::collections::BTreeMap;

/// An event's name, and its arguments as lowercase text.
pub(crate) type Named = (String, BTreeMap<String, String>);

macro_rules! name_events {
    ($log:expr, $($event:ident { $($field:ident = $name:literal),* }),* $(,)?) => {
        $(if let Some(event) = $log.event::<Hub::$event>() {
            let fields = [$(($name.to_owned(), event.$field.to_string().to_lowercase())),*];
            return Some((stringify!($event).to_owned(), BTreeMap::from(fields)));
        })*
    };
}

/// A log of the hub by name; nothing if it is none of PoCo's.
pub(crate) fn named(log: &Log) -> Option<Named> {
    name_events!(
        log,
        AccurateContribution { worker = "worker", taskid = "taskid" },
        Approval { owner = "owner", spender = "spender", value = "value" },
        ClosedAppOrder { appHash = "appHash" },
        ClosedDatasetOrder { datasetHash = "datasetHash" },
        ClosedRequestOrder { requestHash = "requestHash" },
        ClosedWorkerpoolOrder { workerpoolHash = "workerpoolHash" },
        CreateCategory {
            catid = "catid",
            name = "name",
            description = "description",
            workClockTimeRef = "workClockTimeRef"
        },
        DealSponsored { dealId = "dealId", sponsor = "sponsor" },
        FaultyContribution { worker = "worker", taskid = "taskid" },
        Lock { owner = "owner", amount = "amount" },
        OrdersMatched {
            dealid = "dealid",
            appHash = "appHash",
            datasetHash = "datasetHash",
            workerpoolHash = "workerpoolHash",
            requestHash = "requestHash",
            volume = "volume"
        },
        Reward { owner = "owner", amount = "amount", r#ref = "ref" },
        SchedulerNotice { workerpool = "workerpool", dealid = "dealid" },
        Seize { owner = "owner", amount = "amount", r#ref = "ref" },
        SignedAppOrder { appHash = "appHash" },
        SignedDatasetOrder { datasetHash = "datasetHash" },
        SignedRequestOrder { requestHash = "requestHash" },
        SignedWorkerpoolOrder { workerpoolHash = "workerpoolHash" },
        TaskClaimed { taskid = "taskid" },
        TaskConsensus { taskid = "taskid", consensus = "consensus" },
        TaskContribute { taskid = "taskid", worker = "worker", hash = "hash" },
        TaskFinalize { taskid = "taskid", results = "results" },
        TaskInitialize { taskid = "taskid", workerpool = "workerpool" },
        TaskReopen { taskid = "taskid" },
        TaskReveal { taskid = "taskid", worker = "worker", digest = "digest" },
        Transfer { from = "from", to = "to", value = "value" },
        Unlock { owner = "owner", amount = "amount" },
    );
    None
}

/// A recorded event of the hub in the same form.
pub(crate) fn recorded(event: &Value) -> Named {
    let args = event["args"].as_object().unwrap();
    let args = args.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_lowercase())).collect();
    (event["name"].as_str().unwrap().to_owned(), args)
}
