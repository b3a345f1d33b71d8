//! What an image's files are, once unpacked.

use crate::layout::{Layout, entry, file, folder, layer, link, second_name};
use images::{Caps, Prepared, Store};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tempfile::TempDir;

/// Imports and unpacks; the store's folder lives as long as the first of the pair.
fn unpacked(layers: &[Vec<u8>]) -> (TempDir, Prepared) {
    let mut layout = Layout::new(layers);
    layout.write();
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path(), Caps::default()).unwrap();
    let image = store.import(layout.path()).unwrap();
    let prepared = store.unpack(&image, None).unwrap();
    (home, prepared)
}

#[test]
fn layers_lie_over_one_another_and_the_config_says_how_to_start() {
    let below = layer([folder("bin"), file("bin/app", "one"), file("etc/kept", "kept")]);
    let above = layer([file("bin/app", "two").mode(0o755)]);
    let (_home, image) = unpacked(&[below, above]);
    assert_eq!(fs::read_to_string(image.tree.join("bin/app")).unwrap(), "two");
    assert_eq!(fs::read_to_string(image.tree.join("etc/kept")).unwrap(), "kept");
    let app = fs::metadata(image.tree.join("bin/app")).unwrap();
    assert_eq!((app.permissions().mode() & 0o7777, app.mtime()), (0o755, 1_000_000_000));
    assert_eq!(image.config.entrypoint, ["/bin/app"]);
    assert_eq!(image.config.command, ["--help"]);
    assert_eq!(image.config.environment, ["PATH=/bin"]);
    assert_eq!(image.config.folder, "/work");
}

#[test]
fn a_whiteout_takes_a_lower_name_away_and_never_one_of_its_own_layer() {
    let below =
        layer([folder("a"), file("a/gone", "x"), file("a/again", "old"), file("b/one", "1"), file("b/two", "2")]);
    // What it brings comes before what it takes away: order must not matter.
    let above = layer([
        file("a/again", "new"),
        file("b/three", "3"),
        entry(tar::EntryType::Regular, "a/.wh.gone", b""),
        entry(tar::EntryType::Regular, "a/.wh.again", b""),
        entry(tar::EntryType::Regular, "b/.wh..wh..opq", b""),
    ]);
    let (_home, image) = unpacked(&[below, above]);
    let names = |name: &str| {
        let mut names: Vec<_> = fs::read_dir(image.tree.join(name))
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("a"), ["again"]);
    assert_eq!(fs::read_to_string(image.tree.join("a/again")).unwrap(), "new");
    assert_eq!(names("b"), ["three"]);
}

#[test]
fn a_link_is_a_folder_for_what_comes_later_as_distributions_have_it() {
    let below = layer([folder("usr/lib"), link("lib", "usr/lib")]);
    let above = layer([file("lib/libc.so", "c"), second_name("usr/lib/libm.so", "lib/libc.so")]);
    let (_home, image) = unpacked(&[below, above]);
    assert_eq!(fs::read_to_string(image.tree.join("usr/lib/libc.so")).unwrap(), "c");
    let [one, two] = ["libc.so", "libm.so"].map(|name| fs::metadata(image.tree.join("usr/lib").join(name)).unwrap());
    assert_eq!(one.ino(), two.ino());
    assert!(fs::symlink_metadata(image.tree.join("lib")).unwrap().is_symlink());
}

#[test]
fn a_file_takes_a_folders_place_and_a_folder_a_files() {
    let below = layer([folder("x"), file("x/deep/er", "1"), file("y", "2")]);
    let above = layer([file("x", "now a file"), folder("y"), file("y/in", "3")]);
    let (_home, image) = unpacked(&[below, above]);
    assert_eq!(fs::read_to_string(image.tree.join("x")).unwrap(), "now a file");
    assert_eq!(fs::read_to_string(image.tree.join("y/in")).unwrap(), "3");
}

#[test]
fn long_names_and_extended_headers_are_read() {
    let name = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    let mut long = name.clone().into_bytes();
    long.push(0);
    let mut layers = entry(tar::EntryType::GNULongName, "././@LongLink", &long);
    layers = layers.mode(0);
    let record = |text: &str| format!("{} {text}\n", text.len() + 4);
    let pax = entry(tar::EntryType::XHeader, "pax", record("path=by/pax").as_bytes());
    let (_home, image) = unpacked(&[layer([layers, file("short", "long"), pax, file("ignored", "pax")])]);
    assert_eq!(fs::read_to_string(image.tree.join(name)).unwrap(), "long");
    assert_eq!(fs::read_to_string(image.tree.join("by/pax")).unwrap(), "pax");
    assert!(!image.tree.join("ignored").exists());
}

#[test]
fn an_archive_of_a_layout_is_as_good_as_its_folder() {
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    let name = layout.write();
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path(), Caps::default()).unwrap();
    let image = store.import(&layout.archived()).unwrap();
    assert_eq!(image.digest.to_string(), name);
    assert_eq!(store.image(image.digest).unwrap(), Some(image.clone()));
    let prepared = store.unpack(&image, None).unwrap();
    assert_eq!(fs::read_to_string(prepared.tree.join("a")).unwrap(), "1");
}

#[test]
fn an_unpacked_image_is_made_once_and_a_half_made_one_is_swept() {
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    layout.write();
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path(), Caps::default()).unwrap();
    let image = store.import(layout.path()).unwrap();
    let first = store.unpack(&image, None).unwrap();
    let inode = fs::metadata(first.tree.join("a")).unwrap().ino();
    assert_eq!(fs::metadata(store.unpack(&image, None).unwrap().tree.join("a")).unwrap().ino(), inode);
    fs::create_dir_all(home.path().join("work/half/tree")).unwrap();
    let again = Store::open(home.path(), Caps::default()).unwrap();
    assert_eq!(fs::read_dir(home.path().join("work")).unwrap().count(), 0);
    assert_eq!(again.image(image.digest).unwrap(), Some(image));
}

#[test]
fn space_is_freed_packed_layers_first_and_trees_in_use_stay() {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path(), Caps::default()).unwrap();
    let made: Vec<Prepared> = ["one", "two"]
        .map(|text| {
            let mut layout = Layout::new(&[layer([file("a", &text.repeat(10_000))])]);
            layout.write();
            store.unpack(&store.import(layout.path()).unwrap(), None).unwrap()
        })
        .into();
    let kept = store.shrink(30_000, &[made[0].digest]).unwrap();
    assert!(kept <= 30_000 + 4_096, "{kept}");
    assert!(made[0].tree.join("a").exists() && !made[1].tree.exists());
    assert_eq!(
        fs::read_dir(home.path().join("blobs"))
            .unwrap()
            .filter(|it| {
                let name = it.as_ref().unwrap().file_name().into_string().unwrap();
                !made[0].digest.to_string().ends_with(&name)
            })
            .count(),
        0
    );
}
