//! Envelope encryption of stored secrets: a data key per secret, wrapped by a key derived from the master key.
//!
//! Responsible for sealing, opening, rewrapping and for telling a wrong master key from a right one. Not
//! responsible for files, databases or where the master key comes from: no IO.
#![forbid(unsafe_code)]

mod aad;
mod envelope;
mod keys;

pub use aad::Aad;
pub use keys::{KeyVersion, MASTER_KEY_BYTES, Vault};

/// Why a sealed secret does not open. It says nothing of the plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Shorter than the smallest sealed secret.
    #[error("sealed secret is cut short")]
    Short,
    /// Made by a newer Chela.
    #[error("sealed secret has an unknown format {0}")]
    UnknownFormat(u8),
    /// Wrapped by another master key than the one at hand.
    #[error("sealed secret belongs to master key version {found}, this one is {held}")]
    OtherKey { found: u32, held: u32 },
    /// Altered, moved to another row, or sealed under another master key.
    #[error("sealed secret does not open: altered, moved to another row, or another master key")]
    Refused,
    /// The secret is too long or the cipher failed; nothing was sealed.
    #[error("secret cannot be sealed")]
    NotSealed,
}
