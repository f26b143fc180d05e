//! Looking after jobs: what waits, runs, failed for good or was ended, and what a person can do about it.
//!
//! Responsible for showing jobs to administrators of the instance and for their acts. Not for running them
//! (`platform::jobs`), nor for what a job does (its slice).

mod about;
mod live;
mod service;
mod store;

pub use live::{Watcher, tell};
pub use service::register;
