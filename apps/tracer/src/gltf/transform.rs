//! Affine maps of nodes.

use serde_json::Value;

use crate::math::{Vec3, vec3};
use crate::scene_file::Fault;

/// Three columns and a translation.
pub(super) struct Transform {
    columns: [Vec3; 3],
    translation: Vec3,
}

impl Transform {
    pub(super) const IDENTITY: Self =
        Self { columns: [vec3(1.0, 0.0, 0.0), vec3(0.0, 1.0, 0.0), vec3(0.0, 0.0, 1.0)], translation: Vec3::ZERO };

    /// A node's own: its matrix, or scale, then rotation, then translation.
    pub(super) fn of_node(node: &Value) -> Result<Self, Fault> {
        if let Some(m) = numbers::<16>(node, "matrix")? {
            return Ok(Self {
                columns: [vec3(m[0], m[1], m[2]), vec3(m[4], m[5], m[6]), vec3(m[8], m[9], m[10])],
                translation: vec3(m[12], m[13], m[14]),
            });
        }
        let [tx, ty, tz] = numbers::<3>(node, "translation")?.unwrap_or([0.0; 3]);
        let [sx, sy, sz] = numbers::<3>(node, "scale")?.unwrap_or([1.0; 3]);
        let [x, y, z, w] = numbers::<4>(node, "rotation")?.unwrap_or([0.0, 0.0, 0.0, 1.0]);
        Ok(Self {
            columns: [
                vec3(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + z * w), 2.0 * (x * z - y * w)) * sx,
                vec3(2.0 * (x * y - z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + x * w)) * sy,
                vec3(2.0 * (x * z + y * w), 2.0 * (y * z - x * w), 1.0 - 2.0 * (x * x + y * y)) * sz,
            ],
            translation: vec3(tx, ty, tz),
        })
    }

    /// This map applied after the inner one.
    pub(super) fn then(&self, inner: &Self) -> Self {
        Self { columns: inner.columns.map(|column| self.vector(column)), translation: self.point(inner.translation) }
    }

    pub(super) fn point(&self, point: Vec3) -> Vec3 {
        self.vector(point) + self.translation
    }

    fn vector(&self, v: Vec3) -> Vec3 {
        let [a, b, c] = self.columns;
        a * v.x + b * v.y + c * v.z
    }

    /// Normals go by the cofactors, so that they stay upright under uneven scales.
    pub(super) fn normal(&self, v: Vec3) -> Vec3 {
        let [a, b, c] = self.columns;
        let sign = if self.mirrors() { -1.0 } else { 1.0 };
        (b.cross(c) * v.x + c.cross(a) * v.y + a.cross(b) * v.z) * sign
    }

    /// It turns left hands into right ones.
    pub(super) fn mirrors(&self) -> bool {
        let [a, b, c] = self.columns;
        a.cross(b).dot(c) < 0.0
    }
}

fn numbers<const N: usize>(node: &Value, name: &'static str) -> Result<Option<[f32; N]>, Fault> {
    let Some(value) = node.get(name) else { return Ok(None) };
    let mut numbers = [0.0; N];
    for (at, number) in numbers.iter_mut().enumerate() {
        let given = value.get(at).and_then(Value::as_f64).ok_or(Fault::Member(name))?;
        *number = given as f32;
    }
    Ok(Some(numbers))
}
