//! Every field of an answer bent in many ways: none is let in.

use super::{
    soft::{Soft, b64, unb64},
    support::*,
};
use api::auth::{LoginFinish, LoginStart, RegisterFinish, RegisterStart};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Bend {
    Flip { field: &'static str, at: usize, mask: u8 },
    Cut { field: &'static str, to: usize },
    Put { pointer: String, value: Value },
}

impl Bend {
    /// The bent answer; none where the place does not exist or nothing changes.
    fn apply(&self, good: &Value) -> Option<Value> {
        let mut bad = good.clone();
        match self {
            Self::Flip { field, at, mask } => {
                let mut bytes = unb64(&good["response"][*field]);
                *bytes.get_mut(*at)? ^= mask;
                bad["response"][*field] = b64(&bytes).into();
            }
            Self::Cut { field, to } => {
                bad["response"][*field] = b64(unb64(&good["response"][*field]).get(..*to)?).into();
            }
            Self::Put { pointer, value } => *bad.pointer_mut(pointer)? = value.clone(),
        }
        (bad != *good).then_some(bad)
    }
}

/// Twenty patterns of bits, each byte; cuts; wrong kinds of values.
fn bends(good: &Value) -> Vec<Bend> {
    const MASKS: [u8; 20] = [
        0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x03, 0x05, 0x0f, 0x11, 0x18, 0x41, 0x55, 0x60, 0x81,
        0xaa, 0xf0, 0xff,
    ];
    let mut all = Vec::new();
    for field in ["authenticatorData", "clientDataJSON", "signature", "userHandle"] {
        let length = unb64(&good["response"][field]).len();
        for at in 0..length {
            all.extend(MASKS.map(|mask| Bend::Flip { field, at, mask }));
        }
        all.extend([0, 1, length / 2, length - 1].map(|to| Bend::Cut { field, to }));
        for value in [Value::Null, 7.into(), "%%%".into(), json!([])] {
            all.push(Bend::Put { pointer: format!("/response/{field}"), value });
        }
    }
    for pointer in ["/id", "/rawId", "/type", "/response"] {
        for value in [json!("AAAA"), json!("password"), Value::Null, json!({})] {
            all.push(Bend::Put { pointer: pointer.into(), value });
        }
    }
    all
}

#[tokio::test]
async fn no_bent_login_is_accepted() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    // Durability is not what is tested here.
    home.sql("pragma synchronous = off").await;
    let caller = home.caller(None).await;
    let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    let all = bends(&soft.login(&started.options));
    let mut tried = 0;
    for bend in &all {
        let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
        // A signature's length differs from one to the next.
        let Some(credential) = bend.apply(&soft.login(&started.options)) else { continue };
        let finish = LoginFinish { ceremony: started.ceremony, credential };
        assert!(home.auth.login_finish(&caller, finish).await.is_err(), "{bend:?}");
        tried += 1;
        if tried % 1_000 == 0 {
            home.sql("delete from ceremonies").await;
        }
    }
    assert!(tried >= 5_000, "{tried}");
    assert!(home.login(&mut soft, None).await.is_ok(), "the straight one is");
}

#[tokio::test]
async fn no_bent_registration_is_accepted() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    home.sql("pragma synchronous = off").await;
    let caller = home.caller(Some(&cookie)).await;
    let mut tried = 0;
    // Without attestation nobody signs a registration: what counts is whose challenge it answers, for which
    // origin and site, and that the person was verified.
    for field in ["clientDataJSON", "attestationObject"] {
        for at in 0..200 {
            let start = RegisterStart { token: None, user_name: None, passkey_name: None };
            let started = home.auth.register_start(&caller, start).await.unwrap();
            let good = Soft::new().register(&started.options);
            let bytes = unb64(&good["response"][field]);
            if !counts(field, &bytes, at, &started.options) {
                continue;
            }
            let mask = if at == FLAGS { 0x04 } else { 0x01 };
            let Some(credential) = (Bend::Flip { field, at, mask }).apply(&good) else { continue };
            let finish = RegisterFinish { ceremony: started.ceremony, token: None, credential };
            assert!(home.auth.register_finish(&caller, finish).await.is_err(), "{field}[{at}]");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

/// Where the authenticator's flags stand in the attestation object.
const FLAGS: usize = 30 + 32;

/// Whether the byte at `at` says anything that the server relies on.
fn counts(field: &str, bytes: &[u8], at: usize, options: &Value) -> bool {
    if field == "attestationObject" {
        // Framing, then the hash of the site, then the flags.
        return at <= FLAGS;
    }
    let text = std::str::from_utf8(bytes).unwrap();
    let challenge = options["publicKey"]["challenge"].as_str().unwrap();
    // The last character of 32 bytes in base64 carries two unused bits.
    let challenge = &challenge[..challenge.len() - 1];
    [challenge, "http://localhost:3000", "webauthn.create"]
        .iter()
        .any(|part| text.find(part).is_some_and(|from| (from..from + part.len()).contains(&at)))
}
