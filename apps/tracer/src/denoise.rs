//! Takes the grain out of a layer of light: an edge-avoiding à-trous filter (Dammertz et al. 2010), guided by normals and
//! places, and by how uncertain each pixel is (after Schied et al. 2017).

use crate::math::{Vec3, greater};

/// What a pixel shows, free of noise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guide {
    pub(crate) normal: Vec3,
    pub(crate) place: Vec3,
    pub(crate) hit: bool,
}

/// Light with its uncertainty: the variance of each pixel's mean luminance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) colours: Vec<Vec3>,
    pub(crate) variances: Vec<f32>,
}

/// How many standard deviations of difference are noise.
const TOLERANCE: f32 = 6.0;
const KERNEL: [f32; 3] = [1.0, 0.5, 0.25];

/// Filters with ever wider meshes; more passes reach farther.
pub(crate) fn denoise(mut layer: Layer, guides: &[Guide], width: usize, passes: u32) -> Vec<Vec3> {
    for pass in 0..passes {
        layer = filter(&layer, guides, width, 1 << pass);
    }
    layer.colours
}

fn filter(layer: &Layer, guides: &[Guide], width: usize, step: usize) -> Layer {
    let height = guides.len() / width;
    let mut filtered = Layer { colours: Vec::with_capacity(guides.len()), variances: Vec::with_capacity(guides.len()) };
    for row in 0..height {
        for column in 0..width {
            let here = row * width + column;
            let guide = &guides[here];
            if !guide.hit {
                filtered.colours.push(layer.colours[here]);
                filtered.variances.push(layer.variances[here]);
                continue;
            }
            let deviation = blurred_variance(layer, guides, width, row, column).sqrt();
            let tolerance = 1.0 / (TOLERANCE * deviation + 1e-3);
            let brightness = layer.colours[here].luminance();
            let grain = grain(guides, width, here, column);
            let (mut colour, mut variance, mut weights) = (Vec3::ZERO, 0.0, 0.0);
            for (tap, weight) in taps(row, column, step, height, width) {
                let other = &guides[tap];
                if !other.hit {
                    continue;
                }
                let turned = greater(guide.normal.dot(other.normal), 0.0);
                let turned = power_of_32(turned);
                let off = (other.place - guide.place).dot(guide.normal).abs() * grain / step as f32;
                let differs = (layer.colours[tap].luminance() - brightness).abs() * tolerance;
                let weight = weight * turned * fall(off) * fall(differs);
                colour += layer.colours[tap] * weight;
                variance += layer.variances[tap] * weight * weight;
                weights += weight;
            }
            filtered.colours.push(colour / weights);
            filtered.variances.push(variance / (weights * weights));
        }
    }
    filtered
}

/// One over how far apart neighbouring pixels' places are: the scale on which two places are near.
fn grain(guides: &[Guide], width: usize, here: usize, column: usize) -> f32 {
    let other = if column + 1 < width { here + 1 } else { here.saturating_sub(1) };
    let apart = if guides[other].hit { (guides[other].place - guides[here].place).length() } else { 0.0 };
    1.0 / (apart + 1e-6 * (1.0 + guides[here].place.length()))
}

/// A single pixel's own variance is as noisy as the pixel.
fn blurred_variance(layer: &Layer, guides: &[Guide], width: usize, row: usize, column: usize) -> f32 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (tap, weight) in taps(row, column, 1, guides.len() / width, width) {
        if guides[tap].hit {
            sum += layer.variances[tap] * weight;
            weights += weight;
        }
    }
    sum / weights
}

/// The nine pixels of the mesh that lie in the picture, with the kernel's weights.
fn taps(row: usize, column: usize, step: usize, height: usize, width: usize) -> impl Iterator<Item = (usize, f32)> {
    let reach = move |at: usize, end: usize| {
        let before = at.checked_sub(step).map(|at| (at, 1));
        let after = Some((at + step, 1)).filter(|(at, _)| *at < end);
        [before, Some((at, 0)), after].into_iter().flatten()
    };
    reach(row, height)
        .flat_map(move |(y, dy)| reach(column, width).map(move |(x, dx)| (y * width + x, KERNEL[dx + dy])))
}

/// 1 at nothing, 0 from one on.
fn fall(x: f32) -> f32 {
    let rest = greater(1.0 - x * x, 0.0);
    rest * rest
}

fn power_of_32(x: f32) -> f32 {
    let x2 = x * x;
    let x4 = x2 * x2;
    let x8 = x4 * x4;
    let x16 = x8 * x8;
    x16 * x16
}

#[cfg(test)]
mod tests {
    use super::{Guide, Layer, denoise};
    use crate::math::{Vec3, vec3};
    use crate::sampler::hash;

    const WIDTH: usize = 32;

    /// A corner between two walls, the right one lit twice as strongly, with noise.
    fn walls() -> (Layer, Vec<Guide>) {
        let (mut layer, mut guides) = (Layer::default(), Vec::new());
        for n in 0..WIDTH * WIDTH {
            let (x, y) = ((n % WIDTH) as f32 - 16.0, (n / WIDTH) as f32);
            let right = n % WIDTH >= 16;
            let noise = hash(3, n as u32) as f32 / 4_294_967_296.0 - 0.5;
            layer.colours.push(Vec3::splat(if right { 2.0 } else { 1.0 } + noise * 0.4));
            layer.variances.push(0.16 / 12.0);
            guides.push(Guide {
                normal: if right { vec3(0.6, 0.0, 0.8) } else { vec3(-0.6, 0.0, 0.8) },
                place: vec3(x, y, -x.abs() * 0.75),
                hit: true,
            });
        }
        (layer, guides)
    }

    #[test]
    fn grain_goes_and_edges_stay() {
        let (layer, guides) = walls();
        let error = |colours: &[Vec3]| {
            let square = |(n, colour): (usize, &Vec3)| {
                let wanted = if n % WIDTH >= 16 { 2.0 } else { 1.0 };
                (colour.x - wanted) * (colour.x - wanted)
            };
            colours.iter().enumerate().map(square).sum::<f32>()
        };
        let before = error(&layer.colours);
        let after = error(&denoise(layer, &guides, WIDTH, 4));
        assert!(after < before / 20.0, "{before} became {after}");
    }

    #[test]
    fn the_sky_is_left_alone() {
        let (layer, mut guides) = walls();
        for guide in &mut guides {
            guide.hit = false;
        }
        assert_eq!(denoise(layer.clone(), &guides, WIDTH, 4), layer.colours);
    }
}
