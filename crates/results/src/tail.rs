//! The beginning and the end of what a program said, within bounds.

use std::collections::VecDeque;
use std::fmt;

/// Keeps the first and the last bytes of a stream and counts what lies between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_bytes: usize,
    tail_bytes: usize,
    total: u64,
}

impl Tail {
    /// Keeps the first `head_bytes` and the last `tail_bytes`.
    #[must_use]
    pub fn new(head_bytes: usize, tail_bytes: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), head_bytes, tail_bytes, total: 0 }
    }

    /// The next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.total = self.total.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let room = self.head_bytes.saturating_sub(self.head.len());
        let (first, rest) = piece.split_at(room.min(piece.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.tail_bytes)..];
        let surplus = self.tail.len().saturating_add(rest.len()).saturating_sub(self.tail_bytes);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// Bytes of the whole stream.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes of the stream that are not kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let kept = u64::try_from(self.head.len().saturating_add(self.tail.len())).unwrap_or(u64::MAX);
        self.total.saturating_sub(kept)
    }

    /// What is kept; where something was dropped, a line in its place says how much.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        let dropped = self.dropped();
        if dropped > 0 {
            bytes.extend_from_slice(format!("\n[… {dropped} bytes left out …]\n").as_bytes());
        }
        bytes.extend(&self.tail);
        bytes
    }
}

/// As text; what is not UTF-8 is replaced.
impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept_however_the_stream_is_cut() {
        let stream = b"abcdefghijklmnopqrstuvwxyz";
        for piece in 1..=stream.len() {
            let mut tail = Tail::new(3, 4);
            stream.chunks(piece).for_each(|chunk| tail.push(chunk));
            assert_eq!(tail.to_string(), "abc\n[… 19 bytes left out …]\nwxyz", "pieces of {piece}");
            assert_eq!((tail.total(), tail.dropped()), (26, 19));
        }
        let mut short = Tail::new(3, 4);
        short.push(b"abcdefg");
        assert_eq!(short.to_string(), "abcdefg");
    }
}
