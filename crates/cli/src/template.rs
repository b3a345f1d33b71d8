//! Arguments of `hands map`: what stands in braces is filled in for each task.

use anyhow::bail;
use std::path::Path;

/// Where a task finds its inputs.
const INPUTS: &str = "/iexec_in";
/// Where a task leaves its results; also its current folder.
pub(crate) const OUTPUTS: &str = "/iexec_out";

/// The arguments of one file's task.
pub(crate) fn fill(args: &[String], file: &Path, index: usize) -> anyhow::Result<Vec<String>> {
    let name = plain(file, file.file_name())?;
    let stem = plain(file, file.file_stem())?;
    let input = format!("{INPUTS}/{name}");
    let index = index.to_string();
    let value = |key: &str| match key {
        "in" => Some(input.as_str()),
        "stem" => Some(stem),
        "i" => Some(index.as_str()),
        "out" => Some(OUTPUTS),
        _ => None,
    };
    Ok(args.iter().map(|arg| substitute(arg, value)).collect())
}

/// The arguments of a task that has no file, but a value for this key.
pub(crate) fn fill_with(args: &[String], key: &str, value: &str, index: usize) -> Vec<String> {
    let index = index.to_string();
    let known = |found: &str| match found {
        "i" => Some(index.as_str()),
        "out" => Some(OUTPUTS),
        _ => (found == key).then_some(value),
    };
    args.iter().map(|arg| substitute(arg, known)).collect()
}

/// The arguments of a single task, which has no file of its own: only `{out}` means something.
pub(crate) fn fill_single(args: &[String]) -> Vec<String> {
    args.iter().map(|arg| arg.replace("{out}", OUTPUTS)).collect()
}

fn plain<'a>(file: &Path, part: Option<&'a std::ffi::OsStr>) -> anyhow::Result<&'a str> {
    match part.and_then(std::ffi::OsStr::to_str) {
        Some(part) => Ok(part),
        None => bail!("the name of {} is not plain text", file.display()),
    }
}

/// Replaces `{key}`; braces around anything else stay as they are, so that JSON and shell text pass.
fn substitute<'a>(arg: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::new();
    let mut rest = arg;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let known = rest.find('}').and_then(|close| Some((close, value(&rest[1..close])?)));
        match known {
            Some((close, text)) => {
                filled.push_str(text);
                rest = &rest[close + 1..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(args: &[&str], file: &str) -> Vec<String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        fill(&args, file.as_ref(), 7).unwrap()
    }

    #[test]
    fn in_stem_and_out_are_filled_in_for_each_file() {
        let args = ["{in}", "{out}/{stem}.jpg", "--stem={stem}{stem}", "{i}"];
        assert_eq!(
            filled(&args, "photos/sea.side.png"),
            ["/iexec_in/sea.side.png", "/iexec_out/sea.side.jpg", "--stem=sea.sidesea.side", "7"]
        );
    }

    #[test]
    fn other_braces_stay_as_they_are() {
        let args = ["{\"a\":{}}", "{unknown}", "{", "a}b", "{{in}}"];
        assert_eq!(filled(&args, "x"), ["{\"a\":{}}", "{unknown}", "{", "a}b", "{/iexec_in/x}"]);
    }
}
