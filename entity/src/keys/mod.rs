//! Rows of the keys slice.

pub mod provider_key;
