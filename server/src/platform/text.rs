//! Words of `api` as database text and back: enums by their wire name, structs as JSON. And when two names are one.

use super::error::OpError;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

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

/// Whether two names are one to people: they differ by case at most.
#[must_use]
pub fn alike(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// Whether two names are one.
type Same = fn(&str, &str) -> bool;

/// Who of all is meant by a name; `all` says of each its name and whether it has not ended. The living come before those that
/// have ended, and who is called just so before who differs by case.
#[must_use]
pub fn called(name: &str, all: &[(Uuid, String, bool)]) -> Vec<Uuid> {
    let who = |is: Same, living: bool| -> Vec<Uuid> {
        all.iter().filter(|(_, own, lives)| *lives == living && is(own, name)).map(|(id, ..)| *id).collect()
    };
    let (just, any): (Same, Same) = (|one, other| one == other, alike);
    let tries = [(just, true), (any, true), (just, false), (any, false)];
    let mut found = tries.into_iter().map(|(is, living)| who(is, living));
    found.find(|some| !some.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_living_one_that_is_called_just_so() {
        let id = Uuid::from_u128;
        let all =
            [(1, "Main", false), (2, "main", true), (3, "MAIN", true), (4, "Köln", true), (5, "old", false)];
        let all = all.map(|(n, name, lives)| (id(n), name.to_owned(), lives));
        assert_eq!(called("main", &all), [id(2)]);
        assert_eq!(called("Main", &all), [id(2), id(3)], "two that live come before one that has ended");
        assert_eq!((called("KÖLN", &all), called("old", &all)), (vec![id(4)], vec![id(5)]));
        assert!(called("other", &all).is_empty());
    }
}
