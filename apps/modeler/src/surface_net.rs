//! Naive surface nets: quadrilaterals along the zero of a distance field.

use std::collections::BTreeMap;

use tracer::math::{Vec3, vec3};

use crate::object::Polygons;

/// The surface where `field` is zero, within a box, on a lattice of a given step. Negative is inside.
pub(crate) fn surface_net(field: impl Fn(Vec3) -> f32, low: Vec3, high: Vec3, step: f32) -> Polygons {
    let count = |low: f32, high: f32| ((high - low) / step).ceil() as usize + 1;
    let (nx, ny, nz) = (count(low.x, high.x), count(low.y, high.y), count(low.z, high.z));
    let place = |[x, y, z]: [usize; 3]| low + vec3(x as f32, y as f32, z as f32) * step;
    let index = |[x, y, z]: [usize; 3]| (z * ny + y) * nx + x;
    let mut values = vec![0.0; nx * ny * nz];
    each(nx, ny, nz, |at| values[index(at)] = field(place(at)));

    let mut polygons = Polygons::default();
    let mut cells = BTreeMap::new();
    each(nx - 1, ny - 1, nz - 1, |cell| {
        let mut crossings = (Vec3::ZERO, 0.0);
        for (a, b) in EDGES {
            let (a, b) = (corner(cell, a), corner(cell, b));
            let (va, vb) = (values[index(a)], values[index(b)]);
            if (va < 0.0) != (vb < 0.0) {
                let point = place(a).lerp(place(b), va / (va - vb));
                crossings = (crossings.0 + point, crossings.1 + 1.0);
            }
        }
        if crossings.1 > 0.0 {
            cells.insert(cell, polygons.points.len());
            polygons.points.push(crossings.0 / crossings.1);
        }
    });
    // A lattice edge that the surface crosses is shared by four cells, whose points make a face.
    each(nx - 1, ny - 1, nz - 1, |at| {
        for axis in 0..3 {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            if at[u] == 0 || at[v] == 0 {
                continue;
            }
            let mut end = at;
            end[axis] += 1;
            let (here, there) = (values[index(at)] < 0.0, values[index(end)] < 0.0);
            if here == there {
                continue;
            }
            let around = [(1, 1), (0, 1), (0, 0), (1, 0)].map(|(du, dv)| {
                let mut cell = at;
                cell[u] -= du;
                cell[v] -= dv;
                cells[&cell]
            });
            let mut face = around.to_vec();
            if !here {
                face.reverse();
            }
            polygons.faces.push(face);
        }
    });
    polygons
}

const EDGES: [(usize, usize); 12] =
    [(0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 4), (1, 5), (2, 6), (3, 7)];

fn corner([x, y, z]: [usize; 3], bits: usize) -> [usize; 3] {
    [x + (bits & 1), y + (bits >> 1 & 1), z + (bits >> 2)]
}

fn each(nx: usize, ny: usize, nz: usize, mut visit: impl FnMut([usize; 3])) {
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                visit([x, y, z]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::surface_net;
    use tracer::math::Vec3;

    #[test]
    fn a_ball_is_closed_and_looks_outwards() {
        let ball = surface_net(|p| p.length() - 1.0, Vec3::splat(-1.3), Vec3::splat(1.3), 0.2);
        let mut edges = std::collections::BTreeMap::new();
        for face in &ball.faces {
            let [a, b, c] = [face[0], face[1], face[2]].map(|point| ball.points[point]);
            assert!((b - a).cross(c - a).dot(a) > 0.0);
            for (n, &from) in face.iter().enumerate() {
                let to = face[(n + 1) % face.len()];
                *edges.entry((from.min(to), from.max(to))).or_insert(0) += 1;
            }
        }
        assert!(edges.values().all(|&faces| faces == 2));
        assert!(ball.points.iter().all(|point| (point.length() - 1.0).abs() < 0.05));
    }
}
