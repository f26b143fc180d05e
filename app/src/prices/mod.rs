//! Models: what they cost and what is known of them, `/routing/models`.

mod edit;
pub mod fns;
mod import;
pub mod page;
mod table;
mod text;
