//! Facts about this instance for its settings page. No secret, no tenant's data.
//!
//! Not responsible for reading settings (`platform::config`) or for what a banner warns of happening.

mod service;

pub use service::{Facts, register};
