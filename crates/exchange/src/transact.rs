//! Signed transactions: admitted by chain, recipient and nonce, then carried out or refused as the contracts would.

use crate::recover::{Signers, embedded};
use crate::{Event, Exchange, Rejection, Transaction};
use abi::{AssetKind as AbiKind, Call, Erc20, Managed, OrderSet, Target};
use orders::{Checked, Domain, Order, Signed};
use poco::{AssetKind, Authorization, Backing, Category, Contract, Orders, Outcome, Payer, Refusal, Scheduler, Sealed};
use units::{Address, Amount, Bytes};

/// The selector of `matchOrders`.
const MATCH_ORDERS: [u8; 4] = [0x15, 0x61, 0x94, 0xd4];

/// What a transaction is judged with beside its call.
pub(crate) struct Sender<'a> {
    pub(crate) from: Address,
    pub(crate) signers: Signers<'a>,
}

/// The orders of a call with what was recovered about them.
struct CheckedSet {
    app: Checked<orders::AppOrder>,
    dataset: Checked<orders::DatasetOrder>,
    workerpool: Checked<orders::WorkerpoolOrder>,
    request: Checked<orders::RequestOrder>,
}

fn checked<O: Order>(signed: &Signed<O>, domain: &Domain, signers: &mut Signers<'_>) -> Checked<O> {
    Checked::trust(signed.clone(), domain, signers.next())
}

impl CheckedSet {
    fn new(set: &OrderSet, domain: &Domain, signers: &mut Signers<'_>) -> Self {
        let app = checked(&set.app, domain, signers);
        let dataset = checked(&set.dataset, domain, signers);
        let workerpool = checked(&set.workerpool, domain, signers);
        let request = checked(&set.request, domain, signers);
        Self { app, dataset, workerpool, request }
    }

    fn orders(&self) -> Orders<'_> {
        Orders { app: &self.app, dataset: &self.dataset, workerpool: &self.workerpool, request: &self.request }
    }
}

impl Exchange {
    /// Admits a transaction and carries it out; what PoCo refuses moves only the nonce.
    pub(crate) fn transact(&mut self, sent: &Transaction, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let (from, nonce, hash) = (sent.from, sent.nonce, sent.hash);
        if sent.chain_id != self.genesis.chain_id {
            return Err(Rejection::WrongChain { signed: sent.chain_id, here: self.genesis.chain_id });
        }
        let expected = self.nonce(from);
        if nonce != expected {
            return Err(Rejection::WrongNonce { account: from, expected, given: nonce });
        }
        let target = self.target(sent.to).ok_or(Rejection::UnknownRecipient(sent.to))?;
        let call = Call::decode(target, &sent.input);
        let embedded = call.as_ref().map_or_else(|_| Vec::new(), |call| embedded(call, from, &self.genesis));
        if embedded.len() != sent.signers.len() {
            return Err(Rejection::SignersMissing);
        }
        self.nonces.insert(from, nonce.saturating_add(1));
        let told = events.len();
        let sender = Sender { from, signers: Signers::new(&sent.signers) };
        // Arguments that do not decode are refused without words, as Solidity's decoder does.
        let outcome = call.map_err(|_| Refusal::Silent).and_then(|call| self.carry_out(call, sender, events));
        match outcome {
            Ok(()) => events.push(Event::Done { from, nonce, hash }),
            Err(refusal) => {
                events.truncate(told);
                events.push(Event::Refused { from, nonce, hash, refusal });
            }
        }
        Ok(())
    }

    /// What an address is, as far as calls to it go.
    #[must_use]
    pub fn target(&self, address: Address) -> Option<Target> {
        let genesis = &self.genesis;
        let houses = [
            (genesis.hub, Target::Hub),
            (genesis.token, Target::Token),
            (genesis.app_registry, Target::Registry(AbiKind::App)),
            (genesis.dataset_registry, Target::Registry(AbiKind::Dataset)),
            (genesis.workerpool_registry, Target::Registry(AbiKind::Workerpool)),
        ];
        if let Some((_, target)) = houses.into_iter().find(|(house, _)| *house == address) {
            return Some(target);
        }
        if let Some(asset) = self.hub.asset(address) {
            return Some(Target::Asset(abi_kind(&asset.kind), address));
        }
        match self.hub.contract(address) {
            Some(Contract::Group { .. }) => Some(Target::Group(address)),
            Some(Contract::House | Contract::Program) | None => None,
        }
    }

