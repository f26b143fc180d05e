//! One thing the doctor looked at.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// Works, and will not for long or not for everybody.
    Warn,
    /// Does not work.
    Fail,
}

impl Level {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What was seen, what it means, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    pub(super) means: Option<String>,
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), means: None, remedy: None }
    }

    pub(super) fn warn(
        check: &'static str,
        found: impl Into<String>,
        means: &str,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warn, ..Self::fail(check, found, means, remedy) }
    }

    pub(super) fn fail(
        check: &'static str,
        found: impl Into<String>,
        means: &str,
        remedy: impl Into<String>,
    ) -> Self {
        let (found, means, remedy) = (found.into(), Some(means.to_owned()), Some(remedy.into()));
        Self { check, level: Level::Fail, found, means, remedy }
    }

    /// For a person: the finding, and below it what it means and what to do.
    pub(super) fn words(&self) -> String {
        let mut words = format!("{:<5} {:<11} {}", self.level.word(), self.check, self.found);
        for (lead, more) in [("", &self.means), ("-> ", &self.remedy)] {
            if let Some(more) = more {
                words.push_str(&format!("\n{:18}{lead}{more}", ""));
            }
        }
        words
    }
}
