//! Pages of people: set-up and links, login, and one's own profile, passkeys, sessions and tokens.
//!
//! The passkey ceremonies themselves are `public/passkey.js`; the pages hold the words it shows.

pub(crate) mod door;
mod enrol;
pub mod fns;
mod link;
mod login;
mod passkeys;
pub(crate) mod profile;
pub(crate) mod security;
mod sessions;
mod setup;
pub(crate) mod text;
pub(crate) mod tokens;

/// Stands in the context of a login page as long as nobody has a passkey.
#[cfg(feature = "ssr")]
#[derive(Clone, Copy, Debug)]
pub struct NobodyEnrolled;
