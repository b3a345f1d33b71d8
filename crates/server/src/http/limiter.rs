//! A token bucket an address: generous to people and programs, a wall to floods.

use api::limits;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use units::Timestamp;

/// Addresses remembered; full buckets are forgotten first.
const REMEMBERED: usize = 100_000;
/// Thousandths of a request: what one request takes.
const ONE: u64 = 1_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of requests left.
    left: u64,
    at: Timestamp,
}

/// The buckets.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: Mutex<BTreeMap<IpAddr, Bucket>>,
}

impl Limiter {
    /// Takes so many requests out of the address's bucket, if they are left.
    pub(crate) fn take(&self, from: IpAddr, requests: usize, now: Timestamp) -> bool {
        let wanted = u64::try_from(requests).unwrap_or(u64::MAX).saturating_mul(ONE);
        let full = u64::from(limits::REQUEST_BURST) * ONE;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, bucket| bucket.filled(now) < full);
        }
        let bucket = buckets.entry(from).or_insert(Bucket { left: full, at: now });
        *bucket = Bucket { left: bucket.filled(now), at: now };
        let left = bucket.left.checked_sub(wanted);
        bucket.left = left.unwrap_or(bucket.left);
        left.is_some()
    }
}

impl Bucket {
    /// What is in it by now: a thousandth a millisecond for each request a second.
    fn filled(self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.saturating_since(self.at).as_millis()).unwrap_or(u64::MAX);
        let gained = millis.saturating_mul(u64::from(limits::REQUEST_RATE));
        self.left.saturating_add(gained).min(u64::from(limits::REQUEST_BURST) * ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_held_to_the_rate_and_others_are_not() {
        let (limiter, now) = (Limiter::default(), Timestamp(1_000));
        let flood = IpAddr::from([10, 0, 0, 1]);
        let taken = (0..limits::REQUEST_BURST + 10).filter(|_| limiter.take(flood, 1, now)).count();
        assert_eq!(taken, limits::REQUEST_BURST as usize);
        assert!(limiter.take(IpAddr::from([10, 0, 0, 2]), 1, now));
        let later = Timestamp(2_000);
        let taken = (0..limits::REQUEST_BURST).filter(|_| limiter.take(flood, 1, later)).count();
        assert_eq!(taken, limits::REQUEST_RATE as usize);
        let much_later = Timestamp(60_000);
        let half = limits::REQUEST_BURST as usize / 2;
        assert!(limiter.take(flood, half, much_later) && limiter.take(flood, half, much_later), "many count as many");
        assert!(!limiter.take(flood, half, much_later));
    }
}
