//! Orders on their way in and out: limits, signers, JSON.

use crate::problem::{Answer, Problem};
use api::limits;
use exchange::AnyOrder;
use journal::history::OrderKind as RowKind;
use orders::{Checked, Domain, OrderKind};
use serde_json::Value;
use units::{Address, Amount, U256};

/// Checks an order's numbers against the limits and recovers its signer.
pub(crate) fn check(order: api::order::AnyOrder, domain: &Domain) -> Answer<AnyOrder> {
    let most = Amount::nanos(limits::SAFE_INTEGER);
    let (prices, volume) = match &order {
        api::order::AnyOrder::App(order) => (vec![order.order.appprice], order.order.volume),
        api::order::AnyOrder::Dataset(order) => (vec![order.order.datasetprice], order.order.volume),
        api::order::AnyOrder::Workerpool(order) => {
            in_range("category", order.order.category)?;
            in_range("trust", order.order.trust)?;
            (vec![order.order.workerpoolprice], order.order.volume)
        }
        api::order::AnyOrder::Request(order) => {
            let order = &order.order;
            in_range("category", order.category)?;
            in_range("trust", order.trust)?;
            if order.volume > U256::from(limits::JOB_TASKS) {
                let words = format!("an order may ask for {} tasks", limits::JOB_TASKS);
                return Err(Problem::bad("too_many_tasks", words));
            }
            if order.params.len() > limits::PARAMS_BYTES {
                let words = format!("params may have {} bytes", limits::PARAMS_BYTES);
                return Err(Problem::bad("params_too_long", words));
            }
            (vec![order.appmaxprice, order.datasetmaxprice, order.workerpoolmaxprice], order.volume)
        }
    };
    if prices.iter().any(|price| *price > most) {
        let words = format!("a price may be at most {} nano-credits", limits::SAFE_INTEGER);
        return Err(Problem::bad("price_overflow", words));
    }
    in_range("volume", volume)?;
    Ok(match order {
        api::order::AnyOrder::App(order) => AnyOrder::App(Checked::recover(order, domain)),
        api::order::AnyOrder::Dataset(order) => AnyOrder::Dataset(Checked::recover(order, domain)),
        api::order::AnyOrder::Workerpool(order) => AnyOrder::Workerpool(Checked::recover(order, domain)),
        api::order::AnyOrder::Request(order) => AnyOrder::Request(Checked::recover(order, domain)),
    })
}

fn in_range(what: &str, value: U256) -> Answer<()> {
    if value > U256::from(limits::SAFE_INTEGER) {
        return Err(Problem::bad("number_too_large", format!("{what} may be at most {}", limits::SAFE_INTEGER)));
    }
    Ok(())
}

/// The signed order as JSON, numbers as decimal strings.
pub(crate) fn signed_json(order: &AnyOrder) -> String {
    let text = match order {
        AnyOrder::App(order) => serde_json::to_string(&order.signed),
        AnyOrder::Dataset(order) => serde_json::to_string(&order.signed),
        AnyOrder::Workerpool(order) => serde_json::to_string(&order.signed),
        AnyOrder::Request(order) => serde_json::to_string(&order.signed),
    };
    text.expect("an order is plain JSON")
}

pub(crate) fn kind_of(kind: OrderKind) -> RowKind {
    match kind {
        OrderKind::App => RowKind::App,
        OrderKind::Dataset => RowKind::Dataset,
        OrderKind::Workerpool => RowKind::Workerpool,
        OrderKind::Request => RowKind::Request,
    }
}

/// The fields that iExec's gateway writes as numbers.
const NUMBERS: [&str; 10] = [
    "appprice",
    "datasetprice",
    "workerpoolprice",
    "appmaxprice",
    "datasetmaxprice",
    "workerpoolmaxprice",
    "volume",
    "category",
    "trust",
    "remaining",
];

/// An order's JSON as the gateway answers: its numbers as JSON numbers, its addresses with their checksum.
pub(crate) fn as_published(mut order: Value) -> Value {
    map_numbers(&mut order, |value| {
        let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
        number.map_or(value, Value::from)
    });
    for (name, value) in order.as_object_mut().into_iter().flatten() {
        let address = value.as_str().and_then(|text| text.parse::<Address>().ok());
        // What the requester wrote there may look like an address.
        if let Some(address) = address.filter(|_| name != "params") {
            *value = Value::String(address.to_checksum(None));
        }
    }
    order
}

/// An order's JSON with its numbers as decimal strings, as orders are read.
pub(crate) fn with_strings(mut order: Value) -> Value {
    map_numbers(
        &mut order,
        |value| {
            if let Value::Number(number) = &value { Value::String(number.to_string()) } else { value }
        },
    );
    order
}

fn map_numbers(order: &mut Value, change: impl Fn(Value) -> Value) {
    let Value::Object(fields) = order else { return };
    for name in NUMBERS {
        if let Some(value) = fields.get_mut(name) {
            *value = change(value.take());
        }
    }
}
