//! Hidden audits: how one worker's word is checked at trust 1 in a public pool.
//!
//! Every statement about a trust-1 task is either *checked* (a worker of another owner does the task too) or *provisional*:
//! held, delivered as such, unpaid. A worker's first jobs are checked; after them a secret draw per task decides, which nobody
//! can foresee or notice: a check is a replica like any other. A check that passes releases what its worker stated before,
//! and nothing later, so that whoever behaves and then cheats gets nothing of it accepted. What is held for long has a check
//! forced ([`forced_from`]) on it or on something stated later: of the last third one is chosen by the secret, early enough
//! that a replica and a judge still fit. Where nobody of another owner is connected in the pool, the wait goes on until the
//! last call; then the result is accepted unchecked: better than none, and than the pool's stake lost.
//!
//! Whoever lies at any rate is found by the draw with the same probability *p* in each lie, so that about (1 − p) / p of its
//! lies are accepted before it is barred, whatever its strategy; for that checks cost about p, and the first jobs, and what is
//! forced where a worker's tasks come slowly or fill their category's time.
//!
//! **Who may settle a check, and convict whom.** Identities are free, so a newcomer's word must weigh nothing against an
//! established worker's, or a few new names could bar anybody. A worker is *proven* after so many passed checks, *seasoned*
//! after one.
//! - Two of distinct owners who agree settle a check. While proven workers are to be had one of the two must be proven; they
//!   are to be had where they are connected, free to take the task, and at least a tenth of the seasoned: a flood of new names
//!   counts for neither side of that, and in a pool's first hours, when nobody can be proven, newcomers check each other.
//! - A worker is convicted only if it is alone against two or more who agree on a success. To convict a newcomer one of them
//!   must be proven (while proven workers are to be had); to convict a proven worker, two. What is said by two is never
//!   punished, be it a minority: results that differ by machine must not bar anybody. Nor is a statement that the program
//!   failed, and none convicts.
//! - A known answer ([`Dispatch::known_answer`]) counts as one proven witness: it passes a statement at no cost, and alone
//!   convicts nobody.
//! - Newcomers begin new tasks only as fast as the proven can check them ([`Dispatch::may_begin`]): a flood of them waits.
//!
//! Whoever is convicted is barred, its held statements are void, and its owner's other workers are newcomers again.
//!
//! **After a restart** standing comes from the exchange. Held statements are classified anew: the draw is a function of secret
//! and task, so under the same secret it falls as before; a new one, where the old was lost, draws afresh for what is held.
//! The other workers of a barred worker's owner are newcomers. Until the first secret is there nothing is drawn; then all that
//! waited is.

mod checker;
mod dossier;
mod settle;
mod verdict;

use crate::open::{Open, Stand};
use crate::worker::Station;
use crate::{Bag, Dispatch};
use dossier::Dossier;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use units::{Address, B256, DealId, OrderHash, TaskId, Timestamp};

/// After so many tasks a new secret is wanted.
const TASKS_A_SECRET: u64 = 10_000;
/// Proven workers are relied on where they are at least one in this many of the seasoned.
const SEASONED_A_PROVEN: usize = 10;
/// So many checks may wait for each proven worker, and this many beside, before newcomers begin no more.
const CHECKS_A_PROVEN: usize = 4;
/// See [`CHECKS_A_PROVEN`].
const CHECKS_BESIDE: usize = 16;
/// So many proven workers are looked at to find one for a task.
const PROVEN_TRIED: usize = 64;

/// How a pool audits trust 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditTerms {
    /// So many of a worker's first jobs are checked.
    pub first: u64,
    /// After them so many in a thousand.
    pub per_mille: u64,
    /// With so many passed checks a worker is proven.
    pub proven: u64,
}

/// How much of the audits is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditLoad {
    /// Tasks whose results are delivered or released, and not final.
    pub provisional: u64,
    /// Tasks under check.
    pub checking: u64,
}

/// What the exchange knows of a worker in a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who owns it.
    pub owner: Address,
    /// Contributions to strangers' tasks that were proved.
    pub earned: u64,
    /// Checks passed.
    pub checks: u64,
    /// Whether it is barred.
    pub barred: bool,
}

/// A secret of the draw.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Secret {
    word: B256,
    /// How often it was drawn with.
    drawn: u64,
}

