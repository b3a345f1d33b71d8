//! Blender's files: which version wrote one, and which other files it names.
//!
//! A file is a header and blocks; the last describes every structure's fields (SDNA), so that files of all versions are read by
//! the names of their fields. Gzip (before 3.0) and Zstandard (since) are undone first. Invariant: nothing in a file is believed
//! without a check of its bounds.

mod dna;
mod unpack;

use dna::Dna;
use std::fmt;

/// A version of Blender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blend {
    /// The Blender that wrote it.
    pub version: Version,
    /// Files that it names and does not hold itself: what each is, and its path as the file has it.
    pub links: Vec<Link>,
    /// The first and the last frame of its first scene.
    pub frames: Option<(i32, i32)>,
    /// What its first scene says of the pictures to be made.
    pub output: Output,
}

/// What a scene says of the pictures to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// What draws them: `CYCLES`, `BLENDER_EEVEE_NEXT`, …; empty where the file does not say.
    pub engine: String,
    /// Where they go: `//out/frame_###`.
    pub path: String,
    /// The number of their kind: 17 is PNG.
    pub kind: u8,
}

/// A file that another names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub kind: LinkKind,
    /// What the file that names it calls it, such as `wood`.
    pub owner: String,
    /// Its path as written: `//textures/wood.png` is relative to the file that names it.
    pub path: String,
}

/// What a linked file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A picture.
    Image,
    /// Another Blender file.
    Library,
    /// A font.
    Font,
    /// A film.
    Clip,
    /// Cached geometry.
    Cache,
    /// A volume.
    Volume,
}

/// Why a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBlend {
    /// It does not begin as Blender's files do.
    NotBlender,
    /// It is compressed, and cut short or damaged.
    Compressed,
    /// It is larger than can be read here.
    TooLarge,
    /// It is cut short.
    CutShort,
    /// It lacks the description of its structures, or that is damaged.
    NoDescription,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for BadBlend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBlender => "is not a Blender file",
            Self::Compressed => "is compressed, and damaged or cut short",
            Self::TooLarge => "is larger than 2 GiB when unpacked, which cannot be read here",
            Self::CutShort => "is cut short",
            Self::NoDescription => "has no description of its structures; open and save it in Blender",
        })
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "image",
            Self::Library => "linked library",
            Self::Font => "font",
            Self::Clip => "film",
            Self::Cache => "cache file",
            Self::Volume => "volume",
        })
    }
}

impl Version {
    /// From a text such as `4.2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// Of the versions that are there, the nearest that is not older than this.
    #[must_use]
    pub fn nearest(self, there: &[Self]) -> Option<Self> {
        there.iter().copied().filter(|other| *other >= self).min()
    }
}

/// The layout of a file's blocks.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) pointer: usize,
    pub(crate) big_endian: bool,
    /// Blocks with 64-bit lengths, since 5.0.
    large: bool,
}

/// A block: what it is, the number of its structure, its content.
struct Block<'b> {
    code: [u8; 4],
    structure: usize,
    content: &'b [u8],
}

impl Blend {
    /// Reads a file.
    ///
    /// # Errors
    /// [`BadBlend`].
    pub fn read(file: &[u8]) -> Result<Self, BadBlend> {
        let file = unpack::unpack(file)?;
        let (version, layout, start) = header(&file).ok_or(BadBlend::NotBlender)?;
        let blocks = blocks(file.get(start..).ok_or(BadBlend::CutShort)?, layout)?;
        let described = blocks.iter().find(|block| block.code == *b"DNA1").ok_or(BadBlend::NoDescription)?;
        let dna = Dna::read(described.content, layout).ok_or(BadBlend::NoDescription)?;
        let links = blocks.iter().filter_map(|block| link(&dna, block)).collect();
        let scene = blocks.iter().find(|block| block.code[..2] == *b"SC");
        let frames = scene.and_then(|block| {
            let number = |field: &str| dna.int(block.structure, block.content, &["r", field]);
            Some((number("sfra")?, number("efra")?))
        });
        let output = scene.map(|block| Output::read(&dna, block)).unwrap_or_default();
        Ok(Self { version, links, frames, output })
    }
}

impl Output {
    fn read(dna: &Dna<'_>, scene: &Block<'_>) -> Self {
        let text = |field: &str| dna.text(scene.structure, scene.content, &["r", field]).unwrap_or_default();
        let byte = |path: &[&str]| dna.byte(scene.structure, scene.content, path);
        // Up to 2.59 it was the scene's own field, a short number; the first byte of that is the one that counts.
        let kind = byte(&["r", "im_format", "imtype"]).or_else(|| byte(&["r", "imtype"]));
        Self { engine: text("engine"), path: text("pic"), kind: kind.unwrap_or(Self::PNG) }
    }

    const PNG: u8 = 17;

