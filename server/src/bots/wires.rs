//! What bots need of the relay: that it knows their tokens and listens on their sockets.

use crate::platform::error::OpError;
use api::ids::BotId;
use std::os::unix::net::UnixListener;

/// The relay's side of the bots' wires.
#[async_trait::async_trait]
pub trait Wires: Send + Sync {
    /// Makes the relay know the tokens and keys of this moment.
    ///
    /// # Errors
    /// What the database says; the relay then goes on with what it knew.
    async fn refresh(&self) -> Result<(), OpError>;
    /// Serves a bot's own socket; a former one of the same bot ends.
    ///
    /// # Errors
    /// The socket cannot be served.
    fn open(&self, bot: BotId, listener: UnixListener) -> Result<(), OpError>;
    /// Ends serving it.
    fn close(&self, bot: BotId);
    /// Whether it is being served.
    fn is_open(&self, bot: BotId) -> bool;
}
