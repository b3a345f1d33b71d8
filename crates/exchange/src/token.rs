//! The token that is deposited: a plain ERC-20, as iExec's RLC. It refuses without words.

use poco::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use units::{Address, Amount};

/// Who has how many tokens outside the hub, the hub's backing among them, and who may move whose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    supply: Amount,
    balances: BTreeMap<Address, Amount>,
    allowances: BTreeMap<Address, BTreeMap<Address, Amount>>,
}

impl Token {
    pub(crate) fn supply(&self) -> Amount {
        self.supply
    }

    pub(crate) fn balance(&self, owner: Address) -> Amount {
        self.balances.get(&owner).copied().unwrap_or_default()
    }

    pub(crate) fn allowance(&self, owner: Address, spender: Address) -> Amount {
        self.allowances.get(&owner).and_then(|spenders| spenders.get(&spender)).copied().unwrap_or_default()
    }

    pub(crate) fn mint(&mut self, to: Address, amount: Amount) -> Result<(), Refusal> {
        self.supply = self.supply.checked_add(amount).ok_or(Refusal::Overflow)?;
        self.set(to, self.balance(to).checked_add(amount).expect("a balance is no more than the supply"));
        Ok(())
    }

    pub(crate) fn burn(&mut self, from: Address, amount: Amount) -> Result<(), Refusal> {
        self.set(from, self.balance(from).checked_sub(amount).ok_or(Refusal::Silent)?);
        self.supply = self.supply.checked_sub(amount).expect("a balance is no more than the supply");
        Ok(())
    }

    pub(crate) fn transfer(&mut self, from: Address, to: Address, amount: Amount) -> Result<(), Refusal> {
        let rest = self.balance(from).checked_sub(amount).ok_or(Refusal::Silent)?;
        self.set(from, rest);
        self.set(to, self.balance(to).checked_add(amount).expect("a balance is no more than the supply"));
        Ok(())
    }

    pub(crate) fn transfer_from(
        &mut self,
        spender: Address,
        from: Address,
        to: Address,
        amount: Amount,
    ) -> Result<(), Refusal> {
        let left = self.allowance(from, spender).checked_sub(amount).ok_or(Refusal::Silent)?;
        self.transfer(from, to, amount)?;
        self.approve(from, spender, left);
        Ok(())
    }

    pub(crate) fn approve(&mut self, owner: Address, spender: Address, amount: Amount) {
        let spenders = self.allowances.entry(owner).or_default();
        if amount.is_zero() {
            spenders.remove(&spender);
        } else {
            spenders.insert(spender, amount);
        }
        if spenders.is_empty() {
            self.allowances.remove(&owner);
        }
    }

    fn set(&mut self, owner: Address, balance: Amount) {
        if balance.is_zero() {
            self.balances.remove(&owner);
        } else {
            self.balances.insert(owner, balance);
        }
    }
}
