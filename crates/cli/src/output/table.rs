//! Answers as tables, JSON, YAML or names.

use super::{Cell, Screen, Tone, plain, text};
use crate::{failure::Failure, options::Format};
use serde_json::Value;
use std::fmt::Write;

/// One column of a list, or one line of a single thing.
pub(crate) struct Column {
    title: &'static str,
    wide: bool,
    cell: fn(&Value, i64) -> Cell,
}

impl Column {
    pub(crate) const fn new(title: &'static str, cell: fn(&Value, i64) -> Cell) -> Self {
        Self { title, wide: false, cell }
    }

    /// Only in wide tables.
    pub(crate) const fn wide(title: &'static str, cell: fn(&Value, i64) -> Cell) -> Self {
        Self { title, wide: true, cell }
    }
}

/// How one kind of thing is written.
pub(crate) struct Shape {
    pub(crate) columns: &'static [Column],
    /// The field that names it to scripts.
    pub(crate) name: &'static str,
    /// What a person reads where a list is empty.
    pub(crate) none: &'static str,
}

impl Shape {
    /// A list.
    pub(crate) fn list(
        &self,
        items: &Value,
        format: Format,
        screen: &Screen,
        now_ms: i64,
    ) -> Result<String, Failure> {
        let rows = items.as_array().map(Vec::as_slice).unwrap_or_default();
        match format {
            Format::Table | Format::Wide if rows.is_empty() => {
                screen.remark(self.none);
                Ok(String::new())
            }
            Format::Table | Format::Wide => {
                Ok(self.table(rows, format == Format::Wide, screen.colours, now_ms))
            }
            Format::Name => {
                Ok(rows.iter().map(|row| format!("{}\n", plain(text(row, self.name)))).collect::<String>())
            }
            Format::Json | Format::Yaml => as_is(items, format),
        }
    }

    /// One thing: a line for each field.
    pub(crate) fn one(
        &self,
        item: &Value,
        format: Format,
        screen: &Screen,
        now_ms: i64,
    ) -> Result<String, Failure> {
        match format {
            Format::Table | Format::Wide => {}
            Format::Name => return Ok(format!("{}\n", plain(text(item, self.name)))),
            Format::Json | Format::Yaml => return as_is(item, format),
        }
        let width = self.columns.iter().map(|column| width(column.title)).max().unwrap_or_default() + 2;
        let mut lines = String::new();
        for column in self.columns {
            let cell = (column.cell)(item, now_ms);
            if cell.text == "-" && format == Format::Table {
                continue;
            }
            let title = format!("{}:", column.title);
            _ = writeln!(lines, "{title:<width$} {}", painted(&cell, screen.colours));
        }
        Ok(lines)
    }

    fn table(&self, rows: &[Value], wide: bool, colours: bool, now_ms: i64) -> String {
        let columns: Vec<&Column> = self.columns.iter().filter(|column| wide || !column.wide).collect();
        let head = columns.iter().map(|column| Cell::toned(column.title, Tone::Quiet)).collect();
        let mut lines: Vec<Vec<Cell>> = vec![head];
        lines
            .extend(rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row, now_ms)).collect()));
        let widths: Vec<usize> = (0..columns.len())
            .map(|n| {
                lines.iter().filter_map(|line| line.get(n)).map(|cell| width(&cell.text)).max().unwrap_or(0)
            })
            .collect();
        let mut table = String::new();
        for line in &lines {
            for (n, (cell, broad)) in line.iter().zip(&widths).enumerate() {
                table.push_str(&painted(cell, colours));
                if n + 1 < line.len() {
                    table.push_str(&" ".repeat(broad + 2 - width(&cell.text)));
                }
            }
            table.push('\n');
        }
        table
    }
}

/// The API's own words.
pub(crate) fn as_is(value: &Value, format: Format) -> Result<String, Failure> {
    let unwritable =
        |error: &dyn std::fmt::Display| Failure::Other(format!("the answer cannot be written: {error}"));
    match format {
        Format::Yaml => serde_norway::to_string(value).map_err(|error| unwritable(&error)),
        _ => serde_json::to_string_pretty(value).map_err(|error| unwritable(&error)).map(|text| text + "\n"),
    }
}

fn painted(cell: &Cell, colours: bool) -> String {
    let code = match cell.tone {
        Tone::Good => "32",
        Tone::Busy => "33",
        Tone::Bad => "31",
        Tone::Quiet => "2",
        Tone::Normal => "",
    };
    if colours && !code.is_empty() {
        format!("\u{1b}[{code}m{}\u{1b}[0m", cell.text)
    } else {
        cell.text.clone()
    }
}

/// Columns of a terminal that a text takes; letters of East Asia and pictures take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
            0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SHAPE: Shape = Shape {
        columns: &[
            Column::new("NAME", |v, _| Cell::from(text(v, "name"))),
            Column::new("STATE", |v, _| Cell::toned(text(v, "state"), Tone::Good)),
            Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
        ],
        name: "name",
        none: "None.",
    };

    fn screen(colours: bool) -> Screen {
        let env = crate::env::Env { colourless: true, ..Default::default() };
        Screen { colours, ..Screen::new(&crate::options::Common::default(), &env) }
    }

    fn rows() -> Value {
        json!([{ "name": "小助手", "state": "running", "id": "1" }, { "name": "b\u{1b}[31m\nc", "state": "", "id": "2" }])
    }

    #[test]
    fn a_table_is_aligned_and_steers_no_terminal() {
        let said = |format| SHAPE.list(&rows(), format, &screen(false), 0).unwrap();
        assert_eq!(said(Format::Table), "NAME     STATE\n小助手   running\nb[31m c  -\n");
        assert_eq!(said(Format::Wide), "NAME     STATE    ID\n小助手   running  1\nb[31m c  -        2\n");
        let coloured = SHAPE.list(&rows(), Format::Table, &screen(true), 0).unwrap();
        assert!(coloured.contains("\u{1b}[32mrunning\u{1b}[0m"), "{coloured:?}");
    }

    #[test]
    fn scripts_get_names_json_or_yaml() {
        let said =
            |format| SHAPE.list(&json!([{ "name": "a", "n": [1, null, "yes"] }]), format, &screen(false), 0);
        assert_eq!(said(Format::Name).unwrap(), "a\n");
        let numbered = Shape { name: "n", ..SHAPE }.one(&json!({ "n": 7 }), Format::Name, &screen(false), 0);
        assert_eq!(numbered.unwrap(), "\n", "a count names nothing");
        assert_eq!(
            said(Format::Json).unwrap(),
            "[\n  {\n    \"n\": [\n      1,\n      null,\n      \"yes\"\n    ],\n    \"name\": \"a\"\n  }\n]\n"
        );
        assert_eq!(said(Format::Yaml).unwrap(), "- n:\n  - 1\n  - null\n  - yes\n  name: a\n");
        assert_eq!(SHAPE.list(&json!([]), Format::Table, &screen(false), 0).unwrap(), "");
        assert_eq!(SHAPE.list(&json!([]), Format::Json, &screen(false), 0).unwrap(), "[]\n");
    }

    #[test]
    fn one_thing_is_a_line_for_each_field_it_has() {
        let one = json!({ "name": "a", "state": "", "id": "7" });
        assert_eq!(SHAPE.one(&one, Format::Table, &screen(false), 0).unwrap(), "NAME:   a\nID:     7\n");
    }
}
