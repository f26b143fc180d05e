//! Tokens of service accounts, for the vendors that take them in place of a key.
//!
//! Responsible for signing one and for keeping it while it is good. Nobody is asked: Google takes a token that the
//! account signed itself for one that its own server gave out (AIP-4111, "Self-signed JWT", with a scope).

use crate::vendors::ServiceAccount;
use arc_swap::ArcSwapOption;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// How long a token is good: no longer one is taken.
const GOOD_MS: i64 = 3_600_000;
/// A call takes a new one where the old one is good for less than this: clocks differ, and calls wait.
const SPARE_MS: i64 = 5 * 60_000;

/// Signs tokens with one key file, an hour's at a time.
pub(crate) struct Mint {
    file: Zeroizing<String>,
    scope: &'static str,
    /// Read when the first call comes: a snapshot is built often.
    key: OnceLock<Option<RsaKeyPair>>,
    last: ArcSwapOption<Minted>,
    /// Every token that may still be good. Held while one is signed: once an hour, for a millisecond.
    all: Mutex<Vec<Arc<Minted>>>,
}

/// A token.
pub(crate) struct Minted {
    pub(crate) text: Zeroizing<String>,
    from_ms: i64,
}

impl Minted {
    /// Calls that began a moment before it was signed take it as well; a clock that was set back further does not.
    fn serves(&self, now_ms: i64) -> bool {
        self.from_ms <= now_ms + SPARE_MS && now_ms < self.from_ms + GOOD_MS - SPARE_MS
    }
}

impl Mint {
    /// A mint for a key that is a file; nothing for one that is sent.
    pub(crate) fn new(scope: &'static str, secret: &str) -> Option<Self> {
        let file = secret.starts_with('{').then(|| Zeroizing::new(secret.to_owned()))?;
        let (last, all) = (ArcSwapOption::empty(), Mutex::default());
        Some(Self { file, scope, key: OnceLock::new(), last, all })
    }

    /// The token of a moment. `None`: the file is none.
    pub(crate) fn token(&self, now_ms: i64) -> Option<Arc<Minted>> {
        let last = || self.last.load_full().filter(|one| one.serves(now_ms));
        if let Some(last) = last() {
            return Some(last);
        }
        let mut all = self.all();
        // Another call may have signed one meanwhile.
        if let Some(last) = last() {
            return Some(last);
        }
        let minted = Arc::new(Minted { text: self.sign(now_ms)?, from_ms: now_ms });
        all.retain(|one| (one.from_ms - now_ms).abs() < GOOD_MS);
        all.push(Arc::clone(&minted));
        self.last.store(Some(Arc::clone(&minted)));
        Some(minted)
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Minted>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sign(&self, now_ms: i64) -> Option<Zeroizing<String>> {
        let account = ServiceAccount::read(&self.file).ok()??;
        let key = self.key.get_or_init(|| account.signs()).as_ref()?;
        let (name, from_s) = (&*account.client_email, now_ms.div_euclid(1_000));
        let head = json!({ "alg": "RS256", "typ": "JWT", "kid": account.private_key_id });
        let claims = json!({
            "iss": name, "sub": name, "scope": self.scope, "iat": from_s, "exp": from_s + GOOD_MS / 1_000,
        });
        let parts = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let mut text = Zeroizing::new(String::with_capacity(2_048));
        text.push_str(&parts.join("."));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Some(text)
    }

    /// The tokens that somebody may still use: no word of them is anybody's to see.
    pub(crate) fn sent(&self) -> Vec<Zeroizing<String>> {
        self.all().iter().map(|one| one.text.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    const FILE: &str = include_str!("../tests/it/vertex/account.json");
    const NOON: i64 = 1_795_176_000_000;
    const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

    fn part(text: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn a_token_says_what_google_asks_for_and_is_signed_by_the_account() {
        let token = Mint::new(SCOPE, FILE).unwrap().token(NOON + 999).unwrap().text.clone();
        let (said, signature) = token.rsplit_once('.').unwrap();
        let (head, claims) = said.split_once('.').unwrap();
        assert_eq!(part(head), json!({ "alg": "RS256", "typ": "JWT", "kid": "0123456789abcdef" }));
        let name = "caller@acme-project-1.iam.gserviceaccount.com";
        let (from, until) = (NOON / 1_000, NOON / 1_000 + 3_600);
        let want = json!({ "iss": name, "sub": name, "scope": SCOPE, "iat": from, "exp": until });
        assert_eq!(part(claims), want);
        let account = ServiceAccount::read(FILE).unwrap().unwrap().signs().unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.public_key().as_ref());
        public.verify(said.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    }

    #[test]
    fn a_token_is_kept_while_it_is_good_and_the_one_before_it_stays_hidden() {
        let mint = Mint::new(SCOPE, FILE).unwrap();
        assert!(mint.sent().is_empty(), "nothing was sent");
        let first = mint.token(NOON).unwrap();
        assert!(Arc::ptr_eq(&first, &mint.token(NOON + 54 * 60_000).unwrap()));
        let second = mint.token(NOON + 55 * 60_000).unwrap();
        assert_ne!(*first.text, *second.text, "five minutes before its end");
        assert!(
            Arc::ptr_eq(&second, &mint.token(NOON + 55 * 60_000 - 1).unwrap()),
            "who began a moment before"
        );
        assert_eq!(mint.sent(), [first.text.clone(), second.text.clone()], "both are good still");
        let back = mint.token(NOON).unwrap();
        assert_eq!(*back.text, *first.text, "a clock set back has its own");
        mint.token(NOON + 3 * 3_600_000).unwrap();
        assert_eq!(mint.sent().len(), 1, "those that are over are forgotten");
    }

    #[test]
    fn calls_that_come_at_once_take_one_token() {
        let mint = Mint::new(SCOPE, FILE).unwrap();
        let all: Vec<_> = std::thread::scope(|scope| {
            let at = |ms: i64| mint.token(NOON + ms).unwrap();
            let calls = [0, 999, 1_000, 1_001].map(|ms| scope.spawn(move || at(ms)));
            calls.map(|call| call.join().unwrap()).into()
        });
        assert!(all.iter().all(|one| Arc::ptr_eq(one, &all[0])));
        assert_eq!(mint.sent().len(), 1);
    }

    #[test]
    fn a_file_that_is_none_mints_nothing_and_a_key_is_none() {
        assert!(Mint::new(SCOPE, "{}").unwrap().token(NOON).is_none());
        assert!(Mint::new(SCOPE, "AIzaSyA").is_none());
    }
}
