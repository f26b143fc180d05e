//! Rows of the usage slice.

pub mod usage_row;
