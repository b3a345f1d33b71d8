//! Following paths: each begins at an open folder and never leaves it.

use super::{Body, Ino, Tree};
use crate::world::{Errno, Fault};
use results::{MAX_COMPONENT_BYTES, MAX_PATH_BYTES};

/// Where a path leads: a name in a folder, or the folder itself.
pub(super) struct Place<'p> {
    pub(super) folder: Ino,
    pub(super) name: Option<&'p str>,
    /// The path ends with a slash.
    pub(super) must_be_folder: bool,
}

impl Tree {
    /// Follows a path from an open folder. It may not be absolute and may not rise above that folder.
    pub(super) fn resolve<'p>(&self, base: Ino, path: &'p str) -> Result<Place<'p>, Fault> {
        if path.len() > MAX_PATH_BYTES {
            return Err(Errno::Nametoolong.into());
        }
        if path.is_empty() {
            return Err(Errno::Noent.into());
        }
        if path.starts_with('/') {
            return Err(Errno::Perm.into());
        }
        let trimmed = path.trim_end_matches('/');
        let (above, last) = trimmed.rsplit_once('/').map_or(("", trimmed), |(above, last)| (above, last));
        let mut way = vec![base];
        for component in above.split('/') {
            self.step(&mut way, component)?;
        }
        let name = if matches!(last, "." | "..") {
            self.step(&mut way, last)?;
            None
        } else {
            Some(last)
        };
        let folder = *way.last().expect("the way begins at the base and never rises above it");
        if !matches!(self.node(folder).body, Body::Folder(_)) {
            return Err(Errno::Notdir.into());
        }
        Ok(Place { folder, name, must_be_folder: trimmed.len() < path.len() })
    }

    fn step(&self, way: &mut Vec<Ino>, component: &str) -> Result<(), Fault> {
        match component {
            "" | "." => {}
            ".." => {
                if way.len() == 1 {
                    return Err(Errno::Perm.into());
                }
                way.pop();
            }
            name => {
                let here = *way.last().expect("the way begins at the base and never rises above it");
                way.push(self.child(here, name)?.ok_or(Errno::Noent)?);
            }
        }
        Ok(())
    }

    pub(super) fn child(&self, folder: Ino, name: &str) -> Result<Option<Ino>, Fault> {
        match &self.node(folder).body {
            Body::Folder(children) => Ok(children.get(name).copied()),
            Body::File(_) => Err(Errno::Notdir.into()),
        }
    }

    pub(super) fn find(&self, place: &Place<'_>) -> Result<Option<Ino>, Fault> {
        match place.name {
            Some(name) => self.child(place.folder, name),
            None => Ok(Some(place.folder)),
        }
    }

    pub(super) fn existing<'p>(&self, base: Ino, path: &'p str) -> Result<(Place<'p>, Ino), Fault> {
        let place = self.resolve(base, path)?;
        let ino = self.find(&place)?.ok_or(Errno::Noent)?;
        if place.must_be_folder && matches!(self.node(ino).body, Body::File(_)) {
            return Err(Errno::Notdir.into());
        }
        Ok((place, ino))
    }

    /// The name that a new node will have, once it is sure that it may be made.
    pub(super) fn new_name<'p>(&self, place: &Place<'p>) -> Result<&'p str, Fault> {
        let folder = self.node(place.folder);
        if !folder.writable {
            return Err(Errno::Rofs.into());
        }
        if !folder.linked {
            return Err(Errno::Noent.into());
        }
        let name = place.name.expect("a place without a name exists");
        check_name(name)?;
        Ok(name)
    }
}

/// Whether a name can stand in a result.
pub(super) fn check_name(name: &str) -> Result<(), Errno> {
    if name.len() > MAX_COMPONENT_BYTES {
        return Err(Errno::Nametoolong);
    }
    if name.contains(['\0', '\\']) {
        return Err(Errno::Inval);
    }
    Ok(())
}
