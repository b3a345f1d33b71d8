//! What passes between `hands` and an app's planner, prover and joiner: JSON in files.
//!
//! They are strangers' programs: what they answer is checked here before anything of it is used.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The version of both files.
const VERSION: u32 = 1;
/// Most tasks of one job.
const MOST_TASKS: usize = 1_000_000;
/// Longest arguments of one task, bytes together.
const MOST_ARG_BYTES: usize = 64 << 10;
/// Most lines that are shown of one answer.
const MOST_LINES: usize = 200;
/// Longest line that is shown, characters.
const MOST_LINE_CHARS: usize = 400;

/// `request.json`: what the program is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// 1.
    pub version: u32,
    /// What the person said, by the arguments' names.
    pub arguments: Map<String, Value>,
    /// The programs that a plan may name.
    pub programs: Vec<String>,
    /// Files that the planner wanted and that are not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// For a prover: whose result it judges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskOf>,
    /// For a joiner: all results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultOf>,
    /// For a joiner: what the planner left for it to know.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub memo: Value,
}

/// A task, as a prover is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskOf {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// A result, as a joiner is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultOf {
    /// Its task's name.
    pub name: String,
    /// Its files.
    pub files: Vec<String>,
}

impl Request {
    /// A request of these arguments.
    #[must_use]
    pub fn new(arguments: Map<String, Value>, programs: Vec<String>) -> Self {
        let (missing, results) = (Vec::new(), Vec::new());
        Self { version: VERSION, arguments, programs, missing, task: None, results, memo: Value::Null }
    }
}

/// One task of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What a person calls it.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Files that it alone needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// What a planner makes of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The program that all tasks run; none: the manifest's first.
    pub program: Option<String>,
    /// What to tell the person, a line each.
    pub say: Vec<String>,
    /// Files that every task needs.
    pub files: Vec<String>,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Indexes of those to try first.
    pub probe: Vec<usize>,
    /// What the joiner is to know.
    pub memo: Value,
}

/// `joined.json`: what a joiner says of what it left.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joined {
    version: u32,
    /// What follows the words of the manifest's check.
    pub check: Vec<String>,
}

/// What [`Joined`] is written in.
pub const JOINED: &str = "joined.json";

impl Joined {
    /// Reads it.
    ///
    /// # Errors
    /// [`BadAnswer`].
    pub fn parse(text: &[u8]) -> Result<Self, BadAnswer> {
        let joined: Self = serde_json::from_slice(text)?;
        if joined.version != VERSION {
            return Err(BadAnswer::Version(joined.version));
        }
        match joined.check.iter().map(String::len).sum::<usize>() > MOST_ARG_BYTES {
            true => Err(BadAnswer::Args(JOINED.to_owned())),
            false => Ok(joined),
        }
    }
}

/// `plan.json`: what a planner answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This is the plan.
    Plan(Plan),
    /// These files are needed to make one.
    Want(Vec<String>),
    /// There is none, for these reasons.
    Refuse(Vec<String>),
}

/// Why an answer cannot be used. It is the app that is at fault.
#[derive(Debug, thiserror::Error)]
pub enum BadAnswer {
    /// Not the JSON described.
    #[error("its plan.json is not what docs/apps.md describes")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("its plan.json is of version {0}; this `hands` reads version 1")]
    Version(u32),
    /// Not exactly one of a plan, a wish and a refusal.
    #[error("its plan.json has to have one of `tasks`, `want` and `refuse`")]
    NotOne,
    /// Too many or no tasks.
    #[error("its plan has {0} tasks; from 1 to {MOST_TASKS} can be")]
    Tasks(usize),
    /// A task's arguments are too long.
    #[error("the arguments of its task {0} are longer than {MOST_ARG_BYTES} bytes")]
    Args(String),
    /// A file that is not there.
    #[error("its plan names the file {0:?}, which it neither was given nor wrote")]
    NoFile(String),
    /// Two files of one task would have one name.
    #[error("two files of its task {task} would both be called {name:?}")]
    SameName {
        /// The task.
        task: String,
        /// The name.
        name: String,
    },
    /// A program that the manifest does not have.
    #[error("its plan names the program {0:?}, which its manifest does not have")]
    NoProgram(String),
    /// A task to try first that is none.
    #[error("its plan tries task {0} first, which is none")]
    NoProbe(usize),
}

/// The JSON as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    program: Option<String>,
    #[serde(default)]
    say: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
    tasks: Option<Vec<Task>>,
    #[serde(default)]
    probe: Vec<usize>,
    #[serde(default)]
    memo: Value,
    want: Option<Vec<String>>,
    refuse: Option<Vec<String>>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`BadAnswer`], where it is no answer at all; a plan is still to be checked.
    pub fn parse(text: &[u8]) -> Result<Self, BadAnswer> {
        let written: Written = serde_json::from_slice(text)?;
        if written.version != VERSION {
            return Err(BadAnswer::Version(written.version));
        }
        match (written.tasks, written.want, written.refuse) {
            (Some(tasks), None, None) => {
                let Written { program, say, files, probe, memo, .. } = written;
                Ok(Self::Plan(Plan { program, say: shown(say), files, tasks, probe, memo }))
            }
            (None, Some(want), None) => Ok(Self::Want(want)),
            (None, None, Some(refuse)) => Ok(Self::Refuse(shown(refuse))),
            _ => Err(BadAnswer::NotOne),
        }
    }
}

