//! Calls on open descriptors.

use super::host::{Answer, Descriptor, Host};
use super::memory::Memory;
use crate::world::{Errno, Fault, FileKind, Ino, Stat, Tree};

/// Kinds of files, as preview 1 numbers them.
const UNKNOWN: u8 = 0;
const FOLDER: u8 = 3;
const REGULAR: u8 = 4;

/// Rights, as preview 1 numbers them. They say what a descriptor can do; what a program asks for is what it gets.
const RIGHT_READ: u64 = 1 << 1;
pub(super) const RIGHT_WRITE: u64 = 1 << 6;
pub(super) const RIGHT_ALLOCATE: u64 = 1 << 8;
pub(super) const RIGHT_SET_SIZE: u64 = 1 << 22;
/// Everything but sockets.
const RIGHTS_ALL: u64 = (1 << 28) - 1;
/// What is done to files and not to folders: data, positions, sizes.
const RIGHTS_FILE_ONLY: u64 = RIGHT_READ | RIGHT_WRITE | RIGHT_ALLOCATE | RIGHT_SET_SIZE | 1 | 1 << 2 | 1 << 5;
/// What is done to folders and not to files: everything with a path, and listing.
const RIGHTS_FOLDER_ONLY: u64 = 0b111_1111_1100 << 9 | 0b11 << 9 | 0b111 << 24;

/// Flags of descriptors.
pub(super) const FLAG_APPEND: u32 = 1;

/// Flags of times to set.
const SET_ACCESS: u32 = 1;
const SET_ACCESS_NOW: u32 = 2;
const SET_CHANGE: u32 = 4;
const SET_CHANGE_NOW: u32 = 8;

impl Host {
    /// The file behind a descriptor, where it may be read or written as asked.
    fn file(&mut self, fd: u32, to_read: bool, to_write: bool) -> Result<Ino, Fault> {
        match self.descriptor(fd)? {
            Descriptor::File { ino, read, write, .. } => {
                if (to_read && !*read) || (to_write && !*write) {
                    return Err(Errno::Badf.into());
                }
                Ok(*ino)
            }
            Descriptor::Folder { .. } => Err(Errno::Isdir.into()),
            Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => Err(Errno::Spipe.into()),
        }
    }

    pub(super) fn fd_advise(&mut self, _: &mut Memory<'_>, fd: u32, _: u64, _: u64, advice: u32) -> Answer {
        self.file(fd, false, false)?;
        if advice > 5 { Err(Errno::Inval.into()) } else { Ok(()) }
    }

    pub(super) fn fd_allocate(&mut self, _: &mut Memory<'_>, fd: u32, offset: u64, length: u64) -> Answer {
        let ino = self.file(fd, false, true)?;
        let end = offset.checked_add(length).ok_or(Errno::Inval)?;
        if length == 0 {
            return Err(Errno::Inval.into());
        }
        if end > self.tree.stat(ino).size { self.tree.resize(ino, end) } else { Ok(()) }
    }

    pub(super) fn fd_close(&mut self, _: &mut Memory<'_>, fd: u32) -> Answer {
        self.close(fd)
    }

    pub(super) fn fd_datasync(&mut self, _: &mut Memory<'_>, fd: u32) -> Answer {
        self.descriptor(fd).map(drop)
    }

    pub(super) fn fd_sync(&mut self, _: &mut Memory<'_>, fd: u32) -> Answer {
        self.descriptor(fd).map(drop)
    }

    pub(super) fn fd_fdstat_get(&mut self, memory: &mut Memory<'_>, fd: u32, stat: u32) -> Answer {
        let (kind, flags, base, inheriting) = match self.descriptor(fd)? {
            Descriptor::Stdin => (UNKNOWN, 0, RIGHT_READ, 0),
            Descriptor::Stdout | Descriptor::Stderr => (UNKNOWN, 0, RIGHT_WRITE, 0),
            Descriptor::Folder { .. } => (FOLDER, 0, RIGHTS_ALL & !RIGHTS_FILE_ONLY, RIGHTS_ALL),
            Descriptor::File { read, write, append, .. } => {
                let mut rights = RIGHTS_ALL & !RIGHTS_FOLDER_ONLY;
                if !*read {
                    rights &= !RIGHT_READ;
                }
                if !*write {
                    rights &= !(RIGHT_WRITE | RIGHT_ALLOCATE | RIGHT_SET_SIZE);
                }
                (REGULAR, u8::from(*append), rights, 0)
            }
        };
        let mut bytes = [0; 24];
        bytes[0] = kind;
        bytes[2] = flags;
        bytes[8..16].copy_from_slice(&base.to_le_bytes());
        bytes[16..].copy_from_slice(&inheriting.to_le_bytes());
        memory.write(stat, &bytes)
    }

