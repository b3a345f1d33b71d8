//! What can be checked of each record by itself, over all cores: hashes, form, signatures.

use super::{AuditError, Fault, error_of};
use crate::record::{Place, RecordBytes};
use crate::replay::{Verified, verify};
use abi::SignedTransaction;
use exchange::{AnyOrder, Command, Entry, Genesis, Transaction};
use orders::{Checked, CheckedBatch, CheckedRating, Domain, Order, Recovered};
use std::thread;

/// A record that is whole by itself.
pub(super) struct Prepared {
    pub(super) verified: Verified,
    /// Its entries; none where one is sealed.
    pub(super) entries: Vec<Option<Entry>>,
    /// Signatures that were recovered.
    pub(super) signatures: u64,
}

/// Checks records in parallel; the outcomes are in the records' order.
pub(super) fn prepare(records: Vec<RecordBytes>, genesis: &Genesis) -> Vec<Result<Prepared, AuditError>> {
    let domain = genesis.domain();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = records.len().div_ceil(cores).max(1);
    let mut records = records.into_iter();
    let mut shares = Vec::new();
    loop {
        let share: Vec<RecordBytes> = records.by_ref().take(share).collect();
        if share.is_empty() {
            break;
        }
        shares.push(share);
    }
    let work =
        |share: Vec<RecordBytes>| share.into_iter().map(|record| one(record, genesis, &domain)).collect::<Vec<_>>();
    thread::scope(|scope| {
        let threads: Vec<_> = shares.into_iter().map(|share| scope.spawn(|| work(share))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("checking a record does not panic")).collect()
    })
}

fn one(record: RecordBytes, genesis: &Genesis, domain: &Domain) -> Result<Prepared, AuditError> {
    let verified = verify(record).map_err(error_of)?;
    let entries = verified.entries(domain).map_err(error_of)?;
    let mut signatures = 0;
    for (index, entry) in entries.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let place = Place::entry(verified.frame.sequence, index);
        signatures +=
            check_signatures(&entry.command, genesis, domain).map_err(|fault| AuditError::found(place, fault))?;
    }
    Ok(Prepared { verified, entries, signatures })
}

/// Recovers every signer of a command again; returns how many signatures there were.
fn check_signatures(command: &Command, genesis: &Genesis, domain: &Domain) -> Result<u64, Fault> {
    match command {
        Command::Transact(transaction) => check_transaction(transaction, genesis),
        Command::PlaceOrder(order) => match order.as_ref() {
            AnyOrder::App(order) => check_order(order, domain),
            AnyOrder::Dataset(order) => check_order(order, domain),
            AnyOrder::Workerpool(order) => check_order(order, domain),
            AnyOrder::Request(order) => check_order(order, domain),
        },
        Command::Batch { batch, .. } => {
            compare(batch.signer, CheckedBatch::recover(batch.signed.clone(), domain).signer)
        }
        Command::Rate { rating } => compare(rating.rater, CheckedRating::recover(rating.signed.clone(), domain).rater),
        Command::RemoveOrder { .. }
        | Command::Match { .. }
        | Command::Authorize { .. }
        | Command::Accept { .. }
        | Command::Discard { .. }
        | Command::Initialize { .. }
        | Command::Finalize { .. }
        | Command::Reopen { .. }
        | Command::Claim { .. }
        | Command::Pay { .. }
        | Command::AuditCommit { .. }
        | Command::AuditOpen { .. }
        | Command::Check { .. }
        | Command::Know { .. }
        | Command::Judge(_)
        | Command::Halt { .. }
        | Command::Offer { .. }
        | Command::Withdraw { .. }
        | Command::Tick => Ok(0),
        // The rules themselves recover an owner's signature.
        Command::Enlist { worker, owner, .. } => Ok(u64::from(worker != owner)),
    }
}

fn check_order<O: Order + Clone>(order: &Checked<O>, domain: &Domain) -> Result<u64, Fault> {
    compare(order.signer, Checked::recover(order.signed.clone(), domain).signer)
}

fn compare(said: Recovered, found: Recovered) -> Result<u64, Fault> {
    if said == found { Ok(1) } else { Err(Fault::Signature { said, found }) }
}

/// Its other fields were read from its bytes.
fn check_transaction(transaction: &Transaction, genesis: &Genesis) -> Result<u64, Fault> {
    let sender = SignedTransaction::decode(&transaction.raw).map_err(|_| Fault::Transaction)?.recover();
    let mut count = compare(Recovered::By(transaction.from), sender)?;
    let again = Transaction { signers: Vec::new(), ..transaction.clone() }.recover(genesis);
    if again.signers.len() != transaction.signers.len() {
        return Err(Fault::Transaction);
    }
    for (said, found) in transaction.signers.iter().zip(again.signers) {
        count += compare(*said, found)?;
    }
    Ok(count)
}
