//! One frame: every pixel's samples, gathered, cleaned of noise, and turned into a PNG.

use crate::camera::Camera;
use crate::denoise::{Guide, Layer, denoise};
use crate::math::{Vec3, greater};
use crate::sampler::{Sampler, hash};
use crate::world::World;

/// What to render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which frame, from 0.
    pub frame: u32,
    /// Of how many in a full turn.
    pub frames: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Paths for each pixel.
    pub samples: u32,
    /// Leave the grain in: each pixel is the mean of its own paths alone.
    pub raw: bool,
}

/// Linear colours, row by row from the top.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `width * height` of them.
    pub pixels: Vec<Vec3>,
}

/// Renders one frame. The same scene and settings give the same bits everywhere.
#[must_use]
pub fn render(world: &World, camera: &Camera, settings: &Settings) -> Picture {
    let (width, height) = (settings.width as usize, settings.height as usize);
    let mut pixels = vec![Gathered::default(); width * height];
    for (number, pixel) in (0_u32..).zip(&mut pixels) {
        let (column, row) = (number % settings.width, number / settings.width);
        let seed = hash(hash(0x6d61_6e79, settings.frame), number);
        for index in 0..settings.samples {
            let mut sampler = Sampler::new(seed, index, settings.samples);
            let (x, y) = sampler.pair();
            let across = (column as f32 + x) / settings.width as f32;
            let down = (row as f32 + y) / settings.height as f32;
            pixel.add(&world.trace(camera.ray(across, down), &mut sampler));
        }
    }
    Picture { width: settings.width, height: settings.height, pixels: resolve(&pixels, width, settings) }
}

/// Sums over the samples of one pixel.
#[derive(Clone, Copy, Debug, Default)]
struct Gathered {
    diffuse: Vec3,
    diffuse_squared: f32,
    gloss: Vec3,
    gloss_squared: f32,
    direct: Vec3,
    albedo: Vec3,
    normal: Vec3,
    place: Vec3,
    hits: f32,
    matts: f32,
}

impl Gathered {
    fn add(&mut self, sample: &crate::world::Sample) {
        let square = |colour: Vec3| colour.luminance() * colour.luminance();
        self.diffuse += sample.diffuse;
        self.diffuse_squared += square(sample.diffuse);
        self.gloss += sample.gloss;
        self.gloss_squared += square(sample.gloss);
        self.direct += sample.direct;
        self.albedo += sample.albedo;
        self.normal += sample.normal;
        self.place += sample.place;
        self.hits += if sample.hit { 1.0 } else { 0.0 };
        self.matts += if sample.matt { 1.0 } else { 0.0 };
    }
}

/// Cleans the noisy layers and puts all together.
fn resolve(pixels: &[Gathered], width: usize, settings: &Settings) -> Vec<Vec3> {
    let guides: Vec<Guide> = pixels
        .iter()
        .map(|pixel| Guide {
            normal: pixel.normal.direction().unwrap_or(Vec3::ZERO),
            place: pixel.place / greater(pixel.hits, 1.0),
            hit: pixel.hits > 0.0,
        })
        .collect();
    let layer = |sum: fn(&Gathered) -> (Vec3, f32, f32)| -> Layer {
        let mut layer = Layer::default();
        for pixel in pixels {
            let (colour, squared, count) = sum(pixel);
            let count = greater(count, 1.0);
            let mean = colour / count;
            let spread = greater(squared / count - mean.luminance() * mean.luminance(), 0.0);
            layer.colours.push(mean);
            layer.variances.push(spread / count);
        }
        layer
    };
    let total = settings.samples as f32;
    let passes = |passes| if settings.raw { 0 } else { passes };
    let diffuse = layer(|pixel| (pixel.diffuse, pixel.diffuse_squared, pixel.matts));
    let gloss = layer(|pixel| (pixel.gloss, pixel.gloss_squared, pixel.hits));
    let diffuse = denoise(diffuse, &guides, width, passes(4));
    let gloss = denoise(gloss, &guides, width, passes(2));
    let lit = diffuse.iter().zip(&gloss).zip(pixels);
    lit.map(|((&diffuse, &gloss), pixel)| {
        diffuse * (pixel.albedo / total) + gloss * (pixel.hits / total) + pixel.direct / total
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{Settings, render};
    use crate::camera::Camera;
    use crate::math::{Vec3, vec3};
    use crate::mesh::{Builder, Material, Mesh};
    use crate::sky::Sky;
    use crate::world::World;

    const SETTINGS: Settings = Settings { frame: 0, frames: 1, width: 12, height: 12, samples: 256, raw: true };

    /// A cube around the origin, two units wide.
    fn cube(material: Material) -> Mesh {
        let mut builder = Builder::default();
        for corner in 0..8_u8 {
            let side = |bit: u8| if corner >> bit & 1 == 1 { 1.0 } else { -1.0 };
            builder.position(vec3(side(0), side(1), side(2)));
        }
        for [a, b, c, d] in [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]] {
            builder.face([a, b, c], None, 0);
            builder.face([a, c, d], None, 0);
        }
        builder.build(vec![material]).unwrap()
    }

    fn furnace(material: Material, origin: Vec3, sky: f32) -> Vec<Vec3> {
        let world = World::bare(cube(material), Sky::uniform(sky));
        let forward = if origin == Vec3::ZERO { vec3(0.6, 0.48, 0.64) } else { (-origin).normalized() };
        render(&world, &Camera::at(origin, forward), &SETTINGS).pixels
    }

    #[test]
    fn a_white_thing_under_a_white_sky_cannot_be_seen() {
        for coat in [0.0, 0.04] {
            let white = Material { base: Vec3::ONE, coat, roughness: 0.05, ..Material::default() };
            // Where faces of different gloss meet in a pixel, the choice between coat and base leaves a little noise.
            let pixels = furnace(white, vec3(3.0, 4.0, 5.0), 1.0);
            let mean = pixels.iter().map(|pixel| pixel.y).sum::<f32>() / pixels.len() as f32;
            assert!((mean - 1.0).abs() < 0.003, "coat {coat}: {mean}");
            for pixel in pixels {
                assert!((pixel - Vec3::ONE).length() < 0.1, "coat {coat}: {pixel:?}");
            }
        }
        let mirror = Material { base: Vec3::ONE, metal: true, roughness: 0.0, ..Material::default() };
        for pixel in furnace(mirror, vec3(3.0, 4.0, 5.0), 1.0) {
            assert!((pixel - Vec3::ONE).length() < 0.02, "{pixel:?}");
        }
    }

    #[test]
    fn a_glowing_box_is_as_bright_inside_as_the_series_of_its_reflections() {
        // e + e a + e a^2 + … = e / (1 - a); the paths end after eight surfaces, which leaves out a^8 of it.
        // Dim, so that little is cut as a firefly.
        let (glow, albedo) = (0.03_f32, 0.4_f32);
        let material = Material { base: Vec3::splat(albedo), emission: Vec3::splat(glow), ..Material::default() };
        let pixels = furnace(material, Vec3::ZERO, 0.0);
        let mean = pixels.iter().map(|pixel| pixel.x).sum::<f32>() / pixels.len() as f32;
        let wanted = glow / (1.0 - albedo);
        assert!((mean / wanted - 1.0).abs() < 0.02, "{mean}, not {wanted}");
    }

    #[test]
    fn a_closed_box_is_dark_inside_whatever_the_sky() {
        for pixel in furnace(Material::default(), Vec3::ZERO, 100.0) {
            assert_eq!(pixel, Vec3::ZERO);
        }
    }
}
