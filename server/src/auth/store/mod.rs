//! Rows of people and secrets. Every function asks for a proof of permission.

pub(super) mod ceremonies;
pub(super) mod links;
pub(super) mod passkeys;
pub(super) mod people;
pub(super) mod sessions;
pub(super) mod tokens;

use policy::{Granted, act};

/// Proof that Chela itself acts: finding out who somebody is comes before any right of theirs.
pub(super) type System = Granted<act::Administer>;
/// Proof that a person acts on their own passkeys and sessions.
pub(super) type Own = Granted<act::ManageSelf>;
/// Proof that an owner acts on the workspace's tokens.
pub(super) type Tokens = Granted<act::ManageTokens>;
