//! Rows of the budgets slice.

pub mod budget;
pub mod notice;
pub mod runaway;
pub mod stop;
