//! The one error that leaves Chela: problem+json on REST, the same object for server functions.

use std::fmt;

words! {
    /// What kind of failure; the HTTP status follows from it.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Code {
        /// 400: not readable as what it claims to be.
        Malformed,
        /// 401: nobody, or a session that has ended.
        Unauthenticated,
        /// 403: known, visible, not allowed.
        Forbidden,
        /// 404: does not exist, or is not yours to see (the same bytes).
        NotFound,
        /// 405: the address exists, the method does not.
        MethodNotAllowed,
        /// 409: clashes with what is.
        Conflict,
        /// 409: somebody changed it since you read it.
        Stale,
        /// 409: the same idempotency key is being worked on.
        InFlight,
        /// 409: a request with this idempotency key broke off; whether it was done is not known.
        InDoubt,
        /// 410: was there once, is used up or expired.
        Gone,
        /// 413: body over the limit.
        TooLarge,
        /// 415: not JSON.
        UnsupportedMediaType,
        /// 422: readable, but breaks a rule.
        Invalid,
        /// 422: the vendor refuses this key.
        KeyRejected,
        /// 422: an idempotency key used before with another body.
        IdempotencyMismatch,
        /// 429: too often; wait `retry_after_ms`.
        RateLimited,
        /// 500: our fault; the request id leads to the log.
        Internal,
        /// 502: another system (vendor, engine, gateway) answered wrongly.
        Upstream,
        /// 503: not now.
        Unavailable,
        /// 504: a deadline passed.
        Timeout,
        /// 507: the disk is full.
        StorageFull,
    }

    /// What is wrong with one field.
    #[derive(Eq)]
    pub struct FieldError {
        /// JSON pointer to the field, e.g. `/name`.
        pub pointer: String,
        /// The rule it breaks, in a sentence.
        pub detail: String,
    }

    /// Both versions of a `stale` write.
    #[derive(Copy, Eq)]
    pub struct Versions {
        /// What the writer had read.
        pub expected: i64,
        /// What is stored now.
        pub actual: i64,
    }

    /// A failure as its reader sees it. What may not be seen is not in it.
    #[derive(Eq)]
    pub struct ApiError {
        pub code: Code,
        /// What happened, for a person.
        pub message: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub fields: Vec<FieldError>,
        /// What you can do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hint: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub retry_after_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub request_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub versions: Option<Versions>,
    }
}

impl Code {
    /// The HTTP status of this code.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict | Self::Stale | Self::InFlight | Self::InDoubt => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::KeyRejected | Self::IdempotencyMismatch => 422,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Upstream => 502,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::StorageFull => 507,
        }
    }
}

impl ApiError {
    /// An error with a message for a person.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fields: Vec::new(),
            hint: None,
            retry_after_ms: None,
            request_id: None,
            versions: None,
        }
    }

    /// What does not exist and what may not be seen: one text, so that nobody can tell them apart.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "This does not exist, or you may not see it.")
    }

    /// Nobody is logged in.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Please log in.")
    }

    /// The caller is known but lacks the right.
    pub fn forbidden() -> Self {
        Self::new(Code::Forbidden, "Your role does not allow this.")
    }

    /// Our fault. The cause goes to the log, never in here.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something went wrong on our side. The request id leads to the log.")
    }

    /// One field breaks a rule.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut error = Self::new(Code::Invalid, detail.clone());
        error.fields.push(FieldError { pointer: pointer.into(), detail });
        error
    }

    /// One field clashes with what is.
    pub fn clash(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code: Code::Conflict, ..Self::field(pointer, detail) }
    }

    /// Somebody else changed it first.
    pub fn stale(expected: i64, actual: i64) -> Self {
        let mut error = Self::new(Code::Stale, "Somebody changed this since you opened it.");
        error.hint = Some("Reload to see the newer version, then make your change again.".into());
        error.versions = Some(Versions { expected, actual });
        error
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds when to come back, in milliseconds.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for ApiError {}

#[cfg(feature = "server-fn")]
impl server_fn::error::FromServerFnError for ApiError {
    type Encoder = server_fn::codec::JsonEncoding;

    fn from_server_fn_error(value: server_fn::error::ServerFnErrorErr) -> Self {
        use server_fn::error::ServerFnErrorErr as E;
        match value {
            // The serde text inside may quote what was sent: it stays out.
            E::Args(_) | E::MissingArg(_) | E::Deserialization(_) => {
                Self::new(Code::Malformed, "The request could not be read.")
            }
            E::Request(_) => Self::new(Code::Unavailable, "Chela could not be reached.")
                .with_hint("Check your connection; the page tries again by itself."),
            _ => Self::internal(),
        }
    }
}
