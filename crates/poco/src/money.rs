//! Shares of amounts.

use units::{Amount, U256};

/// `amount × percent ÷ 100`, rounded down; `None` where the product does not fit.
pub(crate) fn percent(amount: Amount, percent: u64) -> Option<Amount> {
    amount.checked_mul(U256::from(percent))?.checked_div(U256::from(100u64))
}
