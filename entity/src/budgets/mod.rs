//! Rows of the budgets slice.

pub mod budget;
pub mod lookout;
pub mod notice;
pub mod runaway;
pub mod stop;
