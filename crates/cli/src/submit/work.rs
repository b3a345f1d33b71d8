//! What is to be run, as it was typed.

use crate::image::FoundImage;
use crate::python::{Python, Script};
use std::path::{Path, PathBuf};

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) program: Program,
    /// Arguments of every task.
    pub(crate) args: Vec<String>,
    /// What each task has of its own; none: one task.
    pub(crate) tasks: Option<Vec<TaskOf>>,
}

/// The program.
#[derive(Debug)]
pub(crate) enum Program {
    /// A WebAssembly file, or a published app's address.
    App(String),
    /// A container image.
    Image {
        found: Box<FoundImage>,
        /// Whether what it prints belongs to the result.
        stdout: bool,
    },
    /// A Python script.
    Script(Box<Script>),
}

/// One task of many.
#[derive(Debug)]
pub(crate) struct TaskOf {
    /// What people call it.
    pub(crate) name: String,
    /// A file that it alone sees.
    pub(crate) file: Option<PathBuf>,
    /// Its arguments.
    pub(crate) args: Vec<String>,
}

impl Work {
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.tasks.iter().flatten().filter_map(|task| task.file.as_ref())
    }

    /// Whether workers of this machine's own are to run images, and the registries that they are to fetch those from beside the
    /// public ones.
    pub(super) fn images(&self) -> Option<Vec<String>> {
        match &self.program {
            Program::App(app) if Path::new(app).exists() => None,
            Program::App(_) => Some(Vec::new()),
            Program::Image { found, .. } => Some(found.registry.clone().into_iter().collect()),
            Program::Script(script) => Some(match &script.python {
                Some(Python::Image(found)) => found.registry.clone().into_iter().collect(),
                Some(Python::App(_)) | None => Vec::new(),
            }),
        }
    }
}
