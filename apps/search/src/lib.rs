//! Nonces of a Bitcoin block header: the double SHA-256 of its 80 bytes, read as a little-endian number, must not pass the target.
//!
//! A hit proves itself by one double hash. Invariants: no clock, no randomness, integers only; equal ranges give equal hits.

mod header;
mod lanes;
mod sha256;

pub use header::{BadHeader, Header, Target};

/// Every nonce of the range whose hash passes, ascending.
#[must_use]
pub fn scan(header: &Header, target: &Target, from: u32, to: u32) -> Vec<u32> {
    let search = sha256::Search::new(&header.bytes());
    let mut hits = Vec::new();
    let mut take = |nonce: u32| {
        if target.admits(&header.hash(nonce)) {
            hits.push(nonce);
        }
    };
    let mut nonce = from;
    loop {
        let last = nonce.saturating_add(3);
        if last > to || last - nonce < 3 {
            break;
        }
        // The hash's last word is its most significant one: very few nonces pass this.
        let tops = search.tops(nonce);
        for (nonce, top) in (nonce..=last).zip(tops) {
            if top.swap_bytes() <= target.top() {
                take(nonce);
            }
        }
        match last.checked_add(1) {
            Some(next) => nonce = next,
            None => return hits,
        }
    }
    (nonce..=to).for_each(take);
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bitcoin's first blocks, their nonces and hashes.
    const BLOCKS: [(&str, u32, &str); 3] = [
        (
            "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f61\
             7fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
            2_083_236_893,
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        ),
        (
            "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee1467\
             7ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299",
            2_573_394_689,
            "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
        ),
        (
            "010000004860eb18bf1b1620e37e9490fc8a427514416fd75159ab86688e9a8300000000d5fdcc541e25de1c7a5addedf24858b8\
             bb665c9f36ef744ee42c316022c90f9bb0bc6649ffff001d08d2bd61",
            1_639_830_024,
            "000000006a625f06636b8bb6ac7b960a8d03705d1ace08b1a19da3fdcc99ddbd",
        ),
    ];

    #[test]
    fn the_nonces_of_the_first_blocks_are_found_and_nothing_beside_them() {
        for (header, nonce, hash) in BLOCKS {
            let header: Header = header.parse().unwrap();
            let target = header.target().unwrap();
            assert_eq!(scan(&header, &target, nonce - 9, nonce + 10), [nonce]);
            assert_eq!(scan(&header, &target, nonce + 1, nonce + 30), []);
            assert_eq!(Header::show(&header.hash(nonce)), hash);
        }
    }

    #[test]
    fn every_place_in_a_range_is_looked_at() {
        let header: Header = BLOCKS[0].0.parse().unwrap();
        // One hash in four passes: ends, middles and rests of four all have hits.
        let target = Target::parse(&format!("3f{}", "ff".repeat(31))).unwrap();
        let slow =
            |from: u32, to: u32| (from..=to).filter(|nonce| target.admits(&header.hash(*nonce))).collect::<Vec<_>>();
        for (from, to) in [(0, 63), (5, 5), (7, 9), (1, 66), (u32::MAX - 6, u32::MAX), (u32::MAX - 7, u32::MAX), (9, 3)]
        {
            assert_eq!(scan(&header, &target, from, to), slow(from, to), "{from} to {to}");
        }
    }
}
