//! The files a program sees: a tree of names in memory. Names never reach the host, so no path leads out.
//!
//! There are two roots, the read-only inputs and the writable output. There are no links: each file has one name, or none
//! once it is removed while open.

use super::{Content, Errno, Fault, Scratch, Stop};
use crate::run::Limits;
use results::{Failure, OutputLimit};
use std::collections::BTreeMap;
use std::path::Path;

mod paths;

use paths::check_name;

/// A node's number; never given twice in a run.
pub(crate) type Ino = u64;

/// A file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Folder,
    File,
}

/// What a program may know of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) ino: Ino,
    pub(crate) kind: FileKind,
    pub(crate) links: u64,
    pub(crate) size: u64,
    /// Times of access and change in nanoseconds; 0 until the program sets them.
    pub(crate) times: (u64, u64),
}

/// How a path is to be opened.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are preview 1's flags")]
pub(crate) struct OpenMode {
    pub(crate) create: bool,
    pub(crate) exclusive: bool,
    pub(crate) truncate: bool,
    pub(crate) folder: bool,
    pub(crate) write: bool,
}

#[derive(Debug)]
enum Body {
    Folder(BTreeMap<String, Ino>),
    File(Content),
}

#[derive(Debug)]
struct Node {
    body: Body,
    /// Whether it belongs to the output.
    writable: bool,
    /// Whether it has a name.
    linked: bool,
    /// How many descriptors hold it open.
    opens: u32,
    times: (u64, u64),
}

/// All files of one run.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: BTreeMap<Ino, Node>,
    next: Ino,
    scratch: Scratch,
    byte_limit: u64,
    file_limit: u64,
    /// Bytes and nodes of the output, removed ones that are still open counted.
    bytes: u64,
    files: u64,
}

impl Tree {
    /// The root of `/iexec_in`.
    pub(crate) const INPUT: Ino = 1;
    /// The root of `/iexec_out`.
    pub(crate) const OUTPUT: Ino = 2;

    pub(crate) fn new(limits: &Limits, scratch: &Path) -> Self {
        let root =
            |writable| Node { body: Body::Folder(BTreeMap::new()), writable, linked: true, opens: 0, times: (0, 0) };
        Self {
            nodes: BTreeMap::from([(Self::INPUT, root(false)), (Self::OUTPUT, root(true))]),
            next: 3,
            scratch: Scratch::new(scratch),
            byte_limit: limits.output_bytes,
            file_limit: limits.output_files,
            bytes: 0,
            files: 0,
        }
    }

    /// Puts an input in place. Inputs are to be added in the order of their names, so that their numbers are the same
    /// everywhere. `None` where the path is already another input's file or folder.
    pub(crate) fn add_input(&mut self, path: &str, content: Content) -> Option<()> {
        self.add(Self::INPUT, path, content)
    }

    /// Puts a file in place that a program has left in its output. As [`Tree::add_input`] otherwise.
    pub(crate) fn add_output(&mut self, path: &str, content: Content) -> Option<()> {
        self.add(Self::OUTPUT, path, content)
    }

    fn add(&mut self, root: Ino, path: &str, content: Content) -> Option<()> {
        let mut folder = root;
        let (folders, name) = path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        for component in folders.into_iter().flat_map(|folders| folders.split('/')) {
            folder = match self.child(folder, component) {
                Ok(Some(ino)) => ino,
                Ok(None) => self.insert(folder, component, Body::Folder(BTreeMap::new()), false),
                Err(_) => return None,
            };
        }
        match self.child(folder, name) {
            Ok(None) => {
                self.insert(folder, name, Body::File(content), false);
                Some(())
            }
            Ok(Some(_)) | Err(_) => None,
        }
    }

