//! Why a step failed, in words for people.

use crate::platform::error::OpError;
use api::bots::Reason;

/// A step that did not work.
#[derive(Debug)]
pub struct Fault {
    pub reason: Reason,
    /// Not a failure: what was being done is not wanted any more.
    pub cancelled: bool,
}

impl Fault {
    /// A failure with a stable code, what happened, and what one can do.
    pub fn new(code: &str, message: impl Into<String>, hint: Option<&str>) -> Self {
        let reason = Reason { code: code.to_owned(), message: message.into(), hint: hint.map(str::to_owned) };
        Self { reason, cancelled: false }
    }

    /// Not wanted any more.
    pub fn cancelled() -> Self {
        Self { cancelled: true, ..Self::new("cancelled", "Cancelled.", None) }
    }
}

impl From<OpError> for Fault {
    fn from(error: OpError) -> Self {
        // What the person reads is the safe form; the chain goes to the log in `ApiError::from`.
        let error = api::ApiError::from(error);
        Self::new("internal", error.message, error.hint.as_deref())
    }
}
