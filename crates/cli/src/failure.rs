//! How a command ends when it does not end well: the words and the exit code.

use crate::terms;
use serde_json::Value;
use std::{fmt::Write, process::ExitCode};

/// An answer of the panel that says no.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
    /// Field, as a pointer or in the command's terms, and rule.
    pub(crate) errors: Vec<(String, String)>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after_ms: Option<u64>,
}

impl Problem {
    /// Reads problem+json; nothing if it is something else.
    pub(crate) fn read(status: u16, body: &Value) -> Option<Self> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
        let field = |error: &Value| {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text("pointer"), text("detail"))
        };
        Some(Self {
            status,
            code: text("code")?,
            title: text("title").unwrap_or_default(),
            detail: text("detail")?,
            hint: text("hint"),
            errors: errors.map(field).collect(),
            request_id: text("request_id"),
            retry_after_ms: body.get("retry_after_ms").and_then(Value::as_u64),
        })
    }

    const fn exit(&self) -> u8 {
        match self.status {
            401 => 4,
            404 | 410 => 3,
            409 | 412 => 5,
            408 | 504 => 6,
            _ => 1,
        }
    }

    /// What is wrong, where that is known: with which field.
    fn placed(&self) -> impl Iterator<Item = String> {
        let named = self.errors.iter().filter(|(pointer, _)| !pointer.is_empty());
        named.map(|(pointer, detail)| match pointer.strip_prefix('/') {
            Some(field) => format!("{}: {detail}", field.replace(['/', '_'], " ")),
            None => format!("{pointer}: {detail}"),
        })
    }

    /// What happened, once.
    fn said(&self) -> String {
        let mut placed = self.placed();
        match (self.code.as_str(), placed.next(), placed.next()) {
            ("invalid", Some(one), None) => one,
            ("invalid", Some(_), Some(_)) => "this cannot be done as it is said".to_owned(),
            _ => self.detail.clone(),
        }
    }

    fn words(&self) -> String {
        let mut words = self.said();
        if !self.title.is_empty() && self.title != self.detail {
            words = format!("{words} ({}, {})", self.title, self.status);
        }
        // One alone is said already.
        let several = self.placed().count() > 1;
        for line in self.placed().filter(|_| several) {
            _ = write!(words, "\n  {line}");
        }
        let hint = match (self.status, &self.hint) {
            (_, Some(hint)) => Some(hint.clone()),
            (401, None) => {
                Some("The token is not known, or was ended. Run `chela login` with another.".to_owned())
            }
            _ => None,
        };
        if let Some(hint) = hint {
            _ = write!(words, "\n  What you can do: {hint}");
        }
        if let Some(ms) = self.retry_after_ms {
            _ = write!(words, "\n  Try again in {} s.", ms.div_ceil(1000));
        }
        if let Some(id) = &self.request_id {
            _ = write!(words, "\n  Request: {id}");
        }
        words
    }
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    /// The panel said no.
    #[error("{}", .0.words())]
    Problem(Box<Problem>),
    /// What was typed cannot be done as typed, or the person said no.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// Nobody is logged in.
    #[error("{0}")]
    Login(String),
    /// It took too long.
    #[error("{0}")]
    Timeout(String),
    /// Some of it was done.
    #[error("{done} done, {failed} failed.")]
    Partial { done: usize, failed: usize },
    /// Several things were asked for and every one failed; the words were said already.
    #[error("nothing was done.")]
    All { exit: u8 },
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The exit code, as docs/ops/cli.md promises it.
    pub(crate) const fn exit(&self) -> u8 {
        match self {
            Self::Problem(problem) => problem.exit(),
            Self::Usage(_) => 2,
            Self::Missing(_) => 3,
            Self::Login(_) => 4,
            Self::Timeout(_) => 6,
            Self::Partial { .. } => 7,
            Self::All { exit } => *exit,
            Self::Other(_) => 1,
        }
    }

    /// The same, with fields called as the command that was typed calls them.
    pub(crate) fn in_terms_of(mut self, command: &str) -> Self {
        if let Self::Problem(problem) = &mut self {
            for (pointer, _) in &mut problem.errors {
                if let Some(term) = terms::of(command, pointer) {
                    *pointer = term;
                }
            }
        }
        self
    }

    /// The same; where the panel said no with this code, with what else can be done.
    pub(crate) fn hinting(mut self, code: &str, more: &str) -> Self {
        if let Self::Problem(problem) = &mut self
            && problem.code == code
        {
            problem.hint =
                Some(problem.hint.take().map_or_else(|| more.to_owned(), |hint| format!("{hint} {more}")));
        }
        self
    }

    /// The same; where something is not there, with where to look for it.
    pub(crate) fn with(self, hint: &str) -> Self {
        match self {
            Self::Missing(words) => Self::Missing(format!("{words}\n  {hint}")),
            other => other,
        }
    }

    /// Whether the panel says that this does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.status == 404)
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.exit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(status: u16) -> Failure {
        let body = json!({ "code": "x", "detail": "No." });
        Failure::Problem(Box::new(Problem::read(status, &body).unwrap()))
    }

    #[test]
    fn every_kind_of_failure_has_its_exit_code() {
        for (status, exit) in [
            (400, 1),
            (401, 4),
            (403, 1),
            (404, 3),
            (409, 5),
            (410, 3),
            (412, 5),
            (422, 1),
            (500, 1),
            (504, 6),
        ] {
            assert_eq!(problem(status).exit(), exit, "{status}");
        }
        assert_eq!(Failure::Usage(String::new()).exit(), 2);
        assert_eq!(Failure::Login(String::new()).exit(), 4);
        assert_eq!(Failure::Timeout(String::new()).exit(), 6);
        assert_eq!(Failure::Partial { done: 1, failed: 1 }.exit(), 7);
    }

    #[test]
    fn a_problem_is_told_in_plain_words_with_what_to_do() {
        let body = json!({
            "type": "/api/docs#code-invalid", "title": "Unprocessable Entity", "status": 422, "code": "invalid",
            "detail": "name must have 1 to 80 characters", "hint": "Choose a shorter one.",
            "errors": [{ "pointer": "/name", "detail": "must have 1 to 80 characters" }], "request_id": "req_1",
        });
        let said = Failure::Problem(Box::new(Problem::read(422, &body).unwrap())).to_string();
        assert_eq!(
            said,
            "name: must have 1 to 80 characters (Unprocessable Entity, 422)\n  What you can do: Choose a shorter one.\n  \
             Request: req_1"
        );
        assert!(Problem::read(502, &json!({ "error": "bad gateway" })).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_once_and_as_the_command_calls_it() {
        let body = |code: &str, detail: &str, errors: Value| {
            let body = json!({ "code": code, "detail": detail, "errors": errors });
            Failure::Problem(Box::new(Problem::read(422, &body).unwrap())).in_terms_of("key set").to_string()
        };
        let rate = json!({ "pointer": "/requests_per_minute", "detail": "must be 1 to 9" });
        let label = json!({ "pointer": "/label", "detail": "must not be empty" });
        assert_eq!(
            body("invalid", "requests per minute must be 1 to 9", json!([rate])),
            "--rate: must be 1 to 9"
        );
        let both = body("invalid", "requests per minute must be 1 to 9", json!([rate, label]));
        assert_eq!(
            both,
            "this cannot be done as it is said\n  --rate: must be 1 to 9\n  --label: must not be empty"
        );
        let taken = json!([{ "pointer": "/label", "detail": "Another key has it." }]);
        assert_eq!(body("conflict", "Another key has it.", taken), "Another key has it.");
        let strange = json!([{ "pointer": "/un_heard/of", "detail": "is strange" }]);
        assert_eq!(body("invalid", "un heard is strange", strange), "un heard of: is strange");
    }
}
