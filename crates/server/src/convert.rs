//! The market's words and the wire's, turned into each other.

use api::limits;
use api::params::{Check, Params};
use api::worker::{Capabilities, DeclineReason, Hello, Settlement};
use exchange::ItemRejection;
use market::{Decline, Ending, Phase};
use units::{Amount, TaskId};

/// What is kept of a machine's class.
const CLASS_CHARS: usize = 128;

/// What a worker says of itself. Its score and standing are the exchange's to say.
pub(crate) fn worker(hello: &Hello) -> market::Worker {
    market::Worker {
        address: hello.worker,
        owner: hello.owner,
        pool: hello.pool,
        cores: hello.capabilities.cores,
        slots: hello.slots.min(limits::CREDIT_WINDOW),
        floors: hello.floors.clone(),
        benchmark: hello.capabilities.benchmark,
        tag: hello.capabilities.tag,
        region: hello.region.clone(),
        class: class(&hello.capabilities),
        heat: hello.heat,
        ..market::Worker::default()
    }
}

/// What class of machines a worker is of: processors and runtimes. Who does not say its processors is of a class of such.
fn class(capabilities: &Capabilities) -> String {
    let whole = format!("{} {}", capabilities.processor, capabilities.runtimes.join(" "));
    whole.chars().take(CLASS_CHARS).collect()
}

/// What a request's params wish; nothing where they cannot be read: then its tasks fail by themselves.
pub(crate) fn wishes(params: &str) -> market::Wishes {
    let params = Params::parse(params).unwrap_or_default();
    let check = match params.check() {
        None | Some(Check::Exact) => market::Check::Exact,
        Some(Check::Homogeneous) => market::Check::SameClass,
        Some(Check::Checker { .. }) => market::Check::Checker,
        Some(Check::SelfProving { .. }) => market::Check::SelfProving,
    };
    market::Wishes { region: params.region().map(str::to_owned), check }
}

pub(crate) fn held(held: api::worker::Held) -> market::Held {
    let api::worker::Held { task, deal, index, phase: how_far } = held;
    market::Held { task, deal, index, phase: phase(how_far) }
}

pub(crate) fn phase(phase: api::worker::Phase) -> Phase {
    match phase {
        api::worker::Phase::Fetch => Phase::Fetch,
        api::worker::Phase::Run => Phase::Run,
        api::worker::Phase::Committed => Phase::Stated,
        api::worker::Phase::Upload => Phase::Upload,
    }
}

pub(crate) fn decline(reason: DeclineReason) -> Decline {
    match reason {
        DeclineReason::Owner => Decline::Owner,
        DeclineReason::TooSlow => Decline::TooSlow,
        DeclineReason::Fetch | DeclineReason::Disk | DeclineReason::Memory | DeclineReason::Broken => Decline::Trouble,
        DeclineReason::Runtime | DeclineReason::Params => Decline::Unable,
    }
}

pub(crate) fn settlement(task: TaskId, ending: Ending, reward: Amount) -> Settlement {
    let ending = match ending {
        Ending::Accepted => api::worker::Ending::Accepted,
        Ending::Dissented => api::worker::Ending::Dissented,
        Ending::NotNeeded => api::worker::Ending::NotNeeded,
        Ending::Claimed => api::worker::Ending::Claimed,
    };
    Settlement { task, ending, reward }
}

/// The stable word for a statement that was not taken.
pub(crate) fn refusal_code(why: &ItemRejection) -> &'static str {
    match why {
        ItemRejection::UnknownTask => "unknown_task",
        ItemRejection::NotHosted => "not_hosted",
        ItemRejection::TooLate => "too_late",
        ItemRejection::Twice => "twice",
        ItemRejection::Barred => "barred",
        ItemRejection::NotInvited => "not_invited",
        ItemRejection::NotTrustOne => "not_trust_one",
        ItemRejection::Refused(_) => "refused",
    }
}
