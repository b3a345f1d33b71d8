//! What was asked: `/iexec_in/request.json`.

use serde_json::Value;
use std::{fmt, fs};

const FILE: &str = "/iexec_in/request.json";

/// A whole range of numbers, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request(Value);

/// Why a request cannot be read.
#[derive(Debug)]
pub struct BadRequest(String);

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}: {}", self.0)
    }
}

impl std::error::Error for BadRequest {}

/// A task's result, as a joiner is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The task's name.
    pub name: String,
    /// Its files, below [`RESULTS`](crate::RESULTS).
    pub files: Vec<String>,
}

impl Request {
    /// Reads the request.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn read() -> Result<Self, BadRequest> {
        let text = fs::read(FILE).map_err(|error| BadRequest(error.to_string()))?;
        Self::parse(&text)
    }

    /// A request from its text.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn parse(text: &[u8]) -> Result<Self, BadRequest> {
        let value: Value = serde_json::from_slice(text).map_err(|error| BadRequest(error.to_string()))?;
        match value["version"].as_u64() {
            Some(1) => Ok(Self(value)),
            _ => Err(BadRequest("it is not of version 1".to_owned())),
        }
    }

    fn argument(&self, name: &str) -> &Value {
        &self.0["arguments"][name]
    }

    /// An argument that is text, a choice, or a file's path below [`FILES`](crate::FILES).
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.argument(name).as_str()
    }

    /// An argument that is a whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.argument(name).as_u64()
    }

    /// An argument that is a range.
    #[must_use]
    pub fn range(&self, name: &str) -> Option<Range> {
        let range = self.argument(name);
        Some(Range { from: range["from"].as_u64()?, to: range["to"].as_u64()? })
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.argument(name).as_bool().unwrap_or(false)
    }

    /// Files that a planner wanted and that are not there.
    #[must_use]
    pub fn missing(&self) -> Vec<&str> {
        strings(&self.0["missing"])
    }

    /// The programs that a plan may name.
    #[must_use]
    pub fn programs(&self) -> Vec<&str> {
        strings(&self.0["programs"])
    }

    /// For a prover: the arguments of the task whose result it judges.
    #[must_use]
    pub fn task_args(&self) -> Vec<&str> {
        strings(&self.0["task"]["args"])
    }

    /// For a joiner: what the planner left for it to know.
    #[must_use]
    pub fn memo(&self) -> &Value {
        &self.0["memo"]
    }

    /// For a joiner: every result, in the order of the plan's tasks.
    #[must_use]
    pub fn results(&self) -> Vec<Outcome> {
        let results = self.0["results"].as_array();
        let outcome = |value: &Value| Outcome {
            name: value["name"].as_str().unwrap_or_default().to_owned(),
            files: strings(&value["files"]).into_iter().map(str::to_owned).collect(),
        };
        results.into_iter().flatten().map(outcome).collect()
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_by_their_names() {
        let text = br#"{"version":1,"arguments":{"scene":"a.obj","width":480,"frames":{"from":1,"to":24},"raw":true},
            "missing":["b.mtl"],"task":{"args":["x","y"]},"results":[{"name":"one","files":["p","q"]}]}"#;
        let request = Request::parse(text).unwrap();
        assert_eq!((request.text("scene"), request.integer("width")), (Some("a.obj"), Some(480)));
        assert_eq!(request.range("frames"), Some(Range { from: 1, to: 24 }));
        assert!(request.flag("raw") && !request.flag("other"));
        assert_eq!((request.missing(), request.task_args()), (vec!["b.mtl"], vec!["x", "y"]));
        assert_eq!(request.results()[0].files, ["p", "q"]);
    }

    #[test]
    fn another_version_is_refused() {
        assert!(Request::parse(br#"{"version":2}"#).is_err());
    }
}
