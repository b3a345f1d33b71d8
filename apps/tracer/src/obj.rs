//! Wavefront OBJ and its material libraries.
//!
//! Points, normals and faces are read (polygons as fans, indices counted from either end), groups and curves passed over.
//! Of materials: the classic constants and the physical ones (`Pr`, `Pm`) that modellers write today; textures are not read.

use std::collections::BTreeMap;

use crate::math::Vec3;
use crate::mesh::{Builder, Material};
use crate::scene_file::{Fault, Loaded, Read, SceneError};

/// Reads an OBJ file and its libraries.
pub(crate) fn parse(name: &str, bytes: &[u8], read: Read<'_>) -> Result<Loaded, SceneError> {
    let mut reader = Reader {
        builder: Builder::default(),
        materials: vec![Material::default()],
        numbers: BTreeMap::new(),
        current: 0,
        warnings: Vec::new(),
    };
    for (line, text) in statements(bytes) {
        let at = |fault| SceneError { file: name.to_owned(), line: Some(line), fault };
        let mut words = text.split_whitespace();
        let Some(keyword) = words.next() else { continue };
        match keyword {
            "v" => {
                let position = coordinates("v", words).map_err(at)?;
                reader.builder.position(position);
            }
            "vn" => {
                let normal = coordinates("vn", words).map_err(at)?;
                reader.builder.normal(normal);
            }
            "f" => reader.face(words).map_err(at)?,
            "usemtl" => reader.select(rest(&text, keyword), line, name),
            "mtllib" => reader.library(rest(&text, keyword), read)?,
            _ => {}
        }
    }
    let mesh = reader.builder.build(reader.materials);
    let mesh = mesh.ok_or_else(|| SceneError::new(name, Fault::Empty))?;
    Ok(Loaded { mesh, warnings: reader.warnings })
}

struct Reader {
    builder: Builder,
    materials: Vec<Material>,
    numbers: BTreeMap<String, u32>,
    current: u32,
    warnings: Vec<String>,
}

impl Reader {
    fn face<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
        let (points, normals) = self.builder.counts();
        let mut corners = Vec::new();
        for word in words {
            let mut parts = word.split('/');
            let position = resolve(parts.next().unwrap_or_default(), "vertex", points)?;
            let normal = match parts.nth(1) {
                None | Some("") => None,
                Some(part) => Some(resolve(part, "normal", normals)?),
            };
            corners.push((position, normal));
        }
        if corners.len() < 3 {
            return Err(Fault::TooShort { statement: "f", needs: 3, has: corners.len() });
        }
        for pair in corners[1..].windows(2) {
            let [a, b, c] = [corners[0], pair[0], pair[1]];
            let normals = match (a.1, b.1, c.1) {
                (Some(a), Some(b), Some(c)) => Some([a, b, c]),
                _ => None,
            };
            self.builder.face([a.0, b.0, c.0], normals, self.current);
        }
        Ok(())
    }

    fn select(&mut self, material: &str, line: usize, file: &str) {
        self.current = self.numbers.get(material).copied().unwrap_or_else(|| {
            self.warnings.push(format!("{file}:{line}: no material `{material}`: drawn off-white"));
            0
        });
    }

    /// A library that is not there is common in files from elsewhere and no reason not to draw the shape.
    fn library(&mut self, name: &str, read: Read<'_>) -> Result<(), SceneError> {
        match read(name) {
            Ok(bytes) => {
                for material in parse_library(name, &bytes)? {
                    let number = u32::try_from(self.materials.len()).unwrap_or(0);
                    self.numbers.insert(material.name.clone(), number);
                    self.materials.push(material);
                }
            }
            Err(error) => self.warnings.push(format!("{name}: cannot be read: {error}")),
        }
        Ok(())
    }
}

/// Lines with their numbers, those that end in a backslash joined with the next, comments cut off.
fn statements(bytes: &[u8]) -> Vec<(usize, String)> {
    let text = String::from_utf8_lossy(bytes);
    let mut statements: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default().trim();
        let (text, continues) = text.strip_suffix('\\').map_or((text, false), |text| (text, true));
        match statements.last_mut().filter(|_| continued) {
            Some((_, start)) => {
                start.push(' ');
                start.push_str(text);
            }
            None if text.is_empty() => {}
            None => statements.push((line, text.to_owned())),
        }
        continued = continues;
    }
    statements
}

fn rest<'a>(text: &'a str, keyword: &str) -> &'a str {
    text[keyword.len()..].trim()
}

