//! Provider keys: tested at their vendor, stored sealed, never shown again.
//!
//! Vendor and base URL of a stored key change only together with its secret. Not responsible for choosing
//! a key for a call (`relay`) nor for handing keys to it (`routing`).

mod choice;
mod draft;
mod probe;
mod refused;
mod service;
mod store;
mod watch;

pub use choice::{apart, none_empty, tags};
pub use probe::egress;
pub use service::{Keys, register};
pub use store::{OpenKey, open_all};
pub use watch::Watch;
