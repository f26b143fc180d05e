//! A software authenticator whose every word can be bent.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

pub fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn unb64(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// One passkey on the device.
#[derive(Clone)]
pub struct Key {
    pub id: Vec<u8>,
    pub user_handle: Vec<u8>,
    pub counter: u32,
    signing: SigningKey,
}

/// The device and the browser around it.
#[derive(Clone)]
pub struct Soft {
    pub keys: Vec<Key>,
    pub origin: String,
    pub rp_id: String,
    pub verifies: bool,
    pub cross_origin: bool,
    /// What it says instead of the challenge it was given.
    pub challenge: Option<String>,
    /// Whether it tells whose passkey it is.
    pub tells_user: bool,
    /// Synced passkeys do not.
    pub counts: bool,
}

impl Soft {
    pub fn new() -> Self {
        Self {
            keys: Vec::new(),
            origin: "http://localhost:3000".into(),
            rp_id: "localhost".into(),
            verifies: true,
            cross_origin: false,
            challenge: None,
            tells_user: true,
            counts: true,
        }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let challenge = self.challenge.clone().unwrap_or_else(|| challenge.as_str().unwrap().to_owned());
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin })
            .to_string()
            .into_bytes()
    }

    fn head(&self, flags: u8, counter: u32) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags | USER_PRESENT | if self.verifies { USER_VERIFIED } else { 0 });
        data.extend(counter.to_be_bytes());
        data
    }

    /// Makes a passkey, as the browser would hand it back.
    pub fn register(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        let seed: [u8; 32] = rand::random();
        let signing = SigningKey::from_slice(&seed).unwrap();
        let id: [u8; 32] = rand::random();
        let point = signing.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let mut data = self.head(HAS_CREDENTIAL, 0);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(id);
        // COSE: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(x);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(y);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.extend([0x58, u8::try_from(data.len()).unwrap()]);
        object.extend(data);
        let user_handle = unb64(&options["user"]["id"]);
        self.keys.push(Key { id: id.to_vec(), user_handle, counter: 0, signing });
        json!({
            "id": b64(&id), "rawId": b64(&id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "attestationObject": b64(&object),
                "clientDataJSON": b64(&self.client_data("webauthn.create", &options["challenge"])),
                "transports": ["internal"],
            },
        })
    }

    /// Signs a challenge with the first passkey that is allowed.
    pub fn login(&mut self, options: &Value) -> Value {
        let allowed: Vec<Vec<u8>> = options["publicKey"]["allowCredentials"]
            .as_array()
            .map(|list| list.iter().map(|c| unb64(&c["id"])).collect())
            .unwrap_or_default();
        let place = self.keys.iter().position(|key| allowed.is_empty() || allowed.contains(&key.id));
        self.login_with(options, place.expect("a passkey for this login"))
    }

    /// Signs a challenge with that passkey, allowed or not.
    pub fn login_with(&mut self, options: &Value, place: usize) -> Value {
        self.keys[place].counter += u32::from(self.counts);
        let key = &self.keys[place];
        let client = self.client_data("webauthn.get", &options["publicKey"]["challenge"]);
        let data = self.head(0, key.counter);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client));
        let signature: Signature = key.signing.sign(&signed);
        let handle = self.tells_user.then(|| b64(&key.user_handle));
        json!({
            "id": b64(&key.id), "rawId": b64(&key.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "authenticatorData": b64(&data), "clientDataJSON": b64(&client),
                "signature": b64(signature.to_der().as_bytes()), "userHandle": handle,
            },
        })
    }
}
