//! Money: an integer of nano-credits.

use crate::U256;
use std::fmt;
use std::str::FromStr;

/// Nano-credits in a credit.
const NANOS_PER_CREDIT: u64 = 1_000_000_000;
/// Decimal places of a credit.
const DECIMALS: usize = 9;

/// An amount of money in nano-credits (10⁻⁹ credit), as PoCo's nRLC; 256 bits wide because PoCo's is.
///
/// On the wire it is a decimal string of nano-credits; [`Display`](fmt::Display) shows credits, and [`Amount::from_credits`] reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub U256);

/// Why a text is not an amount of credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseAmountError {
    /// Not a decimal number.
    NotANumber,
    /// More than nine digits after the point: a nano-credit is the least there is.
    TooFine,
    /// Does not fit into 256 bits.
    TooLarge,
}

impl fmt::Display for ParseAmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a decimal number of credits, such as 12 or 0.25",
            Self::TooFine => "more than nine digits after the point; the least amount is 0.000000001",
            Self::TooLarge => "too large an amount",
        })
    }
}

impl std::error::Error for ParseAmountError {}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// This many nano-credits.
    #[must_use]
    pub const fn nanos(nanos: u64) -> Self {
        Self(U256::from_limbs([nanos, 0, 0, 0]))
    }

    /// This many whole credits.
    #[must_use]
    pub fn credits(credits: u64) -> Self {
        Self(U256::from(u128::from(credits).saturating_mul(u128::from(NANOS_PER_CREDIT))))
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum, if it fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, if it is not negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The product with a count, if it fits.
    #[must_use]
    pub fn checked_mul(self, count: U256) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    /// The quotient rounded down; `None` when dividing by zero.
    #[must_use]
    pub fn checked_div(self, by: U256) -> Option<Self> {
        self.0.checked_div(by).map(Self)
    }

    /// The amount as a 64-bit number of nano-credits, if it fits.
    #[must_use]
    pub fn to_nanos(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }

    /// Reads credits with up to nine decimals: `12`, `0.25`.
    ///
    /// # Errors
    /// [`ParseAmountError`] says what is wrong with the text.
    pub fn from_credits(text: &str) -> Result<Self, ParseAmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > DECIMALS {
            return Err(ParseAmountError::TooFine);
        }
        let digits = format!("{whole}{fraction:0<DECIMALS$}");
        let plain = !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || text.ends_with('.') {
            return Err(ParseAmountError::NotANumber);
        }
        U256::from_str_radix(&digits, 10).map(Self).map_err(|_| ParseAmountError::TooLarge)
    }
}

impl fmt::Display for Amount {
    /// Credits with the decimals needed, at least two: `3.00`, `0.000000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, nanos) = self.0.div_rem(U256::from(NANOS_PER_CREDIT));
        let fraction = format!("{nanos:0>DECIMALS$}");
        let kept = fraction.trim_end_matches('0');
        f.pad(&format!("{whole}.{kept:0<2}"))
    }
}

impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = if plain { U256::from_str(&text).ok() } else { None };
        value.map(Self).ok_or_else(|| serde::de::Error::custom("an amount is a decimal string of nano-credits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_read_and_shown_to_the_nano() {
        for (text, nanos, shown) in [
            ("12", 12_000_000_000, "12.00"),
            ("0.25", 250_000_000, "0.25"),
            ("0.000000001", 1, "0.000000001"),
            ("0", 0, "0.00"),
        ] {
            let amount = Amount::from_credits(text).unwrap();
            assert_eq!(amount, Amount::nanos(nanos));
            assert_eq!(amount.to_string(), shown);
        }
    }

    #[test]
    fn text_that_is_no_amount_is_refused_with_its_reason() {
        use ParseAmountError::{NotANumber, TooFine, TooLarge};
        for (text, why) in [
            ("", NotANumber),
            (".5", NotANumber),
            ("5.", NotANumber),
            ("-1", NotANumber),
            ("1e3", NotANumber),
            ("0.0000000001", TooFine),
        ] {
            assert_eq!(Amount::from_credits(text), Err(why), "{text}");
        }
        assert_eq!(Amount::from_credits(&"9".repeat(80)), Err(TooLarge));
    }

    #[test]
    fn on_the_wire_an_amount_is_a_decimal_string_of_nanos() {
        let amount = Amount(U256::MAX);
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(json, format!("\"{}\"", U256::MAX));
        assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        for bad in ["\"\"", "\"0x10\"", "\"-1\"", "7", "\"1.5\""] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
        }
    }
}
