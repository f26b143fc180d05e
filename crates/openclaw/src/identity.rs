//! The seam for a device identity (Ed25519 key, pairing). On both wires of today the gateway sees a
//! loopback client and asks for none; a gateway reached over a network will. Whoever builds that
//! implements [`Identity`] and hands it to `ConnectOptions`; nothing else changes.

use std::fmt;

use serde::Serialize;

/// What the gateway's challenge and our own connect parameters contribute to the signed text.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// Single-use value from `connect.challenge`.
    pub nonce: &'a str,
    /// The gateway's time in the challenge, in milliseconds; it is what must be signed.
    pub signed_at_ms: i64,
    /// `client.id` of the connect request.
    pub client_id: &'a str,
    /// `client.mode` of the connect request.
    pub client_mode: &'a str,
    /// `role` of the connect request.
    pub role: &'a str,
    /// Requested scopes, in order.
    pub scopes: &'a [&'a str],
    /// The token sent in `auth`.
    pub token: &'a str,
    /// `client.platform` of the connect request.
    pub platform: &'a str,
}

impl Challenge<'_> {
    /// The text that a device signs, `v3|…|`, with an empty device family.
    #[must_use]
    pub fn text(&self, device_id: &str) -> String {
        format!(
            "v3|{device_id}|{}|{}|{}|{}|{}|{}|{}|{}|",
            self.client_id,
            self.client_mode,
            self.role,
            self.scopes.join(","),
            self.signed_at_ms,
            self.token,
            self.nonce,
            self.platform.trim().to_lowercase(),
        )
    }
}

/// The `device` member of the connect request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Lower-case hex SHA-256 of the raw public key.
    pub id: String,
    /// base64url (no padding) of the 32 raw bytes.
    pub public_key: String,
    /// base64url Ed25519 signature over [`Challenge::text`].
    pub signature: String,
    /// Echo of the challenge's time.
    pub signed_at: i64,
    /// Echo of the challenge's nonce.
    pub nonce: String,
}

/// Something that can sign a gateway's challenge.
pub trait Identity: Send + Sync + fmt::Debug {
    /// The signed device record for this challenge.
    fn sign(&self, challenge: &Challenge<'_>) -> Device;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_has_the_fields_in_the_order_the_gateway_checks() {
        let challenge = Challenge {
            nonce: "n1",
            signed_at_ms: 7,
            client_id: "gateway-client",
            client_mode: "backend",
            role: "operator",
            scopes: &["operator.read", "operator.write"],
            token: "t",
            platform: " Linux ",
        };
        assert_eq!(
            challenge.text("dev"),
            "v3|dev|gateway-client|backend|operator|operator.read,operator.write|7|t|n1|linux|"
        );
    }
}
