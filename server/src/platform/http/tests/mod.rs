//! The panel's router, asked as browsers and programs ask it.

mod gate;
mod idempotency;
mod listener;
mod pages;
mod rest;
pub(crate) mod support;
