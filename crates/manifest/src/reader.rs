//! Reading TOML strictly: every mistake with its line, all of them at once.

use std::fmt;
use std::ops::Range;
use toml_edit::{Document, Item, Table};

/// Something in a manifest that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// All mistakes of one manifest, in the order of their lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Mistake { line, what }) in self.0.iter().enumerate() {
            let gap = if number == 0 { "" } else { "\n" };
            write!(f, "{gap}{}:{line}: {what}", crate::FILE)?;
        }
        Ok(())
    }
}

/// A manifest's text, and what was found wrong with it so far.
pub(crate) struct Reader<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

/// A table that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'t> {
    table: &'t Table,
    /// What a person calls it: `[split]`.
    name: &'static str,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// The whole document.
    pub(crate) fn document(text: &'t str) -> Result<Document<&'t str>, Mistakes> {
        Document::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let what = format!("this is no TOML: {}", error.message().replace('\n', ", "));
            Mistakes(vec![Mistake { line: line_of(text, at), what }])
        })
    }

    /// Says that something is wrong.
    pub(crate) fn wrong(&mut self, at: usize, what: impl Into<String>) {
        self.mistakes.push(Mistake { line: line_of(self.text, at), what: what.into() });
    }

    /// What was made of it, if nothing was wrong.
    pub(crate) fn finish<T>(mut self, made: Option<T>) -> Result<T, Mistakes> {
        self.mistakes.sort_by_key(|mistake| mistake.line);
        match made {
            Some(made) if self.mistakes.is_empty() => Ok(made),
            Some(_) | None => Err(Mistakes(self.mistakes)),
        }
    }

    /// Complains of keys that the table does not have.
    pub(crate) fn closed(&mut self, fields: Fields<'t>, keys: &[&str]) {
        for (key, item) in fields.table {
            if !keys.contains(&key) {
                let at = fields.table.key(key).and_then(|key| key.span()).or_else(|| item.span());
                let what = format!("`{key}` is no key of {}; it has {}", fields.name, keys.join(", "));
                self.wrong(at.map_or(fields.at, |span| span.start), what);
            }
        }
    }

    /// A part in brackets; a mistake where it must be there and is not.
    pub(crate) fn part(&mut self, fields: Fields<'t>, key: &'static str, name: &'static str) -> Option<Fields<'t>> {
        let item = fields.table.get(key)?;
        let at = start(item.span(), fields.at);
        match item.as_table() {
            Some(table) => Some(Fields { table, name, at }),
            None => {
                self.wrong(at, format!("`{key}` is a part of its own: write {name} and its keys below"));
                None
            }
        }
    }

    /// Parts in double brackets.
    pub(crate) fn parts(&mut self, fields: Fields<'t>, key: &'static str, name: &'static str) -> Vec<Fields<'t>> {
        let Some(item) = fields.table.get(key) else { return Vec::new() };
        let at = start(item.span(), fields.at);
        match item.as_array_of_tables() {
            Some(tables) => tables.iter().map(|table| Fields { table, name, at: start(table.span(), at) }).collect(),
            None => {
                self.wrong(at, format!("`{key}` may be there many times: write {name} and its keys below"));
                Vec::new()
            }
        }
    }

    fn typed<T>(
        &mut self,
        fields: Fields<'t>,
        key: &str,
        wanted: &str,
        of: impl Fn(&'t Item) -> Option<T>,
    ) -> Option<T> {
        let item = fields.table.get(key)?;
        let value = of(item);
        if value.is_none() {
            self.wrong(fields.line(key), format!("`{key}` is {wanted}, not {}", item.type_name()));
        }
        value
    }

    /// Text, if it is there.
    pub(crate) fn text(&mut self, fields: Fields<'t>, key: &str) -> Option<String> {
        self.typed(fields, key, "text in quotes", |item| item.as_str().map(str::to_owned))
    }

    /// Text that must be there.
    pub(crate) fn needed(&mut self, fields: Fields<'t>, key: &str, example: &str) -> Option<String> {
        if !fields.table.contains_key(key) {
            self.wrong(fields.at, format!("{} has no `{key}`; write {key} = \"{example}\"", fields.name));
        }
        self.text(fields, key)
    }

    /// A list of texts; empty where it is not there.
    pub(crate) fn texts(&mut self, fields: Fields<'t>, key: &str) -> Vec<String> {
        let list = |item: &'t Item| {
            let list = item.as_array()?;
            list.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        self.typed(fields, key, "a list of texts in quotes", list).unwrap_or_default()
    }

    /// A whole number from 0 on, if it is there.
    pub(crate) fn number(&mut self, fields: Fields<'t>, key: &str) -> Option<u64> {
        self.typed(fields, key, "a whole number from 0 on", |item| u64::try_from(item.as_integer()?).ok())
    }

    /// Yes or no; none where it is not there.
    pub(crate) fn boolean(&mut self, fields: Fields<'t>, key: &str) -> Option<bool> {
        self.typed(fields, key, "true or false", Item::as_bool)
    }
}

impl<'t> Fields<'t> {
    pub(crate) fn root(document: &'t Document<&'t str>) -> Self {
        Self { table: document.as_table(), name: "the manifest", at: 0 }
    }

    /// Where it begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Where this key's value is, or where the part begins.
    pub(crate) fn line(&self, key: &str) -> usize {
        start(self.table.get(key).and_then(Item::span), self.at)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }
}

fn start(span: Option<Range<usize>>, otherwise: usize) -> usize {
    span.map_or(otherwise, |span| span.start)
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