fn number(word: &str) -> Result<f32, Fault> {
    word.parse().map_err(|_| Fault::NotANumber(word.to_owned()))
}

fn coordinates<'a>(statement: &'static str, mut words: impl Iterator<Item = &'a str>) -> Result<Vec3, Fault> {
    let mut values = [0.0; 3];
    for (has, value) in values.iter_mut().enumerate() {
        let word = words.next().ok_or(Fault::TooShort { statement, needs: 3, has })?;
        *value = number(word)?;
    }
    let point = Vec3::new(values[0], values[1], values[2]);
    if values.iter().all(|value| value.abs() < 1e15) { Ok(point) } else { Err(Fault::Coordinate) }
}

/// An index counted from 1, or backwards from -1.
fn resolve(word: &str, what: &'static str, count: usize) -> Result<u32, Fault> {
    let number: i64 = word.parse().map_err(|_| Fault::NotANumber(word.to_owned()))?;
    let signed = i64::try_from(count).unwrap_or(i64::MAX);
    let index = if number < 0 { signed.saturating_add(number) } else { number - 1 };
    match u32::try_from(index) {
        Ok(index) if i64::from(index) < signed => Ok(index),
        _ => Err(Fault::Missing { who: "face", what, number, count }),
    }
}

/// The constants of one `newmtl`, as written.
#[derive(Default)]
struct Constants {
    name: String,
    diffuse: Option<Vec3>,
    specular: Option<Vec3>,
    emission: Vec3,
    exponent: Option<f32>,
    opacity: Option<f32>,
    model: Option<f32>,
    roughness: Option<f32>,
    metallic: Option<f32>,
    textured: bool,
}

/// Reads a material library.
pub(crate) fn parse_library(name: &str, bytes: &[u8]) -> Result<Vec<Material>, SceneError> {
    let mut all: Vec<Constants> = Vec::new();
    for (line, text) in statements(bytes) {
        let at = |fault| SceneError { file: name.to_owned(), line: Some(line), fault };
        let mut words = text.split_whitespace();
        let keyword = words.next().unwrap_or_default();
        if keyword == "newmtl" {
            let name = rest(&text, keyword).to_owned();
            all.push(Constants { name, ..Constants::default() });
            continue;
        }
        let Some(constants) = all.last_mut() else { continue };
        let mut single = || match words.next() {
            Some(word) => number(word).map(Some),
            None => Err(Fault::TooShort { statement: "material constant", needs: 1, has: 0 }),
        };
        match keyword {
            "Ns" => constants.exponent = single().map_err(at)?,
            "d" => constants.opacity = single().map_err(at)?,
            "Tr" => constants.opacity = single().map_err(at)?.map(|clear| 1.0 - clear),
            "illum" => constants.model = single().map_err(at)?,
            "Pr" => constants.roughness = single().map_err(at)?,
            "Pm" => constants.metallic = single().map_err(at)?,
            "Kd" => constants.diffuse = Some(coordinates("Kd", words).map_err(at)?),
            "Ks" => constants.specular = Some(coordinates("Ks", words).map_err(at)?),
            "Ke" => constants.emission = coordinates("Ke", words).map_err(at)?,
            "map_Kd" => constants.textured = true,
            _ => {}
        }
    }
    Ok(all.into_iter().map(Constants::material).collect())
}

