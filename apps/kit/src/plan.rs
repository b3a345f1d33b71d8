//! What a planner answers: `plan.json` in its current folder.

use serde_json::{Value, json};
use std::{fs, io};

const FILE: &str = "plan.json";

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// What a person calls it: the file it makes, the piece it searches.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Files that it alone needs: paths below [`FILES`](crate::FILES), or names of files that the planner has written.
    pub files: Vec<String>,
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The program, by the name that the manifest gives it; empty: the first.
    pub program: String,
    /// What to tell the person, a line each.
    pub say: Vec<String>,
    /// Files that every task needs.
    pub files: Vec<String>,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Indexes of the tasks to try first, those that say most about the others.
    pub probe: Vec<usize>,
    /// What the joiner is to know: it finds this again in its [`Request`](crate::Request).
    pub memo: Value,
}

impl Plan {
    /// Tries the first, the middle and the last task first.
    #[must_use]
    pub fn probing_ends_and_middle(mut self) -> Self {
        let last = self.tasks.len().saturating_sub(1);
        self.probe = vec![0, last / 2, last];
        self.probe.dedup();
        self
    }

    /// Leaves the plan for `hands` to read.
    ///
    /// # Errors
    /// The current folder's.
    pub fn write(&self) -> io::Result<()> {
        write(&self.to_json())
    }

    fn to_json(&self) -> Value {
        let task = |task: &Task| json!({ "name": task.name, "args": task.args, "files": task.files });
        let mut plan = json!({
            "version": 1,
            "say": self.say,
            "files": self.files,
            "tasks": self.tasks.iter().map(task).collect::<Vec<_>>(),
            "probe": self.probe,
        });
        if !self.memo.is_null() {
            plan["memo"] = self.memo.clone();
        }
        if !self.program.is_empty() {
            plan["program"] = json!(self.program);
        }
        plan
    }
}

/// Says which further files the plan depends on: paths as a file of the person's names them, relative to it. The planner is run
/// again with those that are there; [`Request::missing`](crate::Request::missing) names the others.
///
/// # Errors
/// The current folder's.
pub fn want(files: &[String]) -> io::Result<()> {
    write(&json!({ "version": 1, "want": files }))
}

/// Says why there is no plan, a line a reason.
///
/// # Errors
/// The current folder's.
pub fn refuse(reasons: &[String]) -> io::Result<()> {
    write(&json!({ "version": 1, "refuse": reasons }))
}

/// For a joiner: what follows the words of the manifest's check of what it leaves; files of its own are in `/iexec_in` there.
///
/// # Errors
/// The current folder's.
pub fn check(words: &[String]) -> io::Result<()> {
    fs::write("joined.json", serde_json::to_vec(&json!({ "version": 1, "check": words }))?)
}

fn write(answer: &Value) -> io::Result<()> {
    fs::write(FILE, serde_json::to_vec(answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_it_holds() {
        let task = |name: &str| Task { name: name.to_owned(), args: vec!["x".to_owned()], files: Vec::new() };
        let plan = Plan { tasks: vec![task("a"), task("b"), task("c"), task("d")], ..Plan::default() };
        let plan = plan.probing_ends_and_middle().to_json();
        assert_eq!(plan["probe"], json!([0, 1, 3]));
        assert_eq!(plan["tasks"][1], json!({ "name": "b", "args": ["x"], "files": [] }));
        assert!(plan.get("program").is_none() && plan.get("memo").is_none());
    }

    #[test]
    fn the_only_task_is_tried_once() {
        let plan = Plan { tasks: vec![Task::default()], ..Plan::default() };
        assert_eq!(plan.probing_ends_and_middle().probe, [0]);
    }
}