    pub(super) fn fd_fdstat_set_flags(&mut self, _: &mut Memory<'_>, fd: u32, flags: u32) -> Answer {
        if let Descriptor::File { append, .. } = self.descriptor(fd)? {
            *append = flags & FLAG_APPEND != 0;
        }
        Ok(())
    }

    pub(super) fn fd_fdstat_set_rights(&mut self, _: &mut Memory<'_>, fd: u32, _: u64, _: u64) -> Answer {
        self.descriptor(fd).map(drop)
    }

    pub(super) fn fd_filestat_get(&mut self, memory: &mut Memory<'_>, fd: u32, stat: u32) -> Answer {
        match self.descriptor(fd)? {
            Descriptor::Folder { ino, .. } | Descriptor::File { ino, .. } => {
                let ino = *ino;
                memory.write(stat, &filestat(&self.tree.stat(ino)))
            }
            Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => memory.write(stat, &[0; 64]),
        }
    }

    pub(super) fn fd_filestat_set_size(&mut self, _: &mut Memory<'_>, fd: u32, size: u64) -> Answer {
        let ino = self.file(fd, false, true)?;
        self.tree.resize(ino, size)
    }

    pub(super) fn fd_filestat_set_times(
        &mut self,
        _: &mut Memory<'_>,
        fd: u32,
        access: u64,
        change: u64,
        flags: u32,
    ) -> Answer {
        match self.descriptor(fd)? {
            Descriptor::Folder { ino, .. } | Descriptor::File { ino, .. } => {
                let ino = *ino;
                self.set_times(ino, access, change, flags)
            }
            Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => Err(Errno::Badf.into()),
        }
    }

    pub(super) fn set_times(&mut self, ino: Ino, access: u64, change: u64, flags: u32) -> Answer {
        let now = crate::world::Clock::EPOCH.saturating_add(self.clock.now());
        let time = |given, set, set_now| match (flags & set != 0, flags & set_now != 0) {
            (true, true) => Err(Errno::Inval),
            (true, false) => Ok(Some(given)),
            (false, true) => Ok(Some(now)),
            (false, false) => Ok(None),
        };
        let access = time(access, SET_ACCESS, SET_ACCESS_NOW)?;
        let change = time(change, SET_CHANGE, SET_CHANGE_NOW)?;
        self.tree.set_times(ino, access, change)
    }

    pub(super) fn fd_pread(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        offset: u64,
        read: u32,
    ) -> Answer {
        let ino = self.file(fd, true, false)?;
        let total = read_vectors(&mut self.tree, ino, memory, vectors, count, offset)?;
        memory.write_size(read, total)
    }

    pub(super) fn fd_read(&mut self, memory: &mut Memory<'_>, fd: u32, vectors: u32, count: u32, read: u32) -> Answer {
        if matches!(self.descriptor(fd)?, Descriptor::Stdin) {
            return memory.write_size(read, 0);
        }
        let ino = self.file(fd, true, false).map_err(not_a_pipe)?;
        let offset = *self.position(fd)?;
        let total = read_vectors(&mut self.tree, ino, memory, vectors, count, offset)?;
        *self.position(fd)? = offset.saturating_add(total as u64);
        memory.write_size(read, total)
    }

    pub(super) fn fd_pwrite(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        offset: u64,
        written: u32,
    ) -> Answer {
        let ino = self.file(fd, false, true)?;
        let total = write_vectors(&mut self.tree, ino, memory, vectors, count, offset)?;
        memory.write_size(written, total)
    }

