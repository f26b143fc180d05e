//! The words Chela's rooms share: ids, verbs and their answers, errors, live frames, validation.
//!
//! Responsible for types and for rules that hold on both sides of the wire. Not responsible for any
//! work: no IO, no clock, no randomness; it compiles to wasm.
#![forbid(unsafe_code)]

/// Derives what every word on the wire needs.
macro_rules! words {
    ($($item:item)*) => {$(
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $item
    )*};
}

pub mod audit;
pub mod auth;
pub mod bots;
pub mod budgets;
pub mod chat;
pub mod error;
pub mod ids;
pub mod jobs;
pub mod keys;
pub mod live;
pub mod money;
pub mod notify;
pub mod orphans;
pub mod page;
pub mod prices;
pub mod routing;
pub mod settings;
pub mod usage;
pub mod validate;
pub mod verb;
pub mod virtual_keys;

pub use error::{ApiError, Code, FieldError};
pub use page::Page;
pub use verb::{Verb, Word};
