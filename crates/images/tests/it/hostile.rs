//! Images made to hurt: each is refused, or made harmless, and nothing outside its tree is touched.

use crate::layout::{Layout, entry, file, folder, gzip, layer, link, second_name};
use images::{Caps, Error, Fault, Owner, Store};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const SMALL: Caps =
    Caps { document_bytes: 64 << 10, packed_bytes: 1 << 20, unpacked_bytes: 1 << 20, files: 50, layers: 4 };

/// A folder with a neighbour that must stay as it is.
struct House {
    around: TempDir,
    store: Store,
}

impl House {
    fn new() -> Self {
        let around = TempDir::new().unwrap();
        fs::write(around.path().join("precious"), "mine").unwrap();
        let store = Store::open(around.path().join("store"), SMALL).unwrap();
        Self { around, store }
    }

    fn take(&self, layout: &mut Layout) -> Result<std::path::PathBuf, Error> {
        layout.write();
        let image = self.store.import(layout.path())?;
        Ok(self.store.unpack(&image, None)?.tree)
    }

    /// Nothing but the store is there, nothing half made is in it, and the neighbour is as it was.
    fn is_untouched(&self) {
        let names = |path: &Path| {
            let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|it| it.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(self.around.path()), ["precious", "store"]);
        assert_eq!(fs::read_to_string(self.around.path().join("precious")).unwrap(), "mine");
        assert!(names(&self.around.path().join("store/work")).is_empty());
        assert!(!Path::new("/hands-was-here").exists());
    }
}

