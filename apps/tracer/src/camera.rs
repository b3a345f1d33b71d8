//! Where a frame is seen from: an orbit around the mesh, as near as the mesh fits into the picture from all sides.

use crate::bvh::Ray;
use crate::math::{Vec3, greater, turn, vec3};
use crate::mesh::Mesh;

/// Half of the picture's height, at a distance of one.
const HALF_HEIGHT: f32 = 0.27;
/// How much of the picture the mesh may fill.
const FILL: f32 = 0.93;
/// Sine and cosine of the angle from which it looks down.
const DOWN: (f32, f32) = (0.292_371_7, 0.956_304_8);

/// A pinhole.
#[derive(Clone, Debug)]
pub struct Camera {
    origin: Vec3,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    half_width: f32,
}

impl Camera {
    /// For one frame of a full turn around the mesh, in pictures of a given width over height.
    #[must_use]
    pub fn orbit(mesh: &Mesh, frame: u32, frames: u32, aspect: f32) -> Self {
        // Starts a little off the front, where most things look best.
        let (sine, cosine) = turn(0.06 + frame as f32 / frames as f32);
        let forward = -vec3(sine * DOWN.1, DOWN.0, cosine * DOWN.1);
        let right = vec3(cosine, 0.0, -sine);
        let up = right.cross(forward);
        let (target, distance) = fit(mesh, aspect);
        Self { origin: target - forward * distance, right, up, forward, half_width: HALF_HEIGHT * aspect }
    }

    /// Looking along an axis from a point, square: for tests.
    #[must_use]
    pub fn at(origin: Vec3, forward: Vec3) -> Self {
        let (right, up) = forward.basis();
        Self { origin, right, up, forward, half_width: HALF_HEIGHT }
    }

    /// The ray through a point of the picture, 0 to 1 from the left and from the top.
    #[must_use]
    pub fn ray(&self, across: f32, down: f32) -> Ray {
        let direction = self.forward
            + self.right * ((2.0 * across - 1.0) * self.half_width)
            + self.up * ((1.0 - 2.0 * down) * HALF_HEIGHT);
        Ray { origin: self.origin, direction: direction.normalized() }
    }
}

/// The point to look at, and from how far all of the mesh's solid of revolution is in the picture.
fn fit(mesh: &Mesh, aspect: f32) -> (Vec3, f32) {
    const BANDS: usize = 24;
    const ANGLES: u16 = 32;
    let (low, high) = mesh.bounds();
    let centre = (low + high) * 0.5;
    let mut radii = [0.0_f32; BANDS];
    let band_height = greater(high.y - low.y, 1e-12) / BANDS as f32;
    for corner in mesh.triangles.iter().flat_map(|triangle| triangle.corners) {
        let away = vec3(corner.x - centre.x, 0.0, corner.z - centre.z).length();
        let band = (((corner.y - low.y) / band_height) as usize).min(BANDS - 1);
        radii[band] = greater(radii[band], away);
    }
    // Seen from +z and above; the rims of all bands, as if each were a disc.
    let (up, forward) = (vec3(0.0, DOWN.1, -DOWN.0), vec3(0.0, -DOWN.0, -DOWN.1));
    let mut rims = Vec::new();
    for (band, radius) in radii.iter().enumerate() {
        for edge in [0.0, 1.0] {
            let height = low.y + band_height * (band as f32 + edge) - centre.y;
            for angle in 0..ANGLES {
                let (sine, cosine) = turn(f32::from(angle) / f32::from(ANGLES));
                rims.push(vec3(radius * cosine, height, radius * sine));
            }
        }
    }
    let (across, tall) = (FILL * HALF_HEIGHT * aspect, FILL * HALF_HEIGHT);
    let distance_for = |lift: f32| {
        rims.iter().fold(0.0_f32, |farthest, &rim| {
            let rim = rim - vec3(0.0, lift, 0.0);
            let nearness = -rim.dot(forward);
            let needed = greater(rim.x.abs() / across, rim.dot(up).abs() / tall);
            greater(farthest, nearness + needed)
        })
    };
    // Looking a little higher or lower lets the camera come nearer: the best of a few.
    let size = high.y - low.y;
    let mut best = (f32::INFINITY, 0.0);
    for step in -10_i16..=10 {
        let lift = size * 0.04 * f32::from(step);
        let distance = distance_for(lift);
        if distance < best.0 {
            best = (distance, lift);
        }
    }
    (centre + vec3(0.0, best.1, 0.0), best.0)
}

#[cfg(test)]
mod tests {
    use super::Camera;
    use crate::math::{Vec3, vec3};
    use crate::mesh::{Builder, Material, Mesh};

    fn slab(size: Vec3, offset: Vec3) -> Mesh {
        let mut builder = Builder::default();
        for corner in 0..8_u8 {
            let pick = |bit: u8, length: f32| if corner >> bit & 1 == 1 { length } else { 0.0 };
            builder.position(offset + vec3(pick(0, size.x), pick(1, size.y), pick(2, size.z)));
        }
        for face in [[0, 1, 2], [5, 6, 7], [3, 4, 5], [0, 6, 7]] {
            builder.face(face, None, 0);
        }
        builder.build(vec![Material::default()]).unwrap()
    }

    #[test]
    fn the_mesh_is_whole_in_every_frame_and_fills_one() {
        for (size, aspect) in [(vec3(1., 5., 1.), 1.5), (vec3(9., 1., 2.), 1.5), (vec3(1e-3, 1e-3, 1e-3), 0.5)] {
            let mesh = slab(size, vec3(100.0, -3.0, 7.0) * size.x);
            let mut reach = 0.0_f32;
            for frame in 0..24 {
                let camera = Camera::orbit(&mesh, frame, 24, aspect);
                for corner in mesh.triangles.iter().flat_map(|triangle| triangle.corners) {
                    let away = corner - camera.origin;
                    let depth = away.dot(camera.forward);
                    assert!(depth > 0.0);
                    let x = away.dot(camera.right) / depth / camera.half_width;
                    let y = away.dot(camera.up) / depth / super::HALF_HEIGHT;
                    assert!(x.abs() <= 1.0 && y.abs() <= 1.0, "frame {frame}: {x} {y}");
                    reach = reach.max(x.abs()).max(y.abs());
                }
            }
            assert!(reach > 0.8, "{size:?} fills {reach}");
        }
    }
}
