//! Hints that something changed in a runtime.

use api::ids::BotId;
use tokio::sync::broadcast;

/// Something may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// With this bot.
    Bot(BotId),
    /// With any: the runtime was away, or hints were lost.
    All,
}

/// A stream of hints. Ends when the runtime ends.
#[derive(Debug)]
pub struct Hints(broadcast::Receiver<Hint>);

impl Hints {
    /// Takes the receiving end of a channel.
    #[must_use]
    pub const fn new(receiver: broadcast::Receiver<Hint>) -> Self {
        Self(receiver)
    }

    /// The next one; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Hint> {
        match self.0.recv().await {
            Ok(hint) => Some(hint),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Hint::All),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
