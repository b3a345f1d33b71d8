//! Movements of money with the events PoCo tells of them, and shares of amounts.

use crate::hub::Hub;
use crate::{Event, Refusal};
use ledger::Rejection;
use units::{Address, Amount, B256, TaskId, U256};

/// What makes a share of 100 percent.
const WHOLE: u64 = 100;

/// `amount × percent ÷ 100`, rounded down; `None` where the product does not fit.
pub(crate) fn percent(amount: Amount, percent: u64) -> Option<Amount> {
    ratio(amount, U256::from(percent))
}

/// The same for a ratio as wide as an amount.
pub(crate) fn ratio(amount: Amount, percent: U256) -> Option<Amount> {
    amount.checked_mul(percent)?.checked_div(U256::from(WHOLE))
}

/// `amount × part ÷ whole`, rounded down, as if there were no bound on the product. `part` is at most `whole`, and the
/// square of `whole` fits into 256 bits.
pub(crate) fn share(amount: U256, part: U256, whole: U256) -> U256 {
    let (quotient, rest) = amount.div_rem(whole);
    let shared = quotient.checked_mul(part).expect("a part is no more than the whole");
    let of_rest = rest.checked_mul(part).and_then(|product| product.checked_div(whole)).expect("a rest is small");
    shared.checked_add(of_rest).expect("a share is no more than the amount")
}

/// The ledger's refusal in PoCo's words.
fn refused(rejection: Rejection) -> Refusal {
    match rejection {
        Rejection::InsufficientFunds { account, available, needed } => {
            Refusal::TransferExceedsBalance { account, available, needed }
        }
        Rejection::Overflow => Refusal::Overflow,
    }
}

impl Hub {
    /// Deposits: makes free money.
    ///
    /// # Errors
    /// [`Refusal::TransferToNobody`], or [`Refusal::Overflow`] where the total would not fit.
    pub fn deposit(&mut self, to: Address, amount: Amount, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if to.is_zero() {
            return Err(Refusal::TransferToNobody);
        }
        self.ledger.mint(to, amount).map_err(refused)?;
        events.push(Event::Transfer { from: Address::ZERO, to, value: amount });
        Ok(())
    }

    /// Withdraws: destroys free money.
    ///
    /// # Errors
    /// [`Refusal::Silent`] if the account has less free.
    pub fn withdraw(&mut self, from: Address, amount: Amount, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.ledger.burn(from, amount).map_err(|_| Refusal::Silent)?;
        events.push(Event::Transfer { from, to: Address::ZERO, value: amount });
        Ok(())
    }

    /// Moves free money.
    ///
    /// # Errors
    /// [`Refusal::TransferExceedsBalance`]; [`Refusal::TransferFromNobody`] and [`Refusal::TransferToNobody`].
    pub fn transfer(
        &mut self,
        from: Address,
        to: Address,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        if from.is_zero() {
            return Err(Refusal::TransferFromNobody);
        }
        if to.is_zero() {
            return Err(Refusal::TransferToNobody);
        }
        self.ledger.transfer(from, to, amount).map_err(refused)?;
        events.push(Event::Transfer { from, to, value: amount });
        Ok(())
    }

    /// Moves free money that its owner allowed the spender to move.
    ///
    /// # Errors
    /// [`Refusal::Overflow`] if less is allowed; else as [`Hub::transfer`].
    pub fn transfer_from(
        &mut self,
        spender: Address,
        from: Address,
        to: Address,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let left = self.allowance(from, spender).checked_sub(amount).ok_or(Refusal::Overflow)?;
        self.transfer(from, to, amount, events)?;
        self.approve(from, spender, left, events)
    }

    /// Sets how much of the owner's free money the spender may move.
    ///
    /// # Errors
    /// [`Refusal::ApproveToNobody`].
    pub fn approve(
        &mut self,
        owner: Address,
        spender: Address,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        if spender.is_zero() {
            return Err(Refusal::ApproveToNobody);
        }
        let spenders = self.allowances.entry(owner).or_default();
        if amount.is_zero() {
            spenders.remove(&spender);
        } else {
            spenders.insert(spender, amount);
        }
        if spenders.is_empty() {
            self.allowances.remove(&owner);
        }
        events.push(Event::Approval { owner, spender, value: amount });
        Ok(())
    }

    /// Keeps back free money of an account's, as a lock that no task of PoCo's holds: for what is built around PoCo.
    ///
    /// # Errors
    /// As PoCo's lock: [`Refusal::TransferExceedsBalance`] and [`Refusal::TransferFromNobody`].
    pub fn withhold(&mut self, account: Address, amount: Amount, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.lock(account, amount, events)
    }

    /// Gives back what was kept back with [`Hub::withhold`].
    ///
    /// # Panics
    /// If less is locked: the caller knows what it kept back.
    pub fn release(&mut self, account: Address, amount: Amount, events: &mut Vec<Event>) {
        self.unlock(account, amount, events);
    }

    /// Gives somebody else what was kept back with [`Hub::withhold`], because of a task.
    ///
    /// # Panics
    /// If less is locked: the caller knows what it kept back.
    pub fn forfeit(&mut self, account: Address, amount: Amount, to: Address, task: TaskId, events: &mut Vec<Event>) {
        self.seize(account, amount, task, events);
        self.reward(to, amount, task, events);
    }

    pub(crate) fn lock(&mut self, owner: Address, amount: Amount, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if owner.is_zero() {
            return Err(Refusal::TransferFromNobody);
        }
        self.ledger.lock(owner, amount).map_err(refused)?;
        events.push(Event::Transfer { from: owner, to: self.address, value: amount });
        events.push(Event::Lock { owner, amount });
        Ok(())
    }

    /// Takes back the last [`Hub::lock`], whose events the caller drops.
    pub(crate) fn undo_lock(&mut self, owner: Address, amount: Amount) {
        self.ledger.unlock(owner, amount).expect("what was just locked can be unlocked");
    }

    pub(crate) fn unlock(&mut self, owner: Address, amount: Amount, events: &mut Vec<Event>) {
        self.ledger.unlock(owner, amount).expect("prices and stakes stay locked until their task is final");
        events.push(Event::Transfer { from: self.address, to: owner, value: amount });
        events.push(Event::Unlock { owner, amount });
    }

    pub(crate) fn seize(&mut self, owner: Address, amount: Amount, task: TaskId, events: &mut Vec<Event>) {
        self.ledger.seize(owner, amount).expect("prices and stakes stay locked until their task is final");
        events.push(Event::Seize { owner, amount, reference: task.0 });
    }

    pub(crate) fn reward(&mut self, owner: Address, amount: Amount, task: TaskId, events: &mut Vec<Event>) {
        self.ledger.reward(owner, amount).expect("no more is paid out than was seized");
        events.push(Event::Transfer { from: self.address, to: owner, value: amount });
        events.push(Event::Reward { owner, amount, reference: task.0 });
    }

    pub(crate) fn reward_locked(&mut self, owner: Address, amount: Amount, reference: B256, events: &mut Vec<Event>) {
        self.ledger.reward_locked(owner, amount).expect("no more is locked than there is");
        events.push(Event::Reward { owner, amount, reference });
        events.push(Event::Lock { owner, amount });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_largest_amount_is_exact() {
        let whole = U256::from(6u64);
        assert_eq!(share(U256::MAX, whole, whole), U256::MAX);
        assert_eq!(share(U256::from(100u64), U256::from(2u64), U256::from(3u64)), U256::from(66u64));
        assert_eq!(share(U256::from(7u64), U256::from(1u64), U256::from(4u64)), U256::from(1u64));
    }
}
