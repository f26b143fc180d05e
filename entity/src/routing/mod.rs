//! Rows of the routing slice.

pub mod chain;
