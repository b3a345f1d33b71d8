//! The way of a task, from a trace: spans of the target `way` that server and agent record, as a waterfall.

use crate::plot::Bar;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The target that server and agent record their spans under.
const TARGET: &str = "way";

/// A span: its name, its thread, from when until when.
#[derive(Clone, Debug)]
struct Span {
    name: &'static str,
    by: String,
    from: Instant,
    to: Option<Instant>,
}

/// The spans of this process since the trace was started.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<Span>>>);

impl Trace {
    /// Records from now on, for as long as the process lives.
    pub(super) fn start() -> anyhow::Result<Self> {
        let trace = Self::default();
        tracing::subscriber::set_global_default(Way(trace.clone()))?;
        Ok(trace)
    }

    /// What ended between two moments, as bars from the first, in milliseconds.
    pub(super) fn bars(&self, from: Instant, to: Instant) -> Vec<Bar> {
        let since = |at: Instant| at.saturating_duration_since(from).as_secs_f64() * 1e3;
        let spans = self.spans();
        let ended = spans.iter().filter_map(|span| Some((span, span.to?)));
        let within = ended.filter(|(span, end)| span.from >= from && *end <= to);
        let mut bars: Vec<Bar> =
            within.map(|(span, end)| (span.name.to_owned(), span.by.clone(), since(span.from), since(end))).collect();
        bars.sort_by(|a, b| a.2.total_cmp(&b.2));
        bars
    }

    fn spans(&self) -> std::sync::MutexGuard<'_, Vec<Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Way(Trace);

impl Subscriber for Way {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && metadata.is_span()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let by = thread::current().name().unwrap_or("?").to_owned();
        let mut spans = self.0.spans();
        spans.push(Span { name: attributes.metadata().name(), by, from: Instant::now(), to: None });
        Id::from_u64(spans.len() as u64)
    }

    fn try_close(&self, id: Id) -> bool {
        let index = usize::try_from(id.into_u64()).ok().and_then(|number| number.checked_sub(1));
        let mut spans = self.0.spans();
        if let Some(span) = index.and_then(|index| spans.get_mut(index)) {
            span.to = Some(Instant::now());
        }
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
