//! Model calls that people stop at once, and allow again. How a call is ended is the relay's (`relay::stops`).

mod service;
mod store;

pub use service::{register, words};
pub use store::all as stops;
