//! From the gateway's event payloads to [`Event`]s. Tolerant: a payload that lacks what its type
//! needs is passed over, never an error, because a new OpenClaw must not silence a bot.

use serde_json::Value;

use super::runs::{Change, Runs};
use crate::event::{ChatEvent, Event, RunEvent, ToolEvent, ToolStep, Usage};

/// The longest id, key or name of anything. Ours are UUIDs and short paths.
const MAX_NAME: usize = 512;

/// The events that one wire event amounts to: none, one or two.
pub(super) fn events(runs: &Runs, name: &str, payload: &Value) -> Vec<Event> {
    match name {
        "shutdown" => vec![Event::Shutdown {
            reason: name_of(payload, "reason").unwrap_or_default().to_owned(),
            restart_expected_ms: payload["restartExpectedMs"].as_u64(),
        }],
        "chat" => chat(runs, payload).unwrap_or_default(),
        "agent" => agent(runs, payload),
        "session.message" => {
            session_message(runs, payload);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// A short text: what is kept as long as a run must not be as long as a frame.
fn name_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    str_of(value, key).filter(|text| text.len() <= MAX_NAME)
}

fn str_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Text parts of a message's content, joined by `between`.
fn text_of(message: &Value, between: &str) -> Option<String> {
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter(|p| p["type"] == "text").filter_map(|p| str_of(p, "text")).collect();
            Some(texts.join(between))
        }
        _ => None,
    }
}

fn chat(runs: &Runs, payload: &Value) -> Option<Vec<Event>> {
    let run_id = name_of(payload, "runId")?;
    let session_key = name_of(payload, "sessionKey").unwrap_or_default();
    let state = str_of(payload, "state")?;
    if !runs.takes_chat(run_id, payload["seq"].as_u64()) {
        return Some(Vec::new());
    }
    let whole = payload.get("message").and_then(|m| text_of(m, ""));
    let mut told = Vec::with_capacity(2);
    match state {
        "status" => {
            told.push(ChatEvent::Status { phase: name_of(payload, "phase").unwrap_or_default().to_owned() });
        }
        "delta" => told.extend(delta(runs, run_id, whole, payload)),
        "final" => {
            // The gateway throttles deltas and may leave the last piece to the final frame.
            told.extend(whole.and_then(|whole| runs.advance(run_id, &whole)).map(as_delta));
            let text = runs.text(run_id);
            let (usage, model) = runs.end(run_id);
            let stop_reason = name_of(payload, "stopReason").map(str::to_owned);
            told.push(ChatEvent::Final { text, stop_reason, model, usage });
        }
        "aborted" => {
            told.extend(whole.and_then(|whole| runs.advance(run_id, &whole)).map(as_delta));
            let text = runs.text(run_id);
            runs.end(run_id);
            told.push(ChatEvent::Aborted { text, reason: name_of(payload, "stopReason").map(str::to_owned) });
        }
        "error" => {
            runs.end(run_id);
            told.push(ChatEvent::Error {
                message: str_of(payload, "errorMessage").unwrap_or("the answer failed").to_owned(),
                detail: payload.get("errorDetail").cloned().unwrap_or(Value::Null),
            });
        }
        _ => return None,
    }
    let event =
        |what| Event::Chat(RunEvent { run_id: run_id.to_owned(), session_key: session_key.to_owned(), what });
    Some(told.into_iter().map(event).collect())
}

fn as_delta(change: Change) -> ChatEvent {
    match change {
        Change::Added(text) => ChatEvent::Delta { text, replace: false },
        Change::Replaced(text) => ChatEvent::Delta { text, replace: true },
    }
}

/// Deltas carry the piece and the whole text so far; the whole is what we go by.
fn delta(runs: &Runs, run_id: &str, whole: Option<String>, payload: &Value) -> Option<ChatEvent> {
    let whole = match whole {
        Some(whole) => whole,
        None => {
            let piece = str_of(payload, "deltaText")?;
            if payload["replace"] == true { piece.to_owned() } else { runs.text(run_id) + piece }
        }
    };
    runs.advance(run_id, &whole).map(as_delta)
}

/// `agent` events repeat what `chat` says; only tool calls and retries are news.
fn agent(runs: &Runs, payload: &Value) -> Vec<Event> {
    let (Some(run_id), Some(stream)) = (name_of(payload, "runId"), str_of(payload, "stream")) else {
        return Vec::new();
    };
    let session_key = name_of(payload, "sessionKey").unwrap_or_default().to_owned();
    let data = &payload["data"];
    match stream {
        "tool" if runs.takes_tool(run_id, payload["seq"].as_u64()) => {
            tool(run_id, session_key, data).into_iter().collect()
        }
        "run_status" if data["phase"] == "retrying" => vec![Event::Chat(RunEvent {
            run_id: run_id.to_owned(),
            session_key,
            what: ChatEvent::Status { phase: "retrying".to_owned() },
        })],
        _ => Vec::new(),
    }
}

fn tool(run_id: &str, session_key: String, data: &Value) -> Option<Event> {
    let step = match str_of(data, "phase")? {
        "start" => ToolStep::Started { args: data.get("args").cloned().unwrap_or(Value::Null) },
        "result" | "end" => {
            let text = data.get("result").and_then(|result| text_of(result, "\n")).unwrap_or_default();
            ToolStep::Finished { is_error: data["isError"] == true, text }
        }
        _ => return None,
    };
    Some(Event::Tool(ToolEvent {
        run_id: run_id.to_owned(),
        session_key,
        call_id: name_of(data, "toolCallId").unwrap_or_default().to_owned(),
        name: name_of(data, "name").unwrap_or_default().to_owned(),
        step,
    }))
}

/// What a message of the transcript tells of the run that wrote it: model and usage.
fn session_message(runs: &Runs, payload: &Value) {
    let Some(message) = payload.get("message") else { return };
    let (Some(run_id), Some("assistant")) =
        (name_of(&message["__openclaw"], "runId"), str_of(message, "role"))
    else {
        return;
    };
    let model = match (name_of(message, "provider"), name_of(message, "model")) {
        // What the gateway writes itself (an aborted answer, a command's reply) is no model's work.
        (Some("openclaw"), _) => None,
        (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
        _ => None,
    };
    let usage = message.get("usage").map(|usage| Usage {
        input_tokens: usage["input"].as_u64().unwrap_or(0),
        output_tokens: usage["output"].as_u64().unwrap_or(0),
        cache_read_tokens: usage["cacheRead"].as_u64().unwrap_or(0),
        cache_write_tokens: usage["cacheWrite"].as_u64().unwrap_or(0),
    });
    runs.count(run_id, usage, model.as_deref());
}
