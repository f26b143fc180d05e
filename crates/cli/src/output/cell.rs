//! One place of a table: a text and what it means.

use super::plain;
use serde_json::Value;

/// What a text means to its reader; colours follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Normal,
    Good,
    Busy,
    Bad,
    Quiet,
}

/// A text for one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Cell {
    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { tone, ..Self::from(text.as_ref()) }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        let text = plain(text).replace(['\n', '\t'], " ");
        let text = if text.is_empty() { "-".to_owned() } else { text };
        Self { text, tone: Tone::Normal }
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// A text field; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The name under `key`; where it has none, the id under `or`, which says so if it is one of things that have names.
pub(crate) fn named(value: &Value, key: &str, or: &str) -> Cell {
    let (name, id) = (text(value, key), text(value, or));
    let has_names = ["usr_", "tok_", "bot_", "key_"].iter().any(|kind| id.starts_with(kind));
    match (name, has_names) {
        ("", true) => Cell::toned(format!("deleted ({id})"), Tone::Quiet),
        ("", false) => Cell::from(id),
        (name, _) => Cell::from(name),
    }
}

/// A number field.
pub(crate) fn number(value: &Value, key: &str) -> Option<i64> {
    value.get(key).and_then(Value::as_i64)
}

/// Micro-USD as dollars: cents at least, all six digits where there are such.
pub(crate) fn usd(micro: i64) -> String {
    let text = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
    let cents = text.len().saturating_sub(4);
    let (cents, rest) = text.split_at_checked(cents).unwrap_or((&text, ""));
    format!("${cents}{}", rest.trim_end_matches('0'))
}

/// A yes or no.
pub(crate) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// A text of at most so many characters.
pub(crate) fn words(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if text.chars().count() > most {
        short.pop();
        short.push('…');
    }
    short
}
