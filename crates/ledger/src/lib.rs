//! Accounts and the six movements of money, in the words of iExec's escrow: mint, burn, lock, unlock, seize, reward.
//!
//! The vault is an ordinary account (the hub's): locking moves money from an account to the vault and notes it as locked
//! with the account; unlocking moves it back; seizing only strikes the note, so that the money lies in the vault until a
//! reward pays it out. Hence the invariants: the free balances of all accounts, the vault's among them, add up to
//! [`Ledger::total`], and what is locked is covered by the vault's free balance, which leaves it by unlocking and rewarding
//! alone: nobody can burn, transfer or lock the vault's money as their own. Every movement is all or nothing: a
//! [`Rejection`] has changed nothing. An account without money leaves no trace, so that undoing a movement restores the ledger exactly.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{Address, Amount};

/// What an account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// At its owner's disposal.
    pub free: Amount,
    /// Promised: prices of deals, stakes. The money itself lies in the vault.
    pub locked: Amount,
}

impl Account {
    /// Whether there is nothing in it.
    fn is_empty(self) -> bool {
        self.free.is_zero() && self.locked.is_zero()
    }
}

/// Why money did not move. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The account has too little free (or, for unlock and seize, too little locked).
    #[error("{account} has {available}, {needed} needed")]
    InsufficientFunds {
        /// Whose money was too little.
        account: Address,
        /// What it has.
        available: Amount,
        /// What it would take.
        needed: Amount,
    },
    /// More money than 256 bits can count.
    #[error("the sum does not fit into 256 bits")]
    Overflow,
}

/// All accounts. Two ledgers in which everybody has the same are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    vault: Address,
    total: Amount,
    accounts: BTreeMap<Address, Account>,
}

impl Ledger {
    /// An empty ledger whose locked money will lie with `vault`.
    #[must_use]
    pub fn new(vault: Address) -> Self {
        Self { vault, total: Amount::ZERO, accounts: BTreeMap::new() }
    }

    /// What an address holds; nothing if it was never heard of.
    #[must_use]
    pub fn account(&self, address: Address) -> Account {
        self.accounts.get(&address).copied().unwrap_or_default()
    }

