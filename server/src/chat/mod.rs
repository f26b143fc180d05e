//! Chats: threads of a bot, their messages, and answers while they stream.
//!
//! Durable facts (messages, ends of answers) stand in the database; text on its way lives in memory and is
//! told live. Not responsible for the connection to the gateway (`bots`) nor for model calls (`routing`).

mod answers;
mod blocks;
mod ears;
mod hear;
mod live;
mod markdown;
mod run;
mod service;
mod store;
mod threads;
mod unwritten;
mod waking;

pub use service::{Chat, register};
