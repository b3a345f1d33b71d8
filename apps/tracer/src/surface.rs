//! How surfaces scatter light.
//!
//! A material is one or two lobes: diffuse under a clear coat, metal, or glass. A path picks one lobe at each surface, asks
//! for light that reaches it directly ([`Lobe::reflectance`]), and goes on in a direction that the lobe draws
//! ([`Lobe::sample`]). Coats and metals are GGX microfacets, drawn from the visible normals (Dupuy and Benyoub 2023).

use crate::math::{Vec3, greater, lesser, power, turn, vec3};
use crate::mesh::Material;

/// Glass bends light as this.
const GLASS: f32 = 1.5;
/// Facets flatter than this act as a mirror: lights are met by following the reflection, not by asking.
const MIRROR: f32 = 0.02;

/// One way in which a surface scatters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lobe {
    /// Equally in all directions; the path divides by the colour and multiplies it back after denoising.
    Diffuse {
        /// Reflectance.
        base: Vec3,
    },
    /// By facets tilted about the normal.
    Facets {
        /// Square of the roughness.
        alpha: f32,
        /// Reflectance at right angles.
        upright: Vec3,
        /// Reflectance at grazing angles.
        grazing: Vec3,
    },
    /// Through.
    Glass {
        /// What is let through.
        tint: Vec3,
    },
}

/// A lobe and the factor that makes up for having picked it.
pub(crate) fn pick(material: &Material, cosine: f32, choice: f32) -> (Lobe, f32) {
    let alpha = greater(material.roughness * material.roughness, 0.001);
    if material.metal {
        return (Lobe::Facets { alpha, upright: material.base, grazing: Vec3::ONE }, 1.0);
    }
    if material.glass {
        return (Lobe::Glass { tint: material.base }, 1.0);
    }
    let diffuse = Lobe::Diffuse { base: material.base };
    if material.coat <= 0.0 {
        return (diffuse, 1.0);
    }
    // A coat sends back little but it is what gleams: it gets more paths than its share.
    let share = schlick(material.coat, cosine) * (1.0 - 0.6 * material.roughness);
    let chance = greater(share, 0.25);
    if choice < chance {
        (Lobe::Facets { alpha, upright: Vec3::ONE, grazing: Vec3::ONE }, share / chance)
    } else {
        (diffuse, (1.0 - share) / (1.0 - chance))
    }
}

/// Where a path goes on, and what is left of its light.
pub(crate) struct Scattered {
    pub(crate) direction: Vec3,
    pub(crate) weight: Vec3,
    /// It entered or left the solid.
    pub(crate) through: bool,
}

impl Lobe {
    /// Whether direct light is asked for here; elsewhere it is met by following the path.
    pub(crate) fn asks(&self) -> bool {
        match self {
            Self::Diffuse { .. } => true,
            Self::Facets { alpha, .. } => *alpha > MIRROR,
            Self::Glass { .. } => false,
        }
    }

    /// The part of light from `light` that leaves towards `view`, cosine included.
    pub(crate) fn reflectance(&self, normal: Vec3, view: Vec3, light: Vec3) -> Vec3 {
        let cosine = normal.dot(light);
        if cosine <= 0.0 {
            return Vec3::ZERO;
        }
        match *self {
            Self::Diffuse { base } => base * (cosine * std::f32::consts::FRAC_1_PI),
            Self::Facets { alpha, upright, grazing } => {
                let Some(half) = (view + light).direction() else { return Vec3::ZERO };
                let out = greater(normal.dot(view), 1e-4);
                let fresnel = upright.lerp(grazing, power(1.0 - view.dot(half).clamp(0.0, 1.0), 5));
                let n = greater(normal.dot(half), 0.0);
                let spread = n * n * (alpha * alpha - 1.0) + 1.0;
                let density = alpha * alpha / (std::f32::consts::PI * spread * spread);
                let hidden = shadow(alpha, out) * shadow(alpha, cosine);
                fresnel * (density * hidden / (4.0 * out))
            }
            Self::Glass { .. } => Vec3::ZERO,
        }
    }

    /// Draws a direction; none where the facet sends it into the surface.
    pub(crate) fn sample(&self, normal: Vec3, view: Vec3, entering: bool, (a, b): (f32, f32)) -> Option<Scattered> {
        match *self {
            Self::Diffuse { base } => {
                let (sine, cosine) = turn(b);
                let radius = a.sqrt();
                let (t, s) = normal.basis();
                let height = greater(1.0 - a, 0.0).sqrt();
                let direction = t * (radius * cosine) + s * (radius * sine) + normal * height;
                Some(Scattered { direction, weight: base, through: false })
            }
            Self::Facets { alpha, upright, grazing } => {
                let half = visible_normal(alpha, normal, view, (a, b));
                let direction = (-view).reflect(half);
                let cosine = normal.dot(direction);
                if cosine <= 1e-4 {
                    return None;
                }
                let fresnel = upright.lerp(grazing, power(1.0 - view.dot(half).clamp(0.0, 1.0), 5));
                let weight = fresnel * shadow(alpha, cosine);
                Some(Scattered { direction, weight, through: false })
            }
            Self::Glass { tint } => Some(glass(normal, view, entering, tint, a)),
        }
    }
}

