//! A verb: one thing a person, program or bot can ask for, with one answer type.

use serde::{Serialize, de::DeserializeOwned};

/// What a command or an answer must be: serialisable both ways, and describable where schemas are on.
#[cfg(not(feature = "schema"))]
pub trait Word: Serialize + DeserializeOwned + Send + 'static {}
#[cfg(not(feature = "schema"))]
impl<T: Serialize + DeserializeOwned + Send + 'static> Word for T {}

/// What a command or an answer must be: serialisable both ways, and describable where schemas are on.
#[cfg(feature = "schema")]
pub trait Word: Serialize + DeserializeOwned + schemars::JsonSchema + Send + 'static {}
#[cfg(feature = "schema")]
impl<T: Serialize + DeserializeOwned + schemars::JsonSchema + Send + 'static> Word for T {}

/// A command. Server function, REST, CLI and job all end in the handler registered for it.
pub trait Verb: Word {
    /// The answer.
    type Out: Word;
    /// `slice.verb`, stable for ever: audit, OpenAPI and rate limits use it.
    const NAME: &'static str;
}

/// Binds commands to their answers and names.
macro_rules! verbs {
    ($($cmd:ty => $out:ty, $name:literal;)*) => {$(
        impl crate::verb::Verb for $cmd {
            type Out = $out;
            const NAME: &'static str = $name;
        }
    )*};
}
pub(crate) use verbs;

words! {
    /// The answer of a verb that has nothing to tell.
    #[derive(Copy, Eq, Default)]
    pub struct Done {}
}
