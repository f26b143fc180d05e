//! The calls Chela makes, with types. Everything else goes through [`Gateway::call`].

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::handle::Gateway;
use crate::error::CallError;

/// Messages asked for at most: so many fit into a frame that we take.
const MOST_HISTORY: u16 = 10;
/// Time for a call that only reads or starts something.
const USUAL: Duration = Duration::from_secs(30);

/// The answer to `chat.send`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Equals the idempotency key.
    pub run_id: String,
    /// `started`, or `in_flight` when the same key was sent before.
    #[serde(default)]
    pub status: String,
}

/// The answer to `chat.abort`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aborted {
    /// False when there was nothing to stop.
    #[serde(default)]
    pub aborted: bool,
    /// What was stopped.
    #[serde(default)]
    pub run_ids: Vec<String>,
}

/// The answer to `sessions.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deleted {
    /// False when there was no such session.
    #[serde(default)]
    pub deleted: bool,
    /// Compressed copies of the transcript that the gateway keeps in its state directory, as paths
    /// of the bot's own view. Whoever promised the user a deletion removes them too.
    #[serde(default)]
    pub archived: Vec<String>,
}

/// The answer to `chat.history`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatHistory {
    /// Oldest first.
    #[serde(default)]
    pub messages: Vec<HistoryMessage>,
    /// Whether older ones exist.
    #[serde(default)]
    pub has_more: bool,
    /// The answer that is under way, if one is.
    #[serde(default)]
    pub in_flight_run: Option<InFlightRun>,
}

/// A message of the history.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HistoryMessage {
    /// `user`, `assistant` or `toolResult`.
    pub role: String,
    /// Text, or parts.
    #[serde(default)]
    pub content: Value,
    /// OpenClaw's own notes: run id, id and position.
    #[serde(default, rename = "__openclaw")]
    pub openclaw: Value,
}

impl HistoryMessage {
    /// The text parts, joined.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                parts.iter().filter(|p| p["type"] == "text").filter_map(|p| p["text"].as_str()).collect()
            }
            _ => String::new(),
        }
    }

    /// The run that wrote it.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.openclaw["runId"].as_str()
    }
}

/// An answer under way, as `chat.history` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlightRun {
    /// Its id.
    pub run_id: String,
    /// Its text so far.
    #[serde(default)]
    pub text: String,
}

impl Gateway {
    /// Sends a message; the run's events arrive on this connection. The idempotency key becomes the
    /// run's id: sending it again while the run lasts does not start a second one.
    pub async fn chat_send(
        &self,
        session_key: &str,
        text: &str,
        idempotency_key: &str,
        traceparent: Option<&str>,
    ) -> Result<Started, CallError> {
        let params = json!({
            "sessionKey": session_key,
            "message": text,
            "idempotencyKey": idempotency_key,
        });
        let answer = self.call_traced("chat.send", params, traceparent, USUAL).await?;
        shaped("chat.send", answer)
    }

    /// Stops a run, or, without one, whatever runs in the session.
    pub async fn chat_abort(&self, session_key: &str, run_id: Option<&str>) -> Result<Aborted, CallError> {
        let mut params = json!({ "sessionKey": session_key });
        if let Some(run_id) = run_id {
            params["runId"] = json!(run_id);
        }
        self.typed("chat.abort", params).await
    }

    /// The newest `limit` messages (at most 10) and the run under way.
    pub async fn chat_history(&self, session_key: &str, limit: u16) -> Result<ChatHistory, CallError> {
        self.typed(
            "chat.history",
            json!({ "sessionKey": session_key, "limit": limit.clamp(1, MOST_HISTORY) }),
        )
        .await
    }

    /// Deletes a session and its transcript. A session that does not exist is no error.
    pub async fn sessions_delete(&self, session_key: &str) -> Result<Deleted, CallError> {
        self.typed("sessions.delete", json!({ "key": session_key, "deleteTranscript": true })).await
    }

    /// Asks for `session.message` events, which carry model and usage of each answer. Good for
    /// sessions that do not exist yet; lasts as long as the connection.
    pub async fn sessions_messages_subscribe(&self, session_key: &str) -> Result<(), CallError> {
        self.call("sessions.messages.subscribe", json!({ "key": session_key }), USUAL).await.map(drop)
    }

    /// The gateway's own report on itself.
    pub async fn health(&self) -> Result<Value, CallError> {
        self.call("health", json!({}), USUAL).await
    }

    /// Names of the tools that a session's model is offered. The session has to exist.
    pub async fn tools_effective(&self, session_key: &str) -> Result<Vec<String>, CallError> {
        let answer = self.call("tools.effective", json!({ "sessionKey": session_key }), USUAL).await?;
        Ok(tool_names(&answer))
    }

    async fn typed<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, CallError> {
        shaped(method, self.call(method, params, USUAL).await?)
    }
}

fn shaped<T: DeserializeOwned>(method: &str, answer: Value) -> Result<T, CallError> {
    serde_json::from_value(answer)
        .map_err(|e| CallError::Shape { method: method.to_owned(), problem: e.to_string() })
}

/// Tools stand in groups: `{"groups":[{"tools":[{"id":…}]}]}`.
fn tool_names(answer: &Value) -> Vec<String> {
    let groups = answer["groups"].as_array().into_iter().flatten();
    groups
        .flat_map(|group| group["tools"].as_array().into_iter().flatten())
        .filter_map(|tool| tool["id"].as_str().or_else(|| tool["name"].as_str()))
        .map(str::to_owned)
        .collect()
}
