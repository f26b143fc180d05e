//! The panel's HTTP: one gate in front, then pages, server functions, REST, live socket, health.
//!
//! Responsible for limits, headers, who is calling and how errors look. Not responsible for what a verb
//! does, how a session works, or what a page shows.

mod body;
mod client;
mod csrf;
mod docs;
mod etag;
mod gate;
mod headers;
mod health;
mod host;
mod identify;
mod input;
mod json;
pub mod listen;
mod openapi;
mod pages;
mod panel;
mod problem;
mod rest;
pub mod site;
mod walk;
mod whole;

pub use body::StrictJson;
pub use client::ClientAddr;
pub use gate::{Area, identify_caller};
pub use health::metrics_router;
pub use identify::{Identify, Identity, Revoked, SESSION_COOKIE, ended};
pub use listen::{Limits, serve};
pub use openapi::document as openapi_document;
pub use panel::{PanelParts, panel};
pub use problem::Problem;
pub use walk::{Door, doors};

#[cfg(test)]
pub(crate) mod tests;
