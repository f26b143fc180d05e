//! Rows of the virtual keys slice.

pub mod virtual_key;
