//! Pages of routing: fallback chains. They share a chunk with the keys they are asked with.

pub mod fns;
mod form;
pub(crate) mod page;
mod text;
