//! What a scene needs to be rendered, read before anything is bought: its files, its frames, and what is wrong with it.
//!
//! OBJ and glTF scenes are read by the tracer itself, so that what a task would stumble over is found here. Invariants: a file
//! is asked for by the name that the scene has for it, and never opened anywhere but below the folder of files.

pub mod blend;

use blend::{Blend, LinkKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
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

/// What a Blender file depends on, the libraries that it links with it. Paths relative to a file are looked for beside it; others
/// lead to places that only one machine has, and are told as `astray`.
#[must_use]
pub fn survey_blend(scene: &str, read: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> BlendSurvey {
    let mut survey = BlendSurvey::default();
    let mut left = vec![scene.to_owned()];
    while let Some(file) = left.pop() {
        let Ok(bytes) = read(&file) else {
            survey.absent.push(file);
            continue;
        };
        survey.files.push(file.clone());
        let found = match Blend::read(&bytes) {
            Ok(found) => found,
            Err(fault) => {
                survey.broken.push(format!("{file} {fault}"));
                continue;
            }
        };
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in &found.links {
            let Some(path) = link.path.strip_prefix("//").and_then(|path| below(folder, path)) else {
                survey.astray.push(format!(
                    "{file}: {} {} lies outside the scene's folder: {}",
                    link.kind, link.owner, link.path
                ));
                continue;
            };
            let known = survey.files.iter().chain(&survey.absent).chain(&left).any(|known| *known == path);
            if known {
                continue;
            }
            if link.kind == LinkKind::Library {
                left.push(path);
            } else if read(&path).is_ok() {
                survey.files.push(path);
            } else {
                survey.named.insert(path.clone(), format!("{} {}", link.kind, link.owner));
                survey.absent.push(path);
            }
        }
        if file == scene {
            survey.scene = Some(found);
        }
    }
    survey
}

/// What was found in a Blender file and in those that it links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlendSurvey {
    /// The scene itself.
    pub scene: Option<Blend>,
    /// The files that are there.
    pub files: Vec<String>,
    /// Those that are not.
    pub absent: Vec<String>,
    /// What those are to the file that names them, where that is known.
    pub named: BTreeMap<String, String>,
    /// Files that it names and that lie where only one machine has them, in words.
    pub astray: Vec<String>,
    /// Which files cannot be read, and why.
    pub broken: Vec<String>,
}

/// A path below the top folder, `..` worked out; none where it leads above.
fn below(folder: &str, path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// The files that would have the same name in a task's folder of inputs, which has no folders in it.
#[must_use]
pub fn clashes(files: &[String]) -> Vec<String> {
    let mut names = BTreeSet::new();
    let own = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    files.iter().filter(|path| !names.insert(own(path))).cloned().collect()
}

/// A name for each file in a task's folder of inputs, which has no folders in it: its own, or where that is taken one with a
/// number before it.
#[must_use]
pub fn own_names(files: &[String]) -> Vec<(String, String)> {
    let mut taken = BTreeSet::new();
    let mut named = Vec::new();
    for path in files {
        let own = path.rsplit('/').next().unwrap_or(path);
        let numbered = (2_u64..).map(|number| format!("{number}-{own}"));
        let free = std::iter::once(own.to_owned()).chain(numbered).find(|name| taken.insert(name.clone()));
        named.extend(free.map(|name| (path.clone(), name)));
    }
    named
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
    fn a_path_of_blenders_is_worked_out_and_never_leads_above_the_scenes_folder() {
        assert_eq!(below("lib", "../textures\\wood.png").as_deref(), Some("textures/wood.png"));
        assert_eq!(below("", "./a/./b.png").as_deref(), Some("a/b.png"));
        assert_eq!((below("lib", "../../x"), below("", "../x")), (None, None));
    }

    #[test]
    fn files_of_one_name_from_two_folders_clash() {
        let files = ["a/x.png".into(), "b/y.png".into(), "b/x.png".into()];
        assert_eq!(clashes(&files), ["b/x.png"]);
        let names: Vec<String> = own_names(&files).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["x.png", "y.png", "2-x.png"]);
    }
}
