//! A deal's `params`: what the tasks of a request are to do.
//!
//! JSON with iExec's keys, so that orders made by its SDK mean the same here, plus our own key `manyhands`, which says it
//! without a shell's quoting and, for a bag of different tasks, names a table: a blob of JSON lines, one [`Row`] a task index.

pub use crate::check::Check;
use crate::limits;
use serde::{Deserialize, Serialize};
use units::Digest;

/// The parsed `params` of a request order or deal. Unknown keys are kept out, not refused: iExec has more of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// iExec: one line of arguments, split at spaces outside quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iexec_args: Option<String>,
    /// iExec: URLs of input files; here only `blob:sha256:…/name` can be fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iexec_input_files: Vec<String>,
    /// Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manyhands: Option<Bag>,
}

/// Our own key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bag {
    /// Format of this key; 1.
    pub version: u32,
    /// Arguments of every task; a row's own arguments replace them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Input files of every task; a row's own are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// The table: JSON lines, line *i* is task index *i*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Digest>,
    /// Whether float results are made canonical at five times the cost of float code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canonical_nans: bool,
    /// Near where the tasks are best done, such as `eu-west`, as machines name their region: of machines that suit alike, a near
    /// one is given them first; none stays idle for being far. Read by [`Params::region`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Of an image: whether standard output belongs to the result. A module's always does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stdout: bool,
    /// How results are held to be right; none: they are equal to the byte. Read by [`Params::check`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// An input file: a blob and the name the task sees it under, in `/iexec_in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// File name: no separators, not `.` or `..`, not empty.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size, bytes.
    pub size: u64,
}

/// A line of the table: one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its arguments; empty: the bag's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its own input files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
}

/// What one task is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskSpec {
    /// The program's arguments, without its own name.
    pub args: Vec<String>,
    /// Its input files.
    pub inputs: Vec<Input>,
}

/// Why params or a row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// Longer than [`limits::PARAMS_BYTES`].
    #[error("params are {0} bytes long; at most {max} are taken", max = limits::PARAMS_BYTES)]
    TooLong(usize),
    /// Not the JSON described.
    #[error("params are not the JSON this exchange reads: {0}")]
    NotJson(String),
    /// Another version of our key.
    #[error("params are of version {0}; this exchange reads version 1")]
    Version(u32),
    /// An input's name would leave its folder.
    #[error("the input name {0:?} is not a plain file name")]
    InputName(String),
    /// Two inputs of one task have one name.
    #[error("two inputs are called {0:?}")]
    SameName(String),
    /// An iExec input URL that is no blob of this exchange.
    #[error("the input {0:?} is not of the form blob:sha256:<digest>/<name>")]
    InputUrl(String),
    /// More than [`limits::TASK_INPUTS`].
    #[error("a task has {0} inputs; at most {max} are taken", max = limits::TASK_INPUTS)]
    TooManyInputs(usize),
    /// A judge is told more than [`limits::CHECK_BYTES`].
    #[error("a judge is told at most {max} bytes", max = limits::CHECK_BYTES)]
    CheckTooLong,
    /// A quote in `iexec_args` is not closed.
    #[error("iexec_args has a quote that is not closed")]
    OpenQuote,
}

impl Params {
    /// Reads and checks `params`.
    ///
    /// # Errors
    /// [`ParamsError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, ParamsError> {
        if text.len() > limits::PARAMS_BYTES {
            return Err(ParamsError::TooLong(text.len()));
        }
        let text = if text.trim().is_empty() { "{}" } else { text };
        let params: Self = serde_json::from_str(text).map_err(|error| ParamsError::NotJson(error.to_string()))?;
        match &params.manyhands {
            Some(bag) if bag.version != 1 => return Err(ParamsError::Version(bag.version)),
            Some(_) | None => {}
        }
        if !params.check().is_none_or(Check::is_small) {
            return Err(ParamsError::CheckTooLong);
        }
        params.task(&Row::default())?;
        Ok(params)
    }

    /// The table's digest, if the tasks differ.
    #[must_use]
    pub fn table(&self) -> Option<Digest> {
        self.manyhands.as_ref().and_then(|bag| bag.table)
    }

    /// Near where the tasks are best done, if that is said and could be a machine's region ([`is_region`]).
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let region = self.manyhands.as_ref().and_then(|bag| bag.region.as_deref());
        region.filter(|region| is_region(region))
    }

    /// How results are held to be right, where that is said.
    #[must_use]
    pub fn check(&self) -> Option<&Check> {
        self.manyhands.as_ref().and_then(|bag| bag.check.as_ref())
    }

    /// What the task of this row is to do; without a table every task is of [`Row::default`].
    ///
    /// # Errors
    /// [`ParamsError`] when names clash or leave their folder.
    pub fn task(&self, row: &Row) -> Result<TaskSpec, ParamsError> {
        let bag = self.manyhands.clone().unwrap_or_default();
        let args = if !row.args.is_empty() {
            row.args.clone()
        } else if self.manyhands.is_some() {
            bag.args
        } else {
            split(self.iexec_args.as_deref().unwrap_or_default())?
        };
        let mut inputs = bag.inputs;
        for url in &self.iexec_input_files {
            inputs.push(input_of_url(url)?);
        }
        inputs.extend(row.inputs.iter().cloned());
        check_inputs(&inputs)?;
        Ok(TaskSpec { args, inputs })
    }
}

