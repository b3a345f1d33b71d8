//! Surfaces swept along curves: the knot, the gear, what a lathe turns, and the lamp.

use tracer::math::{Vec3, turn, vec3};

use crate::object::Polygons;

/// A trefoil knot of a ribbed, twisting band, about six units wide.
pub(crate) fn knot(along: usize, around: usize) -> Polygons {
    let mut polygons = Polygons::default();
    for step in 0..along {
        let t = step as f32 / along as f32;
        let centre = trefoil(t);
        let forward = (trefoil(t + 1e-3) - trefoil(t - 1e-3)).normalized();
        let outwards = vec3(centre.x, centre.y, centre.z * 2.0);
        let side = forward.cross(outwards).normalized();
        let up = side.cross(forward);
        for corner in 0..around {
            let (sine, cosine) = turn(corner as f32 / around as f32);
            // An oval that turns over three times on its way.
            let (twist_sine, twist_cosine) = turn(t * 3.0);
            let (a, b) = (cosine * 0.66, sine * 0.4);
            let (a, b) = (a * twist_cosine - b * twist_sine, a * twist_sine + b * twist_cosine);
            polygons.points.push(centre + side * a + up * b);
        }
    }
    for step in 0..along {
        for corner in 0..around {
            let (next, beside) = ((step + 1) % along, (corner + 1) % around);
            polygons.faces.push(vec![
                step * around + corner,
                next * around + corner,
                next * around + beside,
                step * around + beside,
            ]);
        }
    }
    polygons
}

fn trefoil(t: f32) -> Vec3 {
    let ((s1, c1), (s2, c2), (s3, _)) = (turn(t), turn(2.0 * t), turn(3.0 * t));
    // Upright, as a wreath: its threefold axis is z.
    vec3(s1 + 2.0 * s2, c1 - 2.0 * c2, -s3 * 1.15)
}

/// What a profile of (radius, height), from below upwards, becomes on a lathe; a radius of 0 closes it.
pub(crate) fn lathe(around: usize, profile: &[(f32, f32)]) -> Polygons {
    let mut polygons = Polygons::default();
    let mut rings: Vec<Vec<usize>> = Vec::new();
    for &(radius, height) in profile {
        let points = if radius == 0.0 { 1 } else { around };
        let first = polygons.points.len();
        for step in 0..points {
            let (sine, cosine) = turn(step as f32 / around as f32);
            polygons.points.push(vec3(radius * sine, height, radius * cosine));
        }
        rings.push((0..around).map(|step| first + step % points).collect());
    }
    for pair in rings.windows(2) {
        for step in 0..around {
            let next = (step + 1) % around;
            let mut face = vec![pair[0][step], pair[0][next], pair[1][next], pair[1][step]];
            face.dedup();
            polygons.faces.push(face);
        }
    }
    polygons
}

/// A gear that lies on the floor, its upper edge bevelled.
pub(crate) fn gear(teeth: usize, root: f32, tip: f32, height: f32) -> Polygons {
    let mut polygons = Polygons::default();
    let corners = teeth * 4;
    let bevel = 0.03;
    for (inset, level) in [(0.0, 0.0), (0.0, height - bevel), (bevel, height)] {
        for corner in 0..corners {
            // Each tooth: up its flank, along its tip, down, along the root.
            let (tooth, part) = (corner / 4, corner % 4);
            let (shift, radius) = [(0.0, root), (0.16, tip), (0.44, tip), (0.6, root)][part];
            let (sine, cosine) = turn((tooth as f32 + shift) / teeth as f32);
            let radius = radius - inset;
            polygons.points.push(vec3(radius * sine, level, radius * cosine));
        }
    }
    for ring in 0..2 {
        for corner in 0..corners {
            let (below, above) = (ring * corners, (ring + 1) * corners);
            let next = (corner + 1) % corners;
            polygons.faces.push(vec![below + corner, below + next, above + next, above + corner]);
        }
    }
    let centre = polygons.points.len();
    polygons.points.push(vec3(0.0, height, 0.0));
    for corner in 0..corners {
        polygons.faces.push(vec![2 * corners + corner, 2 * corners + (corner + 1) % corners, centre]);
    }
    polygons
}

/// An octahedron with a spike on each face.
pub(crate) fn star(size: f32) -> Polygons {
    let mut polygons = Polygons::default();
    let axes = [vec3(1.0, 0.0, 0.0), vec3(0.0, 1.0, 0.0), vec3(0.0, 0.0, 1.0)];
    polygons.points.extend(axes.map(|axis| axis * size));
    polygons.points.extend(axes.map(|axis| axis * -size));
    for octant in 0..8_usize {
        let pick = |axis: usize| axis + 3 * (octant >> axis & 1);
        let flipped = octant.count_ones() % 2 == 1;
        let corners = if flipped { [pick(0), pick(2), pick(1)] } else { [pick(0), pick(1), pick(2)] };
        let spike = corners.iter().fold(Vec3::ZERO, |sum, &corner| sum + polygons.points[corner] * 1.15);
        let tip = polygons.points.len();
        polygons.points.push(spike);
        for n in 0..3 {
            polygons.faces.push(vec![corners[n], corners[(n + 1) % 3], tip]);
        }
    }
    polygons
}
