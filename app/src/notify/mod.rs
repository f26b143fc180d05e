//! What people are told of bots: the bell, the list behind it, and who wants to hear of what.

pub(crate) mod bell;
pub(crate) mod choices;
pub mod fns;
pub(crate) mod item;
pub(crate) mod page;
pub(crate) mod text;