    /// Carries out a call, all of it or nothing. Events of what is undone are dropped by the caller.
    fn carry_out(&mut self, call: Call, mut sender: Sender<'_>, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let from = sender.from;
        match call {
            Call::MatchOrders(set) => {
                let set = self.checked_set(&set, &mut sender.signers);
                self.match_set(&set, Payer::Requester, events)
            }
            Call::SponsorMatchOrders(set) => {
                let set = self.checked_set(&set, &mut sender.signers);
                self.match_set(&set, Payer::Sponsor(from), events)
            }
            Call::ManageAppOrder(managed) => self.manage(&managed, sender, events),
            Call::ManageDatasetOrder(managed) => self.manage(&managed, sender, events),
            Call::ManageWorkerpoolOrder(managed) => self.manage(&managed, sender, events),
            Call::ManageRequestOrder(managed) => self.manage(&managed, sender, events),
            Call::Initialize { .. }
            | Call::InitializeArray(_)
            | Call::Contribute { .. }
            | Call::ContributeAndFinalize { .. }
            | Call::Reveal { .. }
            | Call::Reopen { .. }
            | Call::Finalize { .. }
            | Call::Claim { .. }
            | Call::ClaimArray(_)
            | Call::InitializeAndClaimArray(_) => self.work(call, sender, events),
            Call::Deposit { .. }
            | Call::DepositFor { .. }
            | Call::DepositForArray(_)
            | Call::Withdraw { .. }
            | Call::WithdrawTo { .. }
            | Call::HubToken(_)
            | Call::Token(_)
            | Call::Issue { .. }
            | Call::Redeem { .. } => self.move_money(call, sender, events),
            Call::SetTeeBroker { broker } => self.hub.set_teebroker(from, broker),
            Call::CreateCategory { name, description, work_clock_seconds } => {
                let seconds = u64::try_from(work_clock_seconds).map_err(|_| Refusal::Overflow)?;
                let category = Category { name, description, seconds };
                self.in_hub(events, |hub, _, told| hub.create_category(from, category, told))
            }
            Call::CreateApp(app) => self.create_app(&app, events),
            Call::CreateDataset(dataset) => self.create_dataset(&dataset, events),
            Call::CreateWorkerpool(pool) => self.create_workerpool(&pool, events),
            Call::Registry(kind, asked) => self.transfer_asset(from, kind, &asked, events),
            Call::ChangePolicy { pool, worker_stake_ratio, scheduler_reward_ratio } => {
                let new = poco::Policy { worker_stake_ratio, scheduler_reward_ratio };
                let old = self.hub.change_policy(from, pool, new)?;
                events.push(Event::PolicyUpdate { pool, old, new });
                Ok(())
            }
            Call::CreateGroup { salt } => self.create_group(from, salt, events),
            Call::SetGroupMember { group, member, is_member } => {
                self.hub.set_member(from, group, member, is_member)?;
                events.push(Event::GroupMember { group, member, is_member });
                Ok(())
            }
            Call::OpenPool { description, worker_stake_ratio, scheduler_reward_ratio, open } => {
                let policy = poco::Policy { worker_stake_ratio, scheduler_reward_ratio };
                self.open_pool(from, &description, policy, open, events)
            }
            Call::HostPool { pool, open } => self.host_pool(from, pool, open, events),
            Call::ClosePool { pool } => self.close_pool(from, pool, events),
            Call::Invite { pool, worker, invited } => self.invite(from, pool, worker, invited, events),
            Call::LeavePool { pool, worker } => self.leave_pool(from, pool, worker, events),
            Call::BroadcastAppOrder(_)
            | Call::BroadcastDatasetOrder(_)
            | Call::BroadcastWorkerpoolOrder(_)
            | Call::BroadcastRequestOrder(_)
            | Call::SetCallbackGas { .. }
            | Call::Unknown { target: Target::Hub, .. } => Err(Refusal::UnknownFunction),
            Call::Unknown {
                target: Target::Registry(_) | Target::Token | Target::Asset(..) | Target::Group(_),
                ..
            } => Err(Refusal::Silent),
        }
    }

