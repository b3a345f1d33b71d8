//! A hand and its forearm, as a distance field of rounded bones.
//!
//! It stands upright from the origin (the wrist), its palm faces +z and its thumb is at +x.

use tracer::math::{Vec3, greater, lesser, vec3};

use crate::object::Polygons;
use crate::surface_net::surface_net;

/// A bone: thick as its first radius at its first end, as its second at its second.
type Bone = (Vec3, Vec3, f32, f32);

const FINGERS: [[Bone; 3]; 4] = [
    finger(-0.335, 0.80, -0.10, [0.26, 0.19, 0.16], 0.082),
    finger(-0.115, 0.90, -0.03, [0.33, 0.23, 0.18], 0.094),
    finger(0.115, 0.92, 0.03, [0.35, 0.25, 0.19], 0.098),
    finger(0.335, 0.86, 0.10, [0.32, 0.23, 0.18], 0.094),
];

const THUMB: [Bone; 3] = [
    (vec3(0.26, 0.16, 0.06), vec3(0.47, 0.42, 0.2), 0.15, 0.125),
    (vec3(0.47, 0.42, 0.2), vec3(0.58, 0.66, 0.36), 0.12, 0.1),
    (vec3(0.58, 0.66, 0.36), vec3(0.6, 0.84, 0.53), 0.1, 0.08),
];

/// Three bones that curl towards the palm, spread sideways.
const fn finger(x: f32, y: f32, spread: f32, lengths: [f32; 3], radius: f32) -> [Bone; 3] {
    // Directions of the bones: sine and cosine of 12, 38 and 66 degrees.
    let [a, b, c] = lengths;
    let knuckle = vec3(x, y, 0.02);
    let middle = vec3(x + spread * a * 3.0, y + a * 0.978, 0.02 + a * 0.208);
    let last = vec3(middle.x + spread * b, middle.y + b * 0.788, middle.z + b * 0.616);
    let tip = vec3(last.x, last.y + c * 0.407, last.z + c * 0.914);
    [
        (knuckle, middle, radius * 1.12, radius),
        (middle, last, radius, radius * 0.92),
        (last, tip, radius * 0.92, radius * 0.78),
    ]
}

/// The surface of the hand.
pub(crate) fn mesh() -> Polygons {
    surface_net(distance, vec3(-0.78, -0.95, -0.42), vec3(0.86, 1.74, 0.9), 0.064)
}

fn distance(p: Vec3) -> f32 {
    let palm = palm(p);
    let mut fingers = f32::INFINITY;
    for bones in &FINGERS {
        let finger = bones.iter().fold(f32::INFINITY, |d, bone| smooth(d, capsule(p, bone), 0.03));
        // Fingers grow out of the palm but do not grow together.
        fingers = lesser(fingers, smooth(palm, finger, 0.1));
    }
    let thumb = THUMB.iter().fold(f32::INFINITY, |d, bone| smooth(d, capsule(p, bone), 0.04));
    let hand = smooth(fingers, thumb, 0.09);
    smooth(hand, forearm(p), 0.2)
}

/// A rounded slab, hollowed a little where it faces the axis.
fn palm(p: Vec3) -> f32 {
    let q = p - vec3(0.0, 0.47, 0.0);
    let narrow = 0.31 + 0.07 * q.y;
    let slab = rounded_box(q, vec3(narrow, 0.34, 0.035), 0.125);
    let hollow = 0.5 - (q - vec3(-0.02, 0.02, 0.585)).length();
    -smooth(-slab, -hollow, 0.1)
}

fn forearm(p: Vec3) -> f32 {
    // An arm is wider than it is thick.
    let q = vec3(p.x, p.y, p.z * 1.25);
    let bone = (vec3(0.0, -1.4, -0.02), vec3(0.0, 0.12, 0.0), 0.34, 0.205);
    let arm = capsule(q, &bone) * 0.85;
    // Cut off flat below, inside the plinth.
    greater(arm, -0.88 - p.y)
}

fn rounded_box(p: Vec3, half: Vec3, radius: f32) -> f32 {
    let q = vec3(p.x.abs() - half.x, p.y.abs() - half.y, p.z.abs() - half.z);
    q.max(Vec3::ZERO).length() + lesser(q.max_element(), 0.0) - radius
}

fn capsule(p: Vec3, (from, to, first, second): &Bone) -> f32 {
    let (along, away) = (*to - *from, p - *from);
    let t = (away.dot(along) / along.dot(along)).clamp(0.0, 1.0);
    (away - along * t).length() - (first + (second - first) * t)
}

/// The lesser of two distances, with a fillet.
fn smooth(a: f32, b: f32, width: f32) -> f32 {
    if !a.is_finite() {
        return b;
    }
    let blend = greater(width - (a - b).abs(), 0.0) / width;
    lesser(a, b) - blend * blend * width * 0.25
}