/// What the gate keeps for its audits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audits {
    pools: BTreeMap<Address, AuditTerms>,
    /// Oldest first; the last is in force for deals made now.
    secrets: Vec<Secret>,
    /// By which secret a deal's tasks are drawn: the one in force when it was made.
    drawn_by: BTreeMap<DealId, B256>,
    /// By pool and worker.
    dossiers: BTreeMap<(Address, Address), Dossier>,
    /// The connected workers of each pool that are proven.
    proven: BTreeMap<Address, BTreeSet<Address>>,
    /// The connected workers of each pool that have passed a check.
    seasoned: BTreeMap<Address, BTreeSet<Address>>,
    /// The tasks of each pool under check.
    checking: BTreeMap<Address, BTreeSet<TaskId>>,
    /// How many tasks of a deal are done and held.
    done: BTreeMap<DealId, u64>,
    /// And of a job.
    done_of: BTreeMap<OrderHash, u64>,
    /// Deals of which that changed.
    done_changed: BTreeSet<DealId>,
}

impl Audits {
    fn dossier(&self, pool: Address, worker: Address) -> Option<&Dossier> {
        self.dossiers.get(&(pool, worker))
    }

    fn dossier_mut(&mut self, pool: Address, worker: Address) -> &mut Dossier {
        self.dossiers.entry((pool, worker)).or_default()
    }

    fn is_proven(&self, pool: Address, worker: Address) -> bool {
        let terms = self.pools.get(&pool);
        let dossier = self.dossier(pool, worker);
        dossier.zip(terms).is_some_and(|(it, terms)| !it.barred && it.passed() >= terms.proven)
    }

    /// Whether the pool has enough proven workers to rely on them alone.
    fn relies_on_proven(&self, pool: Address) -> bool {
        let count = |of: &BTreeMap<Address, BTreeSet<Address>>| of.get(&pool).map_or(0, BTreeSet::len);
        let proven = count(&self.proven);
        proven > 0 && proven.saturating_mul(SEASONED_A_PROVEN) >= count(&self.seasoned)
    }

    /// Notes a statement as unsettled; its place among its worker's. `place` is what is known of that from before a restart.
    fn hold(&mut self, pool: Address, worker: Address, task: TaskId, place: Option<u64>) -> u64 {
        let dossier = self.dossier_mut(pool, worker);
        let order = place.filter(|place| !dossier.held.contains_key(place)).unwrap_or(dossier.stated);
        dossier.stated = dossier.stated.max(order.saturating_add(1));
        dossier.held.insert(order, task);
        order
    }

    /// A statement is settled, or dropped.
    fn let_go(&mut self, pool: Address, worker: Address, task: TaskId, order: u64) {
        if let Some(dossier) = self.dossiers.get_mut(&(pool, worker)) {
            dossier.held.remove(&order);
            dossier.pending.remove(&task);
        }
    }

    /// A sealed statement is gone.
    fn unseal(&mut self, pool: Address, worker: Address, task: TaskId) {
        if let Some(dossier) = self.dossiers.get_mut(&(pool, worker)) {
            dossier.sealed.remove(&task);
        }
    }

    /// Whether a task of this deal is drawn for a check, by the deal's secret, else by the one in force. Nothing while there is
    /// no secret.
    fn draw(&mut self, deal: DealId, task: TaskId, per_mille: u64) -> Option<bool> {
        let bound = self.drawn_by.get(&deal);
        let place = bound.and_then(|word| self.secrets.iter().position(|secret| secret.word == *word));
        let place = place.or_else(|| self.secrets.len().checked_sub(1))?;
        let secret = self.secrets.get_mut(place)?;
        secret.drawn = secret.drawn.saturating_add(1);
        Some(audit_draw(secret.word, task, per_mille))
    }

    /// A task of this deal is done and held, or not any more.
    fn count_done(&mut self, request: OrderHash, deal: DealId, more: bool) {
        let step = |count: u64| if more { count.saturating_add(1) } else { count.saturating_sub(1) };
        let of_deal = step(self.done.remove(&deal).unwrap_or_default());
        let of_job = step(self.done_of.remove(&request).unwrap_or_default());
        if of_deal > 0 {
            self.done.insert(deal, of_deal);
        }
        if of_job > 0 {
            self.done_of.insert(request, of_job);
        }
        self.done_changed.insert(deal);
    }

