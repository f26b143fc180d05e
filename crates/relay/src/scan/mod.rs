//! Looking into bodies while they pass, without IO, without recursion, in bounded memory.
//!
//! Responsible for finding a top-level field of a JSON text ([`TopFields`]), the events of a stream
//! ([`EventReader`]) and what they say about usage ([`Meter`]). However a body is cut into pieces, the result
//! is the same. Nothing here changes a byte.

mod fields;
mod frames;
mod messages;
mod meter;
mod needle;
mod sieve;
mod sizes;
mod sse;
mod usage;

pub(crate) use fields::TopFields;
pub(crate) use frames::{Frames, Sum};
pub(crate) use messages::exception;
pub(crate) use meter::{Meter, Shape};
pub(crate) use needle::Needle;
pub(crate) use sieve::{Sieve, Sifted};
pub(crate) use sizes::{BYTES_OF_A_TOKEN, BYTES_OF_AN_EVENT};
