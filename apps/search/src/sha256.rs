//! SHA-256 (FIPS 180-4), four messages at once.

use crate::lanes::Four;

const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// A round; what it leaves in `d` and `h` is the next round's `e` and `a`.
macro_rules! round {
    ($words:ident[$slot:expr] + $constants:ident, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        let sum1 = $e.rotate_right(6).xor($e.rotate_right(11)).xor($e.rotate_right(25));
        let choice = $g.xor($e.and($f.xor($g)));
        let first = $words[$slot].add(Four::splat($constants[$slot])).add($h).add(choice).add(sum1);
        let sum0 = $a.rotate_right(2).xor($a.rotate_right(13)).xor($a.rotate_right(22));
        let majority = $b.xor($a.xor($b).and($b.xor($c)));
        $d = $d.add(first);
        $h = first.add(sum0).add(majority);
    };
}

/// Eight rounds, after which every name means again what it meant before.
macro_rules! rounds {
    ($words:ident[$from:expr] + $constants:ident, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        round!($words[$from] + $constants, $a $b $c $d $e $f $g $h);
        round!($words[$from + 1] + $constants, $h $a $b $c $d $e $f $g);
        round!($words[$from + 2] + $constants, $g $h $a $b $c $d $e $f);
        round!($words[$from + 3] + $constants, $f $g $h $a $b $c $d $e);
        round!($words[$from + 4] + $constants, $e $f $g $h $a $b $c $d);
        round!($words[$from + 5] + $constants, $d $e $f $g $h $a $b $c);
        round!($words[$from + 6] + $constants, $c $d $e $f $g $h $a $b);
        round!($words[$from + 7] + $constants, $b $c $d $e $f $g $h $a);
    };
}

/// The schedule's next 16 words in the place of the last ones.
macro_rules! schedule {
    ($words:ident: $($slot:literal)*) => {
        $(
            let (early, late) = ($words[($slot + 1) % 16], $words[($slot + 14) % 16]);
            let sigma0 = early.rotate_right(7).xor(early.rotate_right(18)).xor(early.shift_right(3));
            let sigma1 = late.rotate_right(17).xor(late.rotate_right(19)).xor(late.shift_right(10));
            $words[$slot] = $words[$slot].add(sigma0).add($words[($slot + 9) % 16]).add(sigma1);
        )*
    };
}

/// One more block of each of four messages. Sixteen rounds are written out, so that each word has a register or place of its own.
fn compress(state: &[Four; 8], block: &[Four; 16]) -> [Four; 8] {
    let mut words = *block;
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let (sixteens, _) = ROUNDS.as_chunks::<16>();
    for (sixteen, constants) in sixteens.iter().enumerate() {
        if sixteen > 0 {
            schedule!(words: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        rounds!(words[0] + constants, a b c d e f g h);
        rounds!(words[8] + constants, a b c d e f g h);
    }
    let worked = [a, b, c, d, e, f, g, h];
    std::array::from_fn(|word| state[word].add(worked[word]))
}

/// The last block of a message of so many bytes, of which these words are the rest.
fn last_block<const N: usize>(rest: [Four; N], message_bytes: u32) -> [Four; 16] {
    let mut block = [Four::splat(0); 16];
    block[..N].copy_from_slice(&rest);
    block[N] = Four::splat(0x8000_0000);
    block[15] = Four::splat(message_bytes * 8);
    block
}

fn start() -> [Four; 8] {
    START.map(Four::splat)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().expect("four bytes")))
}

/// A header's hashes over many nonces: what does not depend on the nonce is done once.
pub(crate) struct Search {
    /// After the header's first 64 bytes.
    middle: [Four; 8],
    /// The three words before the nonce.
    rest: [u32; 3],
}

impl Search {
    pub(crate) fn new(header: &[u8; 80]) -> Self {
        let mut block = [Four::splat(0); 16];
        for (slot, word) in block.iter_mut().zip(words(&header[..64])) {
            *slot = Four::splat(word);
        }
        let mut rest = [0; 3];
        for (slot, word) in rest.iter_mut().zip(words(&header[64..76])) {
            *slot = word;
        }
        Self { middle: compress(&start(), &block), rest }
    }

    /// The double hashes of four nonces from this one on.
    fn hashes(&self, nonce: u32) -> [Four; 8] {
        let nonces = std::array::from_fn(|lane| {
            let lane = u32::try_from(lane).expect("there are four");
            nonce.wrapping_add(lane).swap_bytes()
        });
        let [a, b, c] = self.rest.map(Four::splat);
        let first = compress(&self.middle, &last_block([a, b, c, Four::new(nonces)], 80));
        compress(&start(), &last_block(first, 32))
    }

    /// The last words of the double hashes of four nonces from this one on.
    pub(crate) fn tops(&self, nonce: u32) -> [u32; 4] {
        self.hashes(nonce)[7].words()
    }
}

/// The double hash of a header.
pub(crate) fn double(header: &[u8; 80]) -> [u8; 32] {
    let nonce = u32::from_le_bytes(header[76..].try_into().expect("four bytes"));
    let words = Search::new(header).hashes(nonce).map(|word| word.words()[0]);
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}
