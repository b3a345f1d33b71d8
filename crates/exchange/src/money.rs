//! Money in and out of the hub: tokens deposited and withdrawn, credits issued and redeemed.

use crate::{Event, Exchange};
use abi::Erc20;
use poco::Refusal;
use units::{Address, Amount};

impl Exchange {
    /// Moves the sender's tokens to the hub and credits each target, all or none.
    pub(crate) fn deposit(
        &mut self,
        from: Address,
        deposits: &[(Amount, Address)],
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let hub = self.genesis.hub;
        let total = deposits
            .iter()
            .try_fold(Amount::ZERO, |total, (amount, _)| total.checked_add(*amount))
            .ok_or(Refusal::Silent)?;
        if deposits.iter().any(|(_, target)| target.is_zero()) {
            return Err(Refusal::TransferToNobody);
        }
        self.token.transfer_from(hub, from, hub, total)?;
        for (amount, target) in deposits {
            events.push(Event::TokenTransfer { from, to: hub, value: *amount });
            let credited = self.in_hub(events, |hub, _, told| hub.deposit(*target, *amount, told));
            credited.expect("the hub holds no more than there are tokens");
        }
        Ok(())
    }

    /// Takes free money out of the hub as tokens of `target`.
    pub(crate) fn withdraw(
        &mut self,
        from: Address,
        target: Address,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let hub = self.genesis.hub;
        self.in_hub(events, |hub, _, told| hub.withdraw(from, amount, told))?;
        self.token.transfer(hub, target, amount).expect("the hub's tokens back everything in it");
        events.push(Event::TokenTransfer { from: hub, to: target, value: amount });
        Ok(())
    }

    /// The operator issues credits: tokens that back free money in the hub.
    pub(crate) fn issue(
        &mut self,
        by: Address,
        to: Address,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_operator(by)?;
        if to.is_zero() {
            return Err(Refusal::TransferToNobody);
        }
        let hub = self.genesis.hub;
        self.token.mint(hub, amount)?;
        events.push(Event::TokenTransfer { from: Address::ZERO, to: hub, value: amount });
        let credited = self.in_hub(events, |hub, _, told| hub.deposit(to, amount, told));
        credited.expect("the hub holds no more than there are tokens");
        events.push(Event::Issued { to, amount });
        Ok(())
    }

    /// The operator takes free money back that it has paid out elsewhere.
    pub(crate) fn redeem(
        &mut self,
        by: Address,
        from: Address,
        amount: Amount,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_operator(by)?;
        // The hub's own balance is what others have locked.
        let available = if from == self.genesis.hub { Amount::ZERO } else { self.hub.account(from).free };
        if available < amount {
            return Err(Refusal::TransferExceedsBalance { account: from, available, needed: amount });
        }
        let hub = self.genesis.hub;
        self.in_hub(events, |hub, _, told| hub.withdraw(from, amount, told))?;
        self.token.burn(hub, amount).expect("the hub's tokens back everything in it");
        events.push(Event::TokenTransfer { from: hub, to: Address::ZERO, value: amount });
        events.push(Event::Redeemed { from, amount });
        Ok(())
    }

    /// The hub's balances as an ERC-20.
    pub(crate) fn hub_token(&mut self, from: Address, asked: Erc20, events: &mut Vec<Event>) -> Result<(), Refusal> {
        match asked {
            Erc20::Transfer { to, amount } => self.in_hub(events, |hub, _, told| hub.transfer(from, to, amount, told)),
            Erc20::TransferFrom { from: owner, to, amount } => {
                self.in_hub(events, |hub, _, told| hub.transfer_from(from, owner, to, amount, told))
            }
            Erc20::Approve { spender, amount } => {
                self.in_hub(events, |hub, _, told| hub.approve(from, spender, amount, told))
            }
            Erc20::IncreaseAllowance { spender, amount } => {
                let allowed = self.hub.allowance(from, spender).checked_add(amount).ok_or(Refusal::Overflow)?;
                self.in_hub(events, |hub, _, told| hub.approve(from, spender, allowed, told))
            }
            Erc20::DecreaseAllowance { spender, amount } => {
                let allowed = self.hub.allowance(from, spender).checked_sub(amount).ok_or(Refusal::Overflow)?;
                self.in_hub(events, |hub, _, told| hub.approve(from, spender, allowed, told))
            }
            // Nobody here takes approvals of the hub's own balances by being called.
            Erc20::ApproveAndCall { .. } => Err(Refusal::Silent),
        }
    }

    /// The token, but for deposits by `approveAndCall`.
    pub(crate) fn plain_token(&mut self, from: Address, asked: &Erc20, events: &mut Vec<Event>) -> Result<(), Refusal> {
        match *asked {
            Erc20::Transfer { to, amount } => {
                self.token.transfer(from, to, amount)?;
                events.push(Event::TokenTransfer { from, to, value: amount });
            }
            Erc20::TransferFrom { from: owner, to, amount } => {
                self.token.transfer_from(from, owner, to, amount)?;
                events.push(Event::TokenTransfer { from: owner, to, value: amount });
            }
            Erc20::Approve { spender, amount } => {
                self.token.approve(from, spender, amount);
                events.push(Event::TokenApproval { owner: from, spender, value: amount });
            }
            Erc20::ApproveAndCall { .. } | Erc20::IncreaseAllowance { .. } | Erc20::DecreaseAllowance { .. } => {
                return Err(Refusal::Silent);
            }
        }
        Ok(())
    }

    fn check_operator(&self, by: Address) -> Result<(), Refusal> {
        if by == self.genesis.operator { Ok(()) } else { Err(Refusal::NotOperator) }
    }
}
