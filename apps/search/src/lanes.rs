//! Four 32-bit words at once: one WebAssembly vector with `simd128`, an array elsewhere; the same to the bit.

pub(crate) use wide::Four;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wide {
    use core::arch::wasm32::{
        i32x4_add, u32x4, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_splat, v128, v128_and, v128_or, v128_xor,
    };

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Four(v128);

    impl Four {
        pub(crate) fn new([a, b, c, d]: [u32; 4]) -> Self {
            Self(u32x4(a, b, c, d))
        }

        pub(crate) fn splat(word: u32) -> Self {
            Self(u32x4_splat(word))
        }

        pub(crate) fn words(self) -> [u32; 4] {
            [
                u32x4_extract_lane::<0>(self.0),
                u32x4_extract_lane::<1>(self.0),
                u32x4_extract_lane::<2>(self.0),
                u32x4_extract_lane::<3>(self.0),
            ]
        }

        pub(crate) fn add(self, other: Self) -> Self {
            Self(i32x4_add(self.0, other.0))
        }

        pub(crate) fn xor(self, other: Self) -> Self {
            Self(v128_xor(self.0, other.0))
        }

        pub(crate) fn and(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }

        pub(crate) fn rotate_right(self, bits: u32) -> Self {
            Self(v128_or(u32x4_shr(self.0, bits), u32x4_shl(self.0, 32 - bits)))
        }

        pub(crate) fn shift_right(self, bits: u32) -> Self {
            Self(u32x4_shr(self.0, bits))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod wide {
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Four([u32; 4]);

    impl Four {
        pub(crate) fn new(words: [u32; 4]) -> Self {
            Self(words)
        }

        pub(crate) fn splat(word: u32) -> Self {
            Self([word; 4])
        }

        pub(crate) fn words(self) -> [u32; 4] {
            self.0
        }

        fn with(self, other: Self, of: impl Fn(u32, u32) -> u32) -> Self {
            Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
        }

        pub(crate) fn add(self, other: Self) -> Self {
            self.with(other, u32::wrapping_add)
        }

        pub(crate) fn xor(self, other: Self) -> Self {
            self.with(other, |a, b| a ^ b)
        }

        pub(crate) fn and(self, other: Self) -> Self {
            self.with(other, |a, b| a & b)
        }

        pub(crate) fn rotate_right(self, bits: u32) -> Self {
            Self(self.0.map(|word| word.rotate_right(bits)))
        }

        pub(crate) fn shift_right(self, bits: u32) -> Self {
            Self(self.0.map(|word| word >> bits))
        }
    }
}
