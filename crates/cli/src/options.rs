//! Options that several commands share.

use clap::{Args, ValueEnum};
use std::time::Duration;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with more columns.
    Wide,
    /// The API's own words.
    Json,
    /// The same as YAML.
    Yaml,
    /// Names or ids only, one a line.
    Name,
}

/// Options of every remote command.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// How to write the answer.
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    pub(crate) output: Format,
    /// The login to use; CHELA_CONTEXT says it too.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) context: Option<String>,
    /// How long one answer, or a wait, may take: 500ms, 30s, 10m.
    #[arg(long, global = true, value_parser = duration, value_name = "TIME", help_heading = "Global options")]
    pub(crate) timeout: Option<Duration>,
    /// Say nothing but the data and what went wrong.
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// No colours; NO_COLOR says it too.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_color: bool,
}

/// A command with the options of all.
#[derive(Args, Clone, Debug)]
pub struct Plain<T: Args> {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) args: T,
}

/// A noun: its verbs, with the options of all.
#[derive(Args, Clone, Debug)]
pub struct Noun<T: clap::Subcommand> {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: T,
}

/// How much of a list.
#[derive(Args, Clone, Debug)]
pub struct Paging {
    /// At most this many.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = some)]
    pub(crate) limit: usize,
    /// All of them, however many.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

impl Paging {
    pub(crate) const fn most(&self) -> usize {
        if self.all { usize::MAX } else { self.limit }
    }
}

/// Look again every two seconds.
#[derive(Args, Clone, Copy, Debug)]
pub struct Watch {
    /// Look again every two seconds, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) watch: bool,
}

/// A yes in advance.
#[derive(Args, Clone, Copy, Debug)]
pub struct Yes {
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// A create that may be sent twice.
#[derive(Args, Clone, Debug)]
pub struct Once {
    /// The same key with the same words does it once, however often it is sent.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// A number of things to show: none of them would look like there being none.
fn some(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be 1 or more; --all shows all".to_owned()),
        Ok(number) => Ok(number),
        Err(_bad) => Err("must be a whole number".to_owned()),
    }
}

/// A word that says something: what an unset variable leaves must not take away what is there.
pub(crate) fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty; leave the option out to say nothing".to_owned());
    }
    Ok(text.to_owned())
}

/// The same, where the word `none` takes away.
pub(crate) fn filled_or_none(text: &str) -> Result<String, String> {
    filled(text).map_err(|_empty| "must not be empty; `none` takes away what there is".to_owned())
}

/// The same, where the word `all` is for all.
pub(crate) fn filled_or_all(text: &str) -> Result<String, String> {
    filled(text).map_err(|_empty| "must not be empty; `all` is for all".to_owned())
}

/// What is said of a text that is none.
const NO_TIME: &str = "is not a time like 500ms, 30s, 10m, 2h or 30d";

/// `500ms`, `30s`, `10m`, `2h`, `30d`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_bad| NO_TIME.to_owned())?;
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(NO_TIME.to_owned()),
    };
    match number.saturating_mul(unit) {
        0 => Err("must be more than nothing".to_owned()),
        ms => Ok(Duration::from_millis(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("7", 7_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "0", "1w", "-1s", "1.5s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("1w").is_err_and(|said| said.contains("2h or 30d")));
    }
}
