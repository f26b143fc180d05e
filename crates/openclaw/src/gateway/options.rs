//! What is needed to connect.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::protocol::Runs;

/// A gateway's shared token. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Where the gateway listens.
    pub endpoint: Endpoint,
    /// Its shared token.
    pub token: Token,
    /// How it shall name us in its logs.
    pub display_name: String,
    /// Time for stream, WebSocket and handshake together.
    pub deadline: Duration,
    /// A signing device, where the wire asks for one.
    pub identity: Option<Arc<dyn Identity>>,
    /// Runs known from an earlier connection to the same gateway.
    pub runs: Runs,
}

impl ConnectOptions {
    /// The usual: no device, nothing known yet, 15 seconds.
    #[must_use]
    pub fn new(endpoint: Endpoint, token: Token) -> Self {
        Self {
            endpoint,
            token,
            display_name: "Chela".to_owned(),
            deadline: Duration::from_secs(15),
            identity: None,
            runs: Runs::default(),
        }
    }
}
