//! What leaves the program: data on standard output, words on standard error.

mod cell;
mod moment;
mod screen;
mod table;

pub(crate) use cell::{Cell, Tone, flag, named, number, text, usd, words};
pub use moment::rfc3339;
pub(crate) use moment::{age, moment, now_ms};
pub(crate) use screen::Screen;
pub(crate) use screen::complain;
pub(crate) use table::{Column, Shape, as_is};

/// Text of somebody else, safe for a terminal: a bot or a name must not move the cursor, change colours or turn the
/// direction of reading.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_unsafe(*c)).collect()
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
