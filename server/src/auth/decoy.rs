//! Passkeys that do not exist, so that a name nobody has looks like one somebody has.
//!
//! A login by name lists credential ids. Every list is filled up to a multiple of four with ids derived from
//! the name: the same at every try, and of the lengths that real ones have.

use sha2::{Digest, Sha256};
use webauthn_rs::prelude::Passkey;
use webauthn_rs_proto::AllowCredentials;
use zeroize::Zeroizing;

/// Lengths of credential ids in the field, as often as they are met.
const LENGTHS: [usize; 8] = [16, 16, 20, 20, 32, 32, 48, 64];
/// Lists are filled up to a multiple of this.
const STEP: usize = 4;

/// Derives decoys from a key only this instance knows.
#[derive(Debug)]
pub(super) struct Decoys {
    key: Zeroizing<[u8; 32]>,
}

impl Decoys {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key }
    }

    fn hash(&self, purpose: u8, n: usize, text: &[u8]) -> [u8; 32] {
        let n = u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes();
        let hash = Sha256::new().chain_update(self.key.as_ref()).chain_update([purpose]).chain_update(n);
        hash.chain_update(text).finalize().into()
    }

    fn id(&self, name_key: &str, n: usize) -> Vec<u8> {
        let [first, ..] = self.hash(0, n, name_key.as_bytes());
        let length = LENGTHS.get(usize::from(first) % LENGTHS.len()).copied().unwrap_or(32);
        let mut id = self.hash(1, n, name_key.as_bytes()).to_vec();
        id.extend(self.hash(2, n, name_key.as_bytes()));
        id.truncate(length);
        id
    }

    /// The list for a login by name: `real` ids hidden among decoys, in an order that tells nothing.
    pub(super) fn list(&self, name_key: &str, real: Vec<Vec<u8>>) -> Vec<AllowCredentials> {
        let length = real.len().max(1).next_multiple_of(STEP);
        let decoys = (real.len()..length).map(|n| self.id(name_key, n));
        let mut ids: Vec<Vec<u8>> = decoys.collect();
        ids.extend(real);
        ids.sort_by_cached_key(|id| self.hash(3, 0, id));
        // No transports: what one device tells of itself would show which ids are real.
        ids.into_iter()
            .map(|id| AllowCredentials { type_: "public-key".to_owned(), id, transports: None })
            .collect()
    }

    /// A passkey with this id that no one holds: an unknown credential is verified against it, so that the
    /// work is the same as for a known one.
    pub(super) fn passkey(id: &[u8]) -> Option<Passkey> {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        // A public test key of the WebAuthn library; a login with it is refused whatever it signs.
        const X: [u8; 32] = [
            194, 126, 127, 109, 252, 23, 131, 21, 252, 6, 223, 99, 44, 254, 140, 27, 230, 17, 94, 5, 133, 28,
            104, 41, 144, 69, 171, 149, 161, 26, 200, 243,
        ];
        const Y: [u8; 32] = [
            143, 123, 183, 156, 24, 178, 21, 248, 117, 159, 162, 69, 171, 52, 188, 252, 26, 59, 6, 47, 103,
            92, 19, 58, 117, 103, 249, 0, 219, 8, 95, 196,
        ];
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        serde_json::from_value(serde_json::json!({ "cred": {
            "cred_id": text(id),
            "cred": { "type_": "ES256", "key": { "EC_EC2": { "curve": "SECP256R1", "x": text(&X), "y": text(&Y) } } },
            "counter": 0, "transports": null, "user_verified": true,
            "backup_eligible": false, "backup_state": false, "registration_policy": "required",
            "extensions": { "cred_protect": "Ignored", "hmac_create_secret": "NotRequested",
                "appid": "NotRequested", "cred_props": "Ignored" },
            "attestation": { "data": "None", "metadata": "None" },
            "attestation_format": "none",
        }}))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoys() -> Decoys {
        Decoys::new(Zeroizing::new([7; 32]))
    }

    #[test]
    fn an_unknown_name_gets_the_same_list_every_time_and_another_name_another() {
        let ids = |name: &str| decoys().list(name, Vec::new()).into_iter().map(|c| c.id).collect::<Vec<_>>();
        assert_eq!(ids("ada"), ids("ada"));
        assert_ne!(ids("ada"), ids("bob"));
        assert_eq!(ids("ada").len(), 4);
    }

    #[test]
    fn a_known_name_gets_a_list_of_the_same_shape() {
        let real = vec![vec![9; 32], vec![8; 20]];
        let list = decoys().list("ada", real.clone());
        assert_eq!(list.len(), 4);
        assert!(real.iter().all(|id| list.iter().any(|c| &c.id == id)));
        assert!(list.iter().all(|c| c.transports.is_none()));
        assert_eq!(decoys().list("ada", vec![vec![1; 32]; 5]).len(), 8);
    }

    #[test]
    fn the_decoy_passkey_is_one_the_library_accepts() {
        let passkey = Decoys::passkey(&[1, 2, 3]).unwrap();
        assert_eq!(passkey.cred_id().as_slice(), [1, 2, 3]);
    }
}
