//! Polygons, and the OBJ text they become.

use std::fmt::Write;

use tracer::math::Vec3;

/// A surface of polygons.
#[derive(Debug, Default)]
pub(crate) struct Polygons {
    pub(crate) points: Vec<Vec3>,
    /// Corners of each polygon, counted from 0, counter-clockwise from outside.
    pub(crate) faces: Vec<Vec<usize>>,
}

/// OBJ text in the making.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    body: String,
    points: usize,
}

impl Scene {
    /// What is added next has this name and material.
    pub(crate) fn object(&mut self, name: &str, material: &str) {
        self.line(&format!("o {name}\nusemtl {material}"));
    }

    /// Adds a surface, moved.
    pub(crate) fn add(&mut self, polygons: &Polygons, place: impl Fn(Vec3) -> Vec3) {
        for &point in &polygons.points {
            let point = place(point);
            self.line(&format!("v {} {} {}", digits(point.x), digits(point.y), digits(point.z)));
        }
        for face in &polygons.faces {
            let corners: Vec<String> = face.iter().map(|corner| (self.points + corner + 1).to_string()).collect();
            self.line(&format!("f {}", corners.join(" ")));
        }
        self.points += polygons.points.len();
    }

    /// The file.
    pub(crate) fn to_obj(&self, library: &str) -> String {
        format!("# Three hands and a knot, written by apps/modeler.\nmtllib {library}\n{}", self.body)
    }

    fn line(&mut self, line: &str) {
        writeln!(self.body, "{line}").expect("a string takes all");
    }
}

/// Thousandths: the whole is some four units tall.
fn digits(x: f32) -> String {
    let text = format!("{x:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
