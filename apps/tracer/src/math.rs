//! Vectors, and the few transcendental functions a renderer needs.
//!
//! Everything is made of `+ - * /` and square roots, which IEEE 754 fixes to the last bit; no call goes to a machine's own
//! `libm`. So a frame is the same bytes natively, in wasmtime and in a browser.

use std::ops::{Add, AddAssign, Div, Index, Mul, MulAssign, Neg, Sub};

/// A point, direction or colour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec3 {
    /// First coordinate, or red.
    pub x: f32,
    /// Second coordinate (up), or green.
    pub y: f32,
    /// Third coordinate, or blue.
    pub z: f32,
}

/// Short for [`Vec3::new`].
#[must_use]
pub const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3::new(x, y, z)
}

impl Vec3 {
    /// All zero; black.
    pub const ZERO: Self = Self::splat(0.0);
    /// All one; white.
    pub const ONE: Self = Self::splat(1.0);

    /// From its coordinates.
    #[must_use]
    pub const fn new(x: f32, y: f32, z: f32) -> Self {
        Self { x, y, z }
    }

    /// The same value three times.
    #[must_use]
    pub const fn splat(value: f32) -> Self {
        Self::new(value, value, value)
    }

    /// Scalar product.
    #[must_use]
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// Vector product.
    #[must_use]
    pub fn cross(self, other: Self) -> Self {
        Self::new(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// Euclidean length.
    #[must_use]
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The direction, or nothing for a vector too short to have one.
    #[must_use]
    pub fn direction(self) -> Option<Self> {
        let length = self.length();
        (length > 1e-20 && length.is_finite()).then(|| self / length)
    }

    /// The direction of a vector that is known to have one.
    #[must_use]
    pub fn normalized(self) -> Self {
        self / self.length()
    }

    /// The lesser of each coordinate.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self::new(lesser(self.x, other.x), lesser(self.y, other.y), lesser(self.z, other.z))
    }

    /// The greater of each coordinate.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self::new(greater(self.x, other.x), greater(self.y, other.y), greater(self.z, other.z))
    }

    /// The greatest coordinate.
    #[must_use]
    pub fn max_element(self) -> f32 {
        greater(self.x, greater(self.y, self.z))
    }

    /// Perceived brightness of a linear colour (Rec. 709).
    #[must_use]
    pub fn luminance(self) -> f32 {
        self.dot(vec3(0.2126, 0.7152, 0.0722))
    }

    /// No coordinate is infinite or not a number.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }

    /// Linear blend from `self` (0) to `other` (1).
    #[must_use]
    pub fn lerp(self, other: Self, amount: f32) -> Self {
        self + (other - self) * amount
    }

    /// Mirror image of an incoming direction at a surface.
    #[must_use]
    pub fn reflect(self, normal: Self) -> Self {
        self - normal * (2.0 * self.dot(normal))
    }

    /// Two directions that make a right-handed basis with this one (Duff et al. 2017).
    #[must_use]
    pub fn basis(self) -> (Self, Self) {
        let sign = if self.z < 0.0 { -1.0 } else { 1.0 };
        let a = -1.0 / (sign + self.z);
        let b = self.x * self.y * a;
        (
            Self::new(1.0 + sign * self.x * self.x * a, sign * b, -sign * self.x),
            Self::new(b, sign + self.y * self.y * a, -self.y),
        )
    }
}

impl Index<usize> for Vec3 {
    type Output = f32;
    fn index(&self, axis: usize) -> &f32 {
        match axis {
            0 => &self.x,
            1 => &self.y,
            _ => &self.z,
        }
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y, -self.z)
    }
}

impl Mul for Vec3 {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(self.x * other.x, self.y * other.y, self.z * other.z)
    }
}

impl MulAssign for Vec3 {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl Div<f32> for Vec3 {
    type Output = Self;
    fn div(self, divisor: f32) -> Self {
        self * (1.0 / divisor)
    }
}

/// The lesser of two numbers by one comparison (`f32::min` treats NaN with care and is several times slower in Wasm).
#[must_use]
pub fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The greater of two numbers by one comparison.
#[must_use]
pub fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Sine and cosine of a whole turn's fraction: `turn(0.25)` is (1, 0).
///
/// Quadrants are taken off exactly; Taylor series to the 9th and 10th degree serve the rest, to about 2e-7.
#[must_use]
pub fn turn(fraction: f32) -> (f32, f32) {
    let quarters = (fraction - fraction.floor()) * 4.0;
    let quadrant = (quarters + 0.5).floor();
    let x = (quarters - quadrant) * std::f32::consts::FRAC_PI_2;
    let y = x * x;
    let sine = x * (1.0 + y * (-1.0 / 6.0 + y * (1.0 / 120.0 + y * (-1.0 / 5040.0 + y * (1.0 / 362_880.0)))));
    let cosine =
        1.0 + y * (-0.5 + y * (1.0 / 24.0 + y * (-1.0 / 720.0 + y * (1.0 / 40_320.0 + y * (-1.0 / 3_628_800.0)))));
    match quadrant as u32 & 3 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// `base` to a whole power, by repeated squaring.
#[must_use]
pub fn power(mut base: f32, mut exponent: u32) -> f32 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

/// Rises smoothly from 0 at `from` to 1 at `to`.
#[must_use]
pub fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::{Vec3, power, turn, vec3};

    #[test]
    fn turn_is_sine_and_cosine() {
        for step in -400_i16..400 {
            let fraction = f32::from(step) / 100.0;
            let (sine, cosine) = turn(fraction);
            let angle = f64::from(fraction) * std::f64::consts::TAU;
            assert!((f64::from(sine) - angle.sin()).abs() < 2e-6, "sin {fraction}: {sine}");
            assert!((f64::from(cosine) - angle.cos()).abs() < 2e-6, "cos {fraction}: {cosine}");
        }
    }

    #[test]
    fn a_basis_is_orthonormal_and_right_handed() {
        for direction in [vec3(0.0, 0.0, -1.0), vec3(1.0, 2.0, -3.0), vec3(-0.3, 0.0, 0.9)] {
            let n = direction.normalized();
            let (t, b) = n.basis();
            assert!(t.dot(b).abs() < 1e-6 && t.dot(n).abs() < 1e-6 && b.dot(n).abs() < 1e-6);
            assert!((t.cross(b) - n).length() < 1e-5);
        }
    }

    #[test]
    fn a_vector_without_length_has_no_direction() {
        assert_eq!(Vec3::ZERO.direction(), None);
        assert_eq!(vec3(f32::NAN, 0.0, 0.0).direction(), None);
        assert_eq!(vec3(0.0, 2.0, 0.0).direction(), Some(vec3(0.0, 1.0, 0.0)));
    }

    #[test]
    fn power_multiplies() {
        assert_eq!(power(2.0, 10), 1024.0);
        assert_eq!(power(0.5, 0), 1.0);
    }
}