impl Constants {
    fn material(self) -> Material {
        let diffuse = self.diffuse.unwrap_or(Vec3::splat(0.75));
        let specular = self.specular.unwrap_or(Vec3::ZERO);
        let model = self.model.unwrap_or(2.0) as u32;
        // Without the physical constant: a mirror without diffuse part of its own is a metal in all but name.
        let metal = self.metallic.map_or_else(
            || matches!(model, 3 | 5) && specular.luminance() > 4.0 * diffuse.luminance(),
            |metallic| metallic >= 0.5,
        );
        let shiny = self.exponent.map(|exponent| (2.0 / (exponent.max(0.0) + 2.0)).sqrt());
        let base = match (metal, self.metallic) {
            (true, None) => specular,
            _ if self.textured && diffuse.max_element() < 0.05 => Vec3::splat(0.75),
            _ => diffuse,
        };
        Material {
            name: self.name,
            base: base.max(Vec3::ZERO).min(Vec3::splat(0.98)),
            emission: self.emission.max(Vec3::ZERO).min(Vec3::splat(1e4)),
            roughness: self.roughness.or(shiny).unwrap_or(1.0).clamp(0.0, 1.0),
            metal,
            glass: !metal && (self.opacity.unwrap_or(1.0) < 0.9 || matches!(model, 4 | 6 | 7 | 9)),
            coat: (0.08 * specular.max_element()).clamp(0.0, 0.25),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::math::vec3;
    use crate::scene_file::{Loaded, SceneError, load};

    const LIBRARY: &str = "newmtl gold\nKd 1 0.7 0.3\nPm 1\nPr 0.2\nnewmtl lamp\nKe 5 5 5\n\
                           newmtl lacquer\nKd 0.6 0 0\nKs 0.5 0.5 0.5\nNs 98\nnewmtl pane\nd 0.1\n";

    fn parse(scene: &str) -> Result<Loaded, SceneError> {
        load("scene.obj", &|name| match name {
            "scene.obj" => Ok(scene.as_bytes().to_vec()),
            "my lib.mtl" => Ok(LIBRARY.as_bytes().to_vec()),
            "bad.mtl" => Ok(b"newmtl a\nKd 1 one 1\n".to_vec()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        })
    }

    fn complaint(scene: &str) -> String {
        parse(scene).unwrap_err().to_string()
    }

    #[test]
    fn polygons_become_fans_and_indices_count_from_either_end() {
        let scene =
            "v 0 0 0\nv 1 0 0 # a comment\nv 1 1 0\nv 0 1 0\nvn 0 0 2\n\nf 1//1 2//1 \\\n 3//1 4//1\nf -4 -3/7 -2\n";
        let mesh = parse(scene).unwrap().mesh;
        assert_eq!(mesh.triangles.len(), 3);
        assert_eq!(mesh.triangles[1].corners, [vec3(0., 0., 0.), vec3(1., 1., 0.), vec3(0., 1., 0.)]);
        assert_eq!(mesh.triangles[0].normals, [vec3(0.0, 0.0, 1.0); 3]);
        assert_eq!(mesh.triangles[2].corners, mesh.triangles[0].corners);
    }

    #[test]
    fn materials_are_read_as_modellers_write_them() {
        let scene = "mtllib my lib.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl lamp\nf 1 2 3\n";
        let mesh = parse(scene).unwrap().mesh;
        let [default, gold, lamp, lacquer, pane] = &mesh.materials[..] else { panic!("five") };
        assert!(gold.metal && gold.roughness == 0.2 && gold.base == vec3(0.98, 0.7, 0.3));
        assert_eq!(mesh.triangles[0].material, 2);
        assert_eq!(lamp.emission, vec3(5.0, 5.0, 5.0));
        assert!(!lacquer.metal && lacquer.coat == 0.04 && (lacquer.roughness - 0.141).abs() < 1e-3);
        assert!(pane.glass && !default.glass);
    }

    #[test]
    fn a_missing_library_or_material_is_a_warning() {
        let loaded = parse("mtllib gone.mtl\nusemtl x\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n").unwrap();
        assert_eq!(loaded.mesh.triangles[0].material, 0);
        assert!(loaded.warnings[0].starts_with("gone.mtl: cannot be read"));
        assert_eq!(loaded.warnings[1], "scene.obj:2: no material `x`: drawn off-white");
    }

    #[test]
    fn a_fault_is_told_with_its_file_and_line() {
        let points = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
        for (scene, wanted) in [
            (format!("{points}f 1 2 99"), "scene.obj:4: face names vertex 99 but there are 3"),
            (format!("{points}f 1 2 0"), "scene.obj:4: face names vertex 0 but there are 3"),
            (format!("{points}f 1 2 -4"), "scene.obj:4: face names vertex -4 but there are 3"),
            (format!("{points}f 1//1 2//1 3//1"), "scene.obj:4: face names normal 1 but there are 0"),
            (format!("{points}f 1 2"), "scene.obj:4: `f` needs 3 values and has 2"),
            (format!("{points}f 1 2 x"), "scene.obj:4: `x` is not a number"),
            ("v 1 2".to_owned(), "scene.obj:1: `v` needs 3 values and has 2"),
            ("v 1 2 up".to_owned(), "scene.obj:1: `up` is not a number"),
            ("v 1 2 inf".to_owned(), "scene.obj:1: a coordinate is infinite or beyond 1e15"),
            ("v 1 2 nan".to_owned(), "scene.obj:1: a coordinate is infinite or beyond 1e15"),
            ("mtllib bad.mtl".to_owned(), "bad.mtl:2: `one` is not a number"),
            (points.to_owned(), "scene.obj: has no faces to draw"),
            ("\u{0}PNG".to_owned(), "scene.obj: has no faces to draw"),
        ] {
            assert_eq!(complaint(&scene), wanted);
        }
    }
}
