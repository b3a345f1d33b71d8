//! The task contract: the environment and arguments that a program sees. iExec's, so that its apps run unchanged.

use units::{DealId, TaskId};

/// Where a program finds its dataset and input files.
pub const INPUT_FOLDER: &str = "/iexec_in";
/// Where a program leaves its results; also its current folder.
pub const OUTPUT_FOLDER: &str = "/iexec_out";

/// What a task's environment is made from.
#[derive(Clone, Copy, Debug)]
pub struct Contract<'a> {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Tasks in the deal's bag (`botSize`).
    pub bot_size: u64,
    /// The bag's first index within the request (`botFirst`).
    pub bot_first: u64,
    /// This task's index within the request.
    pub index: u64,
    /// The dataset's name in the input folder, where the deal has one.
    pub dataset: Option<&'a str>,
    /// The input files' names in the input folder, in the order of the deal's params.
    pub inputs: &'a [String],
}

impl Contract<'_> {
    /// The environment, complete and in its order: a program sees no other variable. Without a dataset
    /// `IEXEC_DATASET_FILENAME` is there and empty.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("IEXEC_IN".to_owned(), INPUT_FOLDER.to_owned()),
            ("IEXEC_OUT".to_owned(), OUTPUT_FOLDER.to_owned()),
            ("IEXEC_TASK_ID".to_owned(), self.task.to_string()),
            ("IEXEC_DEAL_ID".to_owned(), self.deal.to_string()),
            ("IEXEC_BOT_SIZE".to_owned(), self.bot_size.to_string()),
            ("IEXEC_BOT_FIRST_INDEX".to_owned(), self.bot_first.to_string()),
            ("IEXEC_BOT_TASK_INDEX".to_owned(), self.index.to_string()),
            ("IEXEC_DATASET_FILENAME".to_owned(), self.dataset.unwrap_or_default().to_owned()),
            ("IEXEC_INPUT_FILES_NUMBER".to_owned(), self.inputs.len().to_string()),
        ];
        for (number, name) in (1_u64..).zip(self.inputs) {
            env.push((format!("IEXEC_INPUT_FILE_NAME_{number}"), name.clone()));
        }
        env
    }
}

/// An argument with `{out}` replaced by the output folder.
#[must_use]
pub fn expand_out(argument: &str) -> String {
    argument.replace("{out}", OUTPUT_FOLDER)
}

/// Splits an `iexec_args` string into arguments: at white space, except between double quotes, which are taken off.
#[must_use]
pub fn split_arguments(text: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            space if space.is_whitespace() && !quoted => arguments.extend(current.take()),
            other => current.get_or_insert_default().push(other),
        }
    }
    arguments.extend(current);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_sees_iexecs_variables_and_no_other() {
        let inputs = ["a.txt".to_owned(), "b.txt".to_owned()];
        let contract = Contract {
            task: TaskId([1; 32].into()),
            deal: DealId([2; 32].into()),
            bot_size: 10,
            bot_first: 4,
            index: 7,
            dataset: None,
            inputs: &inputs,
        };
        let text: Vec<String> = contract.env().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            text.join("\n"),
            format!(
                "IEXEC_IN=/iexec_in\nIEXEC_OUT=/iexec_out\nIEXEC_TASK_ID=0x{}\nIEXEC_DEAL_ID=0x{}\nIEXEC_BOT_SIZE=10\n\
                 IEXEC_BOT_FIRST_INDEX=4\nIEXEC_BOT_TASK_INDEX=7\nIEXEC_DATASET_FILENAME=\nIEXEC_INPUT_FILES_NUMBER=2\n\
                 IEXEC_INPUT_FILE_NAME_1=a.txt\nIEXEC_INPUT_FILE_NAME_2=b.txt",
                "01".repeat(32),
                "02".repeat(32)
            )
        );
    }

    #[test]
    fn arguments_are_split_at_spaces_outside_of_quotes() {
        assert_eq!(split_arguments(r#"  -o "a b"  c"d e"f "" "#), ["-o", "a b", "cd ef", ""]);
        assert_eq!(split_arguments(""), Vec::<String>::new());
        assert_eq!(expand_out("--to={out}/x"), "--to=/iexec_out/x");
    }
}
