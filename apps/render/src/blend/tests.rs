use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write as _;

/// Writes files as Blender would: the layouts that there have been.
#[derive(Clone, Copy)]
struct Writer {
    layout: Layout,
    header: &'static str,
}

const OLD: Writer = Writer { layout: Layout { pointer: 8, big_endian: false, large: false }, header: "BLENDER-v402" };
const OLDEST: Writer = Writer { layout: Layout { pointer: 4, big_endian: true, large: false }, header: "BLENDER_V279" };
const NEW: Writer =
    Writer { layout: Layout { pointer: 8, big_endian: false, large: true }, header: "BLENDER17-01v0501" };

/// The structures of the files here: their fields' types and names. The first types are plain.
const PLAIN: [(&str, u16); 4] = [("char", 1), ("short", 2), ("int", 4), ("void", 0)];
const STRUCTURES: [(&str, &[(&str, &str)]); 6] = [
    ("ID", &[("void", "*next"), ("char", "name[66]"), ("short", "flag")]),
    (
        "Image",
        &[
            ("ID", "id"),
            ("char", "filepath[1024]"),
            ("void", "*anim[2]"),
            ("short", "source"),
            ("short", "pad[3]"),
            ("void", "*packedfile"),
        ],
    ),
    ("Library", &[("ID", "id"), ("char", "name[1024]")]),
    ("ImageFormatData", &[("char", "imtype"), ("char", "depth[3]")]),
    (
        "RenderData",
        &[
            ("ImageFormatData", "im_format"),
            ("int", "pad"),
            ("int", "cfra"),
            ("int", "sfra"),
            ("int", "efra"),
            ("char", "pic[1024]"),
            ("char", "engine[32]"),
        ],
    ),
    ("Scene", &[("ID", "id"), ("void", "(*call)()"), ("RenderData", "r")]),
];

impl Writer {
    fn int(self, number: i32) -> Vec<u8> {
        if self.layout.big_endian { number.to_be_bytes().into() } else { number.to_le_bytes().into() }
    }

    fn short(self, number: u16) -> Vec<u8> {
        if self.layout.big_endian { number.to_be_bytes().into() } else { number.to_le_bytes().into() }
    }

    fn pointer(self, set: bool) -> Vec<u8> {
        vec![u8::from(set); self.layout.pointer]
    }

    fn block(self, code: &str, structure: i32, content: &[u8]) -> Vec<u8> {
        let length = i32::try_from(content.len()).unwrap();
        let mut block = format!("{code:\0<4}").into_bytes();
        let address = self.pointer(true);
        if self.layout.large {
            block.extend(
                [self.int(structure), address, i64::from(length).to_le_bytes().into(), 1_i64.to_le_bytes().into()]
                    .concat(),
            );
        } else {
            block.extend([self.int(length), address, self.int(structure), self.int(1)].concat());
        }
        block.extend(content);
        block
    }

    fn size(self, kind: &str, name: &str) -> u16 {
        let one = match PLAIN.iter().find(|(plain, _)| *plain == kind) {
            _ if name.starts_with(['*', '(']) => u16::try_from(self.layout.pointer).unwrap(),
            Some((_, size)) => *size,
            None => self.length(kind),
        };
        let count = name.split_once('[').map_or(1, |(_, rest)| rest.trim_end_matches(']').parse().unwrap());
        one * count
    }

    fn length(self, structure: &str) -> u16 {
        let (_, fields) = STRUCTURES.iter().find(|(name, _)| *name == structure).unwrap();
        fields.iter().map(|(kind, name)| self.size(kind, name)).sum()
    }

    fn description(self) -> Vec<u8> {
        let mut types: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
        types.extend(STRUCTURES.iter().map(|(name, _)| *name));
        let names: Vec<&str> = STRUCTURES.iter().flat_map(|(_, fields)| fields.iter().map(|(_, name)| *name)).collect();
        let mut bytes = b"SDNANAME".to_vec();
        let texts = |bytes: &mut Vec<u8>, texts: &[&str]| {
            bytes.extend(self.int(i32::try_from(texts.len()).unwrap()));
            texts.iter().for_each(|text| bytes.extend([text.as_bytes(), b"\0"].concat()));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        };
        texts(&mut bytes, &names);
        bytes.extend(b"TYPE");
        texts(&mut bytes, &types);
        bytes.extend(b"TLEN");
        for kind in &types {
            let length =
                PLAIN.iter().find(|(name, _)| name == kind).map_or_else(|| self.length(kind), |(_, size)| *size);
            bytes.extend(self.short(length));
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(b"STRC");
        bytes.extend(self.int(i32::try_from(STRUCTURES.len()).unwrap()));
        let place =
            |list: &[&str], wanted: &str| u16::try_from(list.iter().position(|name| *name == wanted).unwrap()).unwrap();
        for (name, fields) in STRUCTURES {
            bytes.extend(self.short(place(&types, name)));
            bytes.extend(self.short(u16::try_from(fields.len()).unwrap()));
            for (kind, name) in fields {
                bytes.extend([self.short(place(&types, kind)), self.short(place(&names, name))].concat());
            }
        }
        bytes
    }

    fn id(self, name: &str) -> Vec<u8> {
        [self.pointer(false), padded(name, 66), self.short(0)].concat()
    }

    fn image(self, name: &str, path: &str, source: u16, packed: bool) -> Vec<u8> {
        let own = [padded(path, 1024), self.pointer(true), self.pointer(true), self.short(source), vec![0; 6]].concat();
        self.block("IM", 1, &[self.id(name), own, self.pointer(packed)].concat())
    }

    fn file(self) -> Vec<u8> {
        let numbers: Vec<u8> = [0, 7, 3, 120].into_iter().flat_map(|number| self.int(number)).collect();
        let output = [padded("//out/shot_###", 1024), padded("CYCLES", 32)].concat();
        let render = [vec![23, 0, 0, 0], numbers, output].concat();
        [
            self.header.as_bytes().to_vec(),
            self.block("REND", 0, &[0; 24]),
            self.block("SC", 5, &[self.id("SCScene"), self.pointer(true), render].concat()),
            self.image("IMwood", "//textures/wood.png", 1, false),
            self.image("IMpacked", "//packed.png", 1, true),
            self.image("IMRender Result", "", 5, false),
            self.image("IMmade", "//made.png", 4, false),
            self.block("LI", 2, &[self.id("LIparts.blend"), padded("//lib/parts.blend", 1024)].concat()),
            self.block("DNA1", 0, &self.description()),
            b"ENDB".to_vec(),
        ]
        .concat()
    }
}

fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(length, 0);
    bytes
}