    /// Opens a path; the node is held until [`close`](Self::close).
    pub(crate) fn open(&mut self, base: Ino, path: &str, mode: OpenMode) -> Result<(Ino, FileKind), Fault> {
        let place = self.resolve(base, path)?;
        let found = self.find(&place)?;
        let ino = match found {
            Some(_) if mode.create && mode.exclusive => return Err(Errno::Exist.into()),
            Some(ino) => {
                self.may_open(ino, mode, place.must_be_folder)?;
                if mode.truncate {
                    self.resize(ino, 0)?;
                }
                ino
            }
            None if mode.create => {
                let name = self.new_name(&place)?;
                if mode.folder || place.must_be_folder {
                    return Err(Errno::Isdir.into());
                }
                self.count_file()?;
                self.insert(place.folder, name, Body::File(Content::empty()), true)
            }
            None => return Err(Errno::Noent.into()),
        };
        let node = self.node_mut(ino);
        node.opens += 1;
        let kind = kind(&node.body);
        Ok((ino, kind))
    }

    /// Holds a root open.
    pub(crate) fn open_root(&mut self, root: Ino) {
        self.node_mut(root).opens += 1;
    }

    /// Lets go of an open node.
    pub(crate) fn close(&mut self, ino: Ino) {
        let node = self.node_mut(ino);
        node.opens -= 1;
        if node.opens == 0
            && let Body::File(content) = &mut node.body
        {
            content.close();
        }
        self.forget_if_unused(ino);
    }

    pub(crate) fn stat(&self, ino: Ino) -> Stat {
        let node = self.node(ino);
        Stat {
            ino,
            kind: kind(&node.body),
            links: u64::from(node.linked),
            size: match &node.body {
                Body::Folder(_) => 0,
                Body::File(content) => content.length(),
            },
            times: node.times,
        }
    }

    pub(crate) fn stat_path(&self, base: Ino, path: &str) -> Result<Stat, Fault> {
        self.existing(base, path).map(|(_, ino)| self.stat(ino))
    }

    /// Sets times of a node; only the output's may be set.
    pub(crate) fn set_times(&mut self, ino: Ino, access: Option<u64>, change: Option<u64>) -> Result<(), Fault> {
        let node = self.node_mut(ino);
        if !node.writable {
            return Err(Errno::Rofs.into());
        }
        node.times = (access.unwrap_or(node.times.0), change.unwrap_or(node.times.1));
        Ok(())
    }

