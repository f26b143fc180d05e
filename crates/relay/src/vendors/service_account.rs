//! Key files of Google's service accounts: a private key that signs short-lived tokens and never leaves Chela.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::RsaKeyPair;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// What Google names such a file.
const KIND: &str = "service_account";
/// Where Google's own cloud is; others have other addresses and other scopes.
const UNIVERSE: &str = "googleapis.com";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What is needed of the file that Google gives out for a service account (JSON).
#[derive(Deserialize)]
pub struct ServiceAccount<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    /// The project in whose name it calls.
    #[serde(borrow)]
    pub project_id: Cow<'a, str>,
    /// Which of its keys this is. May be known.
    #[serde(borrow)]
    pub private_key_id: &'a str,
    /// PKCS#8 in base64, with or without the lines before and behind it.
    #[serde(deserialize_with = "wiped")]
    private_key: Zeroizing<String>,
    /// Its name.
    #[serde(borrow)]
    pub client_email: Cow<'a, str>,
    #[serde(borrow, default)]
    universe_domain: Option<Cow<'a, str>>,
}

/// Text that is wiped when nobody needs it any more.
fn wiped<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

impl<'a> ServiceAccount<'a> {
    /// Reads a key; nothing where it is one that is sent as it is.
    ///
    /// # Errors
    /// It begins as such a file does and is none, in words for who gave it.
    pub fn read(text: &'a str) -> Result<Option<Self>, &'static str> {
        if !text.starts_with('{') {
            return Ok(None);
        }
        // serde's words would quote what stands in the file.
        let Ok(read) = serde_json::from_str::<Self>(text) else {
            return Err(
                "is not the JSON key file of a service account: paste the whole file, with type, project_id, \
                 private_key_id, private_key and client_email",
            );
        };
        if read.kind != KIND {
            return Err(
                "is a file of Google's of another kind; its type must be service_account (IAM, Service accounts, \
                 Keys, JSON)",
            );
        }
        let named = |text: &str| {
            (1..=200).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:@".contains(&b))
        };
        if !(named(&read.project_id) && named(read.private_key_id) && named(&read.client_email)) {
            return Err("has a project_id, private_key_id or client_email that is none");
        }
        if read.universe_domain.as_deref().is_some_and(|domain| domain != UNIVERSE) {
            return Err("is of another cloud than Google's own (universe_domain), which Chela does not know");
        }
        Ok(Some(read))
    }

    /// Whether it can sign.
    ///
    /// # Errors
    /// Its private key is none, in words for who gave it.
    pub fn checked(&self) -> Result<(), &'static str> {
        let flaw = "has a private_key that is none: it must be an RSA key as Google wrote it";
        self.signs().map(drop).ok_or(flaw)
    }

    /// One line without blanks that says what is needed. Nothing in it needs escapes: `read` has seen to that.
    #[must_use]
    pub fn short(&self) -> Zeroizing<String> {
        let bare = self.bare();
        let parts = [
            r#"{"type":"service_account","project_id":""#,
            &self.project_id,
            r#"","private_key_id":""#,
            self.private_key_id,
            r#"","private_key":""#,
            &bare,
            r#"","client_email":""#,
            &self.client_email,
            r#""}"#,
        ];
        Zeroizing::new(parts.concat())
    }

    /// What signs.
    pub(crate) fn signs(&self) -> Option<RsaKeyPair> {
        let inner = self.bare();
        let der = Zeroizing::new(STANDARD.decode(inner.as_bytes()).ok()?);
        RsaKeyPair::from_pkcs8(&der).ok()
    }

    /// The private key without its frame and line breaks.
    fn bare(&self) -> Zeroizing<String> {
        let text = self.private_key.trim();
        let inner = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).unwrap_or(text);
        let mut bare = Zeroizing::new(String::with_capacity(inner.len()));
        inner.split_ascii_whitespace().for_each(|line| bare.push_str(line));
        bare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of these tests alone.
    const FILE: &str = include_str!("../../tests/it/vertex/account.json");

    #[test]
    fn a_key_file_is_told_from_a_key_that_is_sent() {
        let read = ServiceAccount::read(FILE).unwrap().unwrap();
        assert_eq!((&*read.project_id, read.private_key_id), ("acme-project-1", "0123456789abcdef"));
        for sent in ["AIzaSyA-1234567890", "AQ.Ab8RN6", "ya29.a0AX", ""] {
            assert!(ServiceAccount::read(sent).unwrap().is_none(), "{sent}");
        }
    }

    #[test]
    fn it_is_kept_as_one_line_without_spaces_and_signs_as_before() {
        let vertex = crate::vendors::find("vertex").unwrap();
        let kept = vertex.kept(FILE);
        assert!(kept.chars().all(|c| c.is_ascii_graphic()) && kept.len() < 2_200, "{}", kept.len());
        assert_eq!(*vertex.kept(&kept), *kept, "once more changes nothing");
        assert!(serde_json::from_str::<serde_json::Value>(&kept).is_ok());
        let (one, other) = (ServiceAccount::read(FILE), ServiceAccount::read(&kept));
        let public = |read: Result<Option<ServiceAccount<'_>>, _>| {
            use ring::signature::KeyPair;
            read.unwrap().unwrap().signs().unwrap().public_key().as_ref().to_vec()
        };
        assert_eq!(public(one), public(other));
        assert_eq!(*vertex.kept("AQ.plain"), "AQ.plain");
        assert_eq!(*vertex.kept("{\"type\": 1}"), "{\"type\": 1}", "what is none is left for its error");
    }

    #[test]
    fn no_other_vendor_takes_a_file() {
        for vendor in crate::vendors::all().filter(|vendor| vendor.account.is_none()) {
            let flaw = vendor.flaw(FILE).expect(vendor.id);
            assert!(flaw.contains("Vertex AI") || vendor.signing.is_some(), "{}: {flaw}", vendor.id);
        }
        assert!(crate::vendors::find("vertex").unwrap().flaw(FILE).is_none());
    }

    #[test]
    fn what_begins_as_a_file_and_is_none_is_told_why() {
        let changed = |from: &str, to: &str| {
            assert!(FILE.contains(from), "{from}");
            FILE.replace(from, to)
        };
        for (text, word) in [
            ("{".to_owned(), "whole file"),
            (changed("\"private_key_id\"", "\"x\""), "whole file"),
            (changed("service_account", "authorized_user"), "another kind"),
            (changed("acme-project-1", "acme/../x"), "project_id"),
            (changed("acme-project-1", ""), "project_id"),
            (changed("googleapis.com\"\n", "example.com\"\n"), "another cloud"),
            (changed("-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA KEY-----"), "private_key"),
            (changed("MII", "MIJ"), "private_key"),
        ] {
            let flaw = crate::vendors::find("vertex").unwrap().flaw(&text).unwrap();
            assert!(flaw.contains(word), "{flaw}");
            assert!(!flaw.contains("acme") && !flaw.contains("0123456789"), "no word of the file itself");
        }
    }
}
