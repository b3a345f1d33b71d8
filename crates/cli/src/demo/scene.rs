//! The scene's files: the mesh, and what it names.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::exit::hinted;

/// Files by the names under which a task sees them.
#[derive(Debug)]
pub(super) struct Scene {
    /// The file to hand to the tracer.
    pub(super) name: String,
    /// All files, that one among them.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    /// The bundled scene.
    pub(super) fn bundled() -> Self {
        let files = bundle::DEMO_SCENE.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec()));
        Self { name: bundle::DEMO_SCENE[0].0.to_owned(), files: files.collect() }
    }

    /// A mesh with the files that it names; those that are not there are left out, for the tracer can do without some.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().and_then(|name| name.to_str()).context("the scene's name is not plain text")?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let named = match extension.to_ascii_lowercase().as_str() {
            "obj" => libraries(&content),
            "gltf" => buffers(&content),
            "glb" => Vec::new(),
            _ => {
                let why = format!("{} is neither .obj nor .gltf nor .glb", path.display());
                return Err(hinted(why, "`hands demo` without --scene shows the bundled one"));
            }
        };
        let mut scene = Self { name: name.to_owned(), files: BTreeMap::from([(name.to_owned(), content)]) };
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in named {
            scene.add(folder, &file)?;
        }
        Ok(scene)
    }

    /// Adds a file that the scene names, under its last name: a task's inputs lie in one folder, and the tracer knows.
    fn add(&mut self, folder: &Path, file: &str) -> anyhow::Result<()> {
        let path = folder.join(file.replace('\\', "/"));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Ok(content) = fs::read(&path) else { return Ok(()) };
        if let Some(other) = self.files.insert(name.clone(), content)
            && other != self.files[&name]
        {
            bail!("the scene names two different files {name}");
        }
        Ok(())
    }
}

/// The material libraries that an OBJ file names.
fn libraries(content: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(content);
    let named = text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default().trim();
        line.strip_prefix("mtllib").filter(|rest| rest.starts_with(char::is_whitespace))
    });
    named.map(|rest| rest.trim().to_owned()).collect()
}

/// The files that a glTF scene's buffers are in. What is no glTF is for the tracer to complain of.
fn buffers(content: &[u8]) -> Vec<String> {
    let root: Value = serde_json::from_slice(content).unwrap_or_default();
    let buffers = root.get("buffers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let uris = buffers.iter().filter_map(|buffer| buffer.get("uri").and_then(Value::as_str));
    uris.filter(|uri| !uri.starts_with("data:")).map(unescape).collect()
}

/// Undoes a URI's escapes; what is none stays as it is.
fn unescape(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', digits @ ..] => digits.get(..2).and_then(|digits| hex::decode(digits).ok()),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &rest[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obj_brings_its_materials_and_does_without_those_that_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let obj = folder.path().join("bunny.OBJ");
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/my fur.mtl"), "newmtl fur").unwrap();
        fs::write(&obj, "# mtllib no.mtl\nmtllib sub\\my fur.mtl # soft\nmtllib gone.mtl\nmtllibrary x\nv 0 0 0\n")
            .unwrap();
        let scene = Scene::read(&obj).unwrap();
        assert_eq!(scene.name, "bunny.OBJ");
        assert_eq!(scene.files.keys().collect::<Vec<_>>(), ["bunny.OBJ", "my fur.mtl"]);
    }

    #[test]
    fn a_gltf_brings_its_buffers() {
        let folder = tempfile::tempdir().unwrap();
        let gltf = folder.path().join("a.gltf");
        fs::write(folder.path().join("a b%.bin"), [1]).unwrap();
        fs::write(&gltf, r#"{"buffers":[{"uri":"a%20b%.bin"},{"uri":"data:;base64,AA=="},{}]}"#).unwrap();
        let scene = Scene::read(&gltf).unwrap();
        assert_eq!(scene.files.keys().collect::<Vec<_>>(), ["a b%.bin", "a.gltf"]);
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for sub in ["one", "two"] {
            fs::create_dir(folder.path().join(sub)).unwrap();
            fs::write(folder.path().join(sub).join("m.mtl"), sub).unwrap();
        }
        let obj = folder.path().join("a.obj");
        fs::write(&obj, "mtllib one/m.mtl\nmtllib two/m.mtl\n").unwrap();
        assert!(Scene::read(&obj).unwrap_err().to_string().contains("m.mtl"));
    }

    #[test]
    fn what_is_no_mesh_is_refused_before_anything_starts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        fs::write(&file, "hello").unwrap();
        assert!(Scene::read(&file).is_err());
        assert!(Scene::read(&folder.path().join("missing.obj")).is_err());
    }
}
