//! People: one-time links, passkeys, sessions, API tokens, and who stands behind a request.
//!
//! Not responsible for what a person may do (`policy`), for cookies' cross-site rules and limits
//! (`platform::http`), or for pages.

pub mod admin;
mod ceremonies;
mod cookie;
mod decoy;
mod error;
mod failures;
mod fallback;
mod identify;
mod journal;
mod links;
mod login;
mod passkeys;
mod quota;
mod register;
mod routes;
mod service;
mod sessions;
mod state;
mod store;
mod tend;
mod time;
mod tokens;

pub use error::AuthError;
pub use login::Entered;
pub use routes::routes;
pub use service::register;
pub use state::{Auth, AuthStartError, Caller};
pub use tend::tend;
