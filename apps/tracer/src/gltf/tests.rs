//! What a glTF file comes to, and what is said of a broken one.

use std::io;

use super::accessor::from_base64;
use crate::math::vec3;
use crate::scene_file::{Loaded, SceneError, load};

/// Three points, three 16-bit indices, two bytes of padding.
fn buffer() -> Vec<u8> {
    let points = [[0.0_f32, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
    let mut bytes: Vec<u8> = points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    bytes.extend([0, 0, 1, 0, 2, 0, 0, 0]);
    bytes
}

fn document(buffer: &str) -> String {
    format!(
        r#"{{"asset": {{"version": "2.0"}}, "scene": 0, "scenes": [{{"nodes": [0]}}],
        "nodes": [{{"children": [1], "translation": [0, 0, 5]}}, {{"mesh": 0, "scale": [2, 2, -2]}}],
        "meshes": [{{"primitives": [{{"attributes": {{"POSITION": 0}}, "indices": 1, "material": 0}}]}}],
        "materials": [{{"name": "red", "pbrMetallicRoughness":
            {{"baseColorFactor": [0.8, 0.1, 0.1, 1], "metallicFactor": 0, "roughnessFactor": 0.3}}}}],
        "accessors": [{{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}},
                      {{"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"}}],
        "bufferViews": [{{"buffer": 0, "byteLength": 36}}, {{"buffer": 0, "byteOffset": 36, "byteLength": 6}}],
        "buffers": [{{{buffer}"byteLength": 44}}]}}"#
    )
}

fn binary(json: &str, buffer: &[u8]) -> Vec<u8> {
    let mut json = json.as_bytes().to_vec();
    json.resize(json.len().next_multiple_of(4), b' ');
    let word = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let total = word(28 + json.len() + buffer.len());
    let mut file = [b"glTF".as_slice(), &[2, 0, 0, 0], &total, &word(json.len()), b"JSON", &json].concat();
    file.extend([&word(buffer.len()), b"BIN\0".as_slice(), buffer].concat());
    file
}

fn parse(name: &str, file: &[u8]) -> Result<Loaded, SceneError> {
    load(name, &|wanted| match wanted {
        "the buffer.bin" => Ok(buffer()),
        _ if wanted == name => Ok(file.to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    })
}

fn complaint(document: &str) -> String {
    parse("scene.gltf", document.as_bytes()).unwrap_err().to_string()
}

const BESIDE: &str = r#""uri": "the%20buffer.bin", "#;

#[test]
fn a_buffer_may_lie_beside_inside_or_behind() {
    let inside = r#""uri": "data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAAAAgD8AAAAAAAABAAIAAAA=", "#;
    for (name, file) in [
        ("scene.gltf", document(BESIDE).into_bytes()),
        ("scene.gltf", document(inside).into_bytes()),
        ("scene.glb", binary(&document(""), &buffer())),
    ] {
        let mesh = parse(name, &file).unwrap().mesh;
        assert_eq!(mesh.triangles.len(), 1);
        let triangle = mesh.triangles[0];
        // The node mirrors, so the corners change places and the face still looks outwards.
        assert_eq!(triangle.corners, [vec3(0., 0., 5.), vec3(0., 2., 5.), vec3(2., 0., 5.)]);
        let red = &mesh.materials[triangle.material as usize];
        assert_eq!((red.name.as_str(), red.base, red.roughness), ("red", vec3(0.8, 0.1, 0.1), 0.3));
        assert!(!red.metal);
    }
}

#[test]
fn a_fault_is_told() {
    let whole = document(BESIDE);
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        complaint(&whole.replacen(from, to, 1))
    };
    assert_eq!(with("\"nodes\": [0]", "\"nodes\": [7]"), "scene.gltf: node names node 7 but there are 2");
    assert_eq!(with("\"mesh\": 0", "\"mesh\": 3"), "scene.gltf: node names mesh 3 but there are 1");
    assert_eq!(with("[1]", "[0]"), "scene.gltf: uses nodes nested without end, which is not supported");
    let beyond = "scene.gltf: an accessor reaches beyond its buffer";
    assert_eq!(with("\"count\": 3", "\"count\": 4"), beyond);
    assert_eq!(with("\"count\": 3", "\"count\": 4611686018427387904"), beyond);
    assert_eq!(with("\"byteLength\": 36", "\"byteLength\": 360"), beyond);
    assert_eq!(with("\"componentType\": 5123", "\"componentType\": 5121"), "scene.gltf: has no faces to draw");
    assert_eq!(with("the%20buffer", "gone"), "gone.bin: cannot be read: entity not found");
    assert_eq!(with("\"VEC3\"", "\"VEC2\""), "scene.gltf: `accessors.type` is missing or of the wrong type");
    assert_eq!(
        with("\"asset\"", "\"extensionsRequired\": [\"KHR_draco_mesh_compression\"], \"asset\""),
        "scene.gltf: needs the extension KHR_draco_mesh_compression, which is not supported"
    );
    assert!(complaint("{\"nodes\": [").starts_with("scene.gltf: is not JSON: EOF"));
    assert!(complaint(&"[".repeat(100_000)).starts_with("scene.gltf: is not JSON: recursion limit"));
}

#[test]
fn an_index_past_the_last_vertex_is_told() {
    let document = document("");
    let mut bytes = buffer();
    bytes[38] = 9;
    let fault = parse("scene.glb", &binary(&document, &bytes)).unwrap_err().to_string();
    assert_eq!(fault, "scene.glb: a primitive names vertex 9 but there are 3");
}

#[test]
fn a_binary_file_cut_anywhere_is_refused() {
    let file = binary(&document(""), &buffer());
    for length in 4..file.len() {
        assert!(parse("scene.glb", &file[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn base64_is_what_it_should_be() {
    assert_eq!(from_base64("aGFuZHM=").as_deref(), Some(b"hands".as_slice()));
    assert_eq!(from_base64("a b"), None);
}
