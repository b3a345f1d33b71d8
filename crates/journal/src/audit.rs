//! The audit: proves on anyone's machine, from the journal alone, that everything went by the rules, or names the place
//! where it did not.
//!
//! It trusts nothing that the journal says of itself: it hashes every record again, recovers every signer again (over all
//! cores), replays every entry through the rules, holds the state against every recorded digest, checks that no match
//! passed over a better offer, that nobody agreed with itself, that the books balance, makes the draws of the hidden audits
//! again whose secrets are shown, and that every receipt shown is of this very history.

mod conduct;
mod prepare;
mod priority;
mod source;
mod verdicts;

use crate::error::{Corruption, JournalError};
use crate::receipt::Receipt;
use crate::record::{Place, Record, RecordBytes};
use crate::replay::{Digests, Replayer, SetAside, Stop, Trouble, Verified};
use conduct::Conduct;
use exchange::{Entry, Event, Exchange, Genesis, Verdict};
use orders::Recovered;
use prepare::{Prepared, prepare};
use priority::Priority;
use std::collections::BTreeMap;
use std::error::Error;
use units::{Address, Amount, B256, OrderHash, TaskId};

pub use conduct::Audits;
pub use source::Source;
pub use verdicts::{Again, Heard, Verdicts};

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The record or entry is not what was written, or not what the rules accept.
    #[error("{0}")]
    Corrupt(#[from] Corruption),
    /// A signature is not by whom the journal says.
    #[error("a signature is said to be by {said:?} and is by {found:?}")]
    Signature {
        /// Whom the journal says.
        said: Recovered,
        /// Whom it is by.
        found: Recovered,
    },
    /// A transaction's bytes do not say what was carried out.
    #[error("the transaction is not what its signed bytes say")]
    Transaction,
    /// The rules panicked, and no record says that the entry was set aside.
    #[error("the rules panicked: {reason}")]
    Panicked {
        /// What they said.
        reason: String,
    },
    /// An offer was matched though a better one rested.
    #[error("{matched} was matched, though {passed_over} rested and was better")]
    PassedOver {
        /// The order that was matched.
        matched: OrderHash,
        /// The better one.
        passed_over: OrderHash,
    },
    /// A result that takes two owners was agreed on by one owner's workers alone.
    #[error("the result of task {task} was agreed on by workers of {owner} alone")]
    OneOwner {
        /// The task.
        task: TaskId,
        /// Whose the workers are.
        owner: Address,
    },
    /// A judge, asked again about the same results, says otherwise than the journal has it.
    #[error(
        "the journal has the judge say {said:?} of {worker}'s result of task {task}; asked again, it says {found:?}"
    )]
    Verdict {
        /// The task.
        task: TaskId,
        /// Whose result.
        worker: Address,
        /// What the journal has.
        said: Verdict,
        /// What the judge says.
        found: Again,
    },
    /// The accounts do not add up.
    #[error("the books do not balance")]
    Books,
    /// A receipt is not signed by this exchange's operator.
    #[error("a receipt for it is not signed by the operator {operator}")]
    ReceiptNotByOperator {
        /// The operator.
        operator: Address,
    },
    /// A receipt is of another history: this one was rewritten.
    #[error("the operator signed a receipt for {signed} and shows {shown}: history was rewritten")]
    Rewritten {
        /// The hash that the receipt has.
        signed: B256,
        /// The hash that the history has.
        shown: B256,
    },
    /// The operator signed a receipt for a record that is not shown.
    #[error("the operator signed a receipt for it and does not show it: history was cut short")]
    CutShort,
}

/// Why an audit did not pass.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Something is wrong, at this place.
    #[error("{place}: {fault}")]
    Found {
        /// Where.
        place: Place,
        /// What.
        fault: Fault,
    },
    /// There is nothing to audit.
    #[error("no record is shown")]
    Empty,
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The records could not be fetched.
    #[error("the journal could not be fetched")]
    Fetch(#[source] Box<dyn Error + Send + Sync>),
}

impl AuditError {
    fn found(place: Place, fault: impl Into<Fault>) -> Self {
        Self::Found { place, fault: fault.into() }
    }

    /// Where the journal is wrong, if that is what the error says.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Found { place, .. } | Self::Journal(JournalError::Corrupt { place, .. }) => Some(*place),
            Self::Empty | Self::Journal(_) | Self::Fetch(_) => None,
        }
    }
}

/// What an audit that passed has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the exchange started from.
    pub genesis: Genesis,
    /// The last record shown.
    pub last: Record,
    /// How many entries there are.
    pub entries: u64,
    /// How many signatures were recovered.
    pub signatures: u64,
    /// How many matches were held against the orders at rest.
    pub matches: u64,
    /// How many recorded state digests were met.
    pub digests: u64,
    /// How many receipts were held against the history.
    pub receipts: u64,
    /// How the operator kept to its own audits.
    pub audits: Audits,
    /// What judges said when they were asked again.
    pub verdicts: Verdicts,
    /// The digest of the state after the last entry that was replayed.
    pub state: B256,
    /// Credits that the operator has issued and not taken back.
    pub outstanding: Amount,
    /// Entries that the operator set aside because the rules panicked: to be asked about. All of them are recorded.
    pub set_aside: Vec<SetAside>,
    /// The first entry that is still sealed, because its tasks are not final: from there on chain, receipts and visible
    /// signatures were checked, and rules were not. None where everything was.
    pub sealed_from: Option<Place>,
}

