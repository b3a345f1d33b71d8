//! A layer's entries, read with every limit, and laid over a tree.
//!
//! A layer is read twice: first its bytes are hashed, and what it takes away from the layers below is removed; then what it
//! brings is made. So a removal never touches what the same layer brings, in whatever order they come.

use crate::manifest::{Layer, LayerKind};
use crate::store::Caps;
use crate::tree::{Attributes, Tree, escape};
use crate::{Error, Fault};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use tar::{EntryType, Header, PaxExtensions};
use units::Digest;

/// Longest extended header: names and links are far shorter.
const HEADER_BYTES: u64 = 64 << 10;
/// Longest name of an entry, bytes, as the kernel has it.
const NAME_BYTES: usize = 4_096;
/// Deepest entry, folders.
const DEPTH: usize = 128;
/// How a name begins that takes the same name of the layers below away.
const WHITEOUT: &[u8] = b".wh.";
/// The name that takes all of a folder's content of the layers below away.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What unpacking an image may still use.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    bytes: Cell<u64>,
    files: Cell<u64>,
    caps: Caps,
}

impl Budget {
    pub(crate) fn new(caps: &Caps) -> Self {
        Self { bytes: Cell::new(caps.unpacked_bytes), files: Cell::new(caps.files), caps: *caps }
    }

    fn spend_file(&self) -> Result<(), Fault> {
        let limit = self.caps.files;
        let left = self.files.get().checked_sub(1).ok_or(Fault::TooMuch { what: "the image's files", limit })?;
        self.files.set(left);
        Ok(())
    }

    /// What an error of reading means: the budget's end, this machine's disk, or a layer that is none.
    fn told(&self, error: io::Error) -> Error {
        if self.bytes.get() == 0 {
            Fault::TooMuch { what: "the image's unpacked bytes", limit: self.caps.unpacked_bytes }.into()
        } else if error.raw_os_error().is_some() {
            Error::Here(error)
        } else {
            Fault::Malformed { what: "layer", why: error.to_string() }.into()
        }
    }
}

/// The decompressed bytes of a layer: hashed, and never more than the budget has left.
struct Content<'a> {
    packed: Box<dyn Read>,
    budget: &'a Budget,
    hash: Sha256,
}

