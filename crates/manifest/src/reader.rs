//! Reading TOML strictly: every mistake with its line, all of them at once.

use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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
    table: &'t DeTable<'t>,
    /// What a person calls it: `[split]`.
    name: &'static str,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// The whole document.
    pub(crate) fn document(text: &'t str) -> Result<Spanned<DeTable<'t>>, Mistakes> {
        DeTable::parse(text).map_err(|error| {
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
        for key in fields.table.keys() {
            if !keys.contains(&key.get_ref().as_ref()) {
                let what = format!("`{}` is no key of {}; it has {}", key.get_ref(), fields.name, keys.join(", "));
                self.wrong(key.span().start, what);
            }
        }
    }

    /// A part in brackets; a mistake where it must be there and is not.
    pub(crate) fn part(&mut self, fields: Fields<'t>, key: &'static str, name: &'static str) -> Option<Fields<'t>> {
        let item = fields.table.get(key)?;
        let at = item.span().start;
        match item.get_ref().as_table() {
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
        let at = item.span().start;
        let tables = |part: &'t Spanned<DeValue<'t>>| {
            Some(Fields { table: part.get_ref().as_table()?, name, at: part.span().start })
        };
        let parts = item.get_ref().as_array().and_then(|parts| parts.iter().map(tables).collect::<Option<Vec<_>>>());
        parts.unwrap_or_else(|| {
            self.wrong(at, format!("`{key}` may be there many times: write {name} and its keys below"));
            Vec::new()
        })
    }

    fn typed<T>(
        &mut self,
        fields: Fields<'t>,
        key: &str,
        wanted: &str,
        of: impl Fn(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let item = fields.table.get(key)?;
        let value = of(item.get_ref());
        if value.is_none() {
            self.wrong(fields.line(key), format!("`{key}` is {wanted}, not {}", item.get_ref().type_str()));
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
        let list = |item: &'t DeValue<'t>| {
            let list = item.as_array()?;
            list.iter().map(|value| value.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        self.typed(fields, key, "a list of texts in quotes", list).unwrap_or_default()
    }

    /// A whole number from 0 on, if it is there.
    pub(crate) fn number(&mut self, fields: Fields<'t>, key: &str) -> Option<u64> {
        self.typed(fields, key, "a whole number from 0 on", |item| {
            let number = item.as_integer()?;
            u64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// Yes or no; none where it is not there.
    pub(crate) fn boolean(&mut self, fields: Fields<'t>, key: &str) -> Option<bool> {
        self.typed(fields, key, "true or false", DeValue::as_bool)
    }
}

impl<'t> Fields<'t> {
    pub(crate) fn root(document: &'t Spanned<DeTable<'t>>) -> Self {
        Self { table: document.get_ref(), name: "the manifest", at: 0 }
    }

    /// Where it begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Where this key's value is, or where the part begins.
    pub(crate) fn line(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.at, |item| item.span().start)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