    /// A number nobody outside can foresee, for choosing among a worker's statements.
    fn lot(&self, task: TaskId) -> B256 {
        let secret = self.secrets.last().map(|secret| secret.word).unwrap_or_default();
        orders::ids::audit_lot(secret, task)
    }
}

/// Whether the secret draw says that a task is to be checked: the first 8 bytes of [`orders::ids::audit_lot`], read as a
/// big-endian number, are below `per_mille` thousandths of 2⁶⁴.
#[must_use]
pub fn audit_draw(secret: B256, task: TaskId, per_mille: u64) -> bool {
    let lot = orders::ids::audit_lot(secret, task);
    let (head, _) = lot.split_at(8);
    let head = u64::from_be_bytes(head.try_into().expect("eight bytes are eight bytes"));
    u128::from(head).saturating_mul(1_000) < u128::from(per_mille) << 64_u32
}

impl Dispatch {
    /// The pool audits trust 1, and weighs its workers by what they earned from strangers.
    pub fn audit_pool(&mut self, pool: Address, terms: AuditTerms) {
        self.audits.pools.insert(pool, terms);
    }

    /// What the exchange knows of a worker in a pool; when a worker's standing starts anew too.
    pub fn set_standing(&mut self, pool: Address, worker: Address, standing: Standing) {
        let Standing { owner, earned, checks, barred } = standing;
        let dossier = self.audits.dossier_mut(pool, worker);
        let before = (dossier.owner, dossier.checks, dossier.barred);
        (dossier.owner, dossier.earned, dossier.checks, dossier.barred) = (Some(owner), earned, checks, barred);
        dossier.since = dossier.since.min(checks);
        if before != (Some(owner), checks, barred) {
            if barred {
                self.renew_siblings(pool, worker, owner);
            }
            self.rank(worker);
        }
        self.appraise(worker, true);
    }

    /// A secret for the draw: of the deals made from now on, and of `deals`, which were made under it before a restart.
    pub fn audit_secret(
        &mut self,
        at: Timestamp,
        secret: B256,
        deals: impl IntoIterator<Item = DealId>,
        decisions: &mut Vec<crate::Decision>,
    ) {
        let audits = &mut self.audits;
        audits.secrets.push(Secret { word: secret, drawn: 0 });
        audits.drawn_by.extend(deals.into_iter().map(|deal| (deal, secret)));
        let undrawn = |open: &Open| open.audit.stand == Stand::Provisional && !open.audit.drawn;
        let waiting: Vec<TaskId> = self.open.iter().filter(|(_, open)| undrawn(open)).map(|(task, _)| *task).collect();
        for task in waiting {
            let open = self.open.get_mut(&task).expect("the task is open");
            open.audit.lead = None;
            self.examine(at, task, decisions);
        }
    }

    /// Whether a secret is wanted: the first one, or the next because many tasks were drawn with it.
    #[must_use]
    pub fn wants_audit_secret(&self) -> bool {
        let spent = |secret: &Secret| secret.drawn >= TASKS_A_SECRET;
        !self.private && !self.audits.pools.is_empty() && self.audits.secrets.last().is_none_or(spent)
    }

    /// Whether the secret in force was ever drawn with.
    #[must_use]
    pub fn drew(&self) -> bool {
        self.audits.secrets.last().is_some_and(|secret| secret.drawn > 0)
    }

    /// A secret was shown: nothing is drawn with it any more.
    pub fn retire_secret(&mut self, secret: B256) {
        self.audits.secrets.retain(|it| it.word != secret);
        self.audits.drawn_by.retain(|_, it| *it != secret);
    }

    /// The result of an open task is known from an equal task that two owners proved: its digest.
    pub fn known_answer(&mut self, task: TaskId, digest: B256) {
        if let Some(open) = self.open.get_mut(&task) {
            open.audit.known = Some(digest);
        }
    }

    /// What a worker is known to have stated so far is from before a restart, in an order that is not known.
    pub(crate) fn note_restored(&mut self, deal: DealId, worker: Address) {
        let Some(bag) = self.bags.get(&deal).filter(|bag| self.audits_of(bag).is_some()) else { return };
        let dossier = self.audits.dossier_mut(bag.terms.pool, worker);
        dossier.restored = dossier.stated;
    }

