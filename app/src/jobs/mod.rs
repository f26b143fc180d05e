//! The jobs of the instance, for its administrators.

pub mod fns;
pub(crate) mod page;
mod text;
