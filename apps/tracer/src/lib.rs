//! A path tracer for one frame of an orbit around a mesh, the same bytes on every machine.
//!
//! Scenes are OBJ with MTL, or glTF 2.0. Light is followed through diffuse, coated, metallic, glass and glowing surfaces
//! under a studio sky; few samples a pixel suffice because a filter takes out the grain that is left. Invariants: no clock,
//! no randomness but hashes of frame, pixel and sample, no mathematics beyond what IEEE 754 fixes to the bit, one thread.

pub mod bvh;
pub mod camera;
mod denoise;
pub mod film;
mod four;
pub mod frame;
mod gltf;
pub mod math;
pub mod mesh;
mod obj;
pub mod sampler;
pub mod scene_file;
pub mod sky;
mod surface;
pub mod world;

use camera::Camera;
use frame::Settings;
use mesh::Mesh;
use world::World;

/// One frame of a mesh in the studio, as a PNG file.
///
/// # Errors
/// See [`film::develop`].
pub fn render_png(mesh: Mesh, settings: &Settings) -> Result<Vec<u8>, png::EncodingError> {
    let aspect = settings.width as f32 / settings.height as f32;
    let camera = Camera::orbit(&mesh, settings.frame, settings.frames, aspect);
    let world = World::studio(mesh);
    film::develop(&frame::render(&world, &camera, settings))
}