    pub(super) fn fd_write(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        vectors: u32,
        count: u32,
        written: u32,
    ) -> Answer {
        let offset = match self.descriptor(fd)? {
            Descriptor::Stdout | Descriptor::Stderr => return self.say(memory, fd, vectors, count, written),
            Descriptor::File { ino, position, append, .. } => {
                let (ino, position, append) = (*ino, *position, *append);
                if append { self.tree.stat(ino).size } else { position }
            }
            Descriptor::Stdin | Descriptor::Folder { .. } => return Err(Errno::Badf.into()),
        };
        let ino = self.file(fd, false, true)?;
        let total = write_vectors(&mut self.tree, ino, memory, vectors, count, offset)?;
        *self.position(fd)? = offset.saturating_add(total as u64);
        memory.write_size(written, total)
    }

    /// Writes to standard output or standard error.
    fn say(&mut self, memory: &mut Memory<'_>, fd: u32, vectors: u32, count: u32, written: u32) -> Answer {
        let mut total: usize = 0;
        for stretch in memory.vectors(vectors, count)? {
            let bytes = &memory.0[stretch];
            total = total.saturating_add(bytes.len());
            if matches!(self.descriptor(fd)?, Descriptor::Stdout) {
                self.print(bytes)?;
            } else {
                self.stderr_tail.push(bytes);
            }
        }
        memory.write_size(written, total)
    }

    fn position(&mut self, fd: u32) -> Result<&mut u64, Fault> {
        match self.descriptor(fd)? {
            Descriptor::File { position, .. } => Ok(position),
            Descriptor::Folder { .. } => Err(Errno::Badf.into()),
            Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => Err(Errno::Spipe.into()),
        }
    }

    pub(super) fn fd_seek(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        offset: i64,
        whence: u32,
        position: u32,
    ) -> Answer {
        let here = *self.position(fd)?;
        let ino = self.file(fd, false, false)?;
        let base = match whence {
            0 => 0,
            1 => here,
            2 => self.tree.stat(ino).size,
            _ => return Err(Errno::Inval.into()),
        };
        let there = base.checked_add_signed(offset).filter(|there| i64::try_from(*there).is_ok());
        let there = there.ok_or(Errno::Inval)?;
        *self.position(fd)? = there;
        memory.write_u64(position, there)
    }

    pub(super) fn fd_tell(&mut self, memory: &mut Memory<'_>, fd: u32, position: u32) -> Answer {
        let here = *self.position(fd)?;
        memory.write_u64(position, here)
    }

    pub(super) fn fd_prestat_get(&mut self, memory: &mut Memory<'_>, fd: u32, prestat: u32) -> Answer {
        let name = self.preopened(fd)?;
        memory.write_u32(prestat, 0)?;
        memory.write_size(prestat.saturating_add(4), name.len())
    }

    pub(super) fn fd_prestat_dir_name(&mut self, memory: &mut Memory<'_>, fd: u32, path: u32, length: u32) -> Answer {
        let name = self.preopened(fd)?;
        if name.len() > length as usize {
            return Err(Errno::Nametoolong.into());
        }
        memory.write(path, name.as_bytes())
    }

