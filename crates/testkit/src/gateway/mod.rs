//! A stand-in for OpenClaw's gateway: speaks protocol v4 and the health paths over TCP or a Unix
//! socket, in the shapes recorded from version 2026.9.6, and starts within milliseconds. A contract
//! test holds it against the real one.
//!
//! It answers from a script or by really calling a model through the relay; it has no tools, no
//! channels and no disk. The binary `fake-gateway` stands in for a bot's whole process.

mod cell;
mod chat;
mod connection;
mod reply;
mod server;
mod shapes;
mod state;
mod tools;

pub use cell::{live, told};
pub use reply::{ModelApi, Reply, Upstream};
pub use server::{FakeGateway, Listen};
pub use state::Options;
pub use tools::Tools;