impl Plan {
    /// Holds the plan against the programs and the files that are there.
    ///
    /// # Errors
    /// [`BadAnswer`].
    pub fn check(&self, programs: &[String], files: &BTreeSet<String>) -> Result<(), BadAnswer> {
        if self.tasks.is_empty() || self.tasks.len() > MOST_TASKS {
            return Err(BadAnswer::Tasks(self.tasks.len()));
        }
        if let Some(program) = self.program.as_ref().filter(|program| !programs.contains(program)) {
            return Err(BadAnswer::NoProgram(program.clone()));
        }
        if let Some(probe) = self.probe.iter().find(|probe| **probe >= self.tasks.len()) {
            return Err(BadAnswer::NoProbe(*probe));
        }
        for task in &self.tasks {
            if task.args.iter().map(String::len).sum::<usize>() > MOST_ARG_BYTES {
                return Err(BadAnswer::Args(task.name.clone()));
            }
            let mut names = BTreeSet::new();
            for file in self.files.iter().chain(&task.files) {
                if !files.contains(file) {
                    return Err(BadAnswer::NoFile(file.clone()));
                }
                if !names.insert(last_name(file)) {
                    return Err(BadAnswer::SameName { task: task.name.clone(), name: last_name(file).to_owned() });
                }
            }
        }
        Ok(())
    }

    /// Moves the tasks to be tried first, at most so many, to the front. Says how many they are: none where all would be.
    pub fn probes_first(&mut self, most: usize) -> usize {
        let mut probes: Vec<usize> = Vec::new();
        for probe in &self.probe {
            if !probes.contains(probe) && probes.len() < most {
                probes.push(*probe);
            }
        }
        if probes.len() >= self.tasks.len() {
            return 0;
        }
        let mut tasks: Vec<Option<Task>> = self.tasks.drain(..).map(Some).collect();
        self.tasks = probes.iter().filter_map(|probe| tasks.get_mut(*probe)?.take()).collect();
        self.tasks.extend(tasks.into_iter().flatten());
        self.probe = (0..probes.len()).collect();
        probes.len()
    }

    /// Every file of the plan, each once.
    #[must_use]
    pub fn all_files(&self) -> BTreeSet<&str> {
        let own = self.tasks.iter().flat_map(|task| &task.files);
        self.files.iter().chain(own).map(String::as_str).collect()
    }
}

/// What a file of the plan is called in a task's folder of inputs.
#[must_use]
pub fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Lines of a stranger's program as they may be shown: no control characters, and not too many.
fn shown(lines: Vec<String>) -> Vec<String> {
    let plain = |line: String| line.chars().filter(|letter| !letter.is_control()).take(MOST_LINE_CHARS).collect();
    lines.into_iter().take(MOST_LINES).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        match Answer::parse(text.as_bytes()).unwrap() {
            Answer::Plan(plan) => plan,
            other @ (Answer::Want(_) | Answer::Refuse(_)) => panic!("{other:?}"),
        }
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.tasks.iter().map(|task| task.name.as_str()).collect()
    }

    #[test]
    fn an_answer_is_a_plan_a_wish_or_a_refusal_and_only_one() {
        assert_eq!(names(&plan(r#"{"version":1,"tasks":[{"name":"a"}]}"#)), ["a"]);
        let want = Answer::parse(br#"{"version":1,"want":["x"]}"#).unwrap();
        assert_eq!(want, Answer::Want(vec!["x".to_owned()]));
        let refuse = Answer::parse(b"{\"version\":1,\"refuse\":[\"bad\\u001b[2J\"]}").unwrap();
        assert_eq!(refuse, Answer::Refuse(vec!["bad[2J".to_owned()]));
        for bad in [
            r#"{"version":1}"#,
            r#"{"version":1,"want":[],"refuse":[]}"#,
            r#"{"version":2,"want":[]}"#,
            r#"{"version":1,"want":[],"more":1}"#,
            "[]",
        ] {
            assert!(Answer::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_plan_may_only_name_what_is_there() {
        let files = BTreeSet::from(["a/x.png".to_owned(), "b/x.png".to_owned()]);
        let programs = ["main".to_owned()];
        let check = |text: &str| plan(text).check(&programs, &files).map_err(|error| error.to_string());
        assert_eq!(check(r#"{"version":1,"files":["a/x.png"],"tasks":[{"name":"t"}],"program":"main"}"#), Ok(()));
        let said = |text: &str, words: &str| assert!(check(text).unwrap_err().contains(words), "{text}");
        said(r#"{"version":1,"tasks":[]}"#, "0 tasks");
        said(r#"{"version":1,"files":["/etc/passwd"],"tasks":[{"name":"t"}]}"#, "/etc/passwd");
        said(r#"{"version":1,"files":["a/x.png"],"tasks":[{"name":"t","files":["b/x.png"]}]}"#, "both be called");
        said(r#"{"version":1,"tasks":[{"name":"t"}],"program":"other"}"#, "other");
        said(r#"{"version":1,"tasks":[{"name":"t"}],"probe":[1]}"#, "task 1 first");
    }

    #[test]
    fn what_is_tried_first_comes_first_and_the_others_keep_their_order() {
        let text = r#"{"version":1,"tasks":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}],"probe":[0,2,2,3]}"#;
        let mut few = plan(text);
        assert_eq!(few.probes_first(2), 2);
        assert_eq!(names(&few), ["a", "c", "b", "d"]);
        let mut all = plan(text);
        assert_eq!(all.probes_first(3), 3);
        assert_eq!(names(&all), ["a", "c", "d", "b"]);
    }

    #[test]
    fn a_job_of_which_all_would_be_tried_is_not_tried() {
        let mut plan = plan(r#"{"version":1,"tasks":[{"name":"a"},{"name":"b"}],"probe":[0,1]}"#);
        assert_eq!(plan.probes_first(3), 0);
        assert_eq!(names(&plan), ["a", "b"]);
    }
}
