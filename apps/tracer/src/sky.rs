//! Light from far away: a sky that is brighter on one side, and a sun.

use crate::math::{Vec3, power, smoothstep, turn, vec3};

/// Everything the scene is lit by from outside.
#[derive(Clone, Debug)]
pub struct Sky {
    horizon: Vec3,
    zenith: Vec3,
    glow: Vec3,
    sun: Option<Sun>,
}

/// A disc in the sky, wide enough for soft shadows.
#[derive(Clone, Debug)]
pub struct Sun {
    towards: Vec3,
    /// Cosine of the disc's half angle.
    rim: f32,
    radiance: Vec3,
    solid_angle: f32,
}

impl Sky {
    /// A bright studio with a warm key light.
    #[must_use]
    pub fn studio() -> Self {
        let towards = vec3(-0.62, 0.74, 0.5).normalized();
        let rim = 0.9962; // 5 degrees
        let solid_angle = std::f32::consts::TAU * (1.0 - rim);
        let irradiance = vec3(1.0, 0.84, 0.64) * 3.1;
        Self {
            horizon: vec3(0.34, 0.41, 0.52),
            zenith: vec3(0.05, 0.09, 0.19),
            glow: vec3(1.0, 0.83, 0.64) * 1.5,
            sun: Some(Sun { towards, rim, radiance: irradiance / solid_angle, solid_angle }),
        }
    }

    /// The same light from everywhere, and no sun.
    #[must_use]
    pub fn uniform(radiance: f32) -> Self {
        let all = Vec3::splat(radiance);
        Self { horizon: all, zenith: all, glow: Vec3::ZERO, sun: None }
    }

    /// Light that arrives from a direction, without the sun.
    #[must_use]
    pub fn radiance(&self, direction: Vec3) -> Vec3 {
        let base = self.horizon.lerp(self.zenith, smoothstep(-0.05, 0.75, direction.y));
        match &self.sun {
            None => base,
            Some(sun) => base + self.glow * power(crate::math::greater(direction.dot(sun.towards), 0.0), 6),
        }
    }

    /// The sun's own light from a direction.
    #[must_use]
    pub fn sun_radiance(&self, direction: Vec3) -> Vec3 {
        match &self.sun {
            Some(sun) if direction.dot(sun.towards) > sun.rim => sun.radiance,
            _ => Vec3::ZERO,
        }
    }

    /// A direction within the sun's disc, and the light it stands for (radiance by solid angle).
    #[must_use]
    pub fn sample_sun(&self, (a, b): (f32, f32)) -> Option<(Vec3, Vec3)> {
        let sun = self.sun.as_ref()?;
        let height = 1.0 - a * (1.0 - sun.rim);
        let radius = (1.0 - height * height).max(0.0).sqrt();
        let (sine, cosine) = turn(b);
        let (t, s) = sun.towards.basis();
        let direction = t * (radius * cosine) + s * (radius * sine) + sun.towards * height;
        Some((direction, sun.radiance * sun.solid_angle))
    }
}
