//! Frames of `/api/live`, the one WebSocket of the browser.
//!
//! Subscribing to a topic returns a snapshot with its sequence number, then the events after it; who comes back
//! with that number goes on without a snapshot where it can. A gap is impossible: who is too slow is told to resync
//! and gets a new snapshot.

use crate::{
    bots::{BotDetail, BotSummary},
    chat::{Message, ThreadSummary, ToolCall},
    error::ApiError,
    ids::*,
};
use std::{fmt, str::FromStr};

/// Longest frame a browser may send, in bytes.
pub const MAX_CLIENT_FRAME: usize = 64 * 1024;
/// Most topics on one socket.
pub const MAX_TOPICS: usize = 200;

/// What can be watched. Text forms: `bots`, `bot:<id>`, `thread:<id>`, `notifications`, `jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every bot of the caller's workspace.
    Bots,
    /// One bot: state, stages, its threads.
    Bot(BotId),
    /// One thread: messages, deltas, tools.
    Thread(ThreadId),
    /// What the caller has not read.
    Notifications,
    /// The jobs of the instance, for its administrators.
    Jobs,
}

impl Topic {
    /// Whether it is one per workspace; the others exist once, most by an id.
    pub const fn is_of_workspace(self) -> bool {
        matches!(self, Self::Bots | Self::Notifications)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bots => f.write_str("bots"),
            Self::Bot(id) => write!(f, "bot:{id}"),
            Self::Thread(id) => write!(f, "thread:{id}"),
            Self::Notifications => f.write_str("notifications"),
            Self::Jobs => f.write_str("jobs"),
        }
    }
}
impl FromStr for Topic {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        match text.split_once(':') {
            None if text == "bots" => Ok(Self::Bots),
            None if text == "notifications" => Ok(Self::Notifications),
            None if text == "jobs" => Ok(Self::Jobs),
            Some(("bot", id)) => id.parse().map(Self::Bot),
            Some(("thread", id)) => id.parse().map(Self::Thread),
            _ => Err(BadId("topic")),
        }
    }
}
impl serde::Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Topic {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Topic".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

words! {
    /// The last thing a browser has seen of a topic.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct Seen {
        /// The server that numbered it, from its snapshot.
        pub epoch: String,
        pub seq: u64,
    }

    /// From the browser. `topic` is a text here so that an unknown one gets a typed answer, not a closed socket.
    #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
    pub enum ClientFrame {
        /// With `after` only what came since is sent, if all of it is still known; otherwise a snapshot.
        Subscribe {
            topic: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            after: Option<Seen>,
        },
        Unsubscribe { topic: String },
        Ping {},
    }

    /// To the browser.
    #[serde(tag = "type", rename_all = "snake_case")]
    pub enum ServerFrame {
        /// The state of a topic as of `seq`.
        Snapshot {
            topic: Topic,
            /// Names the server that numbers.
            #[serde(default)]
            epoch: String,
            seq: u64,
            data: Snapshot,
        },
        /// Nothing was lost: the events after `seq` follow.
        Resumed { topic: Topic, seq: u64 },
        /// One change; `seq` grows by one per topic.
        Event { topic: Topic, seq: u64, data: LiveEvent },
        /// Events were lost for this reader: a new snapshot follows.
        Resync { topic: Topic },
        /// Not subscribed, and why.
        Refused { topic: String, error: ApiError },
        Pong {},
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum Snapshot {
        Bots { bots: Vec<BotSummary> },
        Bot { bot: Box<BotDetail>, threads: Vec<ThreadSummary> },
        Thread { thread: ThreadSummary, messages: Vec<Message> },
        /// How many are unread to this caller, at most 100.
        Notifications { unread: u32 },
        /// Nothing but that they are watched: the list is read apart.
        Jobs {},
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum LiveEvent {
        /// In `bots`: made or changed.
        BotChanged { bot: BotSummary },
        /// In `bot:<id>`: changed.
        BotUpdated { bot: Box<BotDetail> },
        BotDeleted { bot: BotId },
        ThreadChanged { thread: ThreadSummary },
        ThreadDeleted { thread: ThreadId },
        /// New, or finished: replaces the message of that id.
        Message { message: Message },
        /// More text of a streaming answer. `at_bytes` is the length (UTF-8) the text must have before it.
        Delta { message: MessageId, at_bytes: u32, text: String },
        /// Blocks of a streaming answer that are finished: the sanitised HTML of its text from one byte to another.
        /// It joins on to the HTML before it.
        Block { message: MessageId, from_bytes: u32, to_bytes: u32, html: String },
        /// The text so far was replaced, and its HTML is gone.
        Replace { message: MessageId, text: String },
        Phase { message: MessageId, phase: String },
        Tool { message: MessageId, tool: ToolCall },
        /// In `notifications`: something happened, or the caller named here has read or chosen. What is unread differs from
        /// person to person: ask for a new snapshot.
        NotificationsChanged { of: Option<String> },
        /// In `jobs`: some changed.
        JobsChanged {},
    }
}

words! {
    /// What a list of bots reads of [`Snapshot::Bots`].
    pub struct BotsSnapshot {
        pub bots: Vec<BotSummary>,
    }

    /// What a list of bots reads of the events in `bots`.
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum BotsEvent {
        BotChanged { bot: Box<BotSummary> },
        BotDeleted { bot: BotId },
    }

    /// What the bell reads of [`Snapshot::Notifications`].
    pub struct Unread {
        pub unread: u32,
    }

    /// What the bell reads of [`LiveEvent::NotificationsChanged`].
    pub struct OfWhom {
        pub of: Option<String>,
    }
}

/// A [`ServerFrame`] as a page reads it: what it carries is left to whoever follows the topic, so that the part of the
/// page that is always loaded knows none of it.
#[derive(Debug, serde::Deserialize)]
pub struct Heard<'a> {
    /// Which frame it is.
    #[serde(rename = "type")]
    pub kind: HeardKind,
    /// Of all but `pong`.
    #[serde(default)]
    pub topic: Option<String>,
    /// Of a snapshot.
    #[serde(default)]
    pub epoch: String,
    /// Of a snapshot, of events and of `resumed`.
    #[serde(default)]
    pub seq: u64,
    /// Of a snapshot and of events.
    #[serde(borrow, default)]
    pub data: Option<&'a serde_json::value::RawValue>,
    /// Of a refusal.
    #[serde(default)]
    pub error: Option<ApiError>,
}

/// Which frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeardKind {
    Snapshot,
    Resumed,
    Event,
    Resync,
    Refused,
    Pong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use uuid::Uuid;