    /// Calls the hub and passes on what happened there.
    pub(crate) fn in_hub(
        &mut self,
        events: &mut Vec<Event>,
        act: impl FnOnce(&mut poco::Hub, units::Timestamp, &mut Vec<poco::Event>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut told = Vec::new();
        act(&mut self.hub, self.now, &mut told)?;
        self.tell(told, events);
        Ok(())
    }

    fn checked_set(&self, set: &OrderSet, signers: &mut Signers<'_>) -> CheckedSet {
        CheckedSet::new(set, &self.genesis.domain(), signers)
    }

    fn match_set(&mut self, set: &CheckedSet, payer: Payer, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let mut told = Vec::new();
        self.hub.match_orders(&set.orders(), payer, self.now, &mut told)?;
        self.tell(told.clone(), events);
        self.follow_match(&told, events);
        Ok(())
    }

    fn manage<O: Order>(
        &mut self,
        managed: &Managed<O>,
        mut sender: Sender<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        // The order's own signature does not matter here; only the operation's does.
        let domain = self.genesis.domain();
        let order = Checked::trust(managed.order.clone(), &domain, orders::Recovered::Misshapen);
        let signer = sender.signers.next();
        self.in_hub(events, |hub, _, told| hub.manage_order(sender.from, &order, managed.operation, signer, told))?;
        match managed.operation {
            orders::Operation::Sign => {}
            orders::Operation::Close => self.follow_close(order.hash, events),
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted calls by what they are about")]
    fn work(&mut self, call: Call, mut sender: Sender<'_>, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let from = sender.from;
        let mut backing = |enclave: Address| Backing {
            authorization: Authorization::Signed(sender.signers.next()),
            enclave,
            enclave_signer: sender.signers.next(),
        };
        let by = Scheduler::Sender(from);
        match call {
            Call::Initialize { deal, index } => {
                self.in_hub(events, |hub, _, told| hub.initialize(deal, index, told).map(drop))
            }
            Call::InitializeArray(places) => {
                self.in_hub(events, |hub, _, told| hub.initialize_array(&places, told).map(drop))
            }
            Call::Contribute { task, result_hash, result_seal, enclave, .. } => {
                let (sealed, backing) = (Sealed { hash: result_hash, seal: result_seal }, backing(enclave));
                self.in_hub(events, |hub, now, told| hub.contribute(task, from, sealed, backing, now, told))
            }
            Call::ContributeAndFinalize { task, digest, results, results_callback, enclave, .. } => {
                let (outcome, backing) = (Outcome { digest, results, callback: results_callback }, backing(enclave));
                self.in_hub(events, |hub, now, told| {
                    hub.contribute_and_finalize(task, from, outcome, backing, now, told)
                })
            }
            Call::Reveal { task, digest } => {
                self.in_hub(events, |hub, now, told| hub.reveal(task, from, digest, now, told))
            }
            Call::Reopen { task } => self.in_hub(events, |hub, now, told| hub.reopen(task, by, now, told)),
            Call::Finalize { task, results, results_callback } => {
                self.in_hub(events, |hub, now, told| hub.finalize(task, by, results, results_callback, now, told))
            }
            Call::Claim { task } => self.in_hub(events, |hub, now, told| hub.claim(task, now, told)),
            Call::ClaimArray(tasks) => self.in_hub(events, |hub, now, told| hub.claim_array(&tasks, now, told)),
            Call::InitializeAndClaimArray(places) => {
                self.in_hub(events, |hub, now, told| hub.initialize_and_claim_array(&places, now, told))
            }
            _ => unreachable!("only calls about tasks come here"),
        }
    }

    /// Deposits for the sender with an allowance given for it, and matches if a match comes along, all or nothing.
    pub(crate) fn approve_and_call(
        &mut self,
        spender: Address,
        amount: Amount,
        data: &Bytes,
        mut sender: Sender<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let (from, hub) = (sender.from, self.genesis.hub);
        if spender != hub {
            return Err(Refusal::Silent);
        }
        // The allowance that is given is used up by the deposit, so that none remains.
        let allowed = self.token.allowance(from, hub);
        self.token.transfer(from, hub, amount)?;
        self.token.approve(from, hub, Amount::ZERO);
        events.push(Event::TokenApproval { owner: from, spender: hub, value: amount });
        events.push(Event::TokenTransfer { from, to: hub, value: amount });
        let outcome = self.in_hub(events, |hub, _, told| hub.deposit(from, amount, told)).and_then(|()| {
            self.match_along(data, &mut sender, events).inspect_err(|_| self.undo_deposit(from, amount))
        });
        if outcome.is_err() {
            self.token.transfer(hub, from, amount).expect("what was just deposited can be given back");
            self.token.approve(from, hub, allowed);
        }
        outcome
    }

    fn undo_deposit(&mut self, from: Address, amount: Amount) {
        self.hub.withdraw(from, amount, &mut Vec::new()).expect("what was just deposited can be withdrawn");
    }

    /// The match that comes along with a deposit: the depositor's own orders only.
    fn match_along(&mut self, data: &Bytes, sender: &mut Sender<'_>, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if data.is_empty() {
            return Ok(());
        }
        let selector = *data.first_chunk().ok_or(Refusal::Silent)?;
        if selector != MATCH_ORDERS {
            return Err(Refusal::UnsupportedOperation(selector));
        }
        let Ok(Call::MatchOrders(set)) = Call::decode(Target::Hub, data) else {
            return Err(Refusal::Silent);
        };
        if set.request.order.requester != sender.from {
            return Err(Refusal::CallerIsNotTheRequester);
        }
        let set = self.checked_set(&set, &mut sender.signers);
        self.match_set(&set, Payer::Requester, events).map_err(|refusal| {
            // What was refused without words gets a word on the way up; all else passes as it is.
            if refusal == Refusal::Silent { Refusal::OperationFailed } else { refusal }
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted calls by what they are about")]
    fn move_money(&mut self, call: Call, sender: Sender<'_>, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let from = sender.from;
        match call {
            Call::Deposit { amount } => self.deposit(from, &[(amount, from)], events),
            Call::DepositFor { amount, target } => self.deposit(from, &[(amount, target)], events),
            Call::DepositForArray(deposits) => self.deposit(from, &deposits, events),
            Call::Withdraw { amount } => self.withdraw(from, from, amount, events),
            Call::WithdrawTo { amount, target } => self.withdraw(from, target, amount, events),
            Call::HubToken(asked) => self.hub_token(from, asked, events),
            Call::Token(Erc20::ApproveAndCall { spender, amount, data }) => {
                self.approve_and_call(spender, amount, &data, sender, events)
            }
            Call::Token(asked) => self.plain_token(from, &asked, events),
            Call::Issue { account, amount } => self.issue(from, account, amount, events),
            Call::Redeem { account, amount } => self.redeem(from, account, amount, events),
            _ => unreachable!("only calls about money come here"),
        }
    }
}

/// PoCo's kinds of assets in the words of the ABI.
pub(crate) fn abi_kind(kind: &AssetKind) -> AbiKind {
    match kind {
        AssetKind::App { .. } => AbiKind::App,
        AssetKind::Dataset { .. } => AbiKind::Dataset,
        AssetKind::Workerpool { .. } => AbiKind::Workerpool,
    }
}
