//! A scene made ready for tracing, and the light along a path through it.

use crate::bvh::{Bvh, Ray};
use crate::math::{Vec3, greater, lesser, smoothstep, vec3};
use crate::mesh::{Material, Mesh};
use crate::sampler::Sampler;
use crate::sky::Sky;
use crate::surface::{Lobe, pick};

/// Surfaces a path may touch.
const BOUNCES: u32 = 6;
/// From here on a path's chance to go on is what it carries.
const ROULETTE: u32 = 1;
/// Light found after the first surface is cut here: a few fireflies are worth less than a clean picture.
const BRIGHTEST: f32 = 12.0;
/// Direct light below this is looked after only some of the time.
const FAINT: f32 = 0.12;

/// Everything a path can meet.
#[derive(Debug)]
pub struct World {
    mesh: Mesh,
    bvh: Bvh,
    lights: Vec<Light>,
    ground: Option<Ground>,
    sky: Sky,
    /// Distance by which a new ray starts off its surface.
    offset: f32,
}

/// A glowing triangle, and the chance that it or one before it is asked.
#[derive(Debug)]
struct Light {
    triangle: u32,
    up_to: f32,
}

/// A floor that fades into the sky.
#[derive(Debug)]
struct Ground {
    height: f32,
    centre: Vec3,
    radius: f32,
    material: Material,
}

/// What one path brings back. Light over the first surface's diffuse lobe comes divided by its colour.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Light that the diffuse lobe of the first surface received.
    pub diffuse: Vec3,
    /// Light by its other lobes.
    pub gloss: Vec3,
    /// Light it gives off, or that of the sky.
    pub direct: Vec3,
    /// Colour of the first surface's diffuse lobe.
    pub albedo: Vec3,
    /// Normal of the first surface.
    pub normal: Vec3,
    /// Its place.
    pub place: Vec3,
    /// There was a first surface.
    pub hit: bool,
    /// It has a diffuse lobe.
    pub matt: bool,
}

/// A place on a surface, seen from one side.
struct Spot<'a> {
    place: Vec3,
    /// Of the true surface, towards the viewer.
    plane: Vec3,
    /// As shaded, towards the viewer.
    normal: Vec3,
    material: &'a Material,
    /// Seen from outside.
    outside: bool,
    /// 0 near … 1 where the floor has become sky.
    faded: f32,
}

impl World {
    /// With the studio's floor and sky.
    #[must_use]
    pub fn studio(mesh: Mesh) -> Self {
        let (low, high) = mesh.bounds();
        let size = (high - low).length();
        let ground = Ground {
            height: low.y - size * 1e-4,
            centre: (low + high) * 0.5,
            radius: size * 0.5,
            material: Material {
                name: "floor".to_owned(),
                base: vec3(0.23, 0.235, 0.25),
                roughness: 0.35,
                coat: 0.03,
                ..Material::default()
            },
        };
        Self::new(mesh, Sky::studio(), Some(ground))
    }

    /// With nothing but a sky: for tests.
    #[must_use]
    pub fn bare(mesh: Mesh, sky: Sky) -> Self {
        Self::new(mesh, sky, None)
    }

    fn new(mesh: Mesh, sky: Sky, ground: Option<Ground>) -> Self {
        let corners: Vec<[Vec3; 3]> = mesh.triangles.iter().map(|triangle| triangle.corners).collect();
        let bvh = Bvh::new(&corners);
        let mut lights: Vec<Light> = Vec::new();
        let mut sum = 0.0;
        for (number, triangle) in (0..).zip(&mesh.triangles) {
            let glow = mesh.materials[triangle.material as usize].emission.luminance();
            if glow > 0.0 {
                sum += glow * triangle.area_normal().length();
                lights.push(Light { triangle: number, up_to: sum });
            }
        }
        for light in &mut lights {
            light.up_to /= sum;
        }
        let (low, high) = mesh.bounds();
        let far = greater(high.max(-low).max_element(), (high - low).max_element());
        Self { mesh, bvh, lights, ground, sky, offset: far * 2e-5 }
    }

