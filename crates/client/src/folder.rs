//! Results on disk: whole files or none, nothing outside the folder, and no task's file over another's.
//!
//! A task's file goes where the program put it. Where another task's file is there already, or one that is not this job's, or
//! a link, it goes under `task-<index>/` instead.

use crate::error::Error;
use crate::fetch::{Piece, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What the names of files being written begin with; such a name is never left behind by a run that ended well.
const PART_PREFIX: &str = ".hands-part-";

/// A folder that a job's results go into.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    /// Whose each placed file is, by its key (see [`key`]).
    owners: BTreeMap<String, u64>,
    /// Files from earlier jobs, which may be replaced.
    replaceable: BTreeSet<String>,
}

/// Where a file of a result was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its path in the result; empty for standard output.
    pub from: String,
    /// Its path in the folder, `/` between names.
    pub to: String,
}

impl Folder {
    /// The folder at `root`, made when the first file is placed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), owners: BTreeMap::new(), replaceable: BTreeSet::new() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Says that a file is a task's, placed before: by this program before it was stopped.
    pub fn adopt(&mut self, index: u64, path: &str) {
        self.owners.insert(key(path), index);
    }

    /// Removes what a program that was killed here was still writing. Nobody else may be placing into the folder now.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn sweep(&self) -> Result<(), Error> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(Error::file(&self.root))?,
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(PART_PREFIX) {
                fs::remove_file(entry.path()).map_err(Error::file(&self.root))?;
            }
        }
        Ok(())
    }

    /// Says that a file may be replaced, because an earlier job put it there.
    pub fn allow_replacing(&mut self, path: &str) {
        self.replaceable.insert(key(path));
    }

    /// Places the files of the task with this index, and its standard output, if it has any, under the name `stdout`.
    /// Placing a task again replaces its own files.
    ///
    /// # Errors
    /// [`Error::File`]; what was placed before it stays.
    pub fn place(&mut self, index: u64, tree: &Tree, stdout: Option<&str>) -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::new();
        let mut open: Option<(NamedTempFile, Placed)> = None;
        let written = tree.read(|piece| {
            match piece {
                Piece::Stdout => open = stdout.map(|name| self.begin(index, "", name)).transpose()?,
                Piece::File(path) => {
                    self.end(index, open.take(), &mut placed)?;
                    open = Some(self.begin(index, path, path)?);
                }
                Piece::Content(bytes) => {
                    if let Some((part, _)) = &mut open {
                        part.write_all(bytes)?;
                    }
                }
            }
            Ok(())
        });
        written.and_then(|()| self.end(index, open, &mut placed)).map_err(Error::file(&self.root))?;
        Ok(placed)
    }

    /// Opens a part for a file and decides where it will go.
    fn begin(&self, index: u64, from: &str, wanted: &str) -> io::Result<(NamedTempFile, Placed)> {
        results::check_path(wanted).map_err(io::Error::other)?;
        fs::create_dir_all(&self.root)?;
        let to = self.free_path(index, wanted)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(PART_PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let part = builder.tempfile_in(&self.root)?;
        Ok((part, Placed { from: from.to_owned(), to }))
    }

    /// Gives a part its name.
    fn end(&mut self, index: u64, open: Option<(NamedTempFile, Placed)>, placed: &mut Vec<Placed>) -> io::Result<()> {
        let Some((part, mut place)) = open else { return Ok(()) };
        if let Some(there) = self.placed_before(index, part.path(), &place.to)? {
            place.to = there;
        }
        let target = self.root.join(&place.to);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        part.persist(&target).map_err(|error| error.error)?;
        self.owners.insert(key(&place.to), index);
        placed.push(place);
        Ok(())
    }

    /// Where this very file lies already, if it had to be moved aside for it: a program that was killed put it there and could
    /// not remember it.
    fn placed_before(&self, index: u64, part: &Path, to: &str) -> io::Result<Option<String>> {
        let Some(wanted) = to.strip_prefix(&format!("task-{index}/")) else { return Ok(None) };
        let there = self.root.join(wanted);
        let length = fs::metadata(part)?.len();
        let alike = fs::symlink_metadata(&there).is_ok_and(|found| found.is_file() && found.len() == length);
        let same = alike && !self.owners.contains_key(&key(wanted)) && fs::read(&there)? == fs::read(part)?;
        Ok(same.then(|| wanted.to_owned()))
    }

    /// The path itself where it is free, else one under `task-<index>/`.
    fn free_path(&self, index: u64, wanted: &str) -> io::Result<String> {
        if self.is_free(index, wanted)? {
            return Ok(wanted.to_owned());
        }
        for attempt in 1_u32.. {
            let folder = if attempt == 1 { format!("task-{index}") } else { format!("task-{index}-{attempt}") };
            let path = format!("{folder}/{wanted}");
            if self.is_free(index, &path)? {
                return Ok(path);
            }
        }
        unreachable!("some folder's name is free")
    }

    /// Whether this task may put a file there.
    fn is_free(&self, index: u64, path: &str) -> io::Result<bool> {
        let wanted = key(path);
        // A file of this job where a folder would have to be.
        let mut above = wanted.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if self.owners.contains_key(folder) {
                return Ok(false);
            }
            above = folder;
        }
        // Files of this job below where the file would be.
        let below = format!("{wanted}/");
        if self.owners.range(below.clone()..).next().is_some_and(|(owned, _)| owned.starts_with(&below)) {
            return Ok(false);
        }
        if let Some(owner) = self.owners.get(&wanted) {
            return Ok(*owner == index);
        }
        self.is_free_on_disk(path, &wanted)
    }

    /// Whether nothing is there, or what an earlier job left, and no link or file is on the way.
    fn is_free_on_disk(&self, path: &str, wanted: &str) -> io::Result<bool> {
        let mut place = self.root.clone();
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            place.push(name);
            let found = match fs::symlink_metadata(&place) {
                Ok(found) => found.file_type(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
                Err(error) => return Err(error),
            };
            let is_last = names.peek().is_none();
            let passes = if is_last { found.is_file() && self.replaceable.contains(wanted) } else { found.is_dir() };
            if !passes {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// By what two paths are the same file: on systems that usually ignore case, without it.
fn key(path: &str) -> String {
    if cfg!(any(windows, target_os = "macos")) { path.to_lowercase() } else { path.to_owned() }
}
