//! glTF 2.0, as text with buffers beside it or inside, and as one binary file.
//!
//! The default scene's nodes, their meshes and the constants of their materials are read; textures, skins, morphs,
//! animations, cameras and lights are not.

use serde_json::Value;

use crate::math::{Vec3, vec3};
use crate::mesh::{Builder, Material};
use crate::scene_file::{Fault, Loaded, Read, SceneError};

mod accessor;
mod transform;

use accessor::Buffers;
use transform::Transform;

/// More nodes above a node than this is a cycle, or as good as one.
const DEEPEST: usize = 100;

/// Reads a glTF or GLB file and its buffers.
pub(crate) fn parse(name: &str, bytes: &[u8], read: Read<'_>) -> Result<Loaded, SceneError> {
    let at = |fault| SceneError::new(name, fault);
    let (json, binary) = if bytes.starts_with(b"glTF") {
        let (json, binary) = container(bytes).ok_or_else(|| at(Fault::Container))?;
        (json, Some(binary))
    } else {
        (bytes, None)
    };
    let root: Value = serde_json::from_slice(json).map_err(|error| at(Fault::Json(error)))?;
    require_known_extensions(&root).map_err(at)?;
    let buffers = Buffers::load(&root, binary, name, read)?;
    let mut reader = Reader { root: &root, buffers, builder: Builder::default() };
    reader.scene().map_err(at)?;
    let mut materials: Vec<Material> = list(&root, "materials").iter().map(material).collect();
    materials.push(Material::default());
    let mesh = reader.builder.build(materials).ok_or_else(|| at(Fault::Empty))?;
    Ok(Loaded { mesh, warnings: Vec::new() })
}

/// The two chunks of a binary file.
fn container(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let json_length = word(12)?;
    let json_end = json_length.checked_add(20)?;
    let json = bytes.get(20..json_end)?;
    if word(4)? != 2 || bytes.get(16..20)? != b"JSON" {
        return None;
    }
    let binary = match word(json_end) {
        None => &[][..],
        Some(length) => bytes.get(json_end + 8..(json_end + 8).checked_add(length)?)?,
    };
    Some((json, binary))
}

fn require_known_extensions(root: &Value) -> Result<(), Fault> {
    let known = |name: &str| {
        name.starts_with("KHR_materials_")
            || matches!(name, "KHR_mesh_quantization" | "KHR_texture_transform" | "KHR_lights_punctual")
    };
    let mut required = list(root, "extensionsRequired").iter().filter_map(Value::as_str);
    match required.find(|name| !known(name)) {
        Some(name) => Err(Fault::Extension(name.to_owned())),
        None => Ok(()),
    }
}

struct Reader<'a> {
    root: &'a Value,
    buffers: Buffers<'a>,
    builder: Builder,
}

impl<'a> Reader<'a> {
    fn scene(&mut self) -> Result<(), Fault> {
        let root: &'a Value = self.root;
        let scenes = list(root, "scenes");
        if scenes.is_empty() {
            // A file may be a mere library of meshes: they are drawn where they stand.
            for mesh in list(root, "meshes") {
                self.mesh(mesh, &Transform::IDENTITY)?;
            }
            return Ok(());
        }
        let number = root.get("scene").and_then(Value::as_u64).unwrap_or(0);
        let scene = item(root, "scenes", "file", "scene", number)?;
        for node in list(scene, "nodes") {
            self.node(node, &Transform::IDENTITY, 0)?;
        }
        Ok(())
    }

    fn node(&mut self, number: &Value, parent: &Transform, depth: usize) -> Result<(), Fault> {
        let root: &'a Value = self.root;
        if depth > DEEPEST {
            return Err(Fault::Unsupported("nodes nested without end"));
        }
        let number = number.as_u64().ok_or(Fault::Member("nodes"))?;
        let node = item(root, "nodes", "node", "node", number)?;
        let transform = parent.then(&Transform::of_node(node)?);
        if let Some(mesh) = node.get("mesh") {
            let number = mesh.as_u64().ok_or(Fault::Member("nodes.mesh"))?;
            self.mesh(item(root, "meshes", "node", "mesh", number)?, &transform)?;
        }
        list(node, "children").iter().try_for_each(|child| self.node(child, &transform, depth + 1))
    }

    fn mesh(&mut self, mesh: &Value, transform: &Transform) -> Result<(), Fault> {
        for primitive in list(mesh, "primitives") {
            let triangles = |corners: usize| match primitive.get("mode").map_or(Some(4), Value::as_u64) {
                Some(4) => Some((0..corners / 3).map(|n| [3 * n, 3 * n + 1, 3 * n + 2]).collect()),
                Some(5) => Some(
                    (0..corners.saturating_sub(2))
                        .map(|n| if n % 2 == 0 { [n, n + 1, n + 2] } else { [n + 1, n, n + 2] })
                        .collect(),
                ),
                Some(6) => Some((0..corners.saturating_sub(2)).map(|n| [0, n + 1, n + 2]).collect()),
                // Points and lines have no surface.
                _ => None::<Vec<[usize; 3]>>,
            };
            self.primitive(primitive, transform, triangles)?;
        }
        Ok(())
    }

