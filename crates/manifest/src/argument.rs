//! An app's command line: what a person may say, and what is made of it.

use crate::reader::{Fields, Reader};
use serde_json::json;

/// The options that every app has; a manifest's own have other names.
pub const RESERVED: &[&str] = &[
    "budget",
    "detach",
    "exchange",
    "final",
    "help",
    "home",
    "join",
    "json",
    "local",
    "out",
    "pool",
    "time-limit",
    "trust",
    "version",
    "yes",
];

/// Something that a person may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name; `--name`, unless it is a word of its own.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it stands without `--name`.
    pub word: bool,
    /// Whether it must be there; only those without a default.
    pub required: bool,
    /// What is taken where it is not said.
    pub default: Option<String>,
    /// What it is for.
    pub help: String,
}

/// What an argument holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of the person's.
    File,
    /// Any text.
    Text,
    /// A whole number between two others, both allowed.
    Integer {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// `3-20`, `3..20`, or `7` alone; both ends in it.
    Range {
        /// The least of its first.
        least: u64,
        /// The most of its last.
        most: u64,
    },
    /// One of these.
    Choice(Vec<String>),
    /// There or not.
    Flag,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text, a choice, a file's path.
    Text(String),
    /// A whole number.
    Integer(u64),
    /// A range, both ends in it.
    Range(u64, u64),
    /// A flag that is there.
    Flag,
}

/// Why a word cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// No whole number between these.
    #[error("`{word}` is no whole number from {least} to {most}")]
    Integer {
        /// What was typed.
        word: String,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// No range between these.
    #[error("`{word}` is no range within {least} to {most}; write 1-240, or 7 for one alone")]
    Range {
        /// What was typed.
        word: String,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// None of the choices.
    #[error("`{word}` is none of {choices}")]
    Choice {
        /// What was typed.
        word: String,
        /// What can be.
        choices: String,
    },
}

impl Value {
    /// As a request tells it to a planner.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Range(from, to) => json!({ "from": from, "to": to }),
            Self::Flag => json!(true),
        }
    }
}

impl Kind {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`BadValue`].
    pub fn value(&self, word: &str) -> Result<Value, BadValue> {
        match self {
            Self::File | Self::Text => Ok(Value::Text(word.to_owned())),
            Self::Flag => Ok(Value::Flag),
            Self::Integer { least, most } => {
                let number = word.parse().ok().filter(|number| (least..=most).contains(&number));
                let bad = || BadValue::Integer { word: word.to_owned(), least: *least, most: *most };
                number.map(Value::Integer).ok_or_else(bad)
            }
            Self::Range { least, most } => {
                let ends = word.split_once("..").or_else(|| word.split_once('-')).unwrap_or((word, word));
                let range = ends.0.parse().ok().zip(ends.1.parse().ok());
                let range = range.filter(|(from, to)| least <= from && from <= to && to <= most);
                let bad = || BadValue::Range { word: word.to_owned(), least: *least, most: *most };
                range.map(|(from, to)| Value::Range(from, to)).ok_or_else(bad)
            }
            Self::Choice(choices) if choices.iter().any(|choice| choice == word) => Ok(Value::Text(word.to_owned())),
            Self::Choice(choices) => Err(BadValue::Choice { word: word.to_owned(), choices: choices.join(", ") }),
        }
    }

    /// As a manifest writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Text => "text",
            Self::Integer { .. } => "integer",
            Self::Range { .. } => "range",
            Self::Choice(_) => "choice",
            Self::Flag => "flag",
        }
    }
}

impl Argument {
    /// The `[[argument]]`s of a manifest.
    pub(crate) fn read_all<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> Vec<Self> {
        let mut arguments: Vec<Self> = Vec::new();
        for part in reader.parts(root, "argument", "[[argument]]") {
            let Some(argument) = Self::read(reader, part) else { continue };
            if arguments.iter().any(|other| other.name == argument.name) {
                reader.wrong(part.line("name"), format!("two arguments are called `{}`", argument.name));
            }
            if argument.word && argument.required && arguments.iter().any(|other| other.word && !other.required) {
                reader.wrong(part.at(), "a word that must be there cannot follow one that may be left out");
            }
            arguments.push(argument);
        }
        arguments
    }

    fn read<'t>(reader: &mut Reader<'t>, part: Fields<'t>) -> Option<Self> {
        reader.closed(part, &["name", "kind", "word", "required", "default", "least", "most", "choices", "help"]);
        let name = reader.needed(part, "name", "width");
        let kind = kind(reader, part);
        let help = reader.needed(part, "help", "Pixels across.");
        let word = reader.boolean(part, "word").unwrap_or(false);
        let required = reader.boolean(part, "required");
        let default = reader.text(part, "default");
        let (name, kind, help) = (name?, kind?, help?);
        if !is_name(&name) || RESERVED.contains(&name.as_str()) {
            let what =
                if is_name(&name) { "an option that every app has" } else { "no name: small letters, digits, `-`" };
            reader.wrong(part.line("name"), format!("`{name}` is {what}; take another"));
        }
        if kind == Kind::Flag && (word || default.is_some() || required == Some(true)) {
            reader.wrong(part.at(), "a flag is there or not: it has no `word`, `default` or `required`");
        }
        if default.is_some() && required.is_some() {
            reader.wrong(part.line("required"), "an argument with a default need not be there; leave `required` out");
        }
        if let Some(Err(error)) = default.as_deref().map(|default| kind.value(default)) {
            reader.wrong(part.line("default"), format!("the default does not fit: {error}"));
        }
        let required = default.is_none() && kind != Kind::Flag && required.unwrap_or(true);
        Some(Self { name, kind, word, required, default, help })
    }
}

fn kind<'t>(reader: &mut Reader<'t>, part: Fields<'t>) -> Option<Kind> {
    let kind = reader.needed(part, "kind", "text")?;
    let (least, most) = (reader.number(part, "least"), reader.number(part, "most"));
    let choices = reader.texts(part, "choices");
    let is_numeric = matches!(kind.as_str(), "integer" | "range");
    for key in ["least", "most"] {
        if part.has(key) && !is_numeric {
            reader.wrong(part.line(key), format!("`{key}` is for an integer or a range"));
        }
    }
    if part.has("choices") != (kind == "choice") {
        reader.wrong(part.line("choices"), "`choices` and kind = \"choice\" go together");
    }
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::from(u32::MAX)));
    if least > most {
        reader.wrong(part.line("least"), format!("`least` is {least} and `most` {most}: nothing is in between"));
    }
    match kind.as_str() {
        "file" => Some(Kind::File),
        "text" => Some(Kind::Text),
        "integer" => Some(Kind::Integer { least, most }),
        "range" => Some(Kind::Range { least, most }),
        "choice" => Some(Kind::Choice(choices)),
        "flag" => Some(Kind::Flag),
        _ => {
            let what = format!("`{kind}` is no kind; there are file, text, integer, range, choice, flag");
            reader.wrong(part.line("kind"), what);
            None
        }
    }
}

/// Small letters, digits and `-`, a letter first.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.bytes().next().is_some_and(|first| first.is_ascii_lowercase()) && name.bytes().all(plain)
}
