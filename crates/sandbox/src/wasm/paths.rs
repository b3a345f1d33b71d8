//! Calls on paths. A path begins at an open folder and cannot leave it.
#![expect(
    clippy::needless_pass_by_ref_mut,
    clippy::too_many_arguments,
    reason = "all calls have one shape, and preview 1 says their arguments"
)]

use super::files::{FLAG_APPEND, RIGHT_ALLOCATE, RIGHT_SET_SIZE, RIGHT_WRITE, filestat};
use super::host::{Answer, Descriptor, Host};
use super::memory::Memory;
use crate::world::{Errno, FileKind, OpenMode};

const RIGHT_READ: u64 = 1 << 1;
/// Ways to open.
const CREATE: u32 = 1;
const MUST_BE_FOLDER: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;

impl Host {
    pub(super) fn path_create_directory(&mut self, memory: &mut Memory<'_>, fd: u32, path: u32, length: u32) -> Answer {
        let folder = self.folder(fd)?;
        self.tree.make_folder(folder, memory.text(path, length)?)
    }

    pub(super) fn path_filestat_get(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        _flags: u32,
        path: u32,
        length: u32,
        stat: u32,
    ) -> Answer {
        let folder = self.folder(fd)?;
        let found = self.tree.stat_path(folder, memory.text(path, length)?)?;
        memory.write(stat, &filestat(&found))
    }

    pub(super) fn path_filestat_set_times(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        _lookup: u32,
        path: u32,
        length: u32,
        access: u64,
        change: u64,
        flags: u32,
    ) -> Answer {
        let folder = self.folder(fd)?;
        let ino = self.tree.lookup(folder, memory.text(path, length)?)?;
        self.set_times(ino, access, change, flags)
    }

    /// Hard links are refused: a result's files have one name each.
    pub(super) fn path_link(
        &mut self,
        _: &mut Memory<'_>,
        old: u32,
        _lookup: u32,
        _path: u32,
        _length: u32,
        new: u32,
        _new_path: u32,
        _new_length: u32,
    ) -> Answer {
        self.folder(old)?;
        self.folder(new)?;
        Err(Errno::Notsup.into())
    }

    pub(super) fn path_open(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        _lookup: u32,
        path: u32,
        length: u32,
        oflags: u32,
        base: u64,
        _inheriting: u64,
        flags: u32,
        opened: u32,
    ) -> Answer {
        let folder = self.folder(fd)?;
        let number = self.free_number()?;
        let write = base & (RIGHT_WRITE | RIGHT_ALLOCATE | RIGHT_SET_SIZE) != 0;
        let mode = OpenMode {
            create: oflags & CREATE != 0,
            exclusive: oflags & EXCLUSIVE != 0,
            truncate: oflags & TRUNCATE != 0,
            folder: oflags & MUST_BE_FOLDER != 0,
            write,
        };
        let (ino, kind) = self.tree.open(folder, memory.text(path, length)?, mode)?;
        let descriptor = match kind {
            FileKind::Folder => Descriptor::Folder { ino, preopened: None, listing: Vec::new() },
            FileKind::File => Descriptor::File {
                ino,
                position: 0,
                read: base & RIGHT_READ != 0,
                write,
                append: flags & FLAG_APPEND != 0,
            },
        };
        self.descriptors.insert(number, descriptor);
        memory.write_u32(opened, number)
    }

    /// There are no symbolic links, so nothing is one.
    pub(super) fn path_readlink(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        path: u32,
        length: u32,
        _buffer: u32,
        _size: u32,
        _used: u32,
    ) -> Answer {
        let folder = self.folder(fd)?;
        self.tree.lookup(folder, memory.text(path, length)?)?;
        Err(Errno::Inval.into())
    }

    pub(super) fn path_remove_directory(&mut self, memory: &mut Memory<'_>, fd: u32, path: u32, length: u32) -> Answer {
        let folder = self.folder(fd)?;
        self.tree.remove_folder(folder, memory.text(path, length)?)
    }

    pub(super) fn path_rename(
        &mut self,
        memory: &mut Memory<'_>,
        fd: u32,
        path: u32,
        length: u32,
        new: u32,
        new_path: u32,
        new_length: u32,
    ) -> Answer {
        let from = self.folder(fd)?;
        let to = self.folder(new)?;
        self.tree.rename((from, memory.text(path, length)?), (to, memory.text(new_path, new_length)?))
    }

    /// Symbolic links are refused, so that no path of a result can lead anywhere else.
    pub(super) fn path_symlink(
        &mut self,
        _: &mut Memory<'_>,
        _target: u32,
        _target_length: u32,
        fd: u32,
        _path: u32,
        _length: u32,
    ) -> Answer {
        self.folder(fd)?;
        Err(Errno::Notsup.into())
    }

    pub(super) fn path_unlink_file(&mut self, memory: &mut Memory<'_>, fd: u32, path: u32, length: u32) -> Answer {
        let folder = self.folder(fd)?;
        self.tree.remove_file(folder, memory.text(path, length)?)
    }
}
