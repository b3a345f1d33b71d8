//! From what a container left in its output folder to its result.
//!
//! All its processes are gone, so nothing changes any more. Only regular files are a result; a link is never followed.

use super::ContainerRun;
use crate::world::{self, Collected, Content, Stop, Tree};
use results::{Failure, OutputLimit};
use std::fs;
use std::path::{Path, PathBuf};

/// How many of the things that were left out are named.
const NAMED: usize = 8;
/// Deeper folders are a result's failure, not a walk that never ends.
const DEPTH: usize = 64;

/// What lies in a folder, files counted, links not followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

/// How much a folder holds now; what vanishes meanwhile does not count.
pub(crate) fn usage(folder: &Path, depth: usize) -> Usage {
    let mut sum = Usage::default();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        sum.files = sum.files.saturating_add(1);
        if metadata.is_dir() {
            if depth > 0 {
                let below = usage(&entry.path(), depth - 1);
                sum.bytes = sum.bytes.saturating_add(below.bytes);
                sum.files = sum.files.saturating_add(below.files);
            }
        } else {
            // A file with holes counts as what it would be as a result.
            sum.bytes = sum.bytes.saturating_add(metadata.len());
        }
    }
    sum
}

/// How much a run's output holds now.
pub(crate) fn output_usage(folder: &Path) -> Usage {
    usage(folder, DEPTH)
}

/// The result of a container that ended well.
pub(crate) fn collect(
    run: &ContainerRun,
    folder: &Path,
    stdout: Option<PathBuf>,
    scratch: &Path,
    left_out: &mut Vec<String>,
) -> Result<Collected, Stop> {
    let mut found = Vec::new();
    walk(folder, "", DEPTH, &mut found, left_out)?;
    found.sort();
    let mut tree = Tree::new(&run.limits, scratch);
    let (mut bytes, mut files) = (0_u64, 0_u64);
    for (name, path, length) in found {
        bytes = bytes.saturating_add(length);
        files = files.saturating_add(1);
        let limit = |what| Stop::Fail(Failure::OutputLimit(what));
        if bytes > run.limits.output_bytes {
            return Err(limit(OutputLimit::Bytes));
        }
        if files > run.limits.output_files {
            return Err(limit(OutputLimit::Files));
        }
        let content = Content::Scratch { path, length, file: None };
        tree.add_output(&name, content).ok_or_else(|| limit(OutputLimit::Path))?;
    }
    let mut stdout = match stdout {
        Some(path) => {
            let length = fs::metadata(&path).map_err(Stop::Scratch)?.len();
            Content::Scratch { path, length, file: None }
        }
        None => Content::empty(),
    };
    world::collect((run.callback, &run.control), &mut tree, &mut stdout, scratch)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Vec<(String, PathBuf, u64)>,
    left_out: &mut Vec<String>,
) -> Result<(), Stop> {
    let path_limit = || Stop::Fail(Failure::OutputLimit(OutputLimit::Path));
    if depth == 0 {
        return Err(path_limit());
    }
    for entry in fs::read_dir(folder).map_err(Stop::Scratch)? {
        let entry = entry.map_err(Stop::Scratch)?;
        let name = entry.file_name().into_string().map_err(|_| path_limit())?;
        let name = format!("{prefix}{name}");
        let metadata = entry.metadata().map_err(Stop::Scratch)?;
        if metadata.is_dir() {
            walk(&entry.path(), &format!("{name}/"), depth.saturating_sub(1), found, left_out)?;
        } else if metadata.is_file() {
            results::check_path(&name).map_err(|_| path_limit())?;
            found.push((name, entry.path(), metadata.len()));
        } else if left_out.len() < NAMED {
            left_out.push(name);
        }
    }
    Ok(())
}
