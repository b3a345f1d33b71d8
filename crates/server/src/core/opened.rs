//! Which package came beside which sealed word: kept in the data folder until the task ends.
//!
//! A sealed word says nothing of the result, and the journal has no more than the word. The gate lets nothing through before
//! the package is here; after a restart its maker is asked again, but may be gone, or have shown its result by a transaction of
//! its own and say no more, and PoCo does not take back what was shown. So it is written down whose package is here: soft state,
//! of which nothing but a question is lost. It is written before the record that may rest on it.

use super::state::Stated;
use super::turn::Loop;
use crate::folder::Folder;
use units::{B256, Bytes, Digest, TaskId};

/// The file is written anew, without tasks that have ended, when it has so many lines.
const MANY_LINES: u64 = 65_536;

/// A package that came beside a sealed word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenedResult {
    pub(crate) task: TaskId,
    /// The result's.
    pub(crate) digest: B256,
    pub(crate) blob: Digest,
    pub(crate) callback: Bytes,
}

impl OpenedResult {
    pub(super) fn of(stated: &Stated) -> Self {
        let Stated { task, digest, blob, ref callback, .. } = *stated;
        Self { task, digest, blob, callback: callback.clone() }
    }

    /// Its line in the file.
    fn line(&self) -> String {
        let Self { task, digest, blob, callback } = self;
        format!("{task} {digest} {blob} {callback}\n")
    }

    /// From a line; nothing from one that was not written whole.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let opened = Self {
            task: words.next()?.parse().ok()?,
            digest: words.next()?.parse().ok()?,
            blob: words.next()?.parse().ok()?,
            callback: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(opened)
    }
}

/// The file of packages that came beside sealed words.
#[derive(Debug)]
pub(crate) struct OpenedResults {
    folder: Folder,
    lines: u64,
    /// When it is written anew.
    many: u64,
}

impl OpenedResults {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, lines: 0, many: MANY_LINES }
    }

    /// What was kept of tasks that are `wanted`; the rest is dropped from the file.
    fn sift(&mut self, wanted: impl Fn(TaskId) -> bool) -> Vec<OpenedResult> {
        let text = self.folder.opened_results().unwrap_or_else(|error| {
            tracing::warn!(%error, "which packages are here cannot be read; they are asked for again");
            String::new()
        });
        let kept: Vec<OpenedResult> =
            text.lines().filter_map(OpenedResult::read).filter(|opened| wanted(opened.task)).collect();
        let left: String = kept.iter().map(OpenedResult::line).collect();
        if let Err(error) = self.folder.write_opened_results(&left) {
            tracing::warn!(%error, "what is known of packages cannot be written anew");
        }
        self.lines = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        self.many = self.lines.saturating_mul(2).max(MANY_LINES);
        kept
    }

    fn keep(&mut self, opened: &[OpenedResult]) {
        let lines: String = opened.iter().map(OpenedResult::line).collect();
        if let Err(error) = self.folder.add_opened_results(&lines) {
            tracing::warn!(%error, "it is not kept which packages are here; after a restart they are asked for again");
        }
        self.lines = self.lines.saturating_add(u64::try_from(opened.len()).unwrap_or(u64::MAX));
    }
}

impl Loop {
    /// After a restart: the packages that came beside sealed words of tasks that are not final.
    pub(super) fn take_up_opened(&mut self) -> Vec<OpenedResult> {
        let exchange = self.state.market.exchange();
        self.opened.sift(|task| exchange.held(task).is_some())
    }

    /// Keeps what came in a turn, before its record is written.
    pub(super) fn keep_opened(&mut self, opened: &[OpenedResult]) {
        if opened.is_empty() {
            return;
        }
        self.opened.keep(opened);
        if self.opened.lines > self.opened.many {
            drop(self.take_up_opened());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(task: u8) -> OpenedResult {
        OpenedResult {
            task: TaskId(B256::repeat_byte(task)),
            digest: B256::repeat_byte(7),
            blob: Digest(B256::repeat_byte(8)),
            callback: if task == 1 { Bytes::new() } else { Bytes::from_static(b"word") },
        }
    }

    #[test]
    fn what_came_beside_sealed_words_is_known_after_a_restart_until_its_task_ends() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("data")).unwrap();
        let mut results = OpenedResults::new(folder.clone());
        assert_eq!(results.sift(|_| true), []);
        results.keep(&[opened(1), opened(2)]);
        results.keep(&[opened(3)]);
        let mut results = OpenedResults::new(folder.clone());
        assert_eq!(results.sift(|task| task != opened(2).task), [opened(1), opened(3)]);
        assert_eq!(OpenedResults::new(folder).sift(|_| true), [opened(1), opened(3)], "what has ended is dropped");
    }

    #[test]
    fn a_line_that_was_not_written_whole_says_nothing() {
        let line = opened(2).line();
        assert_eq!(OpenedResult::read(line.trim_end()), Some(opened(2)));
        for cut in ["", "0x", line.get(..70).unwrap(), "a b c d", "a b c d e"] {
            assert_eq!(OpenedResult::read(cut), None, "{cut}");
        }
    }
}
