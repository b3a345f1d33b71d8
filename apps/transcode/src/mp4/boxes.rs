//! Boxes: a length, four letters, a body.

use crate::Fault;

/// Four letters.
pub(super) type Name = [u8; 4];

/// A box of a body that is in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner<'a> {
    pub(super) name: Name,
    pub(super) body: &'a [u8],
    /// With its head.
    pub(super) whole: &'a [u8],
}

/// The boxes of a body.
pub(super) fn inner(mut body: &[u8]) -> Result<Vec<Inner<'_>>, Fault> {
    let mut all = Vec::new();
    // QuickTime ends some lists with four zero bytes.
    while body.len() >= 8 {
        let mut head = Fields(body);
        let (mut length, name) = (u64::from(head.u32()?), head.name()?);
        let mut at = 8;
        if length == 1 {
            length = head.u64()?;
            at = 16;
        }
        let length = if length == 0 { body.len() } else { usize::try_from(length).unwrap_or(usize::MAX) };
        let (Some(whole), Some(own)) = (body.get(..length), body.get(at..length)) else {
            return Err(Fault::Damaged("a box is longer than what holds it"));
        };
        all.push(Inner { name, body: own, whole });
        body = body.get(length..).unwrap_or_default();
    }
    Ok(all)
}

/// Bytes of the entry of `stsd` for pictures before the boxes within it.
const PICTURES: usize = 86;

/// What decoders need to know of pictures, without how many bits there were of them (`btrt`): that differs from piece to piece,
/// and no decoder needs it.
pub(crate) fn without_rates(entry: &[u8]) -> Vec<u8> {
    let Some((fields, body)) = entry.split_at_checked(PICTURES) else { return entry.to_vec() };
    let Ok(boxes) = inner(body) else { return entry.to_vec() };
    let mut plain = fields.to_vec();
    boxes.iter().filter(|inner| inner.name != *b"btrt").for_each(|inner| plain.extend(inner.whole));
    let length = u32::try_from(plain.len()).unwrap_or(u32::MAX).to_be_bytes();
    plain.iter_mut().zip(length).for_each(|(byte, own)| *byte = own);
    plain
}

/// The first box of this name.
pub(super) fn find<'a>(body: &'a [u8], name: &Name) -> Result<Option<Inner<'a>>, Fault> {
    Ok(inner(body)?.into_iter().find(|inner| inner.name == *name))
}

/// A box that has to be there.
pub(super) fn need<'a>(body: &'a [u8], name: &Name) -> Result<&'a [u8], Fault> {
    find(body, name)?.map(|inner| inner.body).ok_or(Fault::Damaged("a box that every track has is not there"))
}

/// Numbers from a body, the largest byte first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Fault::Damaged("a box is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn name(&mut self) -> Result<Name, Fault> {
        self.array()
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, Fault> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A number of 32 bits in version 0 of a box, of 64 later.
    pub(super) fn by_version(&mut self, version: u8) -> Result<u64, Fault> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }

    /// A version; the flags behind it are passed over.
    pub(super) fn version(&mut self) -> Result<u8, Fault> {
        let [version, _, _, _] = self.array()?;
        Ok(version)
    }

    /// How many rows of `bytes` each follow, held against what is left.
    pub(super) fn count(&mut self, bytes: usize) -> Result<usize, Fault> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count > self.0.len() / bytes {
            return Err(Fault::Damaged("a table is longer than its box"));
        }
        Ok(count)
    }
}

/// Boxes on their way into a file.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// A box with what `fill` writes.
    pub(super) fn nest(&mut self, name: &Name, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.0.len();
        self.u32(0).bytes(name);
        fill(self);
        let length = u32::try_from(self.0.len() - at).expect("tables of films are below 4 GiB");
        if let Some(head) = self.0.get_mut(at..at + 4) {
            head.copy_from_slice(&length.to_be_bytes());
        }
        self
    }

    /// A box with a version and flags.
    pub(super) fn full(&mut self, name: &Name, version: u8, flags: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.nest(name, |own| {
            own.u32(u32::from(version) << 24 | flags);
            fill(own);
        })
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(super) fn i32(&mut self, number: i32) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(super) fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    /// How many there are of something, or how long it is.
    pub(super) fn length(&mut self, length: usize) -> &mut Self {
        self.u32(u32::try_from(length).expect("tables of films are below 4 GiB"))
    }

    /// Ends a chain of these.
    pub(super) fn end(&self) {}

    /// A number that is cut off at what 32 bits hold.
    pub(super) fn most(&mut self, number: u64) -> &mut Self {
        self.u32(u32::try_from(number).unwrap_or(u32::MAX))
    }
}
