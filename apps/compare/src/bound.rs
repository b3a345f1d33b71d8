//! How near is near enough.

use crate::Answer;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A bound with a band of doubt: `40` decides everything at 40; `30..40` leaves open what lies between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    lower: f64,
    upper: f64,
}

/// A text that is no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadBound(String);

impl fmt::Display for BadBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no bound: write 40, or 30..40 with a band between that decides nothing", self.0)
    }
}

impl Error for BadBound {}

impl FromStr for Bound {
    type Err = BadBound;

    fn from_str(text: &str) -> Result<Self, BadBound> {
        let bad = || BadBound(text.to_owned());
        let number =
            |text: &str| text.trim().parse::<f64>().ok().filter(|it| it.is_finite() && *it >= 0.0).ok_or_else(bad);
        let (lower, upper) = match text.split_once("..") {
            None => (number(text)?, number(text)?),
            Some((lower, upper)) => (number(lower)?, number(upper)?),
        };
        if lower <= upper { Ok(Self { lower, upper }) } else { Err(bad()) }
    }
}

impl Bound {
    /// Of a likeness, where more is nearer.
    #[must_use]
    pub fn at_least(self, likeness: f64) -> Answer {
        if likeness >= self.upper {
            Answer::Equal
        } else if likeness < self.lower {
            Answer::Different
        } else {
            Answer::Inconclusive
        }
    }

    /// Of a distance, where less is nearer: at most `scale` times the bound, and at most 'scale' times its upper end for doubt.
    #[must_use]
    pub fn at_most(self, distance: f64, scale: f64) -> Answer {
        if distance <= self.lower * scale {
            Answer::Equal
        } else if distance <= self.upper * scale {
            Answer::Inconclusive
        } else {
            Answer::Different
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_between_decides_nothing() {
        let bound: Bound = "30..40".parse().unwrap();
        assert_eq!(
            [41.0, 40.0, 39.9, 30.0, 29.9].map(|db| bound.at_least(db).word()),
            ["equal", "equal", "inconclusive", "inconclusive", "different"]
        );
        assert_eq!(
            [30.0, 31.0, 40.0, 41.0].map(|far| bound.at_most(far, 1.0).word()),
            ["equal", "inconclusive", "inconclusive", "different"]
        );
        assert_eq!("40".parse::<Bound>().unwrap().at_least(39.999), Answer::Different);
    }

    #[test]
    fn what_is_no_bound_is_refused() {
        for bad in ["", "-1", "40..30", "NaN", "inf", "1..", "a..b"] {
            assert!(bad.parse::<Bound>().is_err(), "{bad}");
        }
    }
}
