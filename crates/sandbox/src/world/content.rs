//! Contents of files: small ones in memory, large ones in the scratch folder, inputs where the host has them.

use super::Stop;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Contents up to this length stay in memory …
const MEMORY_FILE_BYTES: u64 = 256 << 10;
/// … as long as all of them together have no more than this.
const MEMORY_TOTAL_BYTES: u64 = 32 << 20;
/// How much is read or filled at a time.
const PIECE_BYTES: usize = 64 << 10;

/// One run's own folder on the host, made when first needed and gone with the run. File names in it are numbers.
#[derive(Debug)]
pub(crate) struct Scratch {
    parent: PathBuf,
    folder: Option<tempfile::TempDir>,
    files: u64,
    /// Bytes of all contents in memory.
    resident: u64,
}

impl Scratch {
    pub(crate) fn new(parent: &Path) -> Self {
        Self { parent: parent.to_owned(), folder: None, files: 0, resident: 0 }
    }

    fn new_file(&mut self) -> io::Result<(PathBuf, File)> {
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::TempDir::with_prefix_in("run-", &self.parent)?),
        };
        self.files += 1;
        let path = folder.path().join(self.files.to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok((path, file))
    }
}

/// One file's bytes.
#[derive(Debug)]
pub(crate) enum Content {
    /// In memory.
    Memory(Vec<u8>),
    /// In the scratch folder; the handle is there while the program has the file open.
    Scratch { path: PathBuf, length: u64, file: Option<File> },
    /// A file of the host that may only be read.
    Input { name: String, path: PathBuf, length: u64, file: Option<File> },
}

impl Content {
    pub(crate) fn empty() -> Self {
        Self::Memory(Vec::new())
    }

    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Scratch { length, .. } | Self::Input { length, .. } => *length,
        }
    }

    /// Reads from `offset` until the buffer is full or the content ends.
    pub(crate) fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Stop> {
        let left = usize::try_from(self.length().saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let buffer = &mut buffer[..wanted];
        match self {
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                buffer.copy_from_slice(&bytes[from..from + wanted]);
            }
            Self::Scratch { path, file, .. } => {
                read_exact_at(opened(path, file, true), offset, buffer).map_err(Stop::Scratch)?;
            }
            Self::Input { name, path, file, .. } => {
                read_exact_at(opened(path, file, false), offset, buffer)
                    .map_err(|error| Stop::Input(name.clone(), error))?;
            }
        }
        Ok(wanted)
    }

    /// Writes all of `bytes` at `offset`; a gap before it reads as zeros. The caller has checked the limits.
    pub(crate) fn write_at(&mut self, scratch: &mut Scratch, offset: u64, bytes: &[u8]) -> Result<(), Stop> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > self.length() {
            self.resize(scratch, end)?;
        }
        match self {
            Self::Memory(content) => {
                let from = place(offset);
                content[from..from + bytes.len()].copy_from_slice(bytes);
            }
            Self::Scratch { path, file, .. } => {
                let file = opened(path, file, true).map_err(Stop::Scratch)?;
                let write = file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(bytes));
                write.map_err(Stop::Scratch)?;
            }
            Self::Input { .. } => unreachable!("an input is never opened for writing"),
        }
        Ok(())
    }

    /// Cuts the content, or lengthens it with zeros. The caller has checked the limits.
    pub(crate) fn resize(&mut self, scratch: &mut Scratch, new: u64) -> Result<(), Stop> {
        match self {
            Self::Memory(bytes) => {
                let old = bytes.len() as u64;
                let resident = scratch.resident.saturating_sub(old).saturating_add(new);
                if new > old && (new > MEMORY_FILE_BYTES || resident > MEMORY_TOTAL_BYTES) {
                    let (path, mut file) = scratch.new_file().map_err(Stop::Scratch)?;
                    file.write_all(bytes).and_then(|()| file.set_len(new)).map_err(Stop::Scratch)?;
                    scratch.resident = scratch.resident.saturating_sub(old);
                    *self = Self::Scratch { path, length: new, file: Some(file) };
                } else {
                    bytes.resize(place(new), 0);
                    scratch.resident = resident;
                }
            }
            Self::Scratch { path, length, file } => {
                opened(path, file, true).and_then(|file| file.set_len(new)).map_err(Stop::Scratch)?;
                *length = new;
            }
            Self::Input { .. } => unreachable!("an input is never opened for writing"),
        }
        Ok(())
    }

    /// Lets go of the host's handle; it is taken again when needed.
    pub(crate) fn close(&mut self) {
        match self {
            Self::Memory(_) => {}
            Self::Scratch { file, .. } | Self::Input { file, .. } => *file = None,
        }
    }

    /// The content is no longer needed.
    pub(crate) fn discard(mut self, scratch: &mut Scratch) {
        self.close();
        match self {
            Self::Memory(bytes) => scratch.resident = scratch.resident.saturating_sub(bytes.len() as u64),
            // What cannot be removed now goes with the folder.
            Self::Scratch { path, .. } => drop(std::fs::remove_file(path)),
            Self::Input { .. } => {}
        }
    }

    /// Shows all bytes, a piece at a time.
    pub(crate) fn pieces<E: From<Stop>>(&mut self, mut show: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if let Self::Memory(bytes) = self {
            return show(bytes);
        }
        let mut buffer = vec![0; PIECE_BYTES];
        let mut offset = 0;
        loop {
            let read = self.read_at(offset, &mut buffer)?;
            if read == 0 {
                self.close();
                return Ok(());
            }
            show(&buffer[..read])?;
            offset += read as u64;
        }
    }
}

/// A place in a content that is in memory.
fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a content in memory is short")
}

fn opened<'a>(path: &Path, file: &'a mut Option<File>, write: bool) -> io::Result<&'a mut File> {
    match file {
        Some(file) => Ok(file),
        None => Ok(file.insert(File::options().read(true).write(write).open(path)?)),
    }
}

fn read_exact_at(file: io::Result<&mut File>, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let file = file?;
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_files_do_not_fill_the_hosts_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::new(folder.path());
        let piece = vec![1; 200 << 10];
        let mut files: Vec<Content> = (0..200).map(|_| Content::empty()).collect();
        for file in &mut files {
            file.write_at(&mut scratch, 0, &piece).unwrap();
        }
        let in_memory = |files: &[Content]| files.iter().filter(|file| matches!(file, Content::Memory(_))).count();
        assert_eq!(in_memory(&files), (32 << 20) / piece.len());
        let mut read = vec![0; piece.len()];
        for file in &mut files {
            assert_eq!(file.read_at(0, &mut read).unwrap(), piece.len());
            assert_eq!(read, piece);
            file.resize(&mut scratch, 0).unwrap();
        }
        let mut next = Content::empty();
        next.write_at(&mut scratch, 0, &piece).unwrap();
        assert_eq!(in_memory(&[next]), 1, "what was cut makes room");
        files.into_iter().for_each(|file| file.discard(&mut scratch));
    }
}
