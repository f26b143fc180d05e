//! What models cost and what is known of them: the shipped catalogue, a workspace's own words over it, and the cost of a
//! call.
//!
//! Not responsible for keeping costs (`usage`) nor for stopping anybody at a budget.

mod book;
mod catalogue;
mod draft;
mod facts;
mod file;
mod models;
mod moment;
mod service;
mod store;
mod tariff;

pub use book::Book;
pub use file::routes;
pub use service::register;
