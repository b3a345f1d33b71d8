//! The four orders as PoCo defines them.

use serde::{Deserialize, Serialize};
use units::{Address, Amount, B256, Bytes, Tag, U256};

/// 256-bit integers as decimal strings, which is how iExec's SDK and gateway write them.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer};
    use units::U256;

    pub(super) fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = if plain { U256::from_str_radix(&text, 10).ok() } else { None };
        value.ok_or_else(|| serde::de::Error::custom("a number is a decimal string of at most 256 bits"))
    }
}

/// An order and its maker's signature over it: 65 bytes, or EIP-2098's 64; empty for an order signed beforehand on the exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<O> {
    /// What was signed.
    #[serde(flatten)]
    pub order: O,
    /// The signature.
    pub sign: Bytes,
}

/// An app owner's offer to let `volume` tasks run the app for `appprice` each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppOrder {
    /// The app.
    pub app: Address,
    /// Price of a task, nano-credits.
    pub appprice: Amount,
    /// How many tasks.
    #[serde(with = "decimal")]
    pub volume: U256,
    /// Capabilities the app demands.
    pub tag: Tag,
    /// Only with this dataset (or a member of this group); zero: any.
    pub datasetrestrict: Address,
    /// Only in this workerpool (or a member of this group); zero: any.
    pub workerpoolrestrict: Address,
    /// Only for this requester (or a member of this group); zero: any.
    pub requesterrestrict: Address,
    /// Makes equal offers different orders.
    pub salt: B256,
}

/// A data owner's offer to let `volume` tasks read the dataset for `datasetprice` each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetOrder {
    /// The dataset.
    pub dataset: Address,
    /// Price of a task, nano-credits.
    pub datasetprice: Amount,
    /// How many tasks.
    #[serde(with = "decimal")]
    pub volume: U256,
    /// Capabilities the dataset demands.
    pub tag: Tag,
    /// Only for this app (or a member of this group); zero: any.
    pub apprestrict: Address,
    /// Only in this workerpool (or a member of this group); zero: any.
    pub workerpoolrestrict: Address,
    /// Only for this requester (or a member of this group); zero: any.
    pub requesterrestrict: Address,
    /// Makes equal offers different orders.
    pub salt: B256,
}

/// A pool owner's offer to run `volume` tasks of a category for `workerpoolprice` each, at up to `trust`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerpoolOrder {
    /// The workerpool.
    pub workerpool: Address,
    /// Price of a task, nano-credits.
    pub workerpoolprice: Amount,
    /// How many tasks.
    #[serde(with = "decimal")]
    pub volume: U256,
    /// Capabilities the pool has.
    pub tag: Tag,
    /// The time class it sells.
    #[serde(with = "decimal")]
    pub category: U256,
    /// The most trust it sells.
    #[serde(with = "decimal")]
    pub trust: U256,
    /// Only for this app (or a member of this group); zero: any.
    pub apprestrict: Address,
    /// Only with this dataset (or a member of this group); zero: any.
    pub datasetrestrict: Address,
    /// Only for this requester (or a member of this group); zero: any.
    pub requesterrestrict: Address,
    /// Makes equal offers different orders.
    pub salt: B256,
}

/// A requester's bid for `volume` runs of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOrder {
    /// The app to run.
    pub app: Address,
    /// The most to pay the app's owner for a task, nano-credits.
    pub appmaxprice: Amount,
    /// The dataset to read; zero: none.
    pub dataset: Address,
    /// The most to pay the data's owner for a task, nano-credits.
    pub datasetmaxprice: Amount,
    /// Only in this workerpool (or a member of this group); zero: any.
    pub workerpool: Address,
    /// The most to pay the pool for a task, nano-credits.
    pub workerpoolmaxprice: Amount,
    /// Who asks, signs and pays.
    pub requester: Address,
    /// How many tasks.
    #[serde(with = "decimal")]
    pub volume: U256,
    /// Capabilities demanded.
    pub tag: Tag,
    /// The time class.
    #[serde(with = "decimal")]
    pub category: U256,
    /// How sure to be of each result.
    #[serde(with = "decimal")]
    pub trust: U256,
    /// For whom the result is.
    pub beneficiary: Address,
    /// Whom to call with the result; zero: nobody.
    pub callback: Address,
    /// What the tasks are to do: JSON with `iexec_args` and the like.
    pub params: String,
    /// Makes equal bids different orders.
    pub salt: B256,
}
