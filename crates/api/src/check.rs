//! How a request has its results held to be right: the key `manyhands.check` of its params, in a manifest's words.

use crate::limits;
use serde::{Deserialize, Serialize};
use units::Digest;

/// How results of a request's tasks are held against each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Check {
    /// Equal bytes on every machine: what holds where nothing is said.
    Exact,
    /// Equal bytes on machines of one class (processor family and runtime).
    Homogeneous,
    /// A WebAssembly module says whether two results are as good as equal.
    Checker {
        /// The module, a blob of the exchange.
        judge: Digest,
        /// What it is told beside: bounds, say.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<String>,
    },
    /// A WebAssembly module sees from a result alone whether it is right.
    SelfProving {
        /// The module, a blob of the exchange.
        judge: Digest,
        /// What it is told beside.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<String>,
    },
}

impl Check {
    /// The module that judges, and what it is told beside; none where none does.
    #[must_use]
    pub fn judge(&self) -> Option<(Digest, &[String])> {
        match self {
            Self::Exact | Self::Homogeneous => None,
            Self::Checker { judge, args } | Self::SelfProving { judge, args } => Some((*judge, args)),
        }
    }

    /// Whether what a judge is told is within [`limits::CHECK_BYTES`].
    pub(crate) fn is_small(&self) -> bool {
        let bytes = |args: &[String]| args.iter().map(|arg| arg.len().saturating_add(1)).sum::<usize>();
        self.judge().is_none_or(|(_, args)| bytes(args) <= limits::CHECK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{Bag, Params, ParamsError};

    fn params(check: Check) -> String {
        let bag = Bag { version: 1, check: Some(check), ..Bag::default() };
        serde_json::to_string(&Params { manyhands: Some(bag), ..Params::default() }).unwrap()
    }

    #[test]
    fn a_check_is_written_in_a_manifests_words_and_read_back() {
        let judge = Digest::default();
        let check = Check::Checker { judge, args: vec!["numbers".into(), "--absolute".into(), "1".into()] };
        let text = params(check.clone());
        let said = format!(r#""check":{{"how":"checker","judge":"{judge}","args":["numbers","--absolute","1"]}}"#);
        assert!(text.contains(&said), "{text}");
        assert_eq!(Params::parse(&text).unwrap().check(), Some(&check));
        assert!(params(Check::SelfProving { judge, args: Vec::new() }).contains(r#""how":"self-proving""#));
    }

    #[test]
    fn a_check_that_is_not_known_or_tells_its_judge_too_much_is_refused() {
        let unknown = r#"{"manyhands":{"version":1,"check":{"how":"by-eye"}}}"#;
        assert!(matches!(Params::parse(unknown), Err(ParamsError::NotJson(_))));
        let judge = Digest::default();
        let long = Check::Checker { judge, args: vec!["x".repeat(limits::CHECK_BYTES)] };
        assert_eq!(Params::parse(&params(long)), Err(ParamsError::CheckTooLong));
    }
}
