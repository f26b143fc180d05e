//! Words of `api` as database text and back: enums by their wire name, structs as JSON.

use super::error::OpError;
use serde::{Serialize, de::DeserializeOwned};

/// The wire name of an enum word, e.g. `running`.
pub fn name_of<T: Serialize>(word: &T) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The enum word of a wire name.
///
/// # Errors
/// The database holds a name this version does not know.
pub fn named<T: DeserializeOwned>(name: &str) -> Result<T, OpError> {
    serde_json::from_value(serde_json::Value::String(name.to_owned()))
        .map_err(|source| OpError::Corrupt { what: "an unknown word", source: source.into() })
}

/// A word as JSON text.
///
/// # Errors
/// Never for the words of `api`.
pub fn json_of<T: Serialize>(word: &T) -> Result<String, OpError> {
    serde_json::to_string(word)
        .map_err(|source| OpError::Corrupt { what: "an unwritable word", source: source.into() })
}

/// A word from JSON text.
///
/// # Errors
/// The database holds JSON this version does not know.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, OpError> {
    serde_json::from_str(text)
        .map_err(|source| OpError::Corrupt { what: "unreadable JSON", source: source.into() })
}
