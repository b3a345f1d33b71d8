//! How sure a count makes one.

/// The chance that is left for the true share to lie above the limit.
const DOUBT: f64 = 0.001;

/// The upper 99.9 % limit of Clopper and Pearson for the share behind `found` in `of` independent trials.
pub(crate) fn upper_limit(found: u64, of: u64) -> f64 {
    if found >= of {
        return 1.0;
    }
    if found == 0 {
        return 1.0 - DOUBT.powf(1.0 / of as f64);
    }
    let (mut low, mut high) = (found as f64 / of as f64, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if at_most(found, of, middle) > DOUBT {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The chance of at most `found` in `of` trials of chance `share`: terms are summed from the largest down.
fn at_most(found: u64, of: u64, share: f64) -> f64 {
    let odds = (share / (1.0 - share)).ln();
    let mut logs = Vec::with_capacity(usize::try_from(found).unwrap_or(0) + 1);
    let mut term = of as f64 * (-share).ln_1p();
    logs.push(term);
    for step in 0..found {
        term += ((of - step) as f64 / (step + 1) as f64).ln() + odds;
        logs.push(term);
    }
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest.exp() * logs.iter().map(|log| (log - largest).exp()).sum::<f64>()
}

/// Mean of some numbers; 0 of none.
pub(crate) fn mean(of: &[f64]) -> f64 {
    if of.is_empty() { 0.0 } else { of.iter().sum::<f64>() / of.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left / right - 1.0).abs() < 1e-3
    }

    #[test]
    fn nothing_found_leaves_the_rule_of_seven() {
        assert!(near(upper_limit(0, 1_000_000), 6.907_8e-6));
    }

    #[test]
    fn limits_are_those_of_the_tables() {
        // Upper limits of a Poisson count at 99.9 %: 1 → 9.233, 10 → 24.13.
        assert!(near(upper_limit(1, 100_000_000) * 1e8, 9.233_4));
        assert!(near(upper_limit(10, 100_000_000) * 1e8, 24.134));
        assert!((upper_limit(3, 3) - 1.0).abs() < f64::EPSILON);
    }
}
