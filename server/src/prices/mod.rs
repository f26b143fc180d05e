//! What models cost: the shipped catalogue, a workspace's own prices over it, and the cost of a call.
//!
//! Not responsible for keeping costs (`usage`) nor for stopping anybody at a budget.

mod book;
mod catalogue;
mod service;
mod store;

pub use book::Book;
pub use service::register;
