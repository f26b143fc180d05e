//! The terminal, or whatever stands in its place.

use crate::{env::Env, options::Common};
use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

/// Where a command writes.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Standard output is a terminal.
    pub(crate) terminal: bool,
    pub(crate) colours: bool,
    pub(crate) quiet: bool,
}

impl Screen {
    pub(crate) fn new(common: &Common, env: &Env) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { terminal, colours: terminal && !common.no_color && !env.colourless, quiet: common.quiet }
    }

    /// Writes data.
    pub(crate) fn data(&self, text: &str) {
        self.piece(text);
        if !text.is_empty() && !text.ends_with('\n') {
            self.piece("\n");
        }
    }

    /// Writes a piece of data at once. Where nobody reads any more, the program ends as if killed by the pipe.
    pub(crate) fn piece(&self, text: &str) {
        let mut to = io::stdout().lock();
        let written = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        if written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            std::process::exit(141);
        }
    }

    /// Writes text of a bot: as it is into a pipe, without what could steer a terminal otherwise.
    pub(crate) fn foreign(&self, text: &str) {
        if self.terminal { self.piece(&super::plain(text)) } else { self.piece(text) }
    }

    /// Whether data takes the place of earlier data.
    pub(crate) const fn redraws(&self) -> bool {
        self.terminal
    }

    /// Writes data anew: in the place of the former on a terminal, after it elsewhere.
    pub(crate) fn redraw(&self, text: &str) {
        if self.terminal {
            self.piece("\u{1b}[2J\u{1b}[H");
        }
        self.data(text);
    }

    /// Says something about what was done.
    pub(crate) fn remark(&self, text: impl Display) {
        if !self.quiet {
            _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Says what went wrong, wherever.
pub(crate) fn complain(what: &impl Display) {
    _ = writeln!(io::stderr(), "chela: {}", super::plain(&what.to_string()));
}
