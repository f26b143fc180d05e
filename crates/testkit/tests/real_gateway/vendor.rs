//! A tiny vendor behind a cell's relay.sock: streams OpenAI chat completions by what the user said,
//! and remembers what it was asked.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

/// A call the vendor got.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

/// The vendor.
#[derive(Debug, Clone, Default)]
pub struct Vendor(Arc<Mutex<Vec<Call>>>);

impl Vendor {
    /// Starts it on a socket that any uid may use.
    pub fn listen(socket: &Path) -> Self {
        let vendor = Self::default();
        let listener = tokio::net::UnixListener::bind(socket).unwrap();
        let router = Router::new().fallback(answer).with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        vendor
    }

    /// What it was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }
}

/// The pieces it answers with; the same text in the fake gateway's script.
pub fn pieces() -> Vec<String> {
    ["Hel", "lo **wor", "ld**\n\n", "second ", "line é✓", " end"].map(str::to_owned).to_vec()
}

async fn answer(State(vendor): State<Vendor>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = last_turn(&body["messages"]);
    let path = uri.path().to_owned();
    vendor.0.lock().unwrap().push(Call { path: path.clone(), headers, body });
    if path.ends_with("/v1/messages") {
        return anthropic();
    }
    if path.ends_with(":streamGenerateContent") {
        return gemini();
    }
    let (deltas, finish, pause) = if said.contains("RUN_ENV") {
        let arguments = json!({ "command": "env; cat /proc/self/environ" }).to_string();
        let call = json!({ "tool_calls": [ { "index": 0, "id": "call_1", "type": "function",
            "function": { "name": "exec", "arguments": arguments } } ] });
        (vec![call], "tool_calls", Duration::ZERO)
    } else if said.contains("SLOW") {
        let deltas = (0..400).map(|n| json!({ "content": format!("w{n} ") })).collect();
        (deltas, "stop", Duration::from_millis(50))
    } else {
        let deltas = pieces().into_iter().map(|piece| json!({ "content": piece })).collect();
        (deltas, "stop", Duration::from_millis(150))
    };
    let chunk = |choices: Value| {
        json!({ "id": "c1", "object": "chat.completion.chunk", "created": 1,
        "model": "fake-1", "choices": choices })
    };
    let mut events: Vec<String> = deltas
        .into_iter()
        .map(|delta| chunk(json!([ { "index": 0, "delta": delta, "finish_reason": null } ])).to_string())
        .collect();
    events.push(chunk(json!([ { "index": 0, "delta": {}, "finish_reason": finish } ])).to_string());
    let mut usage = chunk(json!([]));
    usage["usage"] = json!({ "prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
        "prompt_tokens_details": { "cached_tokens": 40 } });
    events.push(usage.to_string());
    events.push("[DONE]".to_owned());
    let paced = stream::iter(events).then(move |event| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(format!("data: {event}\n\n"))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(paced)).into_response()
}

/// The same answer in the other dialect.
fn anthropic() -> Response {
    let message = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-fake",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 60, "output_tokens": 1, "cache_read_input_tokens": 40 } });
    let mut events = vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
    ];
    events.extend(pieces().into_iter().map(|piece| {
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": piece } })
    }));
    events.extend([
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null },
            "usage": { "output_tokens": 7 } }),
        json!({ "type": "message_stop" }),
    ]);
    let lines = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()));
    ([("content-type", "text/event-stream")], lines.collect::<String>()).into_response()
}

/// And in Gemini's.
fn gemini() -> Response {
    let piece = |text: String, finish: Value| {
        let content = json!({ "role": "model", "parts": [ { "text": text } ] });
        let usage = json!({ "promptTokenCount": 100, "candidatesTokenCount": 7, "totalTokenCount": 107 });
        json!({ "candidates": [ { "content": content, "finishReason": finish, "index": 0 } ], "usageMetadata": usage })
    };
    let pieces = pieces();
    let last = pieces.len() - 1;
    let finish = |at: usize| if at == last { json!("STOP") } else { Value::Null };
    let lines =
        pieces.into_iter().enumerate().map(|(at, text)| format!("data: {}\n\n", piece(text, finish(at))));
    ([("content-type", "text/event-stream")], lines.collect::<String>()).into_response()
}

/// Everything after the last answer, as text.
fn last_turn(messages: &Value) -> String {
    let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
    let from = messages.iter().rposition(|m| m["role"] == "assistant").map_or(0, |at| at + 1);
    let turn = messages[from..].iter().filter(|m| m["role"] == "user");
    turn.map(|m| m["content"].to_string()).collect()
}
