//! Pages of provider keys: list, add, test, replace, delete.

mod add;
mod choice;
pub mod fns;
mod list;
pub(crate) mod page;
pub(crate) mod text;
