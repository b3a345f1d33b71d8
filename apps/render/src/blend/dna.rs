//! The description of structures that every Blender file ends with: `SDNA`, then names, types, lengths, structures.

use super::Layout;

/// Fields deeper than this within each other are none.
const DEEPEST: usize = 4;

/// Which fields a file's structures have, and where.
pub(super) struct Dna<'d> {
    layout: Layout,
    names: Vec<&'d [u8]>,
    types: Vec<&'d [u8]>,
    lengths: Vec<usize>,
    /// The type of each structure, and its fields: type and name.
    structures: Vec<(usize, Vec<(usize, usize)>)>,
}

/// Where a field is.
#[derive(Clone, Copy)]
struct Place {
    offset: usize,
    size: usize,
}

/// Takes bytes from the front.
struct Cursor<'d> {
    bytes: &'d [u8],
    at: usize,
    layout: Layout,
}

impl<'d> Cursor<'d> {
    /// The next part's name, at a multiple of four.
    fn part(&mut self, name: [u8; 4]) -> Option<()> {
        self.at = self.at.next_multiple_of(4);
        (self.bytes.get(self.at..self.at.checked_add(4)?)? == name).then_some(())?;
        self.at += 4;
        Some(())
    }

    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.layout.int(self.bytes, self.at)?).ok()?;
        self.at += 4;
        // Each of them takes a byte at least.
        (count <= self.bytes.len()).then_some(count)
    }

    fn short(&mut self) -> Option<usize> {
        let short = self.layout.short(self.bytes, self.at)?;
        self.at += 2;
        Some(usize::from(short))
    }

    fn text(&mut self) -> Option<&'d [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        self.at += length + 1;
        Some(&rest[..length])
    }
}

impl<'d> Dna<'d> {
    pub(super) fn read(bytes: &'d [u8], layout: Layout) -> Option<Self> {
        let mut cursor = Cursor { bytes, at: 0, layout };
        cursor.part(*b"SDNA")?;
        cursor.part(*b"NAME")?;
        let names = (0..cursor.count()?).map(|_| cursor.text()).collect::<Option<Vec<_>>>()?;
        cursor.part(*b"TYPE")?;
        let types = (0..cursor.count()?).map(|_| cursor.text()).collect::<Option<Vec<_>>>()?;
        cursor.part(*b"TLEN")?;
        let lengths = (0..types.len()).map(|_| cursor.short()).collect::<Option<Vec<_>>>()?;
        cursor.part(*b"STRC")?;
        let mut structures = Vec::new();
        for _ in 0..cursor.count()? {
            let own = cursor.short()?;
            let fields = cursor.short()?;
            let fields = (0..fields).map(|_| Some((cursor.short()?, cursor.short()?))).collect::<Option<Vec<_>>>()?;
            structures.push((own, fields));
        }
        Some(Self { layout, names, types, lengths, structures })
    }

    /// Where the field is whose name and those of the structures around it are these.
    fn place(&self, structure: usize, path: &[&str]) -> Option<Place> {
        let (mut structure, mut base) = (structure, 0_usize);
        for (depth, wanted) in path.iter().enumerate() {
            let (_, fields) = self.structures.get(structure)?;
            let mut offset = base;
            let mut found = None;
            for (kind, name) in fields {
                let (name, kind_length) = (*self.names.get(*name)?, *self.lengths.get(*kind)?);
                let is_pointer = name.starts_with(b"*") || name.starts_with(b"(");
                let one = if is_pointer { self.layout.pointer } else { kind_length };
                let size = one.checked_mul(elements(name)?)?;
                if plain(name) == wanted.as_bytes() {
                    found = Some((Place { offset, size }, *kind, is_pointer));
                    break;
                }
                offset = offset.checked_add(size)?;
            }
            let (place, kind, is_pointer) = found?;
            if depth + 1 == path.len() {
                return Some(place);
            }
            if is_pointer || depth == DEEPEST {
                return None;
            }
            base = place.offset;
            let inner = self.types.get(kind)?;
            structure = self.structures.iter().position(|(own, _)| self.types.get(*own) == Some(inner))?;
        }
        None
    }

    fn bytes<'b>(&self, structure: usize, content: &'b [u8], path: &[&str]) -> Option<&'b [u8]> {
        let Place { offset, size } = self.place(structure, path)?;
        content.get(offset..offset.checked_add(size)?)
    }

    /// A field of characters, up to its end.
    pub(super) fn text(&self, structure: usize, content: &[u8], path: &[&str]) -> Option<String> {
        let bytes = self.bytes(structure, content, path)?;
        // A pointer to a name kept elsewhere is none here.
        let text = bytes.split(|byte| *byte == 0).next()?;
        (bytes.len() > 8).then(|| String::from_utf8_lossy(text).into_owned())
    }

    pub(super) fn int(&self, structure: usize, content: &[u8], path: &[&str]) -> Option<i32> {
        self.layout.int(self.bytes(structure, content, path)?, 0)
    }

    pub(super) fn byte(&self, structure: usize, content: &[u8], path: &[&str]) -> Option<u8> {
        self.bytes(structure, content, path)?.first().copied()
    }

    pub(super) fn short(&self, structure: usize, content: &[u8], path: &[&str]) -> Option<u16> {
        self.layout.short(self.bytes(structure, content, path)?, 0)
    }

    /// Whether a pointer, or the first of a list's, points anywhere.
    pub(super) fn is_set(&self, structure: usize, content: &[u8], field: &str) -> bool {
        let bytes = self.bytes(structure, content, &[field]);
        let pointer = bytes.and_then(|bytes| bytes.get(..self.layout.pointer));
        pointer.is_some_and(|pointer| pointer.iter().any(|byte| *byte != 0))
    }
}

/// `*name[4][4]` without what is around the name.
fn plain(name: &[u8]) -> &[u8] {
    let start = name.iter().position(|byte| !matches!(byte, b'*' | b'(')).unwrap_or(name.len());
    let name = &name[start..];
    let end = name.iter().position(|byte| matches!(byte, b'[' | b')')).unwrap_or(name.len());
    &name[..end]
}

/// How many a field holds: 16 of `name[4][4]`.
fn elements(name: &[u8]) -> Option<usize> {
    let mut count = 1_usize;
    for part in name.split(|byte| *byte == b'[').skip(1) {
        let digits = part.split(|byte| *byte == b']').next()?;
        count = count.checked_mul(std::str::from_utf8(digits).ok()?.parse().ok()?)?;
    }
    Some(count)
}
