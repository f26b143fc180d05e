//! Reading a bot's output: what is asked for, and gathering it within its bounds.

use futures::future::BoxFuture;
use std::collections::VecDeque;

/// How grave a line is, as far as its words and colours tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything else.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// How much of a log is wanted.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// At most so many lines, the newest.
    pub lines: usize,
    /// At most so many bytes of text.
    pub bytes: usize,
    /// Only what came after this.
    pub after: Option<LogPlace>,
    /// Only lines this grave.
    pub level: LogLevel,
    /// Only lines with these words, in whatever case.
    pub contains: Option<String>,
    /// The text of a line as people are shown it. Words are looked for in that: what is hidden must not be found.
    pub shown: fn(&str) -> String,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self {
            lines: 500,
            bytes: 256 << 10,
            after: None,
            level: LogLevel::Info,
            contains: None,
            shown: str::to_owned,
        }
    }
}

impl LogQuery {
    /// Bytes of a log's end that surely hold the answer; `None` where all of it must be looked through.
    pub(crate) fn budget(&self) -> Option<u64> {
        // Every line carries its time on top of its text.
        let bytes = self.bytes.saturating_add(self.lines.saturating_mul(16));
        let all = self.after.is_none() && self.level == LogLevel::Info && self.contains.is_none();
        all.then(|| u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

/// A place in a log that outlives rotation: the time of the last line, and how many lines of that very time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Lines of that time already seen.
    pub seen: u32,
}

/// One line of a bot's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at_ms: i64,
    /// What it says, colours and all; invalid UTF-8 replaced, very long lines cut.
    pub text: String,
}

impl LogLine {
    /// How grave it is.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        let head: String = self.text.chars().take(160).collect::<String>().to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| head.contains(word));
        // OpenClaw's own lines are coloured by level; what Node or a tool writes is not.
        let (errors, warnings): (&[&str], &[&str]) = if head.contains('\u{1b}') {
            (&["\u{1b}[31m", "\u{1b}[91m"], &["\u{1b}[33m", "\u{1b}[93m"])
        } else {
            (&["error", "fatal", "panic", "uncaught"], &["warn"])
        };
        if has(errors) {
            LogLevel::Error
        } else if has(warnings) {
            LogLevel::Warn
        } else {
            LogLevel::Info
        }
    }

    /// The text without colours and other control codes.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut plain = String::with_capacity(self.text.len());
        let mut chars = self.text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                    // A control sequence ends with a letter or one of @[\\]^_`{|}~.
                    let _ends = chars.by_ref().find(|c| ('@'..='~').contains(c));
                }
                '\t' => plain.push_str("    "),
                c if c.is_control() => {}
                c => plain.push(c),
            }
        }
        plain
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRead {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// There was more than was asked for; the oldest were left out.
    pub skipped: bool,
    /// Where to go on from; `None` while nothing was ever said.
    pub place: Option<LogPlace>,
}

impl LogRead {
    /// What of these lines, oldest first, answers a query.
    #[must_use]
    pub fn gather(lines: impl IntoIterator<Item = LogLine>, query: &LogQuery) -> Self {
        let mut collector = Collector::new(query);
        for line in lines {
            collector.take(line);
        }
        collector.end()
    }
}

/// Done when a bot may have said more.
pub type Growth = BoxFuture<'static, ()>;

/// Takes lines oldest first and keeps the newest that answer a query.
pub(crate) struct Collector {
    query: LogQuery,
    contains: Option<String>,
    lines: VecDeque<LogLine>,
    bytes: usize,
    skipped: bool,
    /// Time of the newest line and how many lines had it.
    newest: Option<LogPlace>,
}

impl Collector {
    pub(crate) fn new(query: &LogQuery) -> Self {
        let contains = query.contains.as_ref().map(|words| words.to_lowercase());
        Self {
            query: query.clone(),
            contains,
            lines: VecDeque::new(),
            bytes: 0,
            skipped: false,
            newest: None,
        }
    }