impl<'a> Content<'a> {
    fn open(layer: &Layer, file: &Path, budget: &'a Budget) -> Result<Self, Error> {
        let packed = BufReader::with_capacity(1 << 17, File::open(file)?);
        let packed: Box<dyn Read> = match layer.kind {
            LayerKind::Tar => Box::new(packed),
            LayerKind::Gzip => Box::new(MultiGzDecoder::new(packed)),
        };
        Ok(Self { packed, budget, hash: Sha256::new() })
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(buffer)?;
        let spent = u64::try_from(count).map_err(io::Error::other)?;
        let left = self.budget.bytes.get().saturating_sub(spent);
        self.budget.bytes.set(left);
        if left == 0 {
            return Err(io::Error::other("the budget is spent"));
        }
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// What an entry is.
enum Kind {
    File,
    Folder,
    Link(OsString),
    SecondName(PathBuf),
    /// Takes this name of the layers below away.
    Whiteout,
    /// Takes away all that the layers below have in this folder.
    Opaque,
    /// A device, pipe or socket: never made.
    Special,
}

struct Item {
    path: PathBuf,
    kind: Kind,
    attributes: Attributes,
}

/// Lays a layer, whose packed bytes are in `file`, over a tree.
pub(crate) fn lay(layer: &Layer, file: &Path, tree: &Tree, budget: &Budget) -> Result<(), Error> {
    let trial = budget.clone();
    let mut content = Content::open(layer, file, &trial)?;
    walk(&mut content, &trial, |item, _| match item.kind {
        Kind::Whiteout => tree.remove(&item.path),
        Kind::Opaque => tree.empty(&item.path),
        Kind::File | Kind::Folder | Kind::Link(_) | Kind::SecondName(_) | Kind::Special => Ok(()),
    })?;
    // What follows the archive's end belongs to the layer's bytes too.
    io::copy(&mut content, &mut io::sink()).map_err(|error| trial.told(error))?;
    let found = Digest::from(<[u8; 32]>::from(content.hash.finalize()));
    if found != layer.diff {
        return Err(Fault::Digest { expected: layer.diff, found }.into());
    }
    let mut content = Content::open(layer, file, budget)?;
    walk(&mut content, budget, |item, bytes| make(item, bytes, tree, budget))
}

fn make(item: Item, content: &mut dyn Read, tree: &Tree, budget: &Budget) -> Result<(), Error> {
    let Item { path, kind, attributes } = item;
    match kind {
        Kind::Folder if path.as_os_str().is_empty() => Ok(()),
        Kind::Folder => tree.folder(&path, attributes),
        Kind::Link(target) => tree.link(&path, &target),
        Kind::SecondName(of) => tree.second_name(&path, &of),
        Kind::Whiteout | Kind::Opaque | Kind::Special => Ok(()),
        Kind::File => {
            let mut file = tree.file(&path, attributes)?;
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = content.read(&mut buffer).map_err(|error| budget.told(error))?;
                let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
                io::Write::write_all(&mut file, bytes)?;
            }
            Tree::stamp(&file, attributes)
        }
    }
}

/// Calls `each` for every entry of an archive, with its content.
fn walk(
    content: &mut Content<'_>,
    budget: &Budget,
    mut each: impl FnMut(Item, &mut dyn Read) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut archive = tar::Archive::new(content);
    let entries = archive.entries().map_err(|error| budget.told(error))?.raw(true);
    let mut told = Extended::default();
    for entry in entries {
        let mut entry = entry.map_err(|error| budget.told(error))?;
        budget.spend_file()?;
        let header = entry.header().clone();
        match header.entry_type() {
            EntryType::GNULongName => told.path = Some(long(&mut entry, budget)?),
            EntryType::GNULongLink => told.link = Some(long(&mut entry, budget)?),
            EntryType::XHeader => told.read(&limited(&mut entry, budget)?)?,
            EntryType::XGlobalHeader => {}
            _ => each(item(&header, std::mem::take(&mut told))?, &mut entry)?,
        }
    }
    Ok(())
}

/// What extended headers say of the entry that follows.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extended {
    fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        for pair in PaxExtensions::new(bytes) {
            let pair = pair.map_err(|error| Fault::Malformed { what: "layer", why: error.to_string() })?;
            match pair.key_bytes() {
                b"path" => self.path = Some(pair.value_bytes().to_vec()),
                b"linkpath" => self.link = Some(pair.value_bytes().to_vec()),
                b"size" => self.size = pair.value().ok().and_then(|text| text.parse().ok()),
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(Fault::Unsupported("a layer with sparse files is not understood".to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// An extended header's bytes, of which there are few.
fn limited(entry: &mut impl Read, budget: &Budget) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = entry.take(HEADER_BYTES.saturating_add(1)).read_to_end(&mut bytes);
    let read = read.map_err(|error| budget.told(error))?;
    if u64::try_from(read).is_ok_and(|read| read > HEADER_BYTES) {
        return Err(Fault::TooMuch { what: "the bytes of a layer's extended header", limit: HEADER_BYTES }.into());
    }
    Ok(bytes)
}

/// A long name, which ends in a zero.
fn long(entry: &mut impl Read, budget: &Budget) -> Result<Vec<u8>, Error> {
    let mut bytes = limited(entry, budget)?;
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    Ok(bytes)
}

fn item(header: &Header, told: Extended) -> Result<Item, Fault> {
    let malformed = |error: io::Error| Fault::Malformed { what: "layer", why: error.to_string() };
    let size = header.entry_size().map_err(malformed)?;
    if told.size.is_some_and(|said| said != size) {
        return Err(Fault::Unsupported("a layer with files of eight gigabytes and more is not understood".to_owned()));
    }
    let raw = told.path.unwrap_or_else(|| header.path_bytes().into_owned());
    let path = clean(OsStr::from_bytes(&raw))?;
    let link = told.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
    let link = link.map(OsString::from_vec);
    let attributes =
        Attributes { mode: header.mode().map_err(malformed)?, modified: header.mtime().map_err(malformed)? };
    let no_target = || escape(&path, "is a link without a target");
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => Kind::Link(link.ok_or_else(no_target)?),
        EntryType::Link => Kind::SecondName(clean(&link.ok_or_else(no_target)?)?),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
        other => return Err(Fault::Unsupported(format!("a layer's entry of type {other:?} is not understood"))),
    };
    let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    if name == OPAQUE {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        return Ok(Item { path: folder, kind: Kind::Opaque, attributes });
    }
    if let Some(hidden) = name.strip_prefix(WHITEOUT) {
        if hidden.is_empty() || hidden == b"." || hidden == b".." {
            return Err(escape(&path, "takes away what is not a name"));
        }
        let path = path.with_file_name(OsStr::from_bytes(hidden));
        return Ok(Item { path, kind: Kind::Whiteout, attributes });
    }
    if path.as_os_str().is_empty() && !matches!(kind, Kind::Folder) {
        return Err(escape(&path, "would replace the image's root"));
    }
    Ok(Item { path, kind, attributes })
}

/// A name without a root and without detours; one with `..` is refused rather than made sense of.
fn clean(raw: &OsStr) -> Result<PathBuf, Fault> {
    let path = Path::new(raw);
    if raw.len() > NAME_BYTES {
        return Err(escape(path, "has too long a name"));
    }
    if raw.as_bytes().contains(&0) {
        return Err(escape(path, "has a zero in its name"));
    }
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => cleaned.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(escape(path, "climbs out by `..`")),
        }
    }
    if cleaned.components().count() > DEPTH {
        return Err(escape(path, "lies too deep"));
    }
    Ok(cleaned)
}
