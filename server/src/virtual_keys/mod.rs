//! Virtual keys: what people and programs call models with, instead of a vendor's key.
//!
//! Only hashes of secrets are kept. Not responsible for letting a call through (`relay`), nor for what it may use (`budgets`).

mod service;
mod store;

pub use service::{VirtualKeys, register};
pub use store::{all, find, names, used};
