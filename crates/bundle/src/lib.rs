//! The guest programs of `apps/`, compiled to WebAssembly from source during the build: apps with their manifests, programs of
//! tests, and the demo's scene.
//!
//! Each module is a WASI preview 1 command. Nothing here runs one: that is the sandbox's.

/// The path tracer: `tracer SCENE --frame N --frames M --width W --height H --samples S --out FILE.png` reads an OBJ
/// (and its MTL files) or glTF/GLB scene and writes one frame of an orbit around it. Equal arguments and files give
/// equal bytes on every machine. Exit code 2 and a last line on stderr for a scene or command line it cannot use.
pub const TRACER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tracer.wasm"));

/// Returns from `main` at once: what a task costs when the work itself is free.
pub const NOTHING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/nothing.wasm"));

/// Misbehaves on demand: `misfit loop`, `memory`, `flood`, `trap`, `exit N` and so on. Without arguments it lists its
/// ways on stderr and exits with code 2.
pub const MISFIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misfit.wasm"));

/// A checker: whether two results are as good as equal, as pictures or as numbers (`docs/checkers.md`): `compare check picture
/// [--psnr DB] [--ssim SHARE]`, `compare check numbers [--absolute N] [--relative N]`.
pub const COMPARE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/compare.wasm"));

/// An app that `hands` knows without its being published: its manifest, and the files that names.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// What a person types after `hands`.
    pub name: &'static str,
    /// Its `manyhands.toml`.
    pub manifest: &'static str,
    /// Its WebAssembly files, by name.
    pub files: &'static [(&'static str, &'static [u8])],
}

/// The apps that `hands` brings along.
pub const APPS: &[App] = &[
    App {
        name: "render",
        manifest: include_str!("../../../apps/render/manyhands.toml"),
        files: &[("render.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/render.wasm"))), ("tracer.wasm", TRACER)],
    },
    App {
        name: "search",
        manifest: include_str!("../../../apps/search/manyhands.toml"),
        files: &[("search.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/search.wasm")))],
    },
    App {
        name: "transcode",
        manifest: include_str!("../../../apps/transcode/manyhands.toml"),
        files: &[("transcode.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/transcode.wasm")))],
    },
];

/// The demo's scene: file names and contents. The first is the one to hand to [`TRACER`], the others are named in it.
pub const DEMO_SCENE: &[(&str, &[u8])] = &[
    ("hands.obj", include_bytes!("../../../apps/scenes/hands.obj")),
    ("hands.mtl", include_bytes!("../../../apps/scenes/hands.mtl")),
];

#[cfg(test)]
mod tests {
    use super::{APPS, COMPARE, DEMO_SCENE, MISFIT, NOTHING, TRACER};

    fn modules() -> Vec<&'static [u8]> {
        let apps = APPS.iter().flat_map(|app| app.files).map(|(_, module)| *module);
        [TRACER, NOTHING, MISFIT, COMPARE].into_iter().chain(apps).collect()
    }

    #[test]
    fn every_guest_is_a_webassembly_module() {
        for module in modules() {
            assert_eq!(module[..8], *b"\0asm\x01\0\0\0");
        }
    }

    #[test]
    fn a_guest_does_not_say_where_it_was_built() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let root = std::fs::canonicalize(root).expect("the repository is there");
        let root = root.to_str().expect("a readable path").as_bytes();
        for module in modules() {
            assert!(!module.windows(root.len()).any(|window| window == root));
        }
    }

    #[test]
    fn the_scene_names_the_files_that_come_with_it() {
        let (_, scene) = DEMO_SCENE[0];
        let scene = std::str::from_utf8(scene).expect("an OBJ is text");
        let libraries: Vec<&str> = scene.lines().filter_map(|line| line.strip_prefix("mtllib ")).collect();
        let others: Vec<&str> = DEMO_SCENE[1..].iter().map(|(name, _)| *name).collect();
        assert_eq!(libraries, others);
    }
}
