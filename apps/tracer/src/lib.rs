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
    let mesh = mesh.fitted();
    let aspect = settings.width as f32 / settings.height as f32;
    let camera = Camera::orbit(&mesh, settings.frame, settings.frames, aspect);
    let world = World::studio(mesh);
    film::develop(&frame::render(&world, &camera, settings))
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::camera::Camera;
    use crate::frame::{Settings, render};
    use crate::sampler::hash;
    use crate::scene_file::load;
    use crate::world::World;

    #[test]
    fn a_scene_looks_the_same_at_any_size_and_place() {
        let picture = |scale: f32, offset: f32| {
            let mut obj = String::new();
            for [x, y, z] in [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.2, 1.0, 0.2]] {
                let put = |x: f32| (x + offset) * scale;
                obj += &format!("v {:e} {:e} {:e}\n", put(x), put(y), put(z));
            }
            obj += "f 1 2 3\nf 1 4 2\nf 2 4 3\nf 3 4 1\n";
            let mesh = load("a.obj", &|_| Ok(obj.clone().into_bytes())).unwrap().mesh;
            let settings = Settings { frame: 0, frames: 1, width: 24, height: 24, samples: 16, raw: true };
            let file = crate::render_png(mesh, &settings).unwrap();
            let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
            let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut bytes).unwrap();
            bytes
        };
        let wanted = picture(1.0, 0.0);
        for (scale, offset) in [(1e-12, 0.0), (1e13, 0.0), (1.0, -1000.0)] {
            let difference = wanted.iter().zip(picture(scale, offset)).map(|(a, b)| u64::from(a.abs_diff(b)));
            let mean = difference.sum::<u64>() as f32 / wanted.len() as f32;
            assert!(mean < 3.0, "{scale} {offset}: {mean}");
        }
    }

    /// Replicas agree only if every build and machine computes these very bits; a change of the tracer's or the scene's may
    /// change them, a compiler, an optimisation level or a processor may not.
    #[test]
    fn a_frame_is_the_same_bits_on_every_machine() {
        let loaded = load("hands.obj", &|name| match name {
            "hands.obj" => Ok(include_bytes!("../../scenes/hands.obj").to_vec()),
            "hands.mtl" => Ok(include_bytes!("../../scenes/hands.mtl").to_vec()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        });
        let mesh = loaded.unwrap().mesh.fitted();
        let settings = Settings { frame: 5, frames: 24, width: 32, height: 24, samples: 4, raw: false };
        let camera = Camera::orbit(&mesh, settings.frame, settings.frames, 4.0 / 3.0);
        let picture = render(&World::studio(mesh), &camera, &settings);
        let digest = picture.pixels.iter().fold(0, |digest, pixel| {
            assert!(pixel.is_finite());
            [pixel.x, pixel.y, pixel.z].iter().fold(digest, |digest, x| hash(digest, x.to_bits()))
        });
        assert_eq!(digest, 3_567_387_410);
    }
}
