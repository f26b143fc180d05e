//! A provider key as calls meet it: how it is sent, what it may be asked for, how it does.

use crate::{
    Snapshot,
    egress::BaseUrl,
    health::KeyHealth,
    limits::{Limit, Unit},
    mint::Mint,
    vendors::{Auth, Vendor},
};
use api::ids::KeyId;
use bytes::Bytes;
use http::HeaderValue;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};
use zeroize::Zeroizing;

/// A provider key, ready to use. The secret is wiped when the last snapshot that holds it goes.
pub struct UpstreamKey {
    /// Its id in the store.
    pub id: KeyId,
    /// Its vendor.
    pub vendor: &'static Vendor,
    /// Where it is used; fixed together with the secret.
    pub base_url: BaseUrl,
    /// How it is sent.
    pub auth: Auth,
    /// Header lines that go with it.
    pub extra: &'static [(&'static str, &'static str)],
    /// Whether its workspace may use the private upstreams the operator listed.
    pub private_ok: bool,
    /// The models it was found to reach, as a JSON list of `vendor/model`. Read only when somebody asks: a
    /// snapshot is built often, and of many keys.
    pub models: String,
    /// By which callers prefer it.
    pub tags: Vec<String>,
    /// The models it may be asked for, as its vendor names them; all where there is none. A `*` at the end stands for any rest.
    pub only: Vec<String>,
    /// What holds for it, whoever calls.
    pub limits: Arc<[Arc<Limit>]>,
    /// How it does; goes over to the next snapshot.
    pub health: Arc<KeyHealth>,
    pub(crate) secret: Zeroizing<String>,
    /// The same as a header of `auth` has it, once somebody asked with it.
    line: OnceLock<Option<HeaderValue>>,
    /// Where it is the file of a service account, whose tokens are sent in its place.
    pub(crate) mint: Option<Arc<Mint>>,
    /// Where it is a pair that signs and is never sent.
    #[cfg(feature = "bedrock")]
    pub(crate) signer: Option<crate::sign::Signer>,
}

impl UpstreamKey {
    /// Whether it can be asked in the place of another key of its vendor: at the same address, or at another of one service.
    pub(crate) fn stands_for(&self, other: &Self) -> bool {
        let is_one = || self.vendor.is_one_service(&self.base_url.to_string(), &other.base_url.to_string());
        self.base_url == other.base_url || is_one()
    }

    /// A key in its vendor's own auth style, or that of keys of its shape.
    #[must_use]
    pub fn new(
        id: KeyId,
        vendor: &'static Vendor,
        base_url: BaseUrl,
        secret: Zeroizing<String>,
        private_ok: bool,
    ) -> Self {
        let style = vendor.key_auths.iter().find(|style| secret.starts_with(style.prefix));
        let (auth, extra) = style.map_or((vendor.auth, &[][..]), |style| (style.auth, style.headers));
        let (models, health) = (String::new(), Arc::default());
        let (tags, only, limits) = (Vec::new(), Vec::new(), Arc::default());
        let mint = vendor.account.and_then(|scope| Mint::new(scope, &secret)).map(Arc::new);
        #[cfg(feature = "bedrock")]
        let signer = vendor.signing.and_then(|service| crate::sign::Signer::new(service, &base_url, &secret));
        Self {
            id,
            vendor,
            base_url,
            auth,
            extra,
            private_ok,
            models,
            tags,
            only,
            limits,
            health,
            secret,
            line: OnceLock::new(),
            mint,
            #[cfg(feature = "bedrock")]
            signer,
        }
    }

    /// The same key with the models it reaches, as a JSON list.
    #[must_use]
    pub fn with_models(self, models: String) -> Self {
        Self { models, ..self }
    }

    /// The same key with tags, and for these models only, where there are any.
    #[must_use]
    pub fn with_choice(self, tags: Vec<String>, only: Vec<String>) -> Self {
        Self { tags, only, ..self }
    }