    /// A deal was made: its tasks are drawn by the secret in force.
    pub(crate) fn bind_secret(&mut self, deal: DealId) {
        let direct = self.bags.get(&deal).is_some_and(|bag| self.audits_of(bag).is_some());
        if let Some(secret) = self.audits.secrets.last().filter(|_| direct) {
            self.audits.drawn_by.insert(deal, secret.word);
        }
    }

    /// A deal is done.
    pub(crate) fn unbind_secret(&mut self, deal: DealId) {
        self.audits.drawn_by.remove(&deal);
    }

    /// How many tasks of a deal have not ended but need no more work, as far as can be foreseen: their results are held.
    #[must_use]
    pub fn done(&self, deal: DealId) -> u64 {
        self.audits.done.get(&deal).copied().unwrap_or_default()
    }

    /// How many tasks of a job are so.
    #[must_use]
    pub fn done_of(&self, request: OrderHash) -> u64 {
        self.audits.done_of.get(&request).copied().unwrap_or_default()
    }

    /// How much of the audits is under way, in all pools.
    #[must_use]
    pub fn audit_load(&self) -> AuditLoad {
        let checking = self.audits.checking.values().map(BTreeSet::len).fold(0, usize::saturating_add);
        AuditLoad {
            provisional: self.audits.done.values().fold(0, |sum, done| sum.saturating_add(*done)),
            checking: crate::bag::count(checking),
        }
    }

    /// The deals of which [`Dispatch::done`] changed since this was asked last.
    pub fn done_changed(&mut self) -> BTreeSet<DealId> {
        std::mem::take(&mut self.audits.done_changed)
    }

    /// Whether a worker is barred from its pool.
    #[must_use]
    pub fn is_barred(&self, worker: Address) -> bool {
        self.workers.get(&worker).is_some_and(|it| self.barred_from(it.worker.pool, worker))
    }

    /// Whether a pool audits: then its gate weighs workers itself.
    #[must_use]
    pub fn is_audited(&self, pool: Address) -> bool {
        !self.private && self.audits.pools.contains_key(&pool)
    }

    /// Whether one worker's word is audited in this deal.
    pub(crate) fn audits_of(&self, bag: &Bag) -> Option<AuditTerms> {
        (bag.is_direct() && !self.private).then(|| self.audits.pools.get(&bag.terms.pool).copied()).flatten()
    }

    pub(crate) fn barred_from(&self, pool: Address, worker: Address) -> bool {
        self.audits.dossier(pool, worker).is_some_and(|dossier| dossier.barred)
    }

    /// What a worker earned from strangers in this pool.
    pub(crate) fn earned_in(&self, pool: Address, worker: Address) -> u64 {
        self.audits.dossier(pool, worker).map_or(0, |dossier| dossier.earned)
    }

    /// What a worker earned from strangers in all pools that audit.
    pub(crate) fn earned_here(&self, worker: Address) -> u64 {
        self.audits.pools.keys().map(|pool| self.earned_in(*pool, worker)).fold(0, u64::saturating_add)
    }

    /// Whose a worker is, where that is known.
    pub(crate) fn owner_in(&self, pool: Address, worker: Address) -> Option<Address> {
        let said = self.workers.get(&worker).map(|station| station.worker.owner);
        said.or_else(|| self.audits.dossier(pool, worker)?.owner)
    }

    /// Whether a worker may begin new tasks of trust 1: newcomers no faster than the proven can check them.
    pub(crate) fn may_begin(&self, station: &Station, bag: &Bag) -> bool {
        let pool = bag.terms.pool;
        let Some(terms) = self.audits_of(bag) else { return true };
        let passed = self.audits.dossier(pool, station.worker.address).map_or(0, Dossier::passed);
        if passed >= terms.first || !self.audits.relies_on_proven(pool) {
            return true;
        }
        let count = |of: &BTreeMap<Address, BTreeSet<_>>| of.get(&pool).map_or(0, BTreeSet::len);
        let most = count(&self.audits.proven).saturating_mul(CHECKS_A_PROVEN).saturating_add(CHECKS_BESIDE);
        self.audits.checking.get(&pool).map_or(0, BTreeSet::len) < most
    }

