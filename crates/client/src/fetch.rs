//! A task's result, fetched and held against the digest that its workers agreed on.

use crate::client::Client;
use crate::error::Error;
use api::job::{Outcome, TaskResult};
use api::limits::BLOB_BYTES;
use results::{BadComputed, ComputedFile, Decoder, Event, Failure, Limits};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use tempfile::NamedTempFile;
use units::{B256, Digest};

/// Most files in one result.
const MOST_FILES: u64 = 10_000_000;
/// How much of a result is read at once.
const PIECE_BYTES: usize = 1 << 16;

/// What came of a task, verified.
#[derive(Debug)]
pub enum Fetched {
    /// The program's files and standard output.
    Tree(Tree),
    /// The program failed, and this is how; what it last said is in the [`TaskResult`].
    Failure(Failure),
    /// The task was not done in time; it costs nothing.
    Nothing,
}

/// A file of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path in the output folder, `/` between names.
    pub path: String,
    /// Its size, bytes.
    pub size: u64,
}

/// A program's output: complete, well formed and agreed on. It lies in a temporary file until it is placed.
#[derive(Debug)]
pub struct Tree {
    spool: NamedTempFile,
    files: Vec<TreeFile>,
    stdout_bytes: u64,
}

/// A piece of a tree, as [`Tree::read`] shows it.
pub(crate) enum Piece<'a> {
    Stdout,
    File(&'a str),
    Content(&'a [u8]),
}

impl Client {
    /// Fetches what came of a task and checks that it is what its workers agreed on.
    ///
    /// # Errors
    /// [`Error::Tampered`] where it is not; [`Error::Unreachable`], [`Error::Refused`], [`Error::File`].
    pub async fn fetch(&self, result: &TaskResult) -> Result<Fetched, Error> {
        let tampered = || Error::Tampered { task: result.task };
        let blob = match (&result.outcome, result.blob) {
            (Outcome::Claimed, _) => return Ok(Fetched::Nothing),
            (Outcome::Completed | Outcome::Failed { .. }, Some(blob)) => blob,
            (Outcome::Completed | Outcome::Failed { .. }, None) => return Err(tampered()),
        };
        let spool = self.download(blob).await?;
        let failed = matches!(result.outcome, Outcome::Failed { .. });
        let agreed = result.digest;
        let verified = tokio::task::spawn_blocking(move || verify(spool, blob, agreed, failed)).await;
        match verified.expect("verifying a result does not panic") {
            Ok(Some(fetched)) => Ok(fetched),
            Ok(None) => Err(tampered()),
            Err(source) => Err(Error::File { path: std::env::temp_dir(), source }),
        }
    }
}

/// What the blob holds, if that is what was agreed on.
fn verify(mut spool: NamedTempFile, blob: Digest, agreed: B256, failed: bool) -> io::Result<Option<Fetched>> {
    if failed {
        // A failure is a few bytes; whatever is longer is none.
        let mut bytes = Vec::new();
        Read::by_ref(&mut spool).take(64).read_to_end(&mut bytes)?;
        let failure = Failure::decode(&bytes).ok().filter(|failure| failure.digest().0 == agreed);
        return Ok(failure.map(Fetched::Failure));
    }
    let mut tree = Tree { spool, files: Vec::new(), stdout_bytes: 0 };
    let mut survey = Survey { thorough: blob.0 != agreed, ..Survey::default() };
    if !survey.take(&mut tree)? {
        return Ok(None);
    }
    let is_agreed = !survey.thorough || survey.computed_digest(agreed).is_ok_and(|same| same);
    Ok(is_agreed.then_some(Fetched::Tree(tree)))
}

/// A first reading of a tree: is it well formed, what is in it, and what iExec's rule makes of it.
#[derive(Default)]
struct Survey {
    /// Whether contents are hashed, which only a `computed.json` calls for.
    thorough: bool,
    digests: BTreeMap<String, Digest>,
    computed: Vec<u8>,
    current: Option<(String, Sha256)>,
}

impl Survey {
    /// Reads the tree and lists its files; false where it is malformed.
    fn take(&mut self, tree: &mut Tree) -> io::Result<bool> {
        let mut files = Vec::new();
        let mut stdout_bytes = 0;
        let well_formed = decode(&tree.spool, |event| {
            match event {
                Event::Stdout { length } => stdout_bytes = length,
                Event::File { path, length } => {
                    self.close();
                    if self.thorough {
                        self.current = Some((path.clone(), Sha256::new()));
                    }
                    files.push(TreeFile { path, size: length });
                }
                Event::Content(piece) => self.content(piece),
                Event::End => self.close(),
            }
            Ok(())
        })?;
        tree.files = files;
        tree.stdout_bytes = stdout_bytes;
        Ok(well_formed)
    }

    fn content(&mut self, piece: &[u8]) {
        let Some((path, hash)) = &mut self.current else { return };
        hash.update(piece);
        let most = usize::try_from(ComputedFile::MAX_BYTES).unwrap_or(usize::MAX);
        if path == ComputedFile::PATH && self.computed.len() <= most {
            self.computed.extend_from_slice(piece);
        }
    }

    fn close(&mut self) {
        if let Some((path, hash)) = self.current.take() {
            self.digests.insert(path, Digest::from(<[u8; 32]>::from(hash.finalize())));
        }
    }

    /// Whether the digest is the one that the tree's `computed.json` asks for.
    fn computed_digest(&self, agreed: B256) -> Result<bool, BadComputed> {
        let computed = ComputedFile::parse(&self.computed)?;
        if computed.callback_digest().is_ok_and(|digest| digest == agreed) {
            return Ok(true);
        }
        Ok(computed.output_digest(&self.digests)? == agreed)
    }
}

/// Shows the events of an encoded tree; false where it is malformed.
fn decode(spool: &NamedTempFile, mut on: impl FnMut(Event<'_>) -> io::Result<()>) -> io::Result<bool> {
    let mut spool = spool.as_file();
    spool.seek(SeekFrom::Start(0))?;
    let mut decoder = Decoder::new(Limits { entries: MOST_FILES, content_bytes: BLOB_BYTES });
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let read = spool.read(&mut buffer)?;
        let mut input = &buffer[..read];
        loop {
            match decoder.push(&mut input) {
                Ok(Some(event)) => on(event)?,
                Ok(None) => break,
                Err(_) => return Ok(false),
            }
        }
        if read == 0 {
            return Ok(decoder.finish().is_ok());
        }
    }
}

impl Tree {
    /// Its files, by path.
    #[must_use]
    pub fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// Bytes that the program wrote to standard output.
    #[must_use]
    pub fn stdout_bytes(&self) -> u64 {
        self.stdout_bytes
    }

    /// Writes the program's standard output.
    ///
    /// # Errors
    /// What the writer or the temporary file says.
    pub fn write_stdout(&self, to: &mut impl Write) -> io::Result<()> {
        let mut is_stdout = false;
        self.read(|piece| match piece {
            Piece::Stdout => {
                is_stdout = true;
                Ok(())
            }
            Piece::File(_) => {
                is_stdout = false;
                Ok(())
            }
            Piece::Content(bytes) if is_stdout => to.write_all(bytes),
            Piece::Content(_) => Ok(()),
        })
    }

    /// Reads a tree that lies encoded in a file.
    ///
    /// # Errors
    /// [`Error::File`], also where the file holds no well-formed tree.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let copy = || {
            let mut spool = NamedTempFile::new()?;
            io::copy(&mut std::fs::File::open(path)?, &mut spool)?;
            let mut tree = Self { spool, files: Vec::new(), stdout_bytes: 0 };
            let well_formed = Survey::default().take(&mut tree)?;
            if well_formed { Ok(tree) } else { Err(io::Error::from(io::ErrorKind::InvalidData)) }
        };
        copy().map_err(Error::file(path))
    }

    /// Shows the tree's pieces in order.
    pub(crate) fn read(&self, mut on: impl FnMut(Piece<'_>) -> io::Result<()>) -> io::Result<()> {
        let well_formed = decode(&self.spool, |event| match event {
            Event::Stdout { .. } => on(Piece::Stdout),
            Event::File { path, .. } => on(Piece::File(&path)),
            Event::Content(bytes) => on(Piece::Content(bytes)),
            Event::End => Ok(()),
        })?;
        assert!(well_formed, "a tree was well formed when it was made");
        Ok(())
    }
}