    fn preopened(&mut self, fd: u32) -> Result<&'static str, Fault> {
        match self.descriptor(fd)? {
            Descriptor::Folder { preopened: Some(name), .. } => Ok(name),
            Descriptor::Folder { preopened: None, .. }
            | Descriptor::File { .. }
            | Descriptor::Stdin
            | Descriptor::Stdout
            | Descriptor::Stderr => Err(Errno::Badf.into()),
        }
    }

    pub(super) fn fd_readdir(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        buffer: u32,
        length: u32,
        cookie: u64,
        used: u32,
    ) -> Answer {
        let room = memory.stretch(buffer, length)?;
        let ino = self.folder(fd)?;
        // A listing is taken when it begins, so that removing what was listed does not make it skip. One that was read to its
        // end is taken anew.
        let taken = match self.descriptor(fd)? {
            Descriptor::Folder { listing, .. } if cookie > 0 => std::mem::take(listing),
            Descriptor::Folder { .. }
            | Descriptor::File { .. }
            | Descriptor::Stdin
            | Descriptor::Stdout
            | Descriptor::Stderr => Vec::new(),
        };
        let names = if taken.is_empty() { self.tree.list(ino)? } else { taken };
        let Descriptor::Folder { listing, .. } = self.descriptor(fd)? else { return Err(Errno::Notdir.into()) };
        listing.clear();
        self.may_list(names.len())?;
        let mut out = Vec::new();
        let first = usize::try_from(cookie).unwrap_or(usize::MAX);
        for (next, (name, ino, kind)) in (1_u64..).zip(&names).skip(first) {
            if out.len() >= room.len() {
                break;
            }
            let mut entry = [0; 24];
            entry[..8].copy_from_slice(&next.to_le_bytes());
            entry[8..16].copy_from_slice(&ino.to_le_bytes());
            let name_length = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
            entry[16..20].copy_from_slice(&name_length.to_le_bytes());
            entry[20] = number(*kind);
            out.extend_from_slice(&entry);
            out.extend_from_slice(name.as_bytes());
        }
        // One that ends here is not kept.
        if out.len() >= room.len()
            && let Descriptor::Folder { listing, .. } = self.descriptor(fd)?
        {
            *listing = names;
        }
        // A last entry that is cut off tells the program to ask again with more room.
        out.truncate(room.len());
        memory.write(buffer, &out)?;
        memory.write_size(used, out.len())
    }

    pub(super) fn fd_renumber(&mut self, _: &mut Memory<'_>, from: u32, to: u32) -> Answer {
        self.descriptor(from)?;
        self.descriptor(to)?;
        if from != to {
            self.close(to)?;
            let moved = self.descriptors.remove(&from).ok_or(Errno::Badf)?;
            self.descriptors.insert(to, moved);
        }
        Ok(())
    }
}

/// What cannot be read as a stream at all is a bad descriptor, not one that cannot seek.
fn not_a_pipe(fault: Fault) -> Fault {
    match fault {
        Fault::Errno(Errno::Spipe) => Errno::Badf.into(),
        Fault::Errno(_) | Fault::Stop(_) => fault,
    }
}

fn read_vectors(
    tree: &mut Tree,
    ino: Ino,
    memory: &mut Memory<'_>,
    vectors: u32,
    count: u32,
    mut offset: u64,
) -> Result<usize, Fault> {
    let mut total: usize = 0;
    for stretch in memory.vectors(vectors, count)? {
        let wanted = stretch.len();
        let read = tree.read_at(ino, offset, &mut memory.0[stretch])?;
        total = total.saturating_add(read);
        offset = offset.saturating_add(read as u64);
        if read < wanted {
            break;
        }
    }
    Ok(total)
}

fn write_vectors(
    tree: &mut Tree,
    ino: Ino,
    memory: &Memory<'_>,
    vectors: u32,
    count: u32,
    mut offset: u64,
) -> Result<usize, Fault> {
    let mut total: usize = 0;
    for stretch in memory.vectors(vectors, count)? {
        let bytes = &memory.0[stretch];
        tree.write_at(ino, offset, bytes)?;
        total = total.saturating_add(bytes.len());
        offset = offset.saturating_add(bytes.len() as u64);
    }
    Ok(total)
}

fn number(kind: FileKind) -> u8 {
    match kind {
        FileKind::Folder => FOLDER,
        FileKind::File => REGULAR,
    }
}

/// A node's facts as preview 1 lays them out.
pub(super) fn filestat(stat: &Stat) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..8].copy_from_slice(&1_u64.to_le_bytes());
    bytes[8..16].copy_from_slice(&stat.ino.to_le_bytes());
    bytes[16] = number(stat.kind);
    bytes[24..32].copy_from_slice(&stat.links.to_le_bytes());
    bytes[32..40].copy_from_slice(&stat.size.to_le_bytes());
    bytes[40..48].copy_from_slice(&stat.times.0.to_le_bytes());
    bytes[48..56].copy_from_slice(&stat.times.1.to_le_bytes());
    bytes[56..].copy_from_slice(&stat.times.1.to_le_bytes());
    bytes
}
