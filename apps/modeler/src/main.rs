//! Models the bundled demo scene: three hands that hold up a golden knot with a lamp in it, on a plinth that is a gear.
//!
//! `modeler FOLDER` writes `hands.obj` and `hands.mtl`; the files in `apps/scenes` are its output, and a test holds them to
//! it. Sines come from the tracer, so that every machine writes the same digits.

mod hand;
mod object;
mod surface_net;
mod sweep;

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use object::Scene;
use tracer::math::{turn, vec3};

const OBJ: &str = "hands.obj";
const MTL: &str = "hands.mtl";

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: modeler FOLDER");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    fs::write(folder.join(OBJ), model().to_obj(MTL))?;
    fs::write(folder.join(MTL), MATERIALS)
}

/// Numbers a modeller would write; see the tracer's `obj` module for what they come to.
const MATERIALS: &str = "\
# Materials of hands.obj, written by apps/modeler.
newmtl porcelain
Kd 0.86 0.84 0.79
Ks 0.6 0.6 0.6
Pr 0.12

newmtl lacquer
Kd 0.6 0.025 0.02
Ks 0.6 0.6 0.6
Pr 0.1

newmtl celadon
Kd 0.05 0.3 0.3
Ks 0.6 0.6 0.6
Pr 0.14

newmtl gold
Kd 1.0 0.64 0.2
Pm 1
Pr 0.18

newmtl slate
Kd 0.055 0.06 0.07
Ks 0.5 0.5 0.5
Pr 0.3

newmtl brass
Kd 0.88 0.62 0.32
Pm 1
Pr 0.34

newmtl lamp
Kd 0 0 0
Ke 9 4.2 1.3
";

fn model() -> Scene {
    let mut scene = Scene::default();
    plinth(&mut scene);
    let hand = hand::mesh();
    for (number, material) in (0_u8..).zip(["porcelain", "lacquer", "celadon"]) {
        let (sine, cosine) = turn(f32::from(number) / 3.0 + 0.02);
        scene.object(&format!("hand {}", number + 1), material);
        scene.add(&hand, |p| {
            // The forearm leans outwards, the palm faces the axis.
            let (lean_sine, lean_cosine) = turn(0.038);
            let p = p * 0.98;
            let (x, y, z) = (p.x, p.y * lean_cosine + p.z * lean_sine, p.z * lean_cosine - p.y * lean_sine);
            let (x, y, z) = (x, y + 1.32, z - 0.66);
            vec3(x * cosine + z * sine, y, z * cosine - x * sine)
        });
    }
    scene.object("knot", "gold");
    let knot = sweep::knot(200, 10);
    scene.add(&knot, |p| p * 0.4 + vec3(0.0, 3.0, 0.0));
    scene.object("lamp", "lamp");
    // On one of its spikes, so that it shows points from every side.
    let ((s1, c1), (s2, c2)) = (turn(0.125), turn(0.09));
    scene.add(&sweep::star(0.17), |p| {
        let (x, z) = (p.x * c1 + p.z * s1, p.z * c1 - p.x * s1);
        vec3(x * c2 - p.y * s2, x * s2 + p.y * c2 + 3.0, z)
    });
    scene
}

fn plinth(scene: &mut Scene) {
    scene.object("gear", "slate");
    scene.add(&sweep::gear(30, 1.62, 1.82, 0.26), |p| p);
    scene.object("ring", "brass");
    scene.add(&sweep::lathe(72, &[(1.44, 0.26), (1.47, 0.29), (1.47, 0.33), (1.44, 0.36)]), |p| p);
    scene.object("drum", "slate");
    let drum = [(1.42, 0.3), (1.42, 0.36), (1.3, 0.42), (1.25, 0.5), (1.25, 0.56), (1.22, 0.6), (0.0, 0.6)];
    scene.add(&sweep::lathe(72, &drum), |p| p);
}

#[cfg(test)]
mod tests {
    use super::{MATERIALS, MTL, OBJ, model};
    use tracer::scene_file::load;

    #[test]
    fn the_bundled_scene_is_what_the_modeler_writes() {
        assert_eq!(include_str!("../../scenes/hands.mtl"), MATERIALS);
        let written = model().to_obj(MTL);
        // Not assert_eq: nobody wants to read both.
        assert!(include_str!("../../scenes/hands.obj") == written, "run: modeler apps/scenes");
        assert!(written.len() < 400_000, "{} bytes", written.len());
    }

    #[test]
    fn the_tracer_reads_it_without_a_word() {
        let obj = model().to_obj(MTL);
        let loaded =
            load(OBJ, &|name| Ok(if name == MTL { MATERIALS.as_bytes().to_vec() } else { obj.clone().into_bytes() }));
        let loaded = loaded.unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new());
        assert!(loaded.mesh.triangles.len() > 5000);
    }
}
