//! Which paths a result's files may have: relative, plain, and meaning the same on every operating system.

use std::fmt;

/// The longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 4096;
/// The longest name of one file or folder, in bytes.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// Why a path cannot stand in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPath {
    /// No bytes at all.
    Empty,
    /// More than [`MAX_PATH_BYTES`].
    TooLong,
    /// It begins with `/`.
    Absolute,
    /// A component is empty, `.` or `..`.
    Component,
    /// A component has more than [`MAX_COMPONENT_BYTES`].
    ComponentTooLong,
    /// It holds a NUL or a backslash.
    Forbidden,
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the path is empty",
            Self::TooLong => "the path is longer than 4096 bytes",
            Self::Absolute => "the path is absolute",
            Self::Component => "a component of the path is empty, `.` or `..`",
            Self::ComponentTooLong => "a name in the path is longer than 255 bytes",
            Self::Forbidden => "the path holds a NUL or a backslash",
        })
    }
}

impl std::error::Error for BadPath {}

/// Checks that a path may stand in a result: `a/b`, relative, `/` between non-empty components, none of them `.` or `..`.
///
/// # Errors
///
/// The first rule that the path breaks.
pub fn check_path(path: &str) -> Result<(), BadPath> {
    if path.is_empty() {
        return Err(BadPath::Empty);
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(BadPath::TooLong);
    }
    if path.starts_with('/') {
        return Err(BadPath::Absolute);
    }
    if path.contains(['\0', '\\']) {
        return Err(BadPath::Forbidden);
    }
    for component in path.split('/') {
        if matches!(component, "" | "." | "..") {
            return Err(BadPath::Component);
        }
        if component.len() > MAX_COMPONENT_BYTES {
            return Err(BadPath::ComponentTooLong);
        }
    }
    Ok(())
}

/// Holds the entries of one encoding to their order: strictly ascending by bytes, and no file also a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    last: String,
    /// Lengths of those earlier paths that begin `last`, ascending; the longest is `last` itself.
    prefixes: Vec<usize>,
}

/// Why an entry cannot follow the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// Not after the entry before it, or the same.
    Unsorted,
    /// An earlier file is a folder of this path.
    FileIsFolder,
}

impl Order {
    /// Takes the next path. Paths between a file `f` and any `f/…` all begin with `f`, so the prefixes of the last path
    /// are all that needs remembering.
    pub(crate) fn admit(&mut self, path: &str) -> Result<(), Misplaced> {
        if !self.prefixes.is_empty() && path.as_bytes() <= self.last.as_bytes() {
            return Err(Misplaced::Unsorted);
        }
        let shared = self.last.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
        self.prefixes.retain(|&length| length <= shared);
        if self.prefixes.iter().any(|&length| path.as_bytes().get(length) == Some(&b'/')) {
            return Err(Misplaced::FileIsFolder);
        }
        self.prefixes.push(path.len());
        path.clone_into(&mut self.last);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_pass() {
        for good in ["a", "a/b", "ü/…", "a b", "..a", "a..", "con", ".hidden"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", BadPath::Empty),
            ("/a", BadPath::Absolute),
            ("a/", BadPath::Component),
            ("a//b", BadPath::Component),
            ("./a", BadPath::Component),
            ("a/../b", BadPath::Component),
            ("..", BadPath::Component),
            ("a\\b", BadPath::Forbidden),
            ("a\0", BadPath::Forbidden),
        ] {
            assert_eq!(check_path(bad), Err(why), "{bad:?}");
        }
        assert_eq!(check_path(&"a".repeat(255)), Ok(()));
        assert_eq!(check_path(&"a".repeat(256)), Err(BadPath::ComponentTooLong));
        assert_eq!(check_path(&"a/".repeat(2048)), Err(BadPath::Component));
        assert_eq!(check_path(&"ab/".repeat(1366)), Err(BadPath::TooLong));
    }

    #[test]
    fn a_file_is_never_a_folder_even_with_others_between() {
        let mut order = Order::default();
        for path in ["a", "a!", "a-b", "a-b.c"] {
            assert_eq!(order.admit(path), Ok(()), "{path}");
        }
        assert_eq!(order.admit("a-b/x"), Err(Misplaced::FileIsFolder));
        assert_eq!(order.admit("a/b"), Err(Misplaced::FileIsFolder));
        assert_eq!(order.admit("a-b.c"), Err(Misplaced::Unsorted));
        assert_eq!(order.admit("a0/x"), Ok(()));
        assert_eq!(order.admit("b"), Ok(()));
    }
}
