//! How results are held to be right, as a person says it (`--check`) or an app's manifest does.

use crate::apps::Known;
use crate::exit::hinted;
use anyhow::Context as _;
use api::params::Check;
use client::Client;
use std::path::PathBuf;
use units::Digest;

/// The ways that can be named.
const WAYS: &str = "exact, same-class, `MODULE.wasm ARGS`, `compare ARGS`, `self-proving MODULE.wasm ARGS`";
/// The checker that `hands` brings along.
const BUNDLED: &str = "compare";

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Equal bytes.
    Exact,
    /// Equal bytes on machines of one class.
    SameClass,
    /// A checker.
    Checker(Judge),
    /// A prover.
    SelfProving(Judge),
}

/// A module, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judge {
    module: Module,
    args: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Module {
    Bundled,
    File(PathBuf),
}

/// Reads `exact`, `same-class`, `compare ARGS`, `MODULE.wasm ARGS` or `self-proving MODULE.wasm ARGS`.
pub(crate) fn parse(text: &str) -> Result<How, String> {
    let mut words = text.split_whitespace().map(str::to_owned);
    let first = words.next().ok_or_else(|| format!("there are {WAYS}"))?;
    let rest: Vec<String> = words.collect();
    let alone = |how: How| match rest.is_empty() {
        true => Ok(how),
        false => Err(format!("`{first}` takes nothing beside")),
    };
    match first.as_str() {
        "exact" => alone(How::Exact),
        "same-class" | "homogeneous" => alone(How::SameClass),
        "self-proving" => {
            let (module, args) = rest.split_first().ok_or("self-proving names a module: `self-proving prover.wasm`")?;
            judge(module, args).map(How::SelfProving)
        }
        module => judge(module, &rest).map(How::Checker),
    }
}

fn judge(module: &str, args: &[String]) -> Result<Judge, String> {
    let args = args.to_vec();
    if module == BUNDLED {
        return Ok(Judge { module: Module::Bundled, args });
    }
    let file = PathBuf::from(module);
    if !module.ends_with(".wasm") {
        return Err(format!("`{module}` is no way to check; there are {WAYS}"));
    }
    if !file.is_file() {
        return Err(format!("there is no file {module}"));
    }
    Ok(Judge { module: Module::File(file), args })
}

impl How {
    /// Whether the bytes are held to be equal on every machine.
    pub(crate) fn is_exact(&self) -> bool {
        *self == Self::Exact
    }

    /// Whether one proved result is enough.
    pub(crate) fn proves(&self) -> bool {
        matches!(self, Self::SelfProving(_))
    }

    /// Sends the judge, and says it as the exchange reads it.
    pub(crate) async fn declare(&self, client: &Client) -> anyhow::Result<Check> {
        Ok(match self {
            Self::Exact => Check::Exact,
            Self::SameClass => Check::Homogeneous,
            Self::Checker(judge) => Check::Checker { judge: judge.send(client).await?, args: judge.args.clone() },
            Self::SelfProving(judge) => {
                Check::SelfProving { judge: judge.send(client).await?, args: judge.args.clone() }
            }
        })
    }
}

impl Judge {
    async fn send(&self, client: &Client) -> anyhow::Result<Digest> {
        let bytes = match &self.module {
            Module::Bundled => bundle::COMPARE.to_vec(),
            Module::File(file) => {
                std::fs::read(file).with_context(|| format!("{} could not be read", file.display()))?
            }
        };
        send(client, bytes).await
    }
}

/// Sends a module that judges.
async fn send(client: &Client, module: Vec<u8>) -> anyhow::Result<Digest> {
    if !module.starts_with(b"\0asm") {
        return Err(hinted("what judges results is no WebAssembly module", "docs/checkers.md says how to make one"));
    }
    Ok(client.upload_bytes("judge.wasm", module).await.context("what judges results could not be sent")?.digest)
}

/// What an app's manifest declares; none where its results are equal to the byte.
pub(crate) async fn of_app(app: &Known, client: &Client) -> anyhow::Result<Option<Check>> {
    let check = &app.manifest.check;
    let args = check.args().to_vec();
    Ok(match check {
        manifest::Check::Exact => None,
        manifest::Check::Homogeneous => Some(Check::Homogeneous),
        manifest::Check::Checker { wasm, .. } => {
            Some(Check::Checker { judge: send(client, app.file(wasm).to_vec()).await?, args })
        }
        manifest::Check::SelfProving { wasm, .. } => {
            Some(Check::SelfProving { judge: send(client, app.file(wasm).to_vec()).await?, args })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_named_by_a_word_or_by_its_module() {
        assert_eq!(parse("exact"), Ok(How::Exact));
        assert_eq!(parse("same-class"), Ok(How::SameClass));
        let args = ["numbers", "--absolute", "1"].map(str::to_owned).to_vec();
        let bundled = Judge { module: Module::Bundled, args };
        assert_eq!(parse("compare numbers --absolute 1"), Ok(How::Checker(bundled)));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prover.wasm");
        std::fs::write(&file, b"\0asm").unwrap();
        let proves = parse(&format!("self-proving {} now", file.display())).unwrap();
        assert!(proves.proves() && !proves.is_exact());
    }

    #[test]
    fn what_is_no_check_is_refused_in_words() {
        let refusals = ["", "by-eye", "exact 3", "self-proving", "missing.wasm"].map(|text| parse(text).unwrap_err());
        insta::assert_snapshot!(refusals.join("\n"), @r"
        there are exact, same-class, `MODULE.wasm ARGS`, `compare ARGS`, `self-proving MODULE.wasm ARGS`
        `by-eye` is no way to check; there are exact, same-class, `MODULE.wasm ARGS`, `compare ARGS`, `self-proving MODULE.wasm ARGS`
        `exact` takes nothing beside
        self-proving names a module: `self-proving prover.wasm`
        there is no file missing.wasm
        ");
    }
}
