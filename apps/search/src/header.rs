//! A block's header and the target that its hash must not pass.

use crate::sha256::double;
use std::fmt;
use std::str::FromStr;

const BYTES: usize = 80;
/// Where the nonce lies.
const NONCE: usize = 76;
/// Where the target's short form lies.
const BITS: usize = 72;

/// A block's header; its nonce is what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header([u8; BYTES]);

/// The largest hash that passes, its most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target([u8; 32]);

/// Why a header or target cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// Not so many hexadecimal digits.
    Digits {
        /// Of what.
        what: &'static str,
        /// How many there must be.
        wanted: &'static str,
        /// How many there are.
        found: usize,
    },
    /// Something else than hexadecimal digits.
    NotHex(&'static str),
    /// The header's short form of the target is none.
    Bits(u32),
}

impl fmt::Display for BadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits { what, wanted, found } => {
                write!(f, "a {what} has {wanted} hexadecimal digits, this one {found}")
            }
            Self::NotHex(what) => write!(f, "the {what} has other characters than 0-9 and a-f"),
            Self::Bits(bits) => write!(f, "the header's bits {bits:08x} are no target; give one with --target"),
        }
    }
}

impl FromStr for Header {
    type Err = BadHeader;

    /// 160 hexadecimal digits, or 152 without the nonce.
    fn from_str(text: &str) -> Result<Self, BadHeader> {
        let text = text.trim();
        if text.len() != 2 * BYTES && text.len() != 2 * NONCE {
            return Err(BadHeader::Digits {
                what: "header",
                wanted: "160 (or 152, without the nonce)",
                found: text.len(),
            });
        }
        let mut bytes = [0; BYTES];
        unhex(text, &mut bytes).ok_or(BadHeader::NotHex("header"))?;
        Ok(Self(bytes))
    }
}

impl Header {
    /// Its bytes, with the nonce it came with.
    #[must_use]
    pub fn bytes(&self) -> [u8; BYTES] {
        self.0
    }

    /// Its double hash with this nonce.
    #[must_use]
    pub fn hash(&self, nonce: u32) -> [u8; 32] {
        let mut bytes = self.0;
        bytes[NONCE..].copy_from_slice(&nonce.to_le_bytes());
        double(&bytes)
    }

    /// A hash as people write it: its most significant byte first.
    #[must_use]
    pub fn show(hash: &[u8; 32]) -> String {
        hash.iter().rev().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The target that its own bits stand for.
    ///
    /// # Errors
    /// [`BadHeader::Bits`].
    pub fn target(&self) -> Result<Target, BadHeader> {
        let bits = u32::from_le_bytes(std::array::from_fn(|byte| self.0[BITS + byte]));
        let (exponent, mantissa) = ((bits >> 24) as usize, bits & 0x00ff_ffff);
        if !(3..=32).contains(&exponent) || mantissa == 0 || mantissa > 0x007f_ffff {
            return Err(BadHeader::Bits(bits));
        }
        let mut target = [0; 32];
        let start = 32 - exponent;
        target[start..start + 3].copy_from_slice(&mantissa.to_be_bytes()[1..]);
        Ok(Target(target))
    }
}

impl Target {
    /// A target from 64 hexadecimal digits, the most significant first.
    ///
    /// # Errors
    /// [`BadHeader`].
    pub fn parse(text: &str) -> Result<Self, BadHeader> {
        if text.len() != 64 {
            return Err(BadHeader::Digits { what: "target", wanted: "64", found: text.len() });
        }
        let mut bytes = [0; 32];
        unhex(text, &mut bytes).ok_or(BadHeader::NotHex("target"))?;
        Ok(Self(bytes))
    }

    /// As it is parsed.
    #[must_use]
    pub fn show(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a hash passes.
    #[must_use]
    pub fn admits(&self, hash: &[u8; 32]) -> bool {
        hash.iter().rev().le(self.0.iter())
    }

    /// Its most significant 32 bits.
    #[must_use]
    pub fn top(&self) -> u32 {
        u32::from_be_bytes(self.0[..4].try_into().expect("four bytes"))
    }
}

fn unhex(text: &str, into: &mut [u8]) -> Option<()> {
    for (pair, byte) in text.as_bytes().chunks_exact(2).zip(into) {
        let digits = std::str::from_utf8(pair).ok()?;
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_for_a_target() {
        let header = |bits: [u8; 4]| {
            let mut bytes = [0; BYTES];
            bytes[BITS..NONCE].copy_from_slice(&bits);
            Header(bytes)
        };
        let target = header([0xff, 0xff, 0x00, 0x1d]).target().unwrap();
        assert_eq!(target.show(), format!("00000000ffff{}", "00".repeat(26)));
        assert_eq!(target.top(), 0);
        assert_eq!(header([0, 0, 0, 0x1d]).target(), Err(BadHeader::Bits(0x1d00_0000)));
        assert_eq!(header([0xff, 0xff, 0x80, 0x1d]).target(), Err(BadHeader::Bits(0x1d80_ffff)));
    }

    #[test]
    fn a_target_admits_itself_and_nothing_above() {
        let target = Target::parse(&format!("0001{}", "00".repeat(30))).unwrap();
        let mut hash = [0; 32];
        hash[30] = 1;
        assert!(target.admits(&hash));
        hash[0] = 1;
        assert!(!target.admits(&hash));
    }

    #[test]
    fn what_is_no_header_is_told() {
        assert!("00".parse::<Header>().unwrap_err().to_string().contains("160"));
        assert_eq!("zz".repeat(80).parse::<Header>(), Err(BadHeader::NotHex("header")));
        assert_eq!("+0".repeat(80).parse::<Header>(), Err(BadHeader::NotHex("header")));
    }
}
