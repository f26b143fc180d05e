//! What tests need and the product does not: stand-ins for vendors and gateways. Never a dependency of
//! anything but tests.
#![forbid(unsafe_code)]

pub mod fake_runtime;
pub mod gateway;
pub mod registry;
pub mod vendor;