/// Whether a text can name a region: 1 to [`limits::REGION_BYTES`] bytes, and nothing unseen in it.
#[must_use]
pub fn is_region(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::REGION_BYTES && !text.contains(char::is_control)
}

/// Checks that each input has a plain name of its own.
fn check_inputs(inputs: &[Input]) -> Result<(), ParamsError> {
    if inputs.len() > limits::TASK_INPUTS {
        return Err(ParamsError::TooManyInputs(inputs.len()));
    }
    let mut names = std::collections::BTreeSet::new();
    for Input { name, .. } in inputs {
        let plain = !name.is_empty() && name.len() <= 255 && !matches!(name.as_str(), "." | "..");
        if !plain || name.contains(['/', '\\', '\0']) {
            return Err(ParamsError::InputName(name.clone()));
        }
        if !names.insert(name) {
            return Err(ParamsError::SameName(name.clone()));
        }
    }
    Ok(())
}

/// Reads `blob:sha256:<digest>/<name>`; its size is not known.
fn input_of_url(url: &str) -> Result<Input, ParamsError> {
    let bad = || ParamsError::InputUrl(url.to_owned());
    let (digest, name) = url.strip_prefix("blob:").and_then(|rest| rest.split_once('/')).ok_or_else(bad)?;
    let digest = digest.parse().map_err(|_| bad())?;
    Ok(Input { name: name.to_owned(), digest, size: 0 })
}

/// Splits a line at spaces outside single or double quotes, as iExec's worker does.
fn split(line: &str) -> Result<Vec<String>, ParamsError> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in line.chars() {
        match quote {
            Some(open) if open == char => quote = None,
            Some(_) => word.get_or_insert_default().push(char),
            None if char == '"' || char == '\'' => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            None if char.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(char),
        }
    }
    if quote.is_some() {
        return Err(ParamsError::OpenQuote);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str) -> Input {
        Input { name: name.to_owned(), digest: Digest::default(), size: 3 }
    }

    #[test]
    fn iexec_args_are_split_outside_quotes() {
        let params = Params::parse(r#"{"iexec_args":"--name 'a b'  \"\" c"}"#).unwrap();
        assert_eq!(params.task(&Row::default()).unwrap().args, ["--name", "a b", "", "c"]);
        assert_eq!(Params::parse(r#"{"iexec_args":"'open"}"#), Err(ParamsError::OpenQuote));
    }

    #[test]
    fn a_row_replaces_arguments_and_adds_inputs() {
        let bag = Bag { version: 1, args: vec!["all".into()], inputs: vec![input("scene")], ..Bag::default() };
        let params = Params { manyhands: Some(bag), ..Params::default() };
        let row = Row { args: vec!["mine".into()], inputs: vec![input("own")] };
        let task = params.task(&row).unwrap();
        assert_eq!((task.args, task.inputs), (vec!["mine".to_owned()], vec![input("scene"), input("own")]));
        assert_eq!(params.task(&Row::default()).unwrap().args, ["all"]);
    }

    #[test]
    fn names_that_leave_their_folder_or_clash_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0b"] {
            let row = Row { args: vec![], inputs: vec![input(bad)] };
            assert_eq!(Params::default().task(&row), Err(ParamsError::InputName(bad.to_owned())));
        }
        let row = Row { args: vec![], inputs: vec![input("a"), input("a")] };
        assert_eq!(Params::default().task(&row), Err(ParamsError::SameName("a".to_owned())));
    }

    #[test]
    fn a_region_is_read_where_a_machine_could_name_it() {
        let region = |region: &str| {
            let bag = Bag { version: 1, region: Some(region.to_owned()), ..Bag::default() };
            let text = serde_json::to_string(&Params { manyhands: Some(bag), ..Params::default() }).unwrap();
            Params::parse(&text).unwrap().region().map(str::to_owned)
        };
        assert_eq!(region("eu-west"), Some("eu-west".to_owned()));
        for bad in [String::new(), "a\nb".to_owned(), "x".repeat(limits::REGION_BYTES + 1)] {
            assert_eq!(region(&bad), None, "{bad:?}");
        }
        assert_eq!(Params::parse("{}").unwrap().region(), None);
    }

    #[test]
    fn an_iexec_input_is_a_blob_of_this_exchange() {
        let digest = Digest::default();
        let params = Params::parse(&format!(r#"{{"iexec_input_files":["blob:{digest}/x.obj"]}}"#)).unwrap();
        assert_eq!(params.task(&Row::default()).unwrap().inputs, [Input { name: "x.obj".into(), digest, size: 0 }]);
        let other = Params::parse(r#"{"iexec_input_files":["https://example.org/x"]}"#);
        assert_eq!(other, Err(ParamsError::InputUrl("https://example.org/x".to_owned())));
    }
}
