//! Ids: UUIDv7 newtypes whose text form carries a prefix, e.g. `bot_01jd3…` (Crockford base32, 26 digits).
//!
//! They are made on the server only; this module knows their shape, not how to draw one.

use std::{fmt, str::FromStr};
use uuid::Uuid;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an id that begins with {0}_")]
pub struct BadId(pub &'static str);

fn encode(id: Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let n = id.as_u128();
    for place in (0..26u32).rev() {
        let digit = usize::try_from((n >> (5 * place)) & 31).unwrap_or(0);
        let byte = DIGITS.get(digit).copied().unwrap_or(b'0');
        fmt::Write::write_char(f, char::from(byte))?;
    }
    Ok(())
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != 26 || text.as_bytes().first().is_some_and(|b| *b > b'7') {
        return None;
    }
    let mut n: u128 = 0;
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|d| *d == byte)?;
        n = (n << 5) | u128::try_from(digit).ok()?;
    }
    Some(Uuid::from_u128(n))
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType))]
        pub struct $name(pub Uuid);

        impl $name {
            /// The prefix of the text form, with its underscore.
            pub const PREFIX: &'static str = concat!($prefix, "_");
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Self::PREFIX)?;
                encode(self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix(Self::PREFIX).and_then(decode).map(Self).ok_or(BadId($prefix))
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": concat!("^", $prefix, "_[0-9a-z]{26}$") })
            }
        }
        #[cfg(feature = "db")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

id! {
    /// A tenant.
    WorkspaceId = "ws";
    /// A person.
    UserId = "usr";
    /// A passkey of a person.
    PasskeyId = "pk";
    /// A browser session.
    SessionId = "ses";
    /// A one-time link.
    LinkId = "lnk";
    /// A running passkey ceremony.
    CeremonyId = "cer";
    /// An API token of a person or program.
    TokenId = "tok";
    /// A bot.
    BotId = "bot";
    /// A version of a bot's configuration.
    BotConfigId = "cfg";
    /// An event of a bot's past.
    BotEventId = "bev";
    /// A notification.
    NotificationId = "ntf";
    /// A device that takes pushes.
    PushId = "psh";
    /// A change of a bot's health.
    HealthChangeId = "bhc";
    /// What a bot left when it died.
    PostmortemId = "bpm";
    /// A provider key.
    KeyId = "key";
    /// A chat thread.
    ThreadId = "thr";
    /// A chat message.
    MessageId = "msg";
    /// A run of a bot: one answer in the making.
    RunId = "run";
    /// A durable job.
    JobId = "job";
    /// A request, as written to logs and problem answers.
    RequestId = "req";
    /// An audit row.
    AuditId = "aud";
    /// A price of a workspace for a model.
    PriceId = "prc";
    /// A budget.
    BudgetId = "bud";
    /// A stop of model calls.
    StopId = "stp";
    /// A virtual key: what a person or program calls models with.
    VirtualKeyId = "vk";
    /// A row of the usage ledger.
    UsageId = "use";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        for n in [0, 1, u128::MAX, 0x0193_4f3e_8c7a_7def_8123_4567_89ab_cdef] {
            let id = BotId(Uuid::from_u128(n));
            assert_eq!(id.to_string().parse::<BotId>(), Ok(id));
        }
    }

    #[test]
    fn an_id_of_another_kind_or_shape_is_refused() {
        let key = KeyId(Uuid::from_u128(7)).to_string();
        assert!(key.parse::<BotId>().is_err());
        for bad in ["", "bot_", "bot_zzz", "bot_80000000000000000000000000", "bot_0000000000000000000000000u"]
        {
            assert!(bad.parse::<BotId>().is_err(), "{bad}");
        }
    }
}
