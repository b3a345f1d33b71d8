//! How other rooms' types are kept in a snapshot.

use orders::{Checked, Recovered, Signed};
use serde::{Deserialize, Serialize};
use units::{Address, OrderHash};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Recovered")]
pub(crate) enum RecoveredDef {
    By(Address),
    Nobody,
    Misshapen,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Checked")]
pub(crate) struct CheckedDef<O> {
    signed: Signed<O>,
    hash: OrderHash,
    #[serde(with = "RecoveredDef")]
    signer: Recovered,
}
