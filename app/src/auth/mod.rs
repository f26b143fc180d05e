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
