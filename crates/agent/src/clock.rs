//! The exchange's time, as told on this machine.
//!
//! Deadlines are the exchange's. A machine whose clock is wrong would miss or refuse them all, so the exchange's time is taken
//! from its answers where the two differ by more than the seconds in which HTTP tells it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use units::Timestamp;

/// A difference up to this is the coarseness of what is compared.
const COARSE_MS: u64 = 2_000;

/// A clock that never goes back between two corrections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    began_at: Timestamp,
}

impl Clock {
    pub(crate) fn system() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Instant::now(), began_at: Timestamp::default().saturating_add(now) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.began_at.saturating_add(self.began.elapsed())
    }

    /// The exchange says it is `theirs` now.
    pub(crate) fn correct(&mut self, theirs: Timestamp) {
        let ours = self.now();
        if theirs.0.abs_diff(ours.0) > COARSE_MS {
            tracing::warn!(
                theirs_ms = theirs.0,
                ours_ms = ours.0,
                "this machine's clock differs from the exchange's, which is used for deadlines"
            );
            *self = Self { began: Instant::now(), began_at: theirs };
        }
    }

    /// When a time of the exchange is on this machine's monotonic clock.
    pub(crate) fn instant(&self, at: Timestamp) -> tokio::time::Instant {
        let from_began = at.saturating_since(self.began_at);
        // A deadline of a far future need not be kept to the millisecond.
        let day = std::time::Duration::from_secs(86_400);
        let far = self.began.elapsed() + day;
        (self.began + from_began.min(far)).into()
    }
}

/// Reads an HTTP `Date` (`Sun, 06 Nov 1994 08:49:37 GMT`).
pub(crate) fn parse_date(text: &str) -> Option<Timestamp> {
    let mut words = text.split([' ', ':']).skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = words.next()?;
    let month = (1_u64..).zip(names).find_map(|(month, n)| (n == name).then_some(month))?;
    let mut numbers = words.map_while(|word| word.parse::<u64>().ok());
    let (year, hour, minute, second) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
    if !(1970..10_000).contains(&year) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years begin in March here, so that a leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(Timestamp::from_seconds(((days * 24 + hour) * 60 + minute) * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
        ] {
            assert_eq!(parse_date(text), Some(Timestamp::from_seconds(seconds)), "{text}");
        }
        for bad in ["", "Sun", "Sun, 06 Nov", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clock_is_corrected_only_where_it_is_far_off() {
        let mut clock = Clock::system();
        let near = Timestamp(clock.now().0 + 1_500);
        clock.correct(near);
        assert!(clock.now() < near);
        let far = Timestamp(clock.now().0 + 3_600_000);
        clock.correct(far);
        assert!(clock.now() >= far);
    }
}
