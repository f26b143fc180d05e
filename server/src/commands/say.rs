//! Words on the terminal: data on stdout, everything else on stderr; exit codes.

use std::{fmt::Display, io::Write, process::ExitCode};

/// Exit code of a configuration that cannot be served.
const CONFIG: u8 = 78;

/// Prints data. A closed pipe ends the program quietly.
pub(super) fn out(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a remark.
pub fn warn(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "chela: {text}");
}

/// A start that cannot be: the reason, exit 78.
pub fn refuse(error: &impl Display) -> ExitCode {
    warn(error);
    ExitCode::from(CONFIG)
}

/// A command that failed: the reason, exit 1.
pub(super) fn fail(error: &impl Display) -> ExitCode {
    warn(error);
    ExitCode::FAILURE
}
