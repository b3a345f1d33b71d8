//! Four numbers at once.
//!
//! With `simd128` a [`Four`] is one WebAssembly vector; elsewhere it is an array. Both do the same to each lane, to the bit:
//! the extremes are the "pseudo" kind, one comparison and a choice, so that NaN and -0 go the same way too.

pub(crate) use lanes::Four;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod lanes {
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_extract_lane, f32x4_le, f32x4_lt, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat,
        f32x4_sub, i32x4_bitmask, v128,
    };

    /// Four lanes.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Four(v128);

    impl Four {
        pub(crate) fn new([a, b, c, d]: [f32; 4]) -> Self {
            Self(f32x4(a, b, c, d))
        }

        pub(crate) fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        pub(crate) fn lanes(self) -> [f32; 4] {
            [
                f32x4_extract_lane::<0>(self.0),
                f32x4_extract_lane::<1>(self.0),
                f32x4_extract_lane::<2>(self.0),
                f32x4_extract_lane::<3>(self.0),
            ]
        }

        pub(crate) fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        pub(crate) fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }

        pub(crate) fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }

        pub(crate) fn reciprocal(self) -> Self {
            Self(core::arch::wasm32::f32x4_div(f32x4_splat(1.0), self.0))
        }

        pub(crate) fn min(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }

        pub(crate) fn max(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }

        /// One bit for each lane that is less than the other's.
        pub(crate) fn less(self, other: Self) -> u8 {
            i32x4_bitmask(f32x4_lt(self.0, other.0))
        }

        /// One bit for each lane that is not greater than the other's.
        pub(crate) fn at_most(self, other: Self) -> u8 {
            i32x4_bitmask(f32x4_le(self.0, other.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    /// Four lanes.
    #[derive(Clone, Copy, Debug)]
    #[repr(align(16))]
    pub(crate) struct Four([f32; 4]);

    impl Four {
        pub(crate) fn new(lanes: [f32; 4]) -> Self {
            Self(lanes)
        }

        pub(crate) fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        pub(crate) fn lanes(self) -> [f32; 4] {
            self.0
        }

        pub(crate) fn add(self, other: Self) -> Self {
            self.with(other, |a, b| a + b)
        }

        pub(crate) fn sub(self, other: Self) -> Self {
            self.with(other, |a, b| a - b)
        }

        pub(crate) fn mul(self, other: Self) -> Self {
            self.with(other, |a, b| a * b)
        }

        pub(crate) fn reciprocal(self) -> Self {
            Self(self.0.map(|lane| 1.0 / lane))
        }

        pub(crate) fn min(self, other: Self) -> Self {
            self.with(other, |a, b| if b < a { b } else { a })
        }

        pub(crate) fn max(self, other: Self) -> Self {
            self.with(other, |a, b| if a < b { b } else { a })
        }

        /// One bit for each lane that is less than the other's.
        pub(crate) fn less(self, other: Self) -> u8 {
            self.mask(other, |a, b| a < b)
        }

        /// One bit for each lane that is not greater than the other's.
        pub(crate) fn at_most(self, other: Self) -> u8 {
            self.mask(other, |a, b| a <= b)
        }

        fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
            let ([a, b, c, d], [e, g, h, i]) = (self.0, other.0);
            Self([f(a, e), f(b, g), f(c, h), f(d, i)])
        }

        fn mask(self, other: Self, f: impl Fn(f32, f32) -> bool) -> u8 {
            let ([a, b, c, d], [e, g, h, i]) = (self.0, other.0);
            u8::from(f(a, e)) | u8::from(f(b, g)) << 1 | u8::from(f(c, h)) << 2 | u8::from(f(d, i)) << 3
        }
    }
}

/// Four vectors at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vec3x4 {
    pub(crate) x: Four,
    pub(crate) y: Four,
    pub(crate) z: Four,
}

impl Vec3x4 {
    pub(crate) fn new(vectors: [crate::math::Vec3; 4]) -> Self {
        Self {
            x: Four::new(vectors.map(|v| v.x)),
            y: Four::new(vectors.map(|v| v.y)),
            z: Four::new(vectors.map(|v| v.z)),
        }
    }

    pub(crate) fn splat(vector: crate::math::Vec3) -> Self {
        Self::new([vector; 4])
    }

    pub(crate) fn sub(self, other: Self) -> Self {
        Self { x: self.x.sub(other.x), y: self.y.sub(other.y), z: self.z.sub(other.z) }
    }

    pub(crate) fn mul(self, other: Self) -> Self {
        Self { x: self.x.mul(other.x), y: self.y.mul(other.y), z: self.z.mul(other.z) }
    }

    pub(crate) fn min(self, other: Self) -> Self {
        Self { x: self.x.min(other.x), y: self.y.min(other.y), z: self.z.min(other.z) }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { x: self.x.max(other.x), y: self.y.max(other.y), z: self.z.max(other.z) }
    }

    pub(crate) fn dot(self, other: Self) -> Four {
        self.x.mul(other.x).add(self.y.mul(other.y)).add(self.z.mul(other.z))
    }

    pub(crate) fn cross(self, other: Self) -> Self {
        Self {
            x: self.y.mul(other.z).sub(self.z.mul(other.y)),
            y: self.z.mul(other.x).sub(self.x.mul(other.z)),
            z: self.x.mul(other.y).sub(self.y.mul(other.x)),
        }
    }
}