    /// Every account that holds something, by address; the vault is one of them.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, Account)> + '_ {
        self.accounts.iter().map(|(address, account)| (*address, *account))
    }

    /// All money there is: what was minted less what was burnt.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.total
    }

    /// Whether the invariants hold: free balances add up to the total, and the vault covers what is locked.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let mut free = Amount::ZERO;
        let mut locked = Amount::ZERO;
        for account in self.accounts.values() {
            let (Some(more_free), Some(more_locked)) =
                (free.checked_add(account.free), locked.checked_add(account.locked))
            else {
                return false;
            };
            (free, locked) = (more_free, more_locked);
        }
        free == self.total && locked <= self.account(self.vault).free
    }

    /// Makes money.
    ///
    /// # Errors
    /// [`Rejection::Overflow`] if there would be more than can be counted.
    pub fn mint(&mut self, to: Address, amount: Amount) -> Result<(), Rejection> {
        let total = self.total.checked_add(amount).ok_or(Rejection::Overflow)?;
        self.credit(to, amount);
        self.total = total;
        Ok(())
    }

    /// Destroys free money.
    ///
    /// # Errors
    /// [`Rejection::InsufficientFunds`] if the account has less free.
    pub fn burn(&mut self, from: Address, amount: Amount) -> Result<(), Rejection> {
        self.check_owned(from, amount)?;
        self.debit(from, amount)?;
        self.total = self.total.checked_sub(amount).expect("the total covers every account");
        Ok(())
    }

    /// Moves free money; to oneself it changes nothing.
    ///
    /// # Errors
    /// [`Rejection::InsufficientFunds`] if `from` has less free.
    pub fn transfer(&mut self, from: Address, to: Address, amount: Amount) -> Result<(), Rejection> {
        self.check_owned(from, amount)?;
        self.pass(from, to, amount)
    }

    /// Locks free money: it goes to the vault, noted as the account's.
    ///
    /// # Errors
    /// [`Rejection::InsufficientFunds`] if the account has less free.
    pub fn lock(&mut self, account: Address, amount: Amount) -> Result<(), Rejection> {
        let locked = self.account(account).locked.checked_add(amount).ok_or(Rejection::Overflow)?;
        self.transfer(account, self.vault, amount)?;
        self.set_locked(account, locked);
        Ok(())
    }

    /// Gives locked money back.
    ///
    /// # Errors
    /// [`Rejection::InsufficientFunds`] if the account has less locked.
    pub fn unlock(&mut self, account: Address, amount: Amount) -> Result<(), Rejection> {
        let locked = self.less_locked(account, amount)?;
        self.pass(self.vault, account, amount)?;
        self.set_locked(account, locked);
        Ok(())
    }

    /// Strikes out locked money: it stays in the vault and is nobody's until it is rewarded.
    ///
    /// # Errors
    /// [`Rejection::InsufficientFunds`] if the account has less locked.
    pub fn seize(&mut self, account: Address, amount: Amount) -> Result<(), Rejection> {
        let locked = self.less_locked(account, amount)?;
        self.set_locked(account, locked);
        Ok(())
    }

    /// Pays seized money out of the vault.
    ///
    /// # Errors
    /// [`Rejection::InsufficientFunds`] if the vault has less.
    pub fn reward(&mut self, to: Address, amount: Amount) -> Result<(), Rejection> {
        self.pass(self.vault, to, amount)
    }

    /// Makes seized money the locked money of another account, without leaving the vault.
    ///
    /// # Errors
    /// [`Rejection::Overflow`] if more were locked than can be counted.
    pub fn reward_locked(&mut self, to: Address, amount: Amount) -> Result<(), Rejection> {
        let locked = self.account(to).locked.checked_add(amount).ok_or(Rejection::Overflow)?;
        self.set_locked(to, locked);
        Ok(())
    }

    /// The vault's money is owed to others, so that it has nothing to give.
    fn check_owned(&self, from: Address, amount: Amount) -> Result<(), Rejection> {
        if from == self.vault && !amount.is_zero() {
            return Err(Rejection::InsufficientFunds { account: from, available: Amount::ZERO, needed: amount });
        }
        Ok(())
    }

    fn pass(&mut self, from: Address, to: Address, amount: Amount) -> Result<(), Rejection> {
        self.debit(from, amount)?;
        self.credit(to, amount);
        Ok(())
    }

    /// What would remain locked.
    fn less_locked(&self, account: Address, amount: Amount) -> Result<Amount, Rejection> {
        let available = self.account(account).locked;
        available.checked_sub(amount).ok_or(Rejection::InsufficientFunds { account, available, needed: amount })
    }

    fn debit(&mut self, account: Address, amount: Amount) -> Result<(), Rejection> {
        let held = self.account(account);
        let rest = Rejection::InsufficientFunds { account, available: held.free, needed: amount };
        let free = held.free.checked_sub(amount).ok_or(rest)?;
        self.set(account, Account { free, ..held });
        Ok(())
    }

    fn credit(&mut self, account: Address, amount: Amount) {
        let held = self.account(account);
        let free = held.free.checked_add(amount).expect("no account has more than the total, which fits");
        self.set(account, Account { free, ..held });
    }

    fn set_locked(&mut self, account: Address, locked: Amount) {
        let held = self.account(account);
        self.set(account, Account { locked, ..held });
    }

    fn set(&mut self, address: Address, account: Account) {
        if account.is_empty() {
            self.accounts.remove(&address);
        } else {
            self.accounts.insert(address, account);
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "tests may stop on overflow")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use units::U256;

    const VAULT: Address = Address::repeat_byte(0xee);

    fn address(index: u8) -> Address {
        if index == 0 { VAULT } else { Address::repeat_byte(index) }
    }

    #[test]
    fn what_is_locked_lies_in_the_vault_until_it_is_unlocked_or_paid_out() {
        let (alice, bob) = (address(1), address(2));
        let mut ledger = Ledger::new(VAULT);
        ledger.mint(alice, Amount::nanos(100)).unwrap();
        ledger.lock(alice, Amount::nanos(70)).unwrap();
        assert_eq!(ledger.account(alice), Account { free: Amount::nanos(30), locked: Amount::nanos(70) });
        assert_eq!(ledger.account(VAULT).free, Amount::nanos(70));
        ledger.unlock(alice, Amount::nanos(20)).unwrap();
        ledger.seize(alice, Amount::nanos(50)).unwrap();
        ledger.reward(bob, Amount::nanos(50)).unwrap();
        assert_eq!(ledger.account(alice), Account { free: Amount::nanos(50), locked: Amount::ZERO });
        assert_eq!(ledger.account(bob).free, Amount::nanos(50));
        assert_eq!(ledger.account(VAULT), Account::default());
        assert!(ledger.is_sound());
    }

    #[test]
    fn a_refusal_says_whose_money_was_too_little() {
        let mut ledger = Ledger::new(VAULT);
        ledger.mint(address(1), Amount::nanos(40)).unwrap();
        let refused = ledger.lock(address(1), Amount::nanos(41)).unwrap_err();
        let needed = Amount::nanos(41);
        assert_eq!(refused, Rejection::InsufficientFunds { account: address(1), available: Amount::nanos(40), needed });
    }

    #[test]
    fn money_cannot_be_made_beyond_what_can_be_counted() {
        let mut ledger = Ledger::new(VAULT);
        ledger.mint(address(1), Amount(U256::MAX)).unwrap();
        assert_eq!(ledger.mint(address(2), Amount::nanos(1)), Err(Rejection::Overflow));
        assert!(ledger.is_sound());
    }

    #[test]
    fn nobody_takes_the_vaults_money_for_their_own() {
        let mut ledger = Ledger::new(VAULT);
        ledger.mint(address(1), Amount::nanos(10)).unwrap();
        ledger.lock(address(1), Amount::nanos(10)).unwrap();
        let needed = Amount::nanos(1);
        let empty = Err(Rejection::InsufficientFunds { account: VAULT, available: Amount::ZERO, needed });
        assert_eq!(ledger.burn(VAULT, needed), empty);
        assert_eq!(ledger.transfer(VAULT, address(2), needed), empty);
        assert_eq!(ledger.lock(VAULT, needed), empty);
    }

    proptest! {
        #[test]
        fn money_is_conserved_and_a_refusal_changes_nothing(
            moves in proptest::collection::vec((0u8..8, 0u8..4, 0u8..4, prop_oneof![0u64..5, Just(u64::MAX)]), 0..60)
        ) {
            let mut ledger = Ledger::new(VAULT);
            let mut seized = 0u128;
            for (what, from, to, nanos) in moves {
                let before = ledger.clone();
                let (from, to, amount) = (address(from), address(to), Amount::nanos(nanos));
                let done = match what {
                    0 => ledger.mint(to, amount),
                    1 => ledger.burn(from, amount),
                    2 => ledger.transfer(from, to, amount),
                    3 => ledger.lock(from, amount),
                    4 => ledger.unlock(from, amount),
                    5 => ledger.seize(from, amount).inspect(|()| seized += u128::from(nanos)),
                    6 if seized >= u128::from(nanos) => ledger.reward(to, amount).inspect(|()| seized -= u128::from(nanos)),
                    7 if seized >= u128::from(nanos) => {
                        ledger.reward_locked(to, amount).inspect(|()| seized -= u128::from(nanos))
                    }
                    _ => Ok(()),
                };
                if done.is_err() {
                    prop_assert_eq!(&ledger, &before);
                }
                prop_assert!(ledger.is_sound());
            }
        }
    }
}
