//! What people type: durations, credits, shares.

use std::time::Duration;
use units::{Amount, Tag};

/// Reads `90s`, `5m`, `1h30m`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write 90s, 5m, 1h30m");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut seconds = 0_u64;
    let mut digits = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        digits.clear();
        seconds = count.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
    }
    if digits.is_empty() && seconds > 0 { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
}

/// Reads a size: `64G`, `500M`, `8K`, or bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        Some(b'T') => (&text[..text.len() - 1], 40),
        Some(_) | None => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| format!("`{text}` is not a size; write 64G, 500M, or bytes"))
}

/// Reads credits with up to nine decimals.
pub(crate) fn credits(text: &str) -> Result<Amount, String> {
    Amount::from_credits(text).map_err(|error| format!("`{text}` is {error}"))
}

/// Reads the name of a region.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let most = api::limits::REGION_BYTES;
    if api::params::is_region(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("a region has 1 to {most} bytes of text"))
    }
}

/// The tag with this bit alone, counted from the lowest.
fn bit_tag(bit: u8) -> Tag {
    let mut bytes = [0_u8; 32];
    bytes[31 - usize::from(bit / 8)] = 1 << (bit % 8);
    Tag(bytes.into())
}

/// The first bit of a tag that has no meaning for everybody.
const FIRST_OWN_BIT: u8 = 16;

/// Reads one capability: a name of iExec's, or a bit's number.
pub(crate) fn tag(text: &str) -> Result<Tag, String> {
    let bit = match text {
        "tee" => 0,
        "gpu" => 8,
        number => number.parse().map_err(|_| format!("`{text}` is neither tee nor gpu nor a number from 0 to 255"))?,
    };
    Ok(bit_tag(bit))
}

/// Reads a capability that a machine's owner may claim for it.
pub(crate) fn own_tag(text: &str) -> Result<Tag, String> {
    match text.parse::<u8>() {
        Ok(bit) if bit >= FIRST_OWN_BIT => Ok(bit_tag(bit)),
        Ok(_) | Err(_) if tag(text).is_ok() => Err(format!(
            "`{text}` is a capability that tasks would rely on, and no program run here can reach one; {FIRST_OWN_BIT} to 255 are yours to name"
        )),
        Ok(_) | Err(_) => Err(format!("`{text}` is not a number from {FIRST_OWN_BIT} to 255")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_units_and_bare() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5_400), ("2h1s", 7_201)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "m", "5x", "1h30", "-5m", "0m", "99999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_with_units_and_bare() {
        for (text, bytes) in [("0", 0), ("17", 17), ("8K", 8 << 10), ("500M", 500 << 20), ("64G", 64 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "G", "1g", "1.5G", "-1", "99999999999T"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_owner_claims_only_what_has_no_meaning_for_everybody() {
        assert_eq!(own_tag("16"), Ok(bit_tag(16)));
        assert_eq!(own_tag("255"), Ok(bit_tag(255)));
        for bad in ["0", "8", "15", "tee", "gpu", "256", "-1", "fast"] {
            assert!(own_tag(bad).is_err(), "{bad}");
        }
        assert_eq!(tag("gpu"), Ok(bit_tag(8)));
        assert!(tag("tee").unwrap().needs_tee());
        assert!(tag("fast").is_err());
    }
}