    fn primitive(
        &mut self,
        primitive: &Value,
        transform: &Transform,
        triangles: impl Fn(usize) -> Option<Vec<[usize; 3]>>,
    ) -> Result<(), Fault> {
        let attribute = |name| primitive.get("attributes").and_then(|all| all.get(name));
        let number = attribute("POSITION").and_then(Value::as_u64).ok_or(Fault::Member("POSITION"))?;
        let points = self.buffers.vectors(self.root, number)?;
        let normals = match attribute("NORMAL").and_then(Value::as_u64) {
            Some(number) => self.buffers.vectors(self.root, number)?,
            None => Vec::new(),
        };
        let indices: Vec<u32> = match primitive.get("indices").and_then(Value::as_u64) {
            Some(number) => self.buffers.indices(self.root, number)?,
            None => (0..).take(points.len()).collect(),
        };
        let Some(triangles) = triangles(indices.len()) else { return Ok(()) };
        let count = points.len();
        if let Some(&number) = indices.iter().find(|&&index| index as usize >= count) {
            let number = i64::from(number);
            return Err(Fault::Missing { who: "a primitive", what: "vertex", number, count });
        }
        let materials = list(self.root, "materials").len();
        let material = primitive.get("material").and_then(Value::as_u64);
        let material = material.and_then(|number| usize::try_from(number).ok()).unwrap_or(materials);
        let material = u32::try_from(material.min(materials)).unwrap_or(0);
        let (first, first_normal) = self.builder.counts();
        let overflow = |_| Fault::Unsupported("more than 2^32 vertices");
        let first = u32::try_from(first).map_err(overflow)?;
        let first_normal = u32::try_from(first_normal).map_err(overflow)?;
        for point in points {
            let point = transform.point(point);
            if !(point.x.abs() < 1e15 && point.y.abs() < 1e15 && point.z.abs() < 1e15) {
                return Err(Fault::Coordinate);
            }
            self.builder.position(point);
        }
        let shaded = normals.len() == count;
        for normal in normals.into_iter().filter(|_| shaded) {
            self.builder.normal(transform.normal(normal));
        }
        for corners in triangles {
            let corners = if transform.mirrors() { [corners[0], corners[2], corners[1]] } else { corners };
            let points = corners.map(|corner| first + indices[corner]);
            let normals = shaded.then(|| corners.map(|corner| first_normal + indices[corner]));
            self.builder.face(points, normals, material);
        }
        Ok(())
    }
}

fn material(value: &Value) -> Material {
    let physical = value.get("pbrMetallicRoughness").unwrap_or(&Value::Null);
    let extension = |name| value.get("extensions").and_then(|all| all.get(name));
    let factor = |from: Option<&Value>, name: &str, default: f64| {
        from.and_then(|from| from.get(name)).and_then(Value::as_f64).unwrap_or(default) as f32
    };
    let base = physical.get("baseColorFactor").and_then(triple).unwrap_or(Vec3::ONE);
    let emission = value.get("emissiveFactor").and_then(triple).unwrap_or(Vec3::ZERO);
    let strength = factor(extension("KHR_materials_emissive_strength"), "emissiveStrength", 1.0);
    let metal = factor(Some(physical), "metallicFactor", 1.0) >= 0.5;
    // A texture would modulate the factor; the mean of most is nearer to grey than to white.
    let textured = physical.get("baseColorTexture").is_some();
    let base = if textured { base * 0.6 } else { base };
    let transmission = factor(extension("KHR_materials_transmission"), "transmissionFactor", 0.0);
    Material {
        name: value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        base: base.max(Vec3::ZERO).min(Vec3::splat(0.98)),
        emission: (emission * strength).max(Vec3::ZERO).min(Vec3::splat(1e4)),
        roughness: factor(Some(physical), "roughnessFactor", 1.0).clamp(0.0, 1.0),
        // A metalness texture says where a part is metal; without reading it, not is the better guess.
        metal: metal && physical.get("metallicRoughnessTexture").is_none(),
        glass: transmission >= 0.5,
        coat: 0.04,
    }
}

fn triple(value: &Value) -> Option<Vec3> {
    let at = |axis| value.get(axis).and_then(Value::as_f64).map(|number| number as f32);
    Some(vec3(at(0)?, at(1)?, at(2)?))
}

/// The array `name`, or none of it.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Element `number` of the root's array `name`.
fn item<'a>(
    root: &'a Value,
    name: &str,
    who: &'static str,
    what: &'static str,
    number: u64,
) -> Result<&'a Value, Fault> {
    let all = list(root, name);
    usize::try_from(number).ok().and_then(|number| all.get(number)).ok_or(Fault::Missing {
        who,
        what,
        number: i64::try_from(number).unwrap_or(i64::MAX),
        count: all.len(),
    })
}

#[cfg(test)]
mod tests;
