//! Rows of the auth slice.

pub mod ceremony;
pub mod link;
pub mod passkey;
pub mod session;
pub mod token;
