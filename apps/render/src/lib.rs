//! What a scene needs to be rendered, read before anything is bought: its files, its frames, and what is wrong with it.
//!
//! OBJ and glTF scenes are read by the tracer itself, so that what a task would stumble over is found here. Invariants: a file
//! is asked for by the name that the scene has for it, and never opened anywhere but below the folder of files.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use tracer::scene_file::load;

/// What was found in a scene.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The files it is made of that are there, itself first.
    pub files: Vec<String>,
    /// The files it names that are not there.
    pub absent: Vec<String>,
    /// What to tell the person.
    pub say: Vec<String>,
    /// Why it cannot be drawn; of no account while files are absent.
    pub fault: Option<String>,
}

/// Reads a scene of the tracer's by reading files below the scene's own folder.
#[must_use]
pub fn survey(scene: &str, read: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> Survey {
    let (there, absent) = (RefCell::new(BTreeSet::new()), RefCell::new(BTreeSet::new()));
    let folder = scene.rsplit_once('/').map_or("", |(folder, _)| folder);
    let own = scene.rsplit('/').next().unwrap_or(scene);
    let recorded = |name: &str| {
        let path = beside(folder, name);
        let found = read(&path);
        let files = if found.is_ok() { &there } else { &absent };
        files.borrow_mut().insert(path);
        found
    };
    let mut survey = Survey::default();
    match load(own, &recorded) {
        Ok(loaded) => survey.say.extend(loaded.warnings),
        Err(error) => survey.fault = Some(error.to_string()),
    }
    survey.files = vec![scene.to_owned()];
    survey.files.extend(there.into_inner().into_iter().filter(|path| path != scene));
    survey.absent = absent.into_inner().into_iter().collect();
    survey
}

/// A name that a file in this folder has for another, as a path.
#[must_use]
pub fn beside(folder: &str, name: &str) -> String {
    let name = name.replace('\\', "/");
    let name = name.trim_start_matches("./");
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The files that would have the same name in a task's folder of inputs, which has no folders in it.
#[must_use]
pub fn clashes(files: &[String]) -> Vec<String> {
    let mut names = BTreeSet::new();
    let own = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    files.iter().filter(|path| !names.insert(own(path))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = "mtllib paint/red.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl red\nf 1 2 3\n";

    fn read(path: &str, files: &[(&str, &str)]) -> io::Result<Vec<u8>> {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    #[test]
    fn a_scenes_own_files_are_found_and_those_that_are_not_there_are_named() {
        let all = [("a/b.obj", SCENE), ("a/paint/red.mtl", "newmtl red\nKd 1 0 0\n")];
        let found = survey("a/b.obj", &|path| read(path, &all));
        assert_eq!((found.files, found.absent), (vec!["a/b.obj".into(), "a/paint/red.mtl".into()], Vec::new()));
        let found = survey("a/b.obj", &|path| read(path, &all[..1]));
        assert_eq!((found.files, found.absent), (vec!["a/b.obj".to_owned()], vec!["a/paint/red.mtl".to_owned()]));
    }

    #[test]
    fn a_scene_that_cannot_be_drawn_says_where() {
        let found = survey("x.obj", &|path| read(path, &[("x.obj", "v 0 0 0\nf 1 2 3\n")]));
        assert_eq!(found.fault.as_deref(), Some("x.obj:2: face names vertex 2 but there are 1"));
    }

    #[test]
    fn a_gltf_that_lacks_its_buffer_names_it() {
        let text = r#"{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],
            "meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],
            "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}],
            "bufferViews":[{"buffer":0,"byteLength":36}],"buffers":[{"uri":"mesh.bin","byteLength":36}]}"#;
        let found = survey("s.gltf", &|path| read(path, &[("s.gltf", text)]));
        assert_eq!(found.absent, ["mesh.bin"]);
    }

    #[test]
    fn files_of_one_name_from_two_folders_clash() {
        assert_eq!(clashes(&["a/x.png".into(), "b/y.png".into(), "b/x.png".into()]), ["b/x.png"]);
    }
}
