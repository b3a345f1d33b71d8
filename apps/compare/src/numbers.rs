//! Texts of numbers.

use crate::{Answer, Bound};

/// Compares two texts word by word. Words that are numbers in both are as good as equal where they are at most `absolute` apart, or at
/// most `relative` times the larger of the two; all other words, and what separates words, must be the same. No number equals
/// infinity but itself; what is not a number equals only what is not.
#[must_use]
pub fn numbers(one: &[u8], other: &[u8], absolute: Bound, relative: Bound) -> Answer {
    let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other)) else {
        return if one == other { Answer::Equal } else { Answer::Different };
    };
    let (mut ones, mut others) = (words(one), words(other));
    let mut worst = Answer::Equal;
    loop {
        let answer = match (ones.next(), others.next()) {
            (None, None) => return worst,
            (Some(one), Some(other)) => word(one, other, absolute, relative),
            (Some(_), None) | (None, Some(_)) => Answer::Different,
        };
        worst = worst.max(answer);
        if worst == Answer::Different {
            return worst;
        }
    }
}

fn word(one: &str, other: &str, absolute: Bound, relative: Bound) -> Answer {
    if one == other {
        return Answer::Equal;
    }
    let (Some(one), Some(other)) = (number(one), number(other)) else { return Answer::Different };
    if one.is_nan() && other.is_nan() || one == other {
        return Answer::Equal;
    }
    let far = (one - other).abs();
    if !far.is_finite() {
        return Answer::Different;
    }
    absolute.at_most(far, 1.0).min(relative.at_most(far, one.abs().max(other.abs())))
}

/// A word that begins as a number does: `infinity` and `nan` are numbers, `inflation` is not.
fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// The words of a text and what separates them, in turn: commas, semicolons, brackets, quotes, equals signs and colons are no part of a
/// number, and runs of white space are one separator.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_end();
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let kind = kind(first);
        let end = match kind {
            Kind::Mark => first.len_utf8(),
            Kind::Space | Kind::Word => rest.find(|it| self::kind(it) != kind).unwrap_or(rest.len()),
        };
        let (word, left) = rest.split_at(end);
        rest = left;
        Some(if kind == Kind::Space { if word.contains('\n') { "\n" } else { " " } } else { word })
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Mark,
    Word,
}

fn kind(letter: char) -> Kind {
    match letter {
        ',' | ';' | ':' | '=' | '"' | '\'' | '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>' | '/' | '|' => Kind::Mark,
        space if space.is_whitespace() => Kind::Space,
        _ => Kind::Word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(one: &str, other: &str) -> Answer {
        let none = "0".parse().unwrap();
        let answer = numbers(one.as_bytes(), other.as_bytes(), none, "1e-6..1e-3".parse().unwrap());
        let back = numbers(other.as_bytes(), one.as_bytes(), none, "1e-6..1e-3".parse().unwrap());
        assert_eq!(answer, back, "whichever comes first");
        answer
    }

    #[test]
    fn numbers_within_the_bound_are_as_good_as_equal_and_words_must_be_the_same() {
        assert_eq!(compare("energy = -1.0000000 eV", "energy = -1.0000001 eV"), Answer::Equal);
        assert_eq!(compare("energy = -1.0000 eV", "energy = -1.0001 eV"), Answer::Inconclusive);
        assert_eq!(compare("energy = -1.0 eV", "energy = -1.1 eV"), Answer::Different);
        assert_eq!(compare("energy = 1 eV", "energy = 1 keV"), Answer::Different);
        assert_eq!(compare("1 2", "1 2 3"), Answer::Different);
        assert_eq!(compare("1 2\n", "1 2"), Answer::Equal, "a last line's end is no difference");
        assert_eq!(compare("1\n2", "1 2"), Answer::Different);
        assert_eq!(compare("1e400", "1e300"), Answer::Different);
        assert_eq!(compare("NaN", "nan"), Answer::Equal);
        assert_eq!(compare("nan", "0"), Answer::Different);
        assert_eq!(compare("[1.0,2.0000001]", "[1,2]"), Answer::Equal, "the same numbers, written otherwise");
    }

    #[test]
    fn near_zero_the_absolute_bound_decides() {
        let bounds = |one: &str, other: &str| {
            numbers(one.as_bytes(), other.as_bytes(), "1e-9".parse().unwrap(), "1e-6".parse().unwrap())
        };
        assert_eq!(bounds("0", "1e-10"), Answer::Equal);
        assert_eq!(bounds("0", "1e-8"), Answer::Different);
        assert_eq!(bounds("1000000", "1000000.5"), Answer::Equal);
    }

    #[test]
    fn what_is_no_text_is_compared_byte_by_byte() {
        let zero = || "0".parse().unwrap();
        assert_eq!(numbers(&[0xff, 1], &[0xff, 1], zero(), zero()), Answer::Equal);
        assert_eq!(numbers(&[0xff, 1], &[0xff, 2], zero(), zero()), Answer::Different);
    }
}