    pub(crate) fn read_at(&mut self, ino: Ino, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault> {
        match &mut self.node_mut(ino).body {
            Body::Folder(_) => Err(Errno::Isdir.into()),
            Body::File(content) => Ok(content.read_at(offset, buffer)?),
        }
    }

    pub(crate) fn write_at(&mut self, ino: Ino, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.checked_add(bytes.len() as u64).ok_or(Stop::Fail(BYTES))?;
        self.count_bytes(ino, end.max(self.stat(ino).size))?;
        let (content, scratch) = self.content(ino)?;
        Ok(content.write_at(scratch, offset, bytes)?)
    }

    pub(crate) fn resize(&mut self, ino: Ino, length: u64) -> Result<(), Fault> {
        self.count_bytes(ino, length)?;
        let (content, scratch) = self.content(ino)?;
        Ok(content.resize(scratch, length)?)
    }

    /// The names in a folder, sorted by bytes, after `.` and `..`.
    pub(crate) fn list(&self, ino: Ino) -> Result<Vec<(String, Ino, FileKind)>, Fault> {
        let Body::Folder(children) = &self.node(ino).body else { return Err(Errno::Notdir.into()) };
        // `..` is the folder itself: what is above a program's folders is not its business.
        let dots = [(".".to_owned(), ino, FileKind::Folder), ("..".to_owned(), ino, FileKind::Folder)];
        let names = children.iter().map(|(name, child)| (name.clone(), *child, kind(&self.node(*child).body)));
        Ok(dots.into_iter().chain(names).collect())
    }

    pub(crate) fn make_folder(&mut self, base: Ino, path: &str) -> Result<(), Fault> {
        let place = self.resolve(base, path)?;
        if self.find(&place)?.is_some() {
            return Err(Errno::Exist.into());
        }
        let name = self.new_name(&place)?;
        self.count_file()?;
        self.insert(place.folder, name, Body::Folder(BTreeMap::new()), true);
        Ok(())
    }

    pub(crate) fn remove_file(&mut self, base: Ino, path: &str) -> Result<(), Fault> {
        let (place, ino) = self.existing(base, path)?;
        match (&self.node(ino).body, place.name) {
            (Body::Folder(_), _) => Err(Errno::Isdir.into()),
            (Body::File(_), None) => Err(Errno::Notdir.into()),
            (Body::File(_), Some(name)) => self.unlink(place.folder, name),
        }
    }

    pub(crate) fn remove_folder(&mut self, base: Ino, path: &str) -> Result<(), Fault> {
        let (place, ino) = self.existing(base, path)?;
        match (&self.node(ino).body, place.name) {
            (Body::File(_), _) => Err(Errno::Notdir.into()),
            (Body::Folder(_), None) => Err(Errno::Inval.into()),
            (Body::Folder(children), Some(_)) if !children.is_empty() => Err(Errno::Notempty.into()),
            (Body::Folder(_), Some(name)) => self.unlink(place.folder, name),
        }
    }

    pub(crate) fn rename(&mut self, from: (Ino, &str), to: (Ino, &str)) -> Result<(), Fault> {
        let (old, moved) = self.existing(from.0, from.1)?;
        let Some(old_name) = old.name else { return Err(Errno::Inval.into()) };
        let new = self.resolve(to.0, to.1)?;
        let Some(new_name) = new.name else { return Err(Errno::Inval.into()) };
        check_name(new_name)?;
        if !(self.node(old.folder).writable && self.node(new.folder).writable) {
            return Err(Errno::Rofs.into());
        }
        let moved_kind = kind(&self.node(moved).body);
        if moved_kind == FileKind::File && (old.must_be_folder || new.must_be_folder) {
            return Err(Errno::Notdir.into());
        }
        if moved_kind == FileKind::Folder && self.is_within(new.folder, moved) {
            return Err(Errno::Inval.into());
        }
        if let Some(replaced) = self.child(new.folder, new_name)? {
            if replaced == moved {
                return Ok(());
            }
            match (moved_kind, &self.node(replaced).body) {
                (FileKind::File, Body::Folder(_)) => return Err(Errno::Isdir.into()),
                (FileKind::Folder, Body::File(_)) => return Err(Errno::Notdir.into()),
                (FileKind::Folder, Body::Folder(children)) if !children.is_empty() => {
                    return Err(Errno::Notempty.into());
                }
                (FileKind::File, Body::File(_)) | (FileKind::Folder, Body::Folder(_)) => {}
            }
            self.unlink(new.folder, new_name)?;
        } else if !self.node(new.folder).linked {
            return Err(Errno::Noent.into());
        }
        self.children_mut(old.folder).remove(old_name);
        self.children_mut(new.folder).insert(new_name.to_owned(), moved);
        Ok(())
    }

    /// The number of an existing path.
    pub(crate) fn lookup(&self, base: Ino, path: &str) -> Result<Ino, Fault> {
        self.existing(base, path).map(|(_, ino)| ino)
    }

    /// All files of the output, by path.
    pub(crate) fn output_files(&self) -> BTreeMap<String, Ino> {
        let mut files = BTreeMap::new();
        let mut folders = vec![(String::new(), Self::OUTPUT)];
        while let Some((prefix, folder)) = folders.pop() {
            let Body::Folder(children) = &self.node(folder).body else { continue };
            for (name, ino) in children {
                let path = format!("{prefix}{name}");
                match self.node(*ino).body {
                    Body::Folder(_) => folders.push((format!("{path}/"), *ino)),
                    Body::File(_) => {
                        files.insert(path, *ino);
                    }
                }
            }
        }
        files
    }

    /// A file's content and the folder it may spill into.
    pub(crate) fn content(&mut self, ino: Ino) -> Result<(&mut Content, &mut Scratch), Fault> {
        let node = self.nodes.get_mut(&ino).expect("a node is there while it is open or has a name");
        match &mut node.body {
            Body::Folder(_) => Err(Errno::Isdir.into()),
            Body::File(content) => Ok((content, &mut self.scratch)),
        }
    }

    pub(crate) fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    fn may_open(&self, ino: Ino, mode: OpenMode, must_be_folder: bool) -> Result<(), Fault> {
        let node = self.node(ino);
        match node.body {
            Body::Folder(_) if mode.write || mode.truncate => Err(Errno::Isdir.into()),
            Body::File(_) if mode.folder || must_be_folder => Err(Errno::Notdir.into()),
            Body::File(_) if (mode.write || mode.truncate) && !node.writable => Err(Errno::Rofs.into()),
            Body::Folder(_) | Body::File(_) => Ok(()),
        }
    }

    fn insert(&mut self, folder: Ino, name: &str, body: Body, writable: bool) -> Ino {
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, Node { body, writable, linked: true, opens: 0, times: (0, 0) });
        self.children_mut(folder).insert(name.to_owned(), ino);
        ino
    }