    /// The same key with what holds for it, whoever calls.
    #[must_use]
    pub fn with_limits(self, limits: Vec<Arc<Limit>>) -> Self {
        Self { limits: limits.into(), ..self }
    }

    /// Whether it may be asked for a model. A call that names none needs a key for all.
    #[must_use]
    pub fn serves(&self, model: &str) -> bool {
        allows(&self.only, model)
    }

    /// Whether every call may be made with it, as far as it is the key that says so.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.only.is_empty() && self.limits.is_empty()
    }

    /// Whether it is no text to be sent: a pair that signs, or what was meant as one.
    pub(crate) fn is_pair(&self) -> bool {
        self.vendor.signing.is_some() && self.secret.contains(':')
    }

    /// The header value that carries it in its own style, if it fits one: written once, and wiped with the key.
    pub(crate) fn line(&self) -> Option<&HeaderValue> {
        self.line.get_or_init(|| header_value(self.auth.header().1, &self.secret)).as_ref()
    }

    /// What of it must not be seen in anything a vendor says: a pair also in its parts, of a file what was sent in its place.
    pub(crate) fn hidden(&self) -> Vec<Zeroizing<String>> {
        if let Some(mint) = &self.mint {
            return mint.sent();
        }
        let cut = self.is_pair();
        let parts = self.secret.split(move |c| cut && c == ':').filter(|part| !part.is_empty());
        parts.map(|part| Zeroizing::new(part.to_owned())).collect()
    }

    /// Whether a text holds it.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        let is_in = |part: &Zeroizing<String>| memchr::memmem::find(text, part.as_bytes()).is_some();
        self.hidden().iter().any(|part| part.len() >= 8 && is_in(part))
    }

    /// Whether a body must say its model, and once.
    pub(crate) fn is_held_to_models(&self) -> bool {
        !self.only.is_empty() || self.limits.iter().any(|limit| limit.unit == Unit::Money)
    }

    /// Whether what a call may use must be known before it is sent.
    pub(crate) fn is_reckoned(&self) -> bool {
        self.limits.iter().any(|limit| limit.unit != Unit::Requests)
    }

    /// The models it was found to reach and may be asked for, as `vendor/model`.
    pub(crate) fn reaches(&self) -> impl Iterator<Item = String> + '_ {
        let listed: Vec<String> = serde_json::from_str(&self.models).unwrap_or_default();
        let named = |model: &str| {
            let name = model.strip_prefix(self.vendor.id).and_then(|rest| rest.strip_prefix('/'));
            self.serves(name.unwrap_or(model))
        };
        listed.into_iter().filter(move |model| named(model))
    }

    /// The same key with what is known of it: whatever changed elsewhere, it is as well or as tired as before.
    #[must_use]
    pub fn as_in(self, before: &Snapshot) -> Self {
        let same = |known: &&Arc<Self>| known.secret == self.secret && known.base_url == self.base_url;
        match before.key(self.id).filter(same) {
            Some(known) => Self { health: Arc::clone(&known.health), mint: known.mint.clone(), ..self },
            None => self,
        }
    }
}

/// A secret as a header has it, if it fits one. It is wiped when the last copy of the value goes.
pub(crate) fn header_value(before: &str, secret: &str) -> Option<HeaderValue> {
    let text = Zeroizing::new([before, secret].concat());
    if !text.bytes().all(|byte| byte == b'\t' || (b' '..0x7f).contains(&byte)) {
        return None;
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether a model is among names; all are where there is no name. A `*` at the end of one stands for any rest.
#[must_use]
pub fn allows(only: &[String], model: &str) -> bool {
    let is = |only: &String| match only.strip_suffix('*') {
        Some(begin) => model.starts_with(begin),
        None => only == model,
    };
    only.is_empty() || only.iter().any(is)
}

impl fmt::Debug for UpstreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamKey")
            .field("id", &self.id)
            .field("vendor", &self.vendor.id)
            .finish_non_exhaustive()
    }
}
