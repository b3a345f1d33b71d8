//! Where a pixel's samples go: numbers in [0, 1) that depend on frame, pixel and sample alone.
//!
//! Pairs come from a Sobol sequence with hash-based Owen scrambling, shuffled anew for every use (B. Burley, "Practical
//! Hash-based Owen Scrambling", 2020): a pixel's few samples are spread evenly in each decision they take.

/// Decisions of a path that are spread evenly; later ones, which matter little, are merely random.
const EVEN: u32 = 10;

/// Numbers for one path.
#[derive(Debug)]
pub struct Sampler {
    seed: u32,
    index: u32,
    mask: u32,
    uses: u32,
}

impl Sampler {
    /// For sample `index` of `count` of one pixel; `seed` names frame and pixel (see [`hash`]).
    #[must_use]
    pub fn new(seed: u32, index: u32, count: u32) -> Self {
        Self { seed, index, mask: count.next_power_of_two() - 1, uses: 0 }
    }

    /// The next pair.
    pub fn pair(&mut self) -> (f32, f32) {
        self.uses += 1;
        let seed = hash(self.seed, self.uses);
        if self.uses > EVEN {
            let a = hash(seed, self.index);
            return (unit(a), unit(hash(a, 1)));
        }
        let index = scramble(self.index, seed) & self.mask;
        let (a, b) = sobol(index);
        (unit(scramble(a, hash(seed, 1))), unit(scramble(b, hash(seed, 2))))
    }

    /// The next single number.
    pub fn one(&mut self) -> f32 {
        self.uses += 1;
        let seed = hash(self.seed, self.uses);
        if self.uses > EVEN {
            return unit(hash(seed, self.index));
        }
        let index = scramble(self.index, seed) & self.mask;
        unit(scramble(index.reverse_bits(), hash(seed, 1)))
    }
}

/// Mixes two words into one.
#[must_use]
pub fn hash(a: u32, b: u32) -> u32 {
    let mut x = a ^ b.wrapping_mul(0x9e37_79b9).wrapping_add(0x85eb_ca6b);
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Nested uniform scrambling: each bit is flipped as those above it say.
fn scramble(x: u32, seed: u32) -> u32 {
    let mut x = x.reverse_bits().wrapping_add(seed);
    x ^= x.wrapping_mul(0x6c50_b47c);
    x ^= x.wrapping_mul(0xb82f_1e52);
    x ^= x.wrapping_mul(0xc7af_e638);
    x ^= x.wrapping_mul(0x8d22_f6e6);
    x.reverse_bits()
}

fn sobol(index: u32) -> (u32, u32) {
    let (mut rest, mut direction, mut second) = (index, 1 << 31, 0);
    while rest > 0 {
        if rest & 1 == 1 {
            second ^= direction;
        }
        direction ^= direction >> 1;
        rest >>= 1;
    }
    (index.reverse_bits(), second)
}

#[cfg(test)]
mod tests {
    use super::Sampler;

    #[test]
    fn sixteen_samples_fall_into_sixteen_cells() {
        for seed in 0..50 {
            let mut cells = [0; 16];
            let (mut columns, mut rows) = ([0; 16], [0; 16]);
            for index in 0..16 {
                let mut sampler = Sampler::new(seed, index, 16);
                let _ = sampler.one();
                let (x, y) = sampler.pair();
                assert!((0.0..1.0).contains(&x) && (0.0..1.0).contains(&y));
                cells[(x * 4.0) as usize * 4 + (y * 4.0) as usize] += 1;
                columns[(x * 16.0) as usize] += 1;
                rows[(y * 16.0) as usize] += 1;
            }
            assert_eq!((cells, columns, rows), ([1; 16], [1; 16], [1; 16]), "seed {seed}");
        }
    }

    #[test]
    fn samples_of_different_pixels_differ() {
        let first = |seed| Sampler::new(seed, 0, 16).pair();
        assert_ne!(first(1), first(2));
        assert_eq!(first(1), first(1));
    }
}