fn wanted(major: u32, minor: u32) -> Blend {
    let link = |kind, owner: &str, path: &str| Link { kind, owner: owner.to_owned(), path: path.to_owned() };
    Blend {
        version: Version { major, minor },
        links: vec![
            link(LinkKind::Image, "wood", "//textures/wood.png"),
            link(LinkKind::Library, "parts.blend", "//lib/parts.blend"),
        ],
        frames: Some((3, 120)),
        output: Output { engine: "CYCLES".to_owned(), path: "//out/shot_###".to_owned(), kind: 23 },
    }
}

#[test]
fn files_of_every_layout_say_their_version_their_frames_and_what_they_name() {
    assert_eq!(Blend::read(&OLD.file()), Ok(wanted(4, 2)));
    assert_eq!(Blend::read(&OLDEST.file()), Ok(wanted(2, 79)));
    assert_eq!(Blend::read(&NEW.file()), Ok(wanted(5, 1)));
}

#[test]
fn packed_files_are_unpacked() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&OLD.file()).unwrap();
    assert_eq!(Blend::read(&gzip.finish().unwrap()), Ok(wanted(4, 2)));
    // Two frames and a table to be skipped, as Blender writes them.
    let file = OLD.file();
    let frames = file.chunks(file.len() / 2 + 1).map(|half| compress_to_vec(half, CompressionLevel::Fastest));
    let table = [0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let packed = frames.chain([table.to_vec()]).collect::<Vec<_>>().concat();
    assert_eq!(Blend::read(&packed), Ok(wanted(4, 2)));
    assert_eq!(Blend::read(&packed[..packed.len() / 2]), Err(BadBlend::Compressed));
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_cut_and_whatever_byte_is_changed() {
    let file = OLD.file();
    assert_eq!(Blend::read(b"PK\x03\x04"), Err(BadBlend::NotBlender));
    for length in (0..file.len()).step_by(37) {
        assert!(Blend::read(&file[..length]).is_err(), "{length} bytes");
    }
    for place in (0..file.len()).step_by(11) {
        let mut changed = file.clone();
        changed[place] ^= 0xff;
        // It may still be read; it may not panic.
        let _ = Blend::read(&changed);
    }
}

#[test]
fn the_nearest_version_that_is_not_older_is_taken() {
    let version = |text: &str| Version::parse(text).unwrap();
    let there = [version("5.0"), version("3.4"), version("4.2")];
    for (wanted, taken) in
        [("2.79", Some("3.4")), ("3.4", Some("3.4")), ("3.5", Some("4.2")), ("4.10", Some("5.0")), ("5.1", None)]
    {
        assert_eq!(version(wanted).nearest(&there), taken.map(version), "{wanted}");
    }
}

#[test]
fn pictures_are_called_as_blender_would() {
    let name = |path: &str, kind, frame| Output { path: path.to_owned(), kind, ..Output::default() }.name(frame);
    for (path, kind, frame, called) in [
        ("//", 17, 1, "0001.png"),
        ("/tmp/", 17, 12_345, "12345.png"),
        ("//out/shot_###", 23, 7, "shot_007.exr"),
        ("//out/shot_##_v#", 4, 7, "shot_##_v7.jpg"),
        ("C:\\out\\still.png", 17, 3, "still.png0003.png"),
        ("frame-####.png", 17, 3, "frame-0003.png"),
        ("//film", 24, 3, "film0003.png"),
    ] {
        assert_eq!(name(path, kind, frame), called, "{path}");
    }
}

/// A cube with a texture beside it, made for this house by `xtask/blender/make-scene.py` with Blender 4.2 and 5.0.
const REAL: [(&[u8], Version); 2] = [
    (include_bytes!("real/cube-4.2.blend"), Version { major: 4, minor: 2 }),
    (include_bytes!("real/cube-5.0.blend"), Version { major: 5, minor: 0 }),
];

#[test]
fn files_that_blender_itself_wrote_say_the_same() {
    for (file, version) in REAL {
        let found = Blend::read(file).unwrap();
        assert_eq!((found.version, found.frames), (version, Some((1, 24))));
        let link = Link { kind: LinkKind::Image, owner: "checks".to_owned(), path: "//textures/checks.png".to_owned() };
        assert_eq!(found.links, [link]);
        let output = Output { engine: "CYCLES".to_owned(), path: "//".to_owned(), kind: 17 };
        assert_eq!(found.output, output);
    }
}
