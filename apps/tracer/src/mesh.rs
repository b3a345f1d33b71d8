//! What a scene file comes to: triangles, each with its material and the normals of its corners.

use std::collections::BTreeMap;

use crate::math::{Vec3, turn};

/// How a surface treats light.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// The name it has in its file.
    pub name: String,
    /// Diffuse reflectance, or a metal's colour, or a glass's tint.
    pub base: Vec3,
    /// Light it gives off.
    pub emission: Vec3,
    /// 0 mirror … 1 chalk: of the metal, or of the clear coat over a diffuse base.
    pub roughness: f32,
    /// It is a metal.
    pub metal: bool,
    /// It lets light through.
    pub glass: bool,
    /// Reflectance of the clear coat at right angles; 0 for none.
    pub coat: f32,
}

impl Default for Material {
    /// Off-white and matt: for meshes that say nothing.
    fn default() -> Self {
        Self {
            name: String::new(),
            base: Vec3::splat(0.75),
            emission: Vec3::ZERO,
            roughness: 1.0,
            metal: false,
            glass: false,
            coat: 0.0,
        }
    }
}

/// One triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triangle {
    /// Its corners, counter-clockwise seen from outside.
    pub corners: [Vec3; 3],
    /// Unit normals at the corners.
    pub normals: [Vec3; 3],
    /// Index into [`Mesh::materials`].
    pub material: u32,
}

impl Triangle {
    /// Its plane's normal, with twice its area as length.
    #[must_use]
    pub fn area_normal(&self) -> Vec3 {
        (self.corners[1] - self.corners[0]).cross(self.corners[2] - self.corners[0])
    }
}

/// Everything to be drawn. There is at least one triangle and every coordinate is finite.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// The triangles, none without area.
    pub triangles: Vec<Triangle>,
    /// What they are made of; never empty.
    pub materials: Vec<Material>,
}

impl Mesh {
    /// The corners of the box around it.
    #[must_use]
    pub fn bounds(&self) -> (Vec3, Vec3) {
        around(self.triangles.iter().flat_map(|triangle| triangle.corners))
    }

    /// The same shape around the origin and two units in its longest dimension, where 32-bit numbers are at their best:
    /// squares of areas neither vanish nor overflow.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        let (low, high) = self.bounds();
        let (centre, scale) = (low.lerp(high, 0.5), 2.0 / (high - low).max_element());
        for triangle in &mut self.triangles {
            triangle.corners = triangle.corners.map(|corner| (corner - centre) * scale);
        }
        self
    }
}

fn around(points: impl Iterator<Item = Vec3>) -> (Vec3, Vec3) {
    let empty = (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY));
    points.fold(empty, |(low, high), point| (low.min(point), high.max(point)))
}

/// Gathers faces from a file and gives those without normals some.
#[derive(Debug, Default)]
pub struct Builder {
    positions: Vec<Vec3>,
    normals: Vec<Vec3>,
    faces: Vec<Face>,
}

#[derive(Debug)]
struct Face {
    positions: [u32; 3],
    normals: Option<[u32; 3]>,
    material: u32,
}

impl Builder {
    /// Adds a point; its number.
    pub fn position(&mut self, position: Vec3) -> u32 {
        self.positions.push(position);
        index(self.positions.len())
    }

    /// Adds a normal of any length; its number.
    pub fn normal(&mut self, normal: Vec3) -> u32 {
        self.normals.push(normal);
        index(self.normals.len())
    }

