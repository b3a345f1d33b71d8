//! Who has how much.

use super::Reference;
use units::Address;

/// What an account should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    pub(crate) free: u128,
    pub(crate) locked: u128,
}

impl Reference {
    pub(super) fn purse(&mut self, who: Address) -> &mut Purse {
        self.touched.people.insert(who);
        self.purses.entry(who).or_default()
    }

    pub(super) fn spend(&mut self, who: Address, amount: u128) -> Result<(), String> {
        let purse = self.purse(who);
        purse.free = purse.free.checked_sub(amount).ok_or_else(|| format!("{who} spent {amount} that it had not"))?;
        Ok(())
    }

    pub(super) fn lock(&mut self, who: Address, amount: u128) -> Result<(), String> {
        self.spend(who, amount)?;
        self.purse(who).locked += amount;
        Ok(())
    }

    /// Something locked is somebody else's now.
    pub(super) fn strike(&mut self, who: Address, amount: u128) -> Result<(), String> {
        let purse = self.purse(who);
        let left = purse.locked.checked_sub(amount);
        purse.locked = left.ok_or_else(|| format!("{who} lost {amount} that it had not locked"))?;
        Ok(())
    }

    pub(super) fn unlock(&mut self, who: Address, amount: u128) -> Result<(), String> {
        self.strike(who, amount)?;
        self.purse(who).free += amount;
        Ok(())
    }
}
