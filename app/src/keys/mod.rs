//! Pages of provider keys: list, add, test, replace, delete.

mod add;
pub mod fns;
mod list;
pub(crate) mod page;
pub(crate) mod text;
