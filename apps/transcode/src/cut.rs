//! Where a film may be cut.

/// What a cut looks at of a sample, in the order in which samples are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it is shown, in ticks.
    pub shown: i64,
    /// Whether it can be decoded by itself.
    pub key: bool,
}

/// The first samples of pieces of at least `least` ticks each, but for the last: keyframes that no later sample is shown before, so
/// that nothing after one needs what is before it. None where no sample is a keyframe.
#[must_use]
pub fn cuts(moments: &[Moment], least: i64) -> Vec<usize> {
    let mut closed = vec![false; moments.len()];
    let mut earliest = i64::MAX;
    for (closed, moment) in closed.iter_mut().zip(moments).rev() {
        *closed = moment.key && moment.shown <= earliest;
        earliest = earliest.min(moment.shown);
    }
    // A film's first keyframe begins it, whatever is shown before.
    let Some(first) = moments.iter().position(|moment| moment.key) else { return Vec::new() };
    let mut cuts = vec![first];
    let mut last = moments.get(first).map_or(0, |moment| moment.shown);
    for (index, moment) in moments.iter().enumerate().skip(first + 1) {
        if closed.get(index) == Some(&true) && moment.shown.saturating_sub(last) >= least {
            cuts.push(index);
            last = moment.shown;
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(text: &str) -> Vec<Moment> {
        let moment = |word: &str| {
            let key = word.starts_with('k');
            Moment { shown: word.trim_start_matches('k').parse().unwrap(), key }
        };
        text.split_whitespace().map(moment).collect()
    }

    #[test]
    fn pieces_begin_at_keyframes_and_are_long_enough() {
        let film = film("k0 2 1 k3 5 4 k6 7 k8 9");
        assert_eq!(cuts(&film, 1), [0, 3, 6, 8]);
        assert_eq!(cuts(&film, 4), [0, 6]);
        assert_eq!(cuts(&film, 100), [0]);
    }

    #[test]
    fn what_is_shown_before_a_keyframe_and_decoded_after_it_stays_with_the_piece_before() {
        assert_eq!(cuts(&film("k0 2 1 k5 3 4 6 k7 8"), 1), [0, 7]);
    }

    #[test]
    fn a_film_without_a_keyframe_has_no_pieces() {
        assert_eq!(cuts(&film("0 1 2"), 1), [0_usize; 0]);
        assert_eq!(cuts(&film("0 k1 2"), 1), [1]);
    }
}