    fn unlink(&mut self, folder: Ino, name: &str) -> Result<(), Fault> {
        if !self.node(folder).writable {
            return Err(Errno::Rofs.into());
        }
        if let Some(ino) = self.children_mut(folder).remove(name) {
            self.node_mut(ino).linked = false;
            self.forget_if_unused(ino);
        }
        Ok(())
    }

    fn forget_if_unused(&mut self, ino: Ino) {
        let node = self.node(ino);
        if node.linked || node.opens > 0 {
            return;
        }
        if let Some(Node { body, .. }) = self.nodes.remove(&ino) {
            self.files -= 1;
            if let Body::File(content) = body {
                self.bytes -= content.length();
                content.discard(&mut self.scratch);
            }
        }
    }

    /// Whether `folder` is `ancestor` or lies below it.
    fn is_within(&self, folder: Ino, ancestor: Ino) -> bool {
        let mut below = vec![ancestor];
        while let Some(ino) = below.pop() {
            if ino == folder {
                return true;
            }
            if let Body::Folder(children) = &self.node(ino).body {
                below.extend(children.values());
            }
        }
        false
    }

    fn count_file(&mut self) -> Result<(), Stop> {
        if self.files >= self.file_limit {
            return Err(Stop::Fail(Failure::OutputLimit(OutputLimit::Files)));
        }
        self.files += 1;
        Ok(())
    }

    /// Counts a file's new length against the limit.
    fn count_bytes(&mut self, ino: Ino, length: u64) -> Result<(), Stop> {
        let others = self.bytes.saturating_sub(self.stat(ino).size);
        let total = others.checked_add(length).filter(|total| *total <= self.byte_limit);
        self.bytes = total.ok_or(Stop::Fail(BYTES))?;
        Ok(())
    }

    fn node(&self, ino: Ino) -> &Node {
        self.nodes.get(&ino).expect("a node is there while it is open or has a name")
    }

    fn node_mut(&mut self, ino: Ino) -> &mut Node {
        self.nodes.get_mut(&ino).expect("a node is there while it is open or has a name")
    }

    fn children_mut(&mut self, folder: Ino) -> &mut BTreeMap<String, Ino> {
        match &mut self.node_mut(folder).body {
            Body::Folder(children) => children,
            Body::File(_) => unreachable!("names are only put into folders"),
        }
    }
}

const BYTES: Failure = Failure::OutputLimit(OutputLimit::Bytes);

fn kind(body: &Body) -> FileKind {
    match body {
        Body::Folder(_) => FileKind::Folder,
        Body::File(_) => FileKind::File,
    }
}
