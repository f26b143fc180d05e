//! Budgets of model calls, and virtual keys.

pub mod fns;
mod form;
mod keys;
pub mod page;
mod row;
pub(crate) mod said;
pub(crate) mod stops;
mod text;