fn refusal(layers: &[Vec<u8>]) -> Fault {
    let house = House::new();
    let refused = house.take(&mut Layout::new(layers));
    house.is_untouched();
    assert_eq!(fs::read_dir(house.around.path().join("store/trees")).unwrap().count(), 0);
    match refused {
        Err(Error::Refused(fault)) => fault,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[test]
fn a_name_that_climbs_out_is_refused() {
    for name in ["../../etc/cron.d/x", "a/../../../precious", "..", "a/.."] {
        let fault = refusal(&[layer([file(name, "x")])]);
        assert!(matches!(fault, Fault::Escape { why: "climbs out by `..`", .. }), "{name}: {fault}");
    }
    let fault = refusal(&[layer([file("a", "x"), second_name("b", "../../precious")])]);
    assert!(matches!(fault, Fault::Escape { .. }), "{fault}");
    let fault = refusal(&[layer([file("a", "x"), entry(tar::EntryType::Regular, "../.wh.precious", b"")])]);
    assert!(matches!(fault, Fault::Escape { .. }), "{fault}");
}

#[test]
fn an_absolute_name_is_a_name_inside_the_image() {
    let house = House::new();
    let tree = house.take(&mut Layout::new(&[layer([file("/hands-was-here", "x")])])).unwrap();
    assert_eq!(fs::read_to_string(tree.join("hands-was-here")).unwrap(), "x");
    house.is_untouched();
}

#[test]
fn a_link_out_of_the_image_leads_back_into_it() {
    let house = House::new();
    let outside = house.around.path().to_str().unwrap().to_owned();
    let layers = [
        layer([link("abs", &outside), link("rel", "../../../../../../../.."), link("chain", "abs")]),
        // Written through the links by a later layer, removed through them, and hidden through them.
        layer([
            file("abs/precious", "overwritten"),
            file("rel/hands-was-here", "x"),
            file("chain/more", "y"),
            entry(tar::EntryType::Regular, "abs/.wh.precious", b""),
            entry(tar::EntryType::Regular, "abs/.wh..wh..opq", b""),
        ]),
    ];
    let tree = house.take(&mut Layout::new(&layers)).unwrap();
    house.is_untouched();
    assert_eq!(fs::read_to_string(tree.join("hands-was-here")).unwrap(), "x");
    // A link to what the image does not have gives way to a folder of its name.
    assert_eq!(fs::read_to_string(tree.join("abs/precious")).unwrap(), "overwritten");
}

#[test]
fn a_file_over_a_link_replaces_the_link_and_not_what_it_points_to() {
    let house = House::new();
    let precious = house.around.path().join("precious").to_str().unwrap().to_owned();
    let layers = [layer([link("a", &precious)]), layer([file("a", "image's own")])];
    let tree = house.take(&mut Layout::new(&layers)).unwrap();
    assert_eq!(fs::read_to_string(tree.join("a")).unwrap(), "image's own");
    assert!(!fs::symlink_metadata(tree.join("a")).unwrap().is_symlink());
    house.is_untouched();
}

#[test]
fn a_second_name_reaches_no_file_outside_and_no_link() {
    let house = House::new();
    let precious = house.around.path().join("precious").to_str().unwrap().to_owned();
    let absolute = layer([second_name("a", &precious)]);
    let fault = refusal(&[absolute]);
    assert!(matches!(fault, Fault::Escape { .. }), "{fault}");
    let through_link = layer([link("l", &precious), second_name("a", "l")]);
    let fault = refusal(&[through_link]);
    assert!(matches!(fault, Fault::Escape { .. }), "{fault}");
    house.is_untouched();
}

#[test]
fn links_in_a_circle_end_in_a_refusal() {
    let fault = refusal(&[layer([link("a", "b"), link("b", "a"), file("a/x", "1")])]);
    assert!(matches!(fault, Fault::Escape { .. }), "{fault}");
}

#[test]
fn devices_and_pipes_are_never_made() {
    let house = House::new();
    let special = [tar::EntryType::Char, tar::EntryType::Block, tar::EntryType::Fifo];
    let mut entries = vec![folder("dev"), file("dev/ok", "1")];
    entries.extend(special.iter().enumerate().map(|(number, kind)| entry(*kind, &format!("dev/s{number}"), b"")));
    let tree = house.take(&mut Layout::new(&[layer(entries)])).unwrap();
    assert_eq!(fs::read_dir(tree.join("dev")).unwrap().count(), 1);
}

#[test]
fn set_user_id_bits_are_not_taken() {
    let house = House::new();
    let layers = [layer([file("su", "x").mode(0o6_755), folder("d").mode(0o7_777)])];
    let tree = house.take(&mut Layout::new(&layers)).unwrap();
    let mode = |name: &str| fs::metadata(tree.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("su"), mode("d")), (0o755, 0o777));
}

#[test]
fn a_file_that_nobody_may_read_can_still_be_removed_and_replaced() {
    let house = House::new();
    let layers = [
        layer([folder("d").mode(0), file("d/f", "1").mode(0)]),
        layer([file("d/f", "2"), entry(tar::EntryType::Regular, ".wh.gone", b"")]),
    ];
    let tree = house.take(&mut Layout::new(&layers)).unwrap();
    assert_eq!(fs::read_to_string(tree.join("d/f")).unwrap(), "2");
}

#[test]
fn a_gzip_bomb_ends_at_the_cap() {
    let bomb = layer([entry(tar::EntryType::Regular, "zeroes", &vec![0; 64 << 20])]);
    assert!(gzip(&bomb).len() < 1 << 20, "it is small to fetch");
    let fault = refusal(&[bomb]);
    assert_eq!(fault, Fault::TooMuch { what: "the image's unpacked bytes", limit: SMALL.unpacked_bytes });
}

#[test]
fn zeroes_after_an_archives_end_count_too() {
    let mut bomb = layer([file("a", "1")]);
    bomb.resize(64 << 20, 0);
    let fault = refusal(&[bomb]);
    assert_eq!(fault, Fault::TooMuch { what: "the image's unpacked bytes", limit: SMALL.unpacked_bytes });
}

#[test]
fn many_files_end_at_the_cap_over_all_layers() {
    let some = |from: usize| layer((from..from + 30).map(|number| file(&format!("f{number}"), "")));
    let fault = refusal(&[some(0), some(30)]);
    assert_eq!(fault, Fault::TooMuch { what: "the image's files", limit: 50 });
}

#[test]
fn a_name_that_never_ends_is_not_read_into_memory() {
    let endless = vec![b'a'; 500 << 10];
    let fault = refusal(&[layer([entry(tar::EntryType::GNULongName, "x", &endless), file("x", "1")])]);
    assert!(matches!(fault, Fault::TooMuch { what: "the bytes of a layer's extended header", .. }), "{fault}");
    // One that only claims to be endless.
    let fault = refusal(&[layer([entry(tar::EntryType::XHeader, "x", b"").claim(1 << 40), file("x", "1")])]);
    assert!(matches!(fault, Fault::Malformed { .. } | Fault::TooMuch { .. }), "{fault}");
}

#[test]
fn names_too_long_or_too_deep_are_refused() {
    let deep = "d/".repeat(40);
    let deep = entry(tar::EntryType::GNULongName, "x", deep.repeat(5).as_bytes());
    let fault = refusal(&[layer([deep, file("x", "1")])]);
    assert!(matches!(fault, Fault::Escape { why: "lies too deep", .. }), "{fault}");
}

#[test]
fn a_layer_whose_size_is_a_lie_is_refused() {
    for said in [1_u64, 1 << 19] {
        let house = House::new();
        let mut layout = Layout::new(&[layer([file("a", "1")])]);
        layout.manifest["layers"][0]["size"] = json!(said);
        let refused = house.take(&mut layout);
        assert!(matches!(refused, Err(Error::Refused(Fault::Size { .. }))), "{refused:?}");
        house.is_untouched();
    }
}

#[test]
fn bytes_that_are_not_what_their_name_says_are_refused() {
    let house = House::new();
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    let packed = layout.manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    layout.put_as(&packed, &gzip(&layer([file("a", "another")])));
    let refused = house.take(&mut layout);
    assert!(matches!(refused, Err(Error::Refused(Fault::Digest { .. }))), "{refused:?}");
    house.is_untouched();
}

#[test]
fn a_layer_that_unpacks_to_what_the_config_does_not_name_is_refused() {
    let house = House::new();
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    layout.config["rootfs"]["diff_ids"][0] = json!(format!("sha256:{}", "0".repeat(64)));
    let refused = house.take(&mut layout);
    assert!(matches!(refused, Err(Error::Refused(Fault::Digest { .. }))), "{refused:?}");
    assert_eq!(fs::read_dir(house.around.path().join("store/trees")).unwrap().count(), 0);
    house.is_untouched();
}

#[test]
fn too_many_layers_and_too_large_a_whole_are_refused_before_a_byte_of_them_is_read() {
    let small = layer([file("a", "1")]);
    let fault = refusal(&vec![small; 5]);
    assert_eq!(fault, Fault::TooMuch { what: "the image's layers", limit: 4 });
    let house = House::new();
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    layout.manifest["layers"][0]["size"] = json!(u64::MAX);
    let refused = house.take(&mut layout);
    assert!(matches!(refused, Err(Error::Refused(Fault::TooMuch { .. }))), "{refused:?}");
}

#[test]
fn what_is_no_image_is_refused_in_words() {
    let house = House::new();
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    layout.config["architecture"] = json!("s390x");
    let refused = house.take(&mut layout).unwrap_err().to_string();
    assert!(refused.contains("linux/s390x"), "{refused}");
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    layout.manifest["layers"][0]["mediaType"] = json!("application/x-whatever");
    let refused = house.take(&mut layout).unwrap_err().to_string();
    assert!(refused.contains("application/x-whatever"), "{refused}");
    let empty = TempDir::new().unwrap();
    let refused = house.store.import(empty.path()).unwrap_err().to_string();
    assert!(refused.contains("oci-archive"), "{refused}");
    let garbage = house.around.path().join("store/work/garbage");
    fs::write(&garbage, vec![7; 10_000]).unwrap();
    assert!(matches!(house.store.import(&garbage), Err(Error::Refused(_))));
}

#[test]
fn a_layout_without_one_of_its_layers_says_which() {
    let house = House::new();
    let mut layout = Layout::new(&[layer([file("a", "1")])]);
    let packed = layout.manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    fs::remove_file(layout.path().join("blobs").join(packed.replace(':', "/"))).unwrap();
    let refused = house.take(&mut layout);
    assert!(
        matches!(&refused, Err(Error::Refused(Fault::Missing(digest))) if digest.to_string() == packed),
        "{refused:?}"
    );
}

#[test]
fn files_are_given_to_whom_they_are_for() {
    // Only root can give files away; anybody can give them to themselves.
    let me = fs::metadata("/proc/self").unwrap();
    let (user, group) = (std::os::unix::fs::MetadataExt::uid(&me), std::os::unix::fs::MetadataExt::gid(&me));
    let owner = if user == 0 { Owner { user: 200_000, group: 200_000 } } else { Owner { user, group } };
    let house = House::new();
    let mut layout = Layout::new(&[layer([folder("d"), file("d/f", "1"), link("l", "d/f")])]);
    layout.write();
    let image = house.store.import(layout.path()).unwrap();
    let tree = house.store.unpack(&image, Some(owner)).unwrap().tree;
    for name in ["", "d", "d/f", "l"] {
        let found = fs::symlink_metadata(tree.join(name)).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&found), owner.user, "{name}");
    }
}
