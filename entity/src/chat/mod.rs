//! Rows of the chat slice.

pub mod message;
pub mod thread;
