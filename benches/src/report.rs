//! Figures: printed as they are measured, and gathered for a flat JSON object whose names end in their units.

use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tables::shown;

/// Width of the column of names.
const NAMES: usize = 58;

/// All figures so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Map<String, Value>,
    pictures: BTreeMap<String, String>,
    /// Where the figures are written as they are taken.
    kept_in: Option<PathBuf>,
}

impl Report {
    /// What the next figures are about.
    pub(crate) fn heading(&self, text: &str) {
        println!("\n{text}");
    }

    /// Words between figures.
    pub(crate) fn remark(&self, text: &str) {
        println!("  {text}");
    }

    /// One figure; its name ends in its unit.
    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        println!("  {name:NAMES$} {:>14}", shown(value));
        self.keep(name, value);
    }

    /// The median of repeats, and from where to where they reach.
    pub(crate) fn median(&mut self, name: &str, repeats: &Repeats) {
        let (least, median, most) = (repeats.percentile(0), repeats.percentile(50), repeats.percentile(100));
        println!("  {name:NAMES$} {:>14}   {} to {}", shown(median), shown(least), shown(most));
        self.keep(name, median);
    }

    /// Median and 99th percentile of many samples, under two names.
    pub(crate) fn tail(&mut self, name: &str, unit: &str, samples: &Repeats) {
        self.figure(&format!("{name}_p50_{unit}"), samples.percentile(50));
        self.figure(&format!("{name}_p99_{unit}"), samples.percentile(99));
    }

    /// A figure that was measured before.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.figures.get(name)?.as_f64()
    }

    /// A picture in SVG, by its file's name.
    pub(crate) fn picture(&mut self, name: &str, svg: String) {
        self.pictures.insert(name.to_owned(), svg);
    }

    /// All pictures.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pictures.iter().map(|(name, svg)| (name.as_str(), svg.as_str()))
    }

    /// Everything, as a flat JSON object.
    pub(crate) fn to_json(&self) -> Value {
        Value::Object(self.figures.clone())
    }

    /// Figures of a run before.
    pub(crate) fn from_json(figures: Map<String, Value>) -> Self {
        Self { figures, ..Self::default() }
    }

    /// Has each figure from now on written to a file at once, so that one who is stopped leaves what it has measured.
    pub(crate) fn keep_in(&mut self, file: Option<PathBuf>) {
        self.kept_in = file;
    }

    /// Takes figures that another has measured.
    pub(crate) fn extend(&mut self, figures: Map<String, Value>) {
        self.figures.extend(figures);
    }

    fn keep(&mut self, name: &str, value: f64) {
        let rounded = (value * 1000.0).round() / 1000.0;
        let number = Number::from_f64(rounded).expect("a figure is finite");
        self.figures.insert(name.to_owned(), Value::Number(number));
        if let Some(file) = &self.kept_in {
            let written = std::fs::write(file, self.to_json().to_string());
            written.expect("the folder of a bench can be written to");
        }
    }
}

/// Measurements of one thing, in order of size; at least one.
#[derive(Clone, Debug)]
pub(crate) struct Repeats(Vec<f64>);

impl Repeats {
    /// # Panics
    /// If there is none.
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "something was measured");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// 0 is the least, 100 the most.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }
}

/// Operations a second of `run`, which does so many on what `prepare` made.
pub(crate) fn rates<T>(
    repeats: u32,
    operations: u32,
    mut prepare: impl FnMut() -> T,
    mut run: impl FnMut(T),
) -> Repeats {
    let rate = |_| {
        let prepared = prepare();
        let began = Instant::now();
        run(prepared);
        f64::from(operations) / began.elapsed().as_secs_f64()
    };
    Repeats::new((0..repeats).map(rate).collect())
}

/// In microseconds.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// In milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
