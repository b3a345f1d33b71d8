//! Reading a scene: which format it is, which other files it names, and what is wrong with it.

use std::fmt;
use std::io;

use crate::mesh::Mesh;
use crate::{gltf, obj};

/// A scene, and what in its files was passed over.
#[derive(Debug)]
pub struct Loaded {
    /// What to draw.
    pub mesh: Mesh,
    /// Things to tell the user that did not stop the reading.
    pub warnings: Vec<String>,
}

/// Reads a file named relative to the scene's own folder.
pub type Read<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// Why a scene cannot be drawn: the file, the line where there is one, and the fault.
#[derive(Debug)]
pub struct SceneError {
    /// The file at fault.
    pub file: String,
    /// Its line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a scene.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// Neither `.obj`, `.gltf` nor `.glb`.
    UnknownFormat,
    /// A word that should be a number.
    NotANumber(String),
    /// A statement with fewer words than it needs.
    TooShort {
        /// The statement.
        statement: &'static str,
        /// How many words it needs.
        needs: usize,
        /// How many it has.
        has: usize,
    },
    /// A reference to something that is not there.
    Missing {
        /// Who refers.
        who: &'static str,
        /// To what kind of thing.
        what: &'static str,
        /// To which.
        number: i64,
        /// How many there are.
        count: usize,
    },
    /// A coordinate that is infinite, not a number, or too large to compute with.
    Coordinate,
    /// Not JSON.
    Json(serde_json::Error),
    /// The binary container is cut short or not one.
    Container,
    /// A member that glTF demands is missing or of the wrong type.
    Member(&'static str),
    /// An extension that the file says it cannot do without.
    Extension(String),
    /// A feature that is not supported.
    Unsupported(&'static str),
    /// An accessor or view reaches beyond its buffer.
    BeyondBuffer,
    /// A data URI that is not base64.
    Base64,
    /// There is nothing to draw.
    Empty,
}

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::UnknownFormat => f.write_str("is neither .obj, .gltf nor .glb"),
            Self::NotANumber(word) => write!(f, "`{word}` is not a number"),
            Self::TooShort { statement, needs, has } => {
                write!(f, "`{statement}` needs {needs} values and has {has}")
            }
            Self::Missing { who, what, number, count } => {
                write!(f, "{who} names {what} {number} but there are {count}")
            }
            Self::Coordinate => f.write_str("a coordinate is infinite or beyond 1e15"),
            Self::Json(error) => write!(f, "is not JSON: {error}"),
            Self::Container => f.write_str("is not a whole GLB file"),
            Self::Member(path) => write!(f, "`{path}` is missing or of the wrong type"),
            Self::Extension(name) => write!(f, "needs the extension {name}, which is not supported"),
            Self::Unsupported(feature) => write!(f, "uses {feature}, which is not supported"),
            Self::BeyondBuffer => f.write_str("an accessor reaches beyond its buffer"),
            Self::Base64 => f.write_str("a data URI is not base64"),
            Self::Empty => f.write_str("has no faces to draw"),
        }
    }
}

impl std::error::Error for SceneError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None
    }
}

impl SceneError {
    pub(crate) fn new(file: &str, fault: Fault) -> Self {
        Self { file: file.to_owned(), line: None, fault }
    }
}

/// Reads the scene `name` and whatever it refers to.
///
/// # Errors
/// The first fault found, with the file and line where it lies.
pub fn load(name: &str, read: Read<'_>) -> Result<Loaded, SceneError> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let parse = match extension.as_deref() {
        Some("obj") => obj::parse,
        Some("gltf" | "glb") => gltf::parse,
        _ => return Err(SceneError::new(name, Fault::UnknownFormat)),
    };
    let bytes = read(name).map_err(|error| SceneError::new(name, Fault::Unreadable(error)))?;
    parse(name, &bytes, read)
}
