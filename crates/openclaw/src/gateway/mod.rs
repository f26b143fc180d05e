//! A connection to a running gateway: the socket, the calls waiting for answers, the events waiting
//! for a reader. What the frames mean is [`crate::protocol`]'s business.

mod calls;
mod handle;
mod options;
mod queue;
mod socket;

pub use calls::{Aborted, ChatHistory, Deleted, HistoryMessage, InFlightRun, Started};
pub use handle::{CloseReason, Events, Gateway};
pub use options::{ConnectOptions, Token};

pub(crate) use queue::Queue;