    /// How many points and how many normals there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.positions.len(), self.normals.len())
    }

    /// Adds a face of existing points and, where the file has them, normals.
    pub fn face(&mut self, positions: [u32; 3], normals: Option<[u32; 3]>, material: u32) {
        self.faces.push(Face { positions, normals, material });
    }

    /// The mesh; nothing when no face has any area.
    ///
    /// Faces without normals are shaded smoothly where they meet at less than 40°, and with a crease elsewhere.
    #[must_use]
    pub fn build(self, materials: Vec<Material>) -> Option<Mesh> {
        let (low, high) = around(self.positions.iter().copied());
        // Areas are squares: at the scale of the whole, the smallest and the largest mesh have some.
        let scale = 1.0 / (high - low).max_element();
        let flat: Vec<Vec3> = self.faces.iter().map(|face| self.area_normal(face, scale)).collect();
        let neighbours = self.neighbours();
        let mut triangles = Vec::with_capacity(self.faces.len());
        for (number, face) in self.faces.iter().enumerate() {
            let Some(plane) = flat[number].direction() else { continue };
            let normals = [0, 1, 2].map(|corner| {
                let given = face.normals.map(|normals| self.normals[normals[corner] as usize]);
                given
                    .and_then(Vec3::direction)
                    .unwrap_or_else(|| smooth(plane, neighbours.get(&self.key(face.positions[corner])), &flat))
            });
            let corners = face.positions.map(|position| self.positions[position as usize]);
            triangles.push(Triangle { corners, normals, material: face.material });
        }
        (!triangles.is_empty()).then_some(Mesh { triangles, materials })
    }

    fn area_normal(&self, face: &Face, scale: f32) -> Vec3 {
        let [a, b, c] = face.positions.map(|position| self.positions[position as usize]);
        ((b - a) * scale).cross((c - a) * scale)
    }

    /// Faces around each point without given normals. Points are told apart by place, as files repeat them.
    fn neighbours(&self) -> BTreeMap<[u32; 3], Vec<u32>> {
        let mut neighbours: BTreeMap<[u32; 3], Vec<u32>> = BTreeMap::new();
        for (number, face) in (0_u32..).zip(&self.faces) {
            if face.normals.is_none() {
                for position in face.positions {
                    neighbours.entry(self.key(position)).or_default().push(number);
                }
            }
        }
        neighbours
    }

    fn key(&self, position: u32) -> [u32; 3] {
        let p = self.positions[position as usize] + Vec3::ZERO; // -0 becomes 0
        [p.x.to_bits(), p.y.to_bits(), p.z.to_bits()]
    }
}

/// The mean of those faces around a point that lie nearly in one plane with this one, weighted by area.
fn smooth(plane: Vec3, around: Option<&Vec<u32>>, flat: &[Vec3]) -> Vec3 {
    /// The hub of a large fan has thousands of neighbours, each of which would look at all others.
    const MOST_NEIGHBOURS: usize = 64;
    let (_, crease) = turn(40.0 / 360.0);
    let around = around.map_or(&[][..], Vec::as_slice);
    let sum = around.iter().take(MOST_NEIGHBOURS).fold(Vec3::ZERO, |sum, &other| {
        let other = flat[other as usize];
        if plane.dot(other) > crease * other.length() { sum + other } else { sum }
    });
    sum.direction().unwrap_or(plane)
}

fn index(count: usize) -> u32 {
    u32::try_from(count - 1).expect("a 32-bit memory holds fewer than 2^32 points")
}

#[cfg(test)]
mod tests {
    use super::{Builder, Material};
    use crate::math::{Vec3, vec3};

    fn folded(height: f32) -> Vec<[Vec3; 3]> {
        let mut builder = Builder::default();
        let [a, b] = [vec3(0.0, 0.0, 0.0), vec3(0.0, 0.0, 1.0)].map(|p| builder.position(p));
        let [c, d] = [vec3(1.0, 0.0, 0.0), vec3(-1.0, height, 0.0)].map(|p| builder.position(p));
        builder.face([a, b, c], None, 0);
        builder.face([a, d, b], None, 0);
        let mesh = builder.build(vec![Material::default()]).unwrap();
        mesh.triangles.iter().map(|triangle| triangle.normals).collect()
    }

    #[test]
    fn a_shallow_fold_is_smooth_and_a_sharp_one_is_not() {
        let shallow = folded(0.1);
        assert_eq!(shallow[0][0], shallow[1][0]);
        assert_ne!(shallow[0][0], shallow[0][2]);
        let sharp = folded(2.0);
        assert_ne!(sharp[0][0], sharp[1][0]);
    }

    #[test]
    fn faces_without_area_are_left_out() {
        let mut builder = Builder::default();
        let a = builder.position(Vec3::ONE);
        builder.face([a, a, a], None, 0);
        assert!(builder.build(vec![Material::default()]).is_none());
    }
}
