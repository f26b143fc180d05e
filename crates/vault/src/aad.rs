//! Where a secret lives: bound into the seal, so that a sealed secret opens in its own place only.

use crate::KeyVersion;

/// The place of a secret: table, column and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aad<'a> {
    table: &'a str,
    column: &'a str,
    row: &'a [u8],
}

impl<'a> Aad<'a> {
    /// `row` is the primary key as bytes (a UUID's sixteen).
    pub const fn new(table: &'a str, column: &'a str, row: &'a [u8]) -> Self {
        Self { table, column, row }
    }

    /// Unambiguous bytes: every part carries its length, so `("ab","c")` and `("a","bc")` differ.
    fn encode(&self, purpose: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        for part in [purpose.as_bytes(), self.table.as_bytes(), self.column.as_bytes(), self.row] {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// Bound to the secret itself. It lacks the key version: rotation rewraps data keys only.
    pub(crate) fn for_secret(&self, format: u8) -> Vec<u8> {
        let mut bytes = self.encode("secret");
        bytes.push(format);
        bytes
    }

    /// Bound to the wrapped data key.
    pub(crate) fn for_data_key(&self, format: u8, version: KeyVersion) -> Vec<u8> {
        let mut bytes = self.encode("data-key");
        bytes.push(format);
        bytes.extend_from_slice(&version.0.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_parts_never_run_together() {
        assert_ne!(Aad::new("ab", "c", b"x").for_secret(1), Aad::new("a", "bc", b"x").for_secret(1));
        assert_ne!(Aad::new("a", "b", b"cx").for_secret(1), Aad::new("a", "bc", b"x").for_secret(1));
    }
}
