//! What a blob consists of: stretches cut where the content says so, so that what is put into a file or taken out of it moves no
//! cut beyond its own neighbourhood, and two files that have much in common have most stretches in common.
//!
//! Nothing of it is on disk: a blob is cut when somebody first asks, one at a time, and the outcome is kept for as long as there
//! is room. The cuts are those of FastCDC (Xia and others, 2020), as crate `fastcdc` makes them.

use crate::error::ReadError;
use crate::store::{Store, digest_of};
use crate::stream::blocking;
use fastcdc::v2020::StreamCDC;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use units::Digest;

/// Stretches that are kept in mind, of all blobs together.
const KEPT: usize = 1 << 20;

/// How long stretches are, in bytes: at least, usually, at most. Even numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The shortest but for the last.
    pub least: usize,
    /// About the mean.
    pub usual: usize,
    /// The longest.
    pub most: usize,
}

/// A stretch of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub digest: Digest,
}

/// What blobs consist of, as far as somebody asked.
#[derive(Debug, Default)]
pub(crate) struct Recipes {
    /// With the number of the last use.
    known: BTreeMap<Digest, (u64, Arc<[Chunk]>)>,
    uses: u64,
    chunks: usize,
}

impl Recipes {
    fn recall(&mut self, digest: &Digest) -> Option<Arc<[Chunk]>> {
        self.uses = self.uses.saturating_add(1);
        let (used, chunks) = self.known.get_mut(digest)?;
        *used = self.uses;
        Some(Arc::clone(chunks))
    }

    fn keep(&mut self, digest: Digest, chunks: &Arc<[Chunk]>) {
        self.chunks = self.chunks.saturating_add(chunks.len());
        self.known.insert(digest, (self.uses, Arc::clone(chunks)));
        while self.chunks > KEPT
            && let Some(oldest) = self.known.iter().min_by_key(|(_, (used, _))| *used).map(|(digest, _)| *digest)
        {
            let forgotten = self.known.remove(&oldest).map_or(0, |(_, chunks)| chunks.len());
            self.chunks = self.chunks.saturating_sub(forgotten);
        }
    }
}

impl Store {
    /// What a blob consists of, in order.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: `Missing`, `Io`.
    pub async fn chunks(&self, digest: &Digest, cut: Cut) -> Result<Arc<[Chunk]>, ReadError> {
        let digest = *digest;
        let mut recipes = Arc::clone(&self.inner.recipes).lock_owned().await;
        let pin = self.pin(&digest).ok_or(ReadError::Missing { digest })?;
        if let Some(chunks) = recipes.recall(&digest) {
            return Ok(chunks);
        }
        // Whoever asks may leave; its turn lasts until the disk's work is done.
        let cutting = move || {
            let chunks: Arc<[Chunk]> = chunks_of(File::open(pin.path())?, cut)?.into();
            recipes.keep(digest, &chunks);
            Ok(chunks)
        };
        blocking(cutting).await
    }
}

fn chunks_of(file: File, cut: Cut) -> io::Result<Vec<Chunk>> {
    let stretches = StreamCDC::new(file, cut.least, cut.usual, cut.most);
    let chunk = |data: &[u8]| {
        let length = u64::try_from(data.len()).expect("a length fits 64 bits");
        Chunk { length, digest: digest_of(data) }
    };
    stretches.map(|stretch| Ok(chunk(&stretch?.data))).collect()
}