    fn heard<T: DeserializeOwned>(frame: &ServerFrame) -> (HeardKind, u64, T) {
        let text = serde_json::to_string(frame).unwrap();
        let heard: Heard<'_> = serde_json::from_str(&text).unwrap();
        let data = serde_json::from_str(heard.data.unwrap().get()).unwrap();
        assert_eq!(heard.topic.unwrap().parse::<Topic>().unwrap().to_string(), "notifications");
        (heard.kind, heard.seq, data)
    }

    #[test]
    fn what_a_page_reads_is_what_the_server_says() {
        let topic = Topic::Notifications;
        let snapshot = |data| ServerFrame::Snapshot { topic, epoch: "e".to_owned(), seq: 7, data };
        let event = |data| ServerFrame::Event { topic, seq: 8, data };
        let (kind, seq, bell): (_, _, Unread) = heard(&snapshot(Snapshot::Notifications { unread: 3 }));
        assert_eq!((kind, seq, bell.unread), (HeardKind::Snapshot, 7, 3));
        let (_, _, bots): (_, _, BotsSnapshot) = heard(&snapshot(Snapshot::Bots { bots: Vec::new() }));
        assert_eq!(bots.bots, []);
        let (kind, seq, whose): (_, _, OfWhom) =
            heard(&event(LiveEvent::NotificationsChanged { of: Some("usr_1".to_owned()) }));
        assert_eq!((kind, seq, whose.of.as_deref()), (HeardKind::Event, 8, Some("usr_1")));
        let gone = BotId(Uuid::from_u128(5));
        let (_, _, deleted): (_, _, BotsEvent) = heard(&event(LiveEvent::BotDeleted { bot: gone }));
        assert!(matches!(deleted, BotsEvent::BotDeleted { bot } if bot == gone));
        let whole: (_, _, LiveEvent) = heard(&event(LiveEvent::JobsChanged {}));
        assert!(matches!(whole.2, LiveEvent::JobsChanged {}));
    }

    #[test]
    fn a_refusal_says_of_what_and_why_and_a_pong_is_of_nothing() {
        let refused = ServerFrame::Refused { topic: "bots".to_owned(), error: ApiError::forbidden() };
        let text = serde_json::to_string(&refused).unwrap();
        let heard: Heard<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!((heard.kind, heard.topic.as_deref()), (HeardKind::Refused, Some("bots")));
        assert_eq!(heard.error.map(|error| error.code), Some(crate::Code::Forbidden));
        let pong: Heard<'_> = serde_json::from_str(r#"{"type":"pong"}"#).unwrap();
        assert_eq!((pong.kind, pong.topic), (HeardKind::Pong, None));
    }
}