    /// What Blender would call the picture of this frame: the last part of the path, its last run of `#` the number, else four
    /// digits after it, and the extension of the kind. What would be one film is pictures here.
    #[must_use]
    pub fn name(&self, frame: i64) -> String {
        let base = self.path.rsplit(['/', '\\']).next().unwrap_or_default();
        let numbered = match base.rfind('#') {
            None => format!("{base}{frame:04}"),
            Some(last) => {
                let digits = base[..=last].bytes().rev().take_while(|letter| *letter == b'#').count();
                format!("{}{frame:0digits$}{}", base[..=last].trim_end_matches('#'), &base[last + 1..])
            }
        };
        let extension = self.extension();
        match numbered.to_ascii_lowercase().ends_with(extension) {
            true => numbered,
            false => numbered + extension,
        }
    }

    fn extension(&self) -> &'static str {
        match self.kind {
            0 | 14 => ".tga",
            1 => ".rgb",
            4 => ".jpg",
            20 => ".bmp",
            21 => ".hdr",
            22 => ".tif",
            23 | 28 => ".exr",
            26 => ".cin",
            27 => ".dpx",
            30 => ".jp2",
            35 => ".webp",
            _ => ".png",
        }
    }
}

/// Version and layout, and where the blocks begin.
fn header(file: &[u8]) -> Option<(Version, Layout, usize)> {
    let rest = file.strip_prefix(b"BLENDER")?;
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
    let version = |number: u32| Version { major: number / 100, minor: number % 100 };
    match rest.first()? {
        first @ (b'_' | b'-') => {
            let big_endian = endian(*rest.get(1)?)?;
            let layout = Layout { pointer: if *first == b'-' { 8 } else { 4 }, big_endian, large: false };
            let written = number(rest.get(2..5)?)?;
            // Up to 2.79 the last digit was part of one number; as hundreds it reads the same.
            Some((version(written), layout, 12))
        }
        // `17-01v0500`: the header's length, pointers of 8 bytes, the format's version, the order of bytes, Blender's version.
        b'0'..=b'9' => {
            let length = number(rest.get(..2)?)?;
            let known = rest.get(2..5)? == b"-01";
            let big_endian = endian(*rest.get(5)?)?;
            let written = number(rest.get(6..10)?)?;
            let layout = Layout { pointer: 8, big_endian, large: true };
            known.then_some((version(written), layout, usize::try_from(length).ok()?))
        }
        _ => None,
    }
}

fn endian(letter: u8) -> Option<bool> {
    match letter {
        b'v' => Some(false),
        b'V' => Some(true),
        _ => None,
    }
}

fn blocks(mut rest: &[u8], layout: Layout) -> Result<Vec<Block<'_>>, BadBlend> {
    let mut blocks = Vec::new();
    loop {
        let code: [u8; 4] = rest.get(..4).and_then(|code| code.try_into().ok()).ok_or(BadBlend::CutShort)?;
        if code == *b"ENDB" {
            return Ok(blocks);
        }
        let (head, length, structure) = block_head(rest, layout).ok_or(BadBlend::CutShort)?;
        let content = rest.get(head..).and_then(|rest| rest.get(..length)).ok_or(BadBlend::CutShort)?;
        blocks.push(Block { code, structure, content });
        rest = &rest[head + length..];
    }
}

/// A head's length, its content's length, and the number of its structure.
fn block_head(bytes: &[u8], layout: Layout) -> Option<(usize, usize, usize)> {
    let int = |at: usize| usize::try_from(layout.int(bytes, at)?).ok();
    if layout.large {
        // Code, structure, address, length, count.
        return Some((32, usize::try_from(layout.long(bytes, 16)?).ok()?, int(4)?));
    }
    // Code, length, address, structure, count.
    let after = 8 + layout.pointer;
    Some((after + 8, int(4)?, int(after)?))
}

impl Layout {
    pub(crate) fn int(self, bytes: &[u8], at: usize) -> Option<i32> {
        let bytes: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) })
    }

    pub(crate) fn long(self, bytes: &[u8], at: usize) -> Option<i64> {
        let bytes: [u8; 8] = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        Some(if self.big_endian { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }

    pub(crate) fn short(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }
}

/// The file that a block names, if it does and does not hold it itself.
fn link(dna: &Dna<'_>, block: &Block<'_>) -> Option<Link> {
    let kind = match &block.code {
        b"IM\0\0" => LinkKind::Image,
        b"LI\0\0" => LinkKind::Library,
        b"VF\0\0" => LinkKind::Font,
        b"MC\0\0" => LinkKind::Clip,
        b"CF\0\0" => LinkKind::Cache,
        b"VO\0\0" => LinkKind::Volume,
        _ => return None,
    };
    let (structure, content) = (block.structure, block.content);
    let text = |path: &[&str]| dna.text(structure, content, path);
    // The field was called `name` up to 2.9.
    let path = text(&["filepath"]).or_else(|| text(&["name"]))?;
    let packed = ["packedfile", "packedfiles"].iter().any(|field| dna.is_set(structure, content, field));
    // 1 is a file, 2 a sequence, 3 a film, 6 tiles; the others are made by Blender itself.
    let made = kind == LinkKind::Image && matches!(dna.short(structure, content, &["source"]), Some(0 | 4 | 5));
    if path.is_empty() || packed || made || path == "<builtin>" {
        return None;
    }
    let owner = text(&["id", "name"]).unwrap_or_default();
    Some(Link { kind, owner: owner.chars().skip(2).collect(), path })
}

#[cfg(test)]
mod tests;
