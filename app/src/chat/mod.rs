//! Pages of chat: the threads of a bot and one conversation.

mod composer;
mod conversation;
pub mod fns;
mod message;
pub(crate) mod page;
mod text;
mod threads;
