//! Words of chat: threads of a bot and their messages.

use crate::{
    Page,
    ids::*,
    verb::{Done, verbs},
};

words! {
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum MessageRole { User, Assistant }

    /// Where an answer stands; what a person wrote is `final` at once.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum MessageState { Streaming, Final, Failed, Aborted }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum ToolState { Running, Done, Failed }

    /// A tool the bot used while answering.
    pub struct ToolCall {
        pub id: String,
        pub name: String,
        pub state: ToolState,
        /// JSON text, cut at 8 KiB.
        pub args: String,
        pub result: Option<String>,
    }

    #[derive(Eq)]
    pub struct Usage { pub input_tokens: i64, pub output_tokens: i64 }

    pub struct Message {
        pub id: MessageId,
        pub thread: ThreadId,
        pub role: MessageRole,
        pub state: MessageState,
        pub text: String,
        /// Sanitised HTML: of the whole text, or while it streams of its finished blocks.
        pub html: Option<String>,
        /// While it streams: how many bytes of `text` (UTF-8) `html` shows; what follows is plain. Absent: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub html_bytes: Option<u32>,
        pub tools: Vec<ToolCall>,
        pub model: Option<String>,
        pub usage: Option<Usage>,
        /// What the bot is busy with before the first word, e.g. `starting_model`.
        pub phase: Option<String>,
        /// Why it failed or was cut, for a person.
        pub error: Option<String>,
        pub created_at_ms: i64,
    }

    pub struct ThreadSummary {
        pub id: ThreadId,
        pub bot: BotId,
        pub title: String,
        pub created_at_ms: i64,
        pub updated_at_ms: i64,
    }

    #[serde(deny_unknown_fields)]
    pub struct ListThreads { pub bot: String, pub limit: Option<u32>, pub cursor: Option<String> }
    #[serde(deny_unknown_fields)]
    pub struct CreateThread { pub bot: String, #[serde(default)] pub title: Option<String> }
    #[serde(deny_unknown_fields)]
    pub struct GetThread { pub thread: ThreadId }
    #[serde(deny_unknown_fields)]
    pub struct RenameThread { pub thread: ThreadId, pub title: String }
    /// Deletes the thread here and its session and transcript in the bot.
    #[serde(deny_unknown_fields)]
    pub struct DeleteThread { pub thread: ThreadId }
    /// Newest last; the cursor leads to older ones.
    #[serde(deny_unknown_fields)]
    pub struct ListMessages { pub thread: ThreadId, pub limit: Option<u32>, pub cursor: Option<String> }
    #[serde(deny_unknown_fields)]
    pub struct SendMessage {
        pub bot: String,
        pub text: String,
        /// Absent: a new thread, titled after the text.
        #[serde(default)]
        pub thread_id: Option<ThreadId>,
    }
    #[derive(Eq)]
    pub struct Sent { pub thread_id: ThreadId, pub message_id: MessageId, pub run_id: RunId }
    /// Stops the answer in progress; a no-op where none is.
    #[serde(deny_unknown_fields)]
    pub struct StopAnswer { pub thread: ThreadId }
}

verbs! {
    ListThreads => Page<ThreadSummary>, "chat.threads";
    CreateThread => ThreadSummary, "chat.create_thread";
    GetThread => ThreadSummary, "chat.thread";
    RenameThread => ThreadSummary, "chat.rename_thread";
    DeleteThread => Done, "chat.delete_thread";
    ListMessages => Page<Message>, "chat.messages";
    SendMessage => Sent, "chat.send";
    StopAnswer => Done, "chat.stop";
}
