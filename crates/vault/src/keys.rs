//! The master key, what is derived from it, and the three things done with it.

use crate::{Aad, VaultError, envelope};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Length of a master key.
pub const MASTER_KEY_BYTES: usize = 32;

/// Which master key wrapped a data key; grows by one with each rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyVersion(pub u32);

impl KeyVersion {
    /// The version of an instance that never rotated.
    pub const FIRST: Self = Self(1);
}

/// Seals and opens with one master key. Only derived keys are held, and wiped when dropped.
#[derive(Clone)]
pub struct Vault {
    version: KeyVersion,
    wrapping_key: Zeroizing<[u8; 32]>,
    check: [u8; 16],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault over the first master key.
    pub fn new(master: &Zeroizing<[u8; MASTER_KEY_BYTES]>) -> Self {
        Self::with_version(master, KeyVersion::FIRST)
    }

    /// A vault over the master key of that version.
    pub fn with_version(master: &Zeroizing<[u8; MASTER_KEY_BYTES]>, version: KeyVersion) -> Self {
        let derive = Hkdf::<Sha256>::new(None, master.as_ref());
        let mut wrapping_key = Zeroizing::new([0u8; 32]);
        let mut check = [0u8; 16];
        // HKDF-SHA256 refuses more than 8,160 bytes only: 32 and 16 always fit.
        let fits = derive.expand(b"chela/vault/v1/wrapping-key", wrapping_key.as_mut()).is_ok()
            && derive.expand(b"chela/vault/v1/check", &mut check).is_ok();
        debug_assert!(fits);
        Self { version, wrapping_key, check }
    }

    /// The version this vault seals with.
    pub const fn version(&self) -> KeyVersion {
        self.version
    }

    /// Seals `secret` for the place `aad`. Two seals of one secret differ.
    ///
    /// # Errors
    /// `NotSealed` if the cipher refuses; nothing was sealed then.
    pub fn seal(&self, aad: &Aad<'_>, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        envelope::seal(&self.wrapping_key, self.version, aad, secret)
    }

    /// Opens what was sealed for the place `aad`.
    ///
    /// # Errors
    /// Altered, moved, cut short, or sealed under another master key.
    pub fn open(&self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        envelope::open(&self.wrapping_key, self.version, aad, sealed)
    }

    /// Wraps the data key of a secret sealed by `older` under this vault's master key. The secret itself
    /// is neither opened nor sealed anew.
    ///
    /// # Errors
    /// As [`Vault::open`], for `older`.
    pub fn rewrap(&self, older: &Self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let from = (&older.wrapping_key, older.version);
        envelope::rewrap(from, (&self.wrapping_key, self.version), aad, sealed)
    }

    /// A key for another purpose of this instance (never for sealing). It changes with the master key.
    pub fn derive_key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let derive = Hkdf::<Sha256>::new(Some(b"chela/vault/v1/purpose"), self.wrapping_key.as_ref());
        let mut key = Zeroizing::new([0u8; 32]);
        let fits = derive.expand(purpose.as_bytes(), key.as_mut()).is_ok();
        debug_assert!(fits);
        key
    }

    /// A text to store beside the data: it tells a wrong master key from the right one and nothing else.
    pub fn check_value(&self) -> String {
        use fmt::Write;
        self.check.iter().fold(format!("{}:", self.version.0), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether `stored` was made by [`Vault::check_value`] over the same master key.
    pub fn matches(&self, stored: &str) -> bool {
        self.check_value().as_bytes().ct_eq(stored.trim().as_bytes()).into()
    }
}