    /// Whether a worker may take part in an open task, as far as the gate cares: what is under check is for the proven,
    /// while they are to be had.
    pub(crate) fn may_check(&self, station: &Station, open: &Open) -> bool {
        let (pool, worker) = (station.worker.pool, station.worker.address);
        if self.barred_from(pool, worker) {
            return false;
        }
        let under_check = open.audit.stand == Stand::Checked;
        !under_check || self.audits.is_proven(pool, worker) || !self.proven_to_be_had(open)
    }

    /// Whether a proven worker is connected that could take part in the task, in a pool that relies on them.
    pub(crate) fn proven_to_be_had(&self, open: &Open) -> bool {
        let Some(bag) = self.bags.get(&open.deal) else { return false };
        let terms = &bag.terms;
        if !self.audits.relies_on_proven(terms.pool) {
            return false;
        }
        let proven = self.audits.proven.get(&terms.pool).into_iter().flatten().take(PROVEN_TRIED);
        proven.filter_map(|worker| self.workers.get(worker)).any(|station| {
            station.accepts(terms.category, self.pays(terms, Some(open)))
                && !self.jobs.get(&open.job).is_some_and(|job| job.blame.is_out(station.worker.address))
                && !open.touched.contains(&station.worker.address)
                && self.is_stranger_to(station, open)
        })
    }

    /// What a joining worker is said to have, where the gate does not know it already.
    pub(crate) fn note_joined(&mut self, address: Address) {
        let Some(station) = self.workers.get(&address) else { return };
        let worker = &station.worker;
        let dossier = self.audits.dossiers.entry((worker.pool, address)).or_default();
        dossier.owner = Some(worker.owner);
        dossier.earned = dossier.earned.max(worker.earned);
        dossier.checks = dossier.checks.max(worker.checks);
        dossier.barred |= worker.barred;
        self.rank(address);
    }

    /// Puts a worker among the proven and seasoned of its pool, or takes it from there.
    pub(crate) fn rank(&mut self, address: Address) {
        for ranks in [&mut self.audits.proven, &mut self.audits.seasoned] {
            for members in ranks.values_mut() {
                members.remove(&address);
            }
        }
        let Some(station) = self.workers.get(&address).filter(|station| station.connected) else { return };
        let pool = station.worker.pool;
        if self.audits.is_proven(pool, address) {
            self.audits.proven.entry(pool).or_default().insert(address);
        }
        if self.audits.dossier(pool, address).is_some_and(|it| !it.barred && it.passed() > 0) {
            self.audits.seasoned.entry(pool).or_default().insert(address);
        }
        self.stir_waiting(pool);
    }

    /// An owner's workers other than `barred` are newcomers again.
    fn renew_siblings(&mut self, pool: Address, barred: Address, owner: Address) {
        let mut siblings = Vec::new();
        for ((of, worker), dossier) in &mut self.audits.dossiers {
            if *of == pool && *worker != barred && dossier.owner == Some(owner) {
                dossier.since = dossier.checks;
                siblings.push(*worker);
            }
        }
        for worker in siblings {
            self.rank(worker);
        }
    }

    /// Whether an audited task needs no further worker now; `None` for a task that is not audited.
    pub(crate) fn audit_foresees(&self, open: &Open, bag: &Bag) -> Option<bool> {
        self.audits_of(bag)?;
        let running = !open.leases.is_empty() || open.unplaced().next().is_some();
        Some(match open.audit.stand {
            Stand::Unstated => running && !open.said.iter().any(|it| it.failed) || self.has_through(open),
            Stand::Checked => running,
            Stand::Provisional | Stand::Released { .. } => true,
        })
    }

    /// Some of the proven workers of a pool.
    pub(crate) fn some_proven(&self, pool: Address) -> impl Iterator<Item = &Address> {
        self.audits.proven.get(&pool).into_iter().flatten().take(PROVEN_TRIED)
    }

    fn has_through(&self, open: &Open) -> bool {
        open.said.iter().any(|statement| statement.let_through)
    }
}

/// From when on a check is forced on what is held: a replica and a judge, each as long as the category's time, still fit
/// before the last call, with a quarter of that time to spare.
pub(crate) fn forced_from(bag: &Bag) -> Timestamp {
    let quarter = bag.terms.time.checked_div(4).unwrap_or(Duration::ZERO);
    let needed = bag.terms.time.saturating_mul(2).saturating_add(quarter);
    crate::gate::last_call(bag).saturating_sub(needed)
}
