//! A folder in which names are resolved by the kernel with the folder as their root, so that no link leads out of it.

use crate::store::Owner;
use crate::{Error, Fault};
use rustix::fs::{self, AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How folders are opened that are only walked through.
const WALKED: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A tree being made.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
    owner: Option<Owner>,
}

/// What a made thing is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    /// Permission bits; others are not taken.
    pub(crate) mode: u32,
    /// Seconds since the Unix epoch.
    pub(crate) modified: u64,
}

impl Tree {
    /// The folder at `path`, which exists; what is made in it is given to `owner`.
    pub(crate) fn open(path: &Path, owner: Option<Owner>) -> Result<Self, Error> {
        let root = fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        if let Some(owner) = owner {
            fs::fchown(&root, Some(Uid::from_raw(owner.user)), Some(Gid::from_raw(owner.group)))?;
        }
        Ok(Self { root, owner })
    }

    /// Makes a file and hands it over to be written; what was there before is gone.
    pub(crate) fn file(&self, path: &Path, attributes: Attributes) -> Result<File, Error> {
        let (parent, name) = self.place(path)?;
        remove(parent.as_fd(), &name)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&parent, &name, flags, Mode::from_raw_mode(0o600))?;
        self.give(file.as_fd())?;
        // After the owner: giving a file away clears bits.
        fs::fchmod(&file, Mode::from_raw_mode(attributes.mode & 0o777 | 0o400))?;
        Ok(File::from(file))
    }

    /// Stamps a file once it is written.
    pub(crate) fn stamp(file: &File, attributes: Attributes) -> Result<(), Error> {
        fs::futimens(file, &times(attributes))?;
        Ok(())
    }

    /// Makes a folder, or keeps the one that is there.
    pub(crate) fn folder(&self, path: &Path, attributes: Attributes) -> Result<(), Error> {
        let (parent, name) = self.place(path)?;
        let mode = Mode::from_raw_mode(attributes.mode & 0o777 | 0o700);
        if kind_at(parent.as_fd(), &name)? != Some(FileType::Directory) {
            remove(parent.as_fd(), &name)?;
            fs::mkdirat(&parent, &name, mode)?;
        }
        let folder = fs::openat(&parent, &name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        self.give(folder.as_fd())?;
        fs::fchmod(&folder, mode)?;
        Ok(())
    }

    /// Makes a symbolic link; where it points is nobody's business until it is followed, inside the tree.
    pub(crate) fn link(&self, path: &Path, target: &OsStr) -> Result<(), Error> {
        let (parent, name) = self.place(path)?;
        remove(parent.as_fd(), &name)?;
        fs::symlinkat(target, &parent, &name)?;
        if let Some(owner) = self.owner {
            let (user, group) = (Uid::from_raw(owner.user), Gid::from_raw(owner.group));
            fs::chownat(&parent, &name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Gives a file of the tree a second name.
    pub(crate) fn second_name(&self, path: &Path, of: &Path) -> Result<(), Error> {
        let (from, old) = self.place(of)?;
        if kind_at(from.as_fd(), &old)? != Some(FileType::RegularFile) {
            return Err(escape(path, "is a second name for what is no file of the image").into());
        }
        let (parent, name) = self.place(path)?;
        let same = rustix::fs::statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|it| (it.st_dev, it.st_ino));
        let source = rustix::fs::statat(&from, &old, AtFlags::SYMLINK_NOFOLLOW)?;
        if same == Some((source.st_dev, source.st_ino)) {
            return Ok(());
        }
        remove(parent.as_fd(), &name)?;
        fs::linkat(&from, &old, &parent, &name, AtFlags::empty())?;
        Ok(())
    }

    /// Removes what lower layers put there.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), Error> {
        match self.existing_place(path)? {
            Some((parent, name)) => remove(parent.as_fd(), &name),
            None => Ok(()),
        }
    }

    /// Removes all that lower layers put into a folder.
    pub(crate) fn empty(&self, path: &Path) -> Result<(), Error> {
        let found = if path.as_os_str().is_empty() {
            Some(self.root.try_clone()?)
        } else {
            match self.existing_place(path)? {
                Some((parent, name)) => open_folder(parent.as_fd(), &name)?,
                None => None,
            }
        };
        found.map_or(Ok(()), |folder| empty(folder.as_fd()))
    }

    fn give(&self, made: BorrowedFd<'_>) -> Result<(), Error> {
        if let Some(owner) = self.owner {
            fs::fchown(made, Some(Uid::from_raw(owner.user)), Some(Gid::from_raw(owner.group)))?;
        }
        Ok(())
    }

    /// The folder that holds `path`, made where it is missing, and the last part of the name.
    fn place(&self, path: &Path) -> Result<(OwnedFd, CString), Error> {
        let (parent, name) = split(path)?;
        if let Some(folder) = self.walk(parent)? {
            return Ok((folder, name));
        }
        self.folder(parent, Attributes { mode: 0o755, modified: 0 })?;
        let folder = self.walk(parent)?.ok_or_else(|| escape(path, "lies in a folder that cannot be made"))?;
        Ok((folder, name))
    }

    /// As [`Tree::place`], where the folder exists.
    fn existing_place(&self, path: &Path) -> Result<Option<(OwnedFd, CString)>, Error> {
        let (parent, name) = split(path)?;
        Ok(self.walk(parent)?.map(|folder| (folder, name)))
    }

    /// Opens a folder by its name in the tree; links on the way are followed as if the tree were everything.
    fn walk(&self, path: &Path) -> Result<Option<OwnedFd>, Error> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        match fs::openat2(&self.root, path, WALKED, Mode::empty(), within) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR) => Err(escape(path, "is used as a folder and is none").into()),
            Err(Errno::LOOP) => Err(escape(path, "is reached by links that lead round in a circle").into()),
            Err(Errno::NAMETOOLONG) => Err(escape(path, "has too long a name").into()),
            Err(other) => Err(other.into()),
        }
    }
}

/// The folder's name and the last part of a name, which was cleaned before.
fn split(path: &Path) -> Result<(&Path, CString), Fault> {
    let name = path.file_name().ok_or_else(|| escape(path, "has no name"))?;
    let name = CString::new(name.as_bytes()).map_err(|_| escape(path, "has a zero in its name"))?;
    Ok((path.parent().unwrap_or(Path::new("")), name))
}

/// What is at a name, not following it.
fn kind_at(parent: BorrowedFd<'_>, name: &CStr) -> Result<Option<FileType>, Error> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<Option<OwnedFd>, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match fs::openat(parent, name, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Removes what is at a name, a folder with all that is in it.
fn remove(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(other) => return Err(other.into()),
    }
    if let Some(folder) = open_folder(parent, name)? {
        empty(folder.as_fd())?;
    }
    match fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// Removes all that is in a folder. Depth is bounded by what [`crate::layer`] lets be made.
fn empty(folder: BorrowedFd<'_>) -> Result<(), Error> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    for name in names {
        remove(folder, &name)?;
    }
    Ok(())
}

fn times(attributes: Attributes) -> Timestamps {
    let seconds = i64::try_from(attributes.modified).unwrap_or(0);
    let stamp = Timespec { tv_sec: seconds, tv_nsec: 0 };
    Timestamps { last_access: stamp, last_modification: stamp }
}

pub(crate) fn escape(path: &Path, why: &'static str) -> Fault {
    Fault::Escape { entry: path.to_string_lossy().chars().take(256).collect(), why }
}