    /// Follows one path.
    #[must_use]
    pub fn trace(&self, mut ray: Ray, sampler: &mut Sampler) -> Sample {
        let mut sample = Sample::default();
        let mut carried = Vec3::ONE;
        // What the path has not asked for, it takes along when it meets it.
        let mut takes_lights = true;
        let mut first: Option<Lobe> = None;
        for bounce in 0..=BOUNCES {
            let Some(spot) = self.nearest(&ray) else {
                let mut light = self.sky.radiance(ray.direction);
                if takes_lights {
                    light += self.sky.sun_radiance(ray.direction);
                }
                sample.add(first, carried * light);
                break;
            };
            if spot.faded > 0.0 {
                let along = vec3(ray.direction.x, greater(ray.direction.y, 0.0), ray.direction.z);
                sample.add(first, carried * self.sky.radiance(along) * spot.faded);
                carried = carried * (1.0 - spot.faded);
            }
            if takes_lights {
                sample.add(first, carried * spot.material.emission);
            }
            if bounce == BOUNCES || spot.faded >= 1.0 {
                break;
            }
            let view = -ray.direction;
            let (lobe, factor) = pick(spot.material, view.dot(spot.normal), sampler.one());
            carried = carried * factor;
            if bounce == 0 {
                first = Some(lobe);
                sample.see(&spot);
            }
            takes_lights = !lobe.asks();
            let lobe = if bounce == 0 { lobe.without_colour() } else { lobe };
            if !takes_lights {
                let left = left(carried, first);
                let light = self.direct(&spot, &lobe, view, left, bounce, sampler);
                sample.add(first, carried * light);
            }
            let drawn = lobe.sample(spot.normal, view, spot.outside, sampler.pair());
            let Some(scattered) = drawn else { break };
            let leaves = scattered.direction.dot(spot.plane) > 0.0;
            if leaves == scattered.through {
                break;
            }
            carried *= scattered.weight;
            if bounce >= ROULETTE {
                let chance = lesser(left(carried, first), 0.95);
                if chance <= 0.0 || sampler.one() >= chance {
                    break;
                }
                carried = carried / chance;
            }
            let side = if leaves { self.offset } else { -self.offset };
            ray = Ray { origin: spot.place + spot.plane * side, direction: scattered.direction };
        }
        sample
    }