    pub(crate) fn query(&self) -> &LogQuery {
        &self.query
    }

    /// Takes the next line; `true` if it is beyond the place asked for.
    pub(crate) fn take(&mut self, line: LogLine) -> bool {
        let seen = match self.newest {
            Some(newest) if newest.at_ms == line.at_ms => newest.seen + 1,
            // A clock that was set back must not let lines come twice.
            Some(newest) if newest.at_ms > line.at_ms => newest.seen,
            _ => 1,
        };
        let at_ms = self.newest.map_or(line.at_ms, |newest| newest.at_ms.max(line.at_ms));
        self.newest = Some(LogPlace { at_ms, seen });
        if self.query.after.is_some_and(|after| {
            line.at_ms < after.at_ms || (line.at_ms == after.at_ms && seen <= after.seen)
        }) {
            return false;
        }
        if !self.wanted(&line) {
            return true;
        }
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > self.query.lines || self.bytes > self.query.bytes {
            let Some(first) = self.lines.pop_front() else { break };
            self.bytes -= first.text.len();
            self.skipped = true;
        }
        true
    }

    fn wanted(&self, line: &LogLine) -> bool {
        let grave = self.query.level == LogLevel::Info || line.level() >= self.query.level;
        grave
            && self
                .contains
                .as_ref()
                .is_none_or(|words| (self.query.shown)(&line.plain()).to_lowercase().contains(words))
    }

    pub(crate) fn end(self) -> LogRead {
        // Without anything new the place stays, however old it is.
        let place = match (self.query.after, self.newest) {
            (Some(after), Some(newest)) if newest.at_ms < after.at_ms => Some(after),
            (after, newest) => newest.or(after),
        };
        LogRead { lines: self.lines.into(), skipped: self.skipped, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { at_ms: 1, text: text.to_owned() }
    }

    #[test]
    fn colours_tell_the_level_and_are_not_shown() {
        let warned = line(
            "\u{1b}[90m2026-11-21T15:01:33.112+00:00\u{1b}[39m \u{1b}[36m[gateway]\u{1b}[39m \u{1b}[33mauth mode=none\u{1b}[39m",
        );
        assert_eq!(warned.level(), LogLevel::Warn);
        assert_eq!(warned.plain(), "2026-11-21T15:01:33.112+00:00 [gateway] auth mode=none");
        assert_eq!(line("\u{1b}[31mno\u{1b}[39m").level(), LogLevel::Error);
        assert_eq!(line("TypeError: x").level(), LogLevel::Error);
        assert_eq!(line("[gateway] ready").level(), LogLevel::Info);
        assert_eq!(line("a\u{7}b\u{1b}[2Jc\u{1b}").plain(), "abc");
    }

    #[test]
    fn what_is_asked_for_is_found_and_the_oldest_left_out() {
        let query = LogQuery { lines: 2, contains: Some("ÄPFEL".to_owned()), ..LogQuery::default() };
        let said = (0..5)
            .flat_map(|n| ["äpfel", "pears"].map(|what| LogLine { at_ms: n, text: format!("{n} {what}") }));
        let read = LogRead::gather(said, &query);
        let texts: Vec<_> = read.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!((texts, read.skipped), (vec!["3 äpfel", "4 äpfel"], true));
        assert_eq!(read.place, Some(LogPlace { at_ms: 4, seen: 2 }));
    }

    #[test]
    fn a_clock_set_back_shows_no_line_twice() {
        let said = [5, 9, 7, 9].map(|at_ms| LogLine { at_ms, text: String::new() });
        let place = LogRead::gather(said.clone(), &LogQuery::default()).place;
        assert_eq!(place, Some(LogPlace { at_ms: 9, seen: 2 }));
        let again = LogRead::gather(said, &LogQuery { after: place, ..LogQuery::default() });
        assert!(again.lines.is_empty() && again.place == place, "{again:?}");
    }
}