/// Audits a journal, and holds receipts against it.
///
/// # Errors
/// [`AuditError::Found`] names the first place that is wrong.
pub fn audit(source: Source<'_>, receipts: &[Receipt]) -> Result<Report, AuditError> {
    audit_with(source, receipts, &mut |_| Again::NotAsked)
}

/// As [`audit`], and has the judges of results asked again by `ask`, which knows where results and judges are.
///
/// # Errors
/// As [`audit`].
pub fn audit_with(
    mut source: Source<'_>,
    receipts: &[Receipt],
    ask: &mut dyn FnMut(&Heard) -> Again,
) -> Result<Report, AuditError> {
    let mut set_aside = BTreeMap::new();
    loop {
        match Auditor::run(&mut source, receipts, &set_aside, ask)? {
            Outcome::Passed(report) => return Ok(*report),
            Outcome::SetAside(places) => set_aside = places,
        }
    }
}

/// How a run ended that found nothing wrong.
enum Outcome {
    Passed(Box<Report>),
    /// The journal says that entries were set aside; they have to be left out from the beginning.
    SetAside(BTreeMap<Place, String>),
}

/// Why a run ended early.
enum End {
    Wrong(AuditError),
    /// Something that has no explanation but entries that were set aside, if there are any.
    Unexplained(AuditError),
}

impl From<AuditError> for End {
    fn from(error: AuditError) -> Self {
        Self::Wrong(error)
    }
}

struct Auditor<'a> {
    receipts: BTreeMap<u64, Vec<&'a Receipt>>,
    replayer: Replayer,
    priority: Priority,
    conduct: Conduct,
    ask: &'a mut dyn FnMut(&Heard) -> Again,
    complete: bool,
    report: Report,
}

impl<'a> Auditor<'a> {
    fn run(
        source: &mut Source<'_>,
        receipts: &'a [Receipt],
        set_aside: &BTreeMap<Place, String>,
        ask: &'a mut dyn FnMut(&Heard) -> Again,
    ) -> Result<Outcome, AuditError> {
        let first = source.fetch(0)?.into_iter().next().ok_or(AuditError::Empty)?;
        let (genesis, founding) = found(first)?;
        let mut auditor = Auditor {
            receipts: by_record(receipts, &genesis)?,
            replayer: Replayer::new(Exchange::new(genesis.clone()), set_aside.clone(), Digests::Each),
            priority: Priority::default(),
            conduct: Conduct::default(),
            ask,
            complete: source.is_complete(),
            report: Report::of(genesis, founding),
        };
        auditor.check_receipts(founding)?;
        loop {
            let chunk = source.fetch(auditor.report.last.sequence + 1)?;
            if chunk.is_empty() {
                return auditor.finish().map(|report| Outcome::Passed(Box::new(report)));
            }
            for prepared in prepare(chunk, &auditor.report.genesis) {
                let end = match prepared.map_err(End::from).and_then(|prepared| auditor.take(prepared)) {
                    Ok(()) => continue,
                    Err(end) => end,
                };
                match end {
                    End::Wrong(error) => return Err(error),
                    End::Unexplained(error) if !set_aside.is_empty() => return Err(error),
                    End::Unexplained(error) => {
                        let places = source.set_aside()?;
                        return if places.is_empty() { Err(error) } else { Ok(Outcome::SetAside(places)) };
                    }
                }
            }
        }
    }

    /// Checks a record that was found to be whole by itself.
    fn take(&mut self, prepared: Prepared) -> Result<(), End> {
        let Prepared { verified, entries, signatures } = prepared;
        verified.follows(Some(self.report.last)).map_err(wrong)?;
        let record = verified.record();
        self.check_receipts(record)?;
        self.report.last = record;
        self.report.signatures += signatures;
        self.report.entries += entries.len() as u64;
        for (index, entry) in entries.iter().enumerate() {
            let place = Place::entry(record.sequence, index);
            match entry {
                Some(entry) if self.report.sealed_from.is_none() => self.replay(place, entry)?,
                None if self.complete => return Err(AuditError::found(place, Corruption::OpeningMissing).into()),
                None if self.report.sealed_from.is_none() => self.report.sealed_from = Some(place),
                Some(_) | None => {}
            }
        }
        self.note(&verified);
        if self.report.sealed_from.is_none() {
            self.replayer.finish(&verified.frame).map_err(|trouble| End::Unexplained(error_of(trouble)))?;
            self.report.digests += u64::from(verified.frame.state.is_some());
        }
        Ok(())
    }

    /// Takes down what the record says was set aside.
    fn note(&mut self, verified: &Verified) {
        for place in &verified.frame.set_aside {
            let reason = self.replayer.set_aside.get(place).cloned().unwrap_or_default();
            self.report.set_aside.push(SetAside { place: Some(*place), reason });
        }
    }