fn schlick(upright: f32, cosine: f32) -> f32 {
    upright + (1.0 - upright) * power(1.0 - cosine.clamp(0.0, 1.0), 5)
}

/// Smith's masking of GGX facets, for one direction.
fn shadow(alpha: f32, cosine: f32) -> f32 {
    let squared = cosine * cosine;
    2.0 * cosine / (cosine + (alpha * alpha * (1.0 - squared) + squared).sqrt())
}

fn visible_normal(alpha: f32, normal: Vec3, view: Vec3, (a, b): (f32, f32)) -> Vec3 {
    let (t, s) = normal.basis();
    let local = vec3(view.dot(t), view.dot(s), view.dot(normal));
    let stretched = vec3(local.x * alpha, local.y * alpha, local.z).normalized();
    let (sine, cosine) = turn(a);
    let height = (1.0 - b) * (1.0 + stretched.z) - stretched.z;
    let radius = greater(1.0 - height * height, 0.0).sqrt();
    let half = vec3(radius * cosine, radius * sine, height) + stretched;
    let half = vec3(half.x * alpha, half.y * alpha, greater(half.z, 1e-6)).normalized();
    t * half.x + s * half.y + normal * half.z
}

fn glass(normal: Vec3, view: Vec3, entering: bool, tint: Vec3, choice: f32) -> Scattered {
    let ratio = if entering { 1.0 / GLASS } else { GLASS };
    let cosine = lesser(greater(view.dot(normal), 0.0), 1.0);
    let beyond = 1.0 - ratio * ratio * (1.0 - cosine * cosine);
    let mirrored = Scattered { direction: (-view).reflect(normal), weight: Vec3::ONE, through: false };
    if beyond <= 0.0 {
        return mirrored;
    }
    let inside = beyond.sqrt();
    let parallel = (cosine - ratio * inside) / (cosine + ratio * inside);
    let upright = (ratio * cosine - inside) / (ratio * cosine + inside);
    if choice < 0.5 * (parallel * parallel + upright * upright) {
        return mirrored;
    }
    let direction = view * -ratio + normal * (ratio * cosine - inside);
    let weight = if entering { tint } else { Vec3::ONE };
    Scattered { direction: direction.normalized(), weight, through: true }
}

#[cfg(test)]
mod tests {
    use super::{Lobe, pick};
    use crate::math::{Vec3, vec3};
    use crate::mesh::Material;
    use crate::sampler::Sampler;

    const UP: Vec3 = vec3(0.0, 0.0, 1.0);
    const SAMPLES: u32 = 4096;

    fn mean(mut value: impl FnMut(&mut Sampler) -> f32) -> f32 {
        (0..SAMPLES).map(|n| value(&mut Sampler::new(5, n, SAMPLES))).sum::<f32>() / SAMPLES as f32
    }

    /// Drawing directions and asking all directions must agree on how much light is sent back.
    #[test]
    fn a_lobe_sends_back_as_much_whether_drawn_or_asked() {
        for (alpha, tilt) in [(0.1, 0.3), (0.25, 0.9), (0.6, 0.5), (1.0, 0.2)] {
            let lobe = Lobe::Facets { alpha, upright: Vec3::splat(0.7), grazing: Vec3::ONE };
            let view = vec3(tilt, 0.0, 1.0).normalized();
            let drawn =
                mean(|sampler| lobe.sample(UP, view, true, sampler.pair()).map_or(0.0, |scattered| scattered.weight.x));
            let asked = mean(|sampler| {
                let (a, b) = sampler.pair();
                let (sine, cosine) = crate::math::turn(b);
                let radius = (1.0 - a * a).sqrt();
                let light = vec3(radius * cosine, radius * sine, a);
                lobe.reflectance(UP, view, light).x * std::f32::consts::TAU
            });
            assert!((drawn - asked).abs() < 0.02, "alpha {alpha}: {drawn} drawn, {asked} asked");
            assert!(drawn <= 1.0);
        }
    }

    #[test]
    fn nothing_sends_back_more_than_it_gets() {
        for (metal, glass) in [(false, false), (true, false), (false, true)] {
            for roughness in [0.0, 0.3, 1.0] {
                let material = Material { base: Vec3::ONE, roughness, metal, glass, coat: 0.04, ..Material::default() };
                for tilt in [0.0, 1.0, 8.0] {
                    let view = vec3(tilt, 0.0, 1.0).normalized();
                    let back = mean(|sampler| {
                        let (lobe, factor) = pick(&material, view.z, sampler.one());
                        let scattered = lobe.sample(UP, view, true, sampler.pair());
                        scattered.map_or(0.0, |scattered| scattered.weight.x * factor)
                    });
                    assert!(back <= 1.01, "{material:?} sends back {back}");
                    assert!(back > 0.6 || roughness == 1.0, "{material:?} sends back {back}");
                }
            }
        }
    }
}