    fn nearest(&self, ray: &Ray) -> Option<Spot<'_>> {
        let hit = self.bvh.nearest(ray, f32::INFINITY);
        if let Some(ground) = &self.ground {
            let distance = (ground.height - ray.origin.y) / ray.direction.y;
            let limit = hit.map_or(f32::INFINITY, |hit| hit.distance);
            if distance > 0.0 && distance < limit && ray.direction.y < 0.0 {
                return Some(ground.spot(ray.at(distance)));
            }
        }
        let hit = hit?;
        let triangle = &self.mesh.triangles[hit.triangle as usize];
        let plane = triangle.area_normal().normalized();
        let [a, b, c] = triangle.normals;
        let normal = a * (1.0 - hit.u - hit.v) + b * hit.u + c * hit.v;
        let normal = normal.direction().unwrap_or(plane);
        let outside = plane.dot(ray.direction) < 0.0;
        let (plane, normal) = if outside { (plane, normal) } else { (-plane, -normal) };
        // At silhouettes a smoothed normal may look away from the viewer: it is bent back.
        let lean = normal.dot(ray.direction);
        let normal = if lean < -1e-3 { normal } else { (normal - ray.direction * (lean + 2e-3)).normalized() };
        let material = &self.mesh.materials[triangle.material as usize];
        Some(Spot { place: ray.at(hit.distance), plane, normal, material, outside, faded: 0.0 })
    }

    /// Light that comes to a spot straight from the sun and the glowing triangles. `left` is what the path still carries.
    fn direct(&self, spot: &Spot<'_>, lobe: &Lobe, view: Vec3, left: f32, bounce: u32, sampler: &mut Sampler) -> Vec3 {
        let origin = spot.place + spot.plane * self.offset;
        // Later surfaces matter less: they ask one of the two, for both.
        let one_of_two = bounce > 0 && !self.lights.is_empty();
        let (sun, lamps, weight) = match (one_of_two, one_of_two && sampler.one() < 0.5) {
            (false, _) => (true, true, 1.0),
            (true, first) => (first, !first, 2.0),
        };
        let mut light = Vec3::ZERO;
        if sun
            && let Some((direction, strength)) = self.sky.sample_sun(sampler.pair())
            && direction.dot(spot.plane) > 0.0
        {
            let part = lobe.reflectance(spot.normal, view, direction) * strength;
            light += self.arrives(part, left, &Ray { origin, direction }, f32::INFINITY, sampler);
        }
        if lamps && !self.lights.is_empty() {
            light += self.lamp(spot, lobe, view, origin, left, sampler);
        }
        light * weight
    }

    /// The part that nothing keeps off. Faint light is looked after rarely, and then counts for all the times it was not.
    fn arrives(&self, part: Vec3, left: f32, ray: &Ray, limit: f32, sampler: &mut Sampler) -> Vec3 {
        let chance = lesser(left * part.max_element() / FAINT, 1.0);
        if chance <= 0.0 || (chance < 1.0 && sampler.one() >= chance) || self.bvh.blocked(ray, limit) {
            return Vec3::ZERO;
        }
        part / chance
    }

    fn lamp(&self, spot: &Spot<'_>, lobe: &Lobe, view: Vec3, origin: Vec3, left: f32, sampler: &mut Sampler) -> Vec3 {
        let choice = sampler.one();
        let number = self.lights.partition_point(|light| light.up_to <= choice);
        let number = number.min(self.lights.len() - 1);
        let before = if number == 0 { 0.0 } else { self.lights[number - 1].up_to };
        let chance = self.lights[number].up_to - before;
        let triangle = &self.mesh.triangles[self.lights[number].triangle as usize];
        let (a, b) = sampler.pair();
        let root = a.sqrt();
        let [p, q, r] = triangle.corners;
        let point = p * (1.0 - root) + q * (root * (1.0 - b)) + r * (root * b);
        let towards = point - origin;
        let distance = towards.length();
        let Some(direction) = towards.direction() else { return Vec3::ZERO };
        if direction.dot(spot.plane) <= 0.0 || chance <= 0.0 {
            return Vec3::ZERO;
        }
        // The area normal's length is twice the area: cosine times area over distance squared, over the chance.
        let seen = 0.5 * triangle.area_normal().dot(direction).abs();
        let emission = self.mesh.materials[triangle.material as usize].emission;
        let part = lobe.reflectance(spot.normal, view, direction) * emission;
        let part = part * (seen / (greater(distance * distance, 1e-20) * chance));
        let short = distance - 2.0 * self.offset;
        self.arrives(part, left, &Ray { origin, direction }, short, sampler)
    }
}

/// The most that light found now can add to the pixel: the first surface's colour was left out, but it will dim it.
fn left(carried: Vec3, first: Option<Lobe>) -> f32 {
    match first {
        Some(Lobe::Diffuse { base }) => (carried * base).max_element(),
        _ => carried.max_element(),
    }
}

impl Ground {
    fn spot(&self, place: Vec3) -> Spot<'_> {
        let away = (place - self.centre).length();
        Spot {
            place,
            plane: vec3(0.0, 1.0, 0.0),
            normal: vec3(0.0, 1.0, 0.0),
            material: &self.material,
            outside: true,
            faded: smoothstep(self.radius * 2.0, self.radius * 9.0, away),
        }
    }
}

impl Lobe {
    /// The first surface's diffuse colour is left out and comes back after denoising.
    fn without_colour(self) -> Self {
        match self {
            Self::Diffuse { .. } => Self::Diffuse { base: Vec3::ONE },
            Self::Facets { .. } | Self::Glass { .. } => self,
        }
    }
}

impl Sample {
    fn see(&mut self, spot: &Spot<'_>) {
        let material = spot.material;
        self.hit = true;
        self.matt = !material.metal && !material.glass;
        self.albedo = if self.matt { material.base } else { Vec3::ZERO };
        self.normal = spot.normal;
        self.place = spot.place;
    }

    fn add(&mut self, first: Option<Lobe>, light: Vec3) {
        if !light.is_finite() {
            return;
        }
        match first {
            None => self.direct += light,
            Some(lobe) => {
                let excess = BRIGHTEST / greater(light.max_element(), BRIGHTEST);
                match lobe {
                    Lobe::Diffuse { .. } => self.diffuse += light * excess,
                    Lobe::Facets { .. } | Lobe::Glass { .. } => self.gloss += light * excess,
                }
            }
        }
    }
}