    fn replay(&mut self, place: Place, entry: &Entry) -> Result<(), End> {
        let left_out = self.replayer.set_aside.contains_key(&place);
        if !left_out {
            let checked = self.priority.check(&self.replayer.exchange, entry);
            self.report.matches += u64::from(checked.map_err(|fault| AuditError::found(place, fault))?);
        }
        let heard = verdicts::heard(&self.replayer.exchange, entry).filter(|_| !left_out);
        match self.replayer.apply(place, entry) {
            Ok(()) => {}
            Err(Stop::Refused(refusal)) => {
                return Err(End::Unexplained(AuditError::found(place, Corruption::Refused { refusal })));
            }
            Err(Stop::Panicked(reason)) => {
                return Err(End::Unexplained(AuditError::found(place, Fault::Panicked { reason })));
            }
        }
        let events = &self.replayer.events;
        let outstanding = events.iter().try_fold(self.report.outstanding, outstanding);
        self.report.outstanding = outstanding.ok_or_else(|| AuditError::found(place, Fault::Books))?;
        self.priority.follow(&self.replayer.exchange, events);
        let conduct = self.conduct.follow(&self.replayer.exchange, entry, events);
        conduct.map_err(|fault| AuditError::found(place, fault))?;
        if let Some(heard) = heard {
            let held = self.report.verdicts.hold(&heard, &mut self.ask);
            held.map_err(|fault| AuditError::found(place, fault))?;
        }
        Ok(())
    }

    fn check_receipts(&mut self, record: Record) -> Result<(), AuditError> {
        for receipt in self.receipts.remove(&record.sequence).unwrap_or_default() {
            if receipt.head != record.head {
                let fault = Fault::Rewritten { signed: receipt.head, shown: record.head };
                return Err(AuditError::found(Place::record(record.sequence), fault));
            }
            self.report.receipts += 1;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Report, AuditError> {
        if let Some(sequence) = self.receipts.into_keys().next() {
            return Err(AuditError::found(Place::record(sequence), Fault::CutShort));
        }
        let exchange = &self.replayer.exchange;
        if !books_balance(exchange, self.report.outstanding) {
            return Err(AuditError::found(Place::record(self.report.last.sequence), Fault::Books));
        }
        self.report.state = exchange.state_digest();
        self.report.audits = self.conduct.finish(exchange);
        Ok(self.report)
    }
}

/// Whether free and locked money add up, whether the token backs what is deposited, and whether there are as many
/// credits as were issued.
fn books_balance(exchange: &Exchange, outstanding: Amount) -> bool {
    let deposited = exchange.hub().ledger().total();
    let founded = exchange.genesis().world.token_supply;
    exchange.hub().ledger().is_sound()
        && exchange.token_balance(exchange.genesis().hub) >= deposited
        && founded.checked_add(outstanding) == Some(exchange.outstanding())
}

/// Credits issued and not taken back, after an event.
fn outstanding(sum: Amount, event: &Event) -> Option<Amount> {
    if let Event::Issued { amount, .. } = event {
        sum.checked_add(*amount)
    } else if let Event::Redeemed { amount, .. } = event {
        sum.checked_sub(*amount)
    } else {
        Some(sum)
    }
}

impl Report {
    fn of(genesis: Genesis, last: Record) -> Self {
        Self {
            genesis,
            last,
            entries: 0,
            signatures: 0,
            matches: 0,
            digests: 0,
            receipts: 0,
            audits: Audits::default(),
            verdicts: Verdicts::default(),
            state: B256::ZERO,
            outstanding: Amount::ZERO,
            set_aside: Vec::new(),
            sealed_from: None,
        }
    }
}

/// The genesis and its record.
fn found(first: RecordBytes) -> Result<(Genesis, Record), AuditError> {
    let verified = crate::replay::verify(first).map_err(error_of)?;
    verified.follows(None).map_err(error_of)?;
    let genesis = verified.genesis().map_err(error_of)?;
    Ok((genesis, verified.record()))
}

/// The receipts by record, each found to be the operator's.
fn by_record<'a>(receipts: &'a [Receipt], genesis: &Genesis) -> Result<BTreeMap<u64, Vec<&'a Receipt>>, AuditError> {
    let mut all: BTreeMap<u64, Vec<&Receipt>> = BTreeMap::new();
    for receipt in receipts {
        if !receipt.is_by(genesis.operator, genesis.chain_id) {
            let fault = Fault::ReceiptNotByOperator { operator: genesis.operator };
            return Err(AuditError::found(Place::record(receipt.sequence), fault));
        }
        all.entry(receipt.sequence).or_default().push(receipt);
    }
    Ok(all)
}

fn wrong(trouble: Trouble) -> End {
    End::Wrong(error_of(trouble))
}

/// Says trouble as the audit does.
fn error_of(trouble: Trouble) -> AuditError {
    match trouble {
        Trouble::Corrupt(place, what) => AuditError::found(place, what),
        Trouble::Newer(_) => AuditError::Journal(trouble.of(std::path::Path::new("the journal"))),
    }
}
