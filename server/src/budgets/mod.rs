//! Budgets of model calls: how much a workspace, a bot or a virtual key may use, how that stands, and who is told.
//!
//! Not responsible for refusing a call (`relay::limits`), for the ledger (`usage`) or for what a call costs (`prices`).

mod begin;
mod draft;
mod instead;
mod limits;
mod runaway;
mod service;
mod stops;
mod store;
mod told;
mod watch;
mod windows;

pub use draft::of_model;
pub use limits::{Built, Now, build};
pub use service::{Budgets, of_new_key, register};
pub use stops::{stops, words as stop_words};
pub use told::told;
pub use windows::{windows as windows_of, zone};
