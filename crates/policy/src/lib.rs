//! Who may do what: a subject and an action become a proof, or nothing does.
//!
//! Store functions ask for `Granted<A>`, whose constructor is private to this crate: what was not checked
//! cannot be called. No IO; unknown means deny.
#![forbid(unsafe_code)]

mod action;
mod grant;

pub use action::{Action, ActionInfo, Needs, all_actions, matrix};
pub use grant::{Actor, Denied, Granted, RowScope, Subject, check};

/// The actions, one type each.
pub mod act {
    pub use crate::action::markers::*;
}
