//! Listings: a table for people, JSON for programs.

use crate::terminal::say;
use clap::Args;
use serde::Serialize;

/// How a listing is shown.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Prints JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Format {
    /// Prints rows: as a JSON array, or as a table of these columns; `none` is said where there are none.
    pub(crate) fn list<T: Serialize>(
        self,
        rows: &[T],
        columns: &[&str],
        none: &str,
        cells: impl Fn(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        if self.json {
            say(serde_json::to_string_pretty(rows)?);
        } else if rows.is_empty() {
            say(none);
        } else {
            let mut table = comfy_table::Table::new();
            table.load_preset(comfy_table::presets::NOTHING).set_header(columns.iter().copied());
            for row in rows {
                table.add_row(cells(row));
            }
            for column in table.column_iter_mut() {
                column.set_padding((0, 2));
            }
            for line in table.lines() {
                say(line.trim_end());
            }
        }
        Ok(())
    }

    /// Prints one thing: as JSON, or as lines of a name and a value.
    pub(crate) fn one<T: Serialize>(self, value: &T, lines: &[(&str, String)]) -> anyhow::Result<()> {
        if self.json {
            say(serde_json::to_string_pretty(value)?);
            return Ok(());
        }
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in lines {
            say(format_args!("{name:width$}  {value}"));
        }
        Ok(())
    }
}
