//! Answers in two dialects, as one JSON text or in pieces.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Into how many pieces a digest is cut.
const PIECES: usize = 40;

/// What a call is answered with.
pub(super) enum Content {
    Text(String),
    Tool { name: String, arguments: Value },
}

/// The answer that only the vendor can compute: hex sha256(nonce + token).
#[must_use]
pub fn digest(nonce: &str, token: &str) -> String {
    hex::encode(Sha256::digest(format!("{nonce}{token}")))
}

/// The byte at this place of a body that is no text.
#[must_use]
pub fn binary(at: usize) -> u8 {
    u8::try_from(at.wrapping_mul(7).wrapping_add(at / 256) % 256).unwrap_or(0)
}

/// What is asked for: the last `ask:<token>` of the last user message, or that whole message.
pub(super) fn asked(body: &Value) -> String {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let users = messages.iter().rev().filter(|m| m["role"] == "user").map(|m| text_of(&m["content"]));
    // A gateway may add messages of its own after the person's: the last one that asks counts.
    let mut texts: Vec<String> = users.collect();
    texts.retain(|t| !t.is_empty());
    let token = |text: &String| {
        let rest = text.rsplit_once("ask:")?.1;
        let token: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        (!token.is_empty()).then_some(token)
    };
    texts.iter().find_map(token).or_else(|| texts.first().cloned()).unwrap_or_default()
}

/// Whether a tool's result came after the last thing a person said.
pub(super) fn has_result(body: &Value) -> bool {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let result = |m: &Value| {
        let parts = m["content"].as_array().map_or(&[][..], Vec::as_slice);
        m["role"] == "tool" || parts.iter().any(|p| p["type"] == "tool_result")
    };
    let spoken = |m: &Value| m["role"] == "user" && text_of(&m["content"]).contains("ask:");
    let last_result = messages.iter().rposition(result);
    last_result.is_some() && last_result > messages.iter().rposition(spoken)
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// Cuts a text into 40 pieces (or as many as it has characters).
pub(super) fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let count = PIECES.min(chars.len().max(1));
    let at = |n: usize| n * chars.len() / count;
    (0..count).map(|n| chars.get(at(n)..at(n + 1)).unwrap_or_default().iter().collect()).collect()
}

fn openai_usage() -> Value {
    json!({"prompt_tokens": 14, "completion_tokens": 40, "total_tokens": 54,
           "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}})
}

/// A chat completion as one JSON text.
pub(super) fn openai_json(model: &str, content: &Content) -> Value {
    let (message, reason) = match content {
        Content::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Content::Tool { name, arguments } => {
            let call = json!({"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments.to_string()}});
            (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
        }
    };
    json!({"id": "chatcmpl-fake", "object": "chat.completion", "created": 1, "model": model,
           "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": openai_usage()})
}

/// A chat completion as events.
pub(super) fn openai_events(model: &str, content: &Content, usage: bool) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": model,
                           "choices": choices, "usage": usage});
        format!("data: {chunk}\n\n")
    };
    let choice = |delta: Value, reason: Value| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]), Value::Null)
    };
    let mut events = vec![choice(json!({"role": "assistant", "content": ""}), Value::Null)];
    let reason = match content {
        Content::Text(text) => {
            events.extend(pieces(text).iter().map(|p| choice(json!({"content": p}), Value::Null)));
            "stop"
        }
        Content::Tool { name, arguments } => {
            let call = json!([{"index": 0, "id": "call_1", "type": "function",
                               "function": {"name": name, "arguments": arguments.to_string()}}]);
            events.push(choice(json!({"tool_calls": call}), Value::Null));
            "tool_calls"
        }
    };
    events.push(choice(json!({}), json!(reason)));
    if usage {
        events.push(chunk(json!([]), openai_usage()));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// A message as one JSON text.
pub(super) fn anthropic_json(model: &str, content: &Content) -> Value {
    let (block, reason) = match content {
        Content::Text(text) => (json!({"type": "text", "text": text}), "end_turn"),
        Content::Tool { name, arguments } => {
            (json!({"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}), "tool_use")
        }
    };
    json!({"id": "msg_fake", "type": "message", "role": "assistant", "model": model, "content": [block],
           "stop_reason": reason, "stop_sequence": null,
           "usage": {"input_tokens": 11, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 5, "output_tokens": 40}})
}

/// A message as events.
pub(super) fn anthropic_events(model: &str, content: &Content) -> Vec<String> {
    let event =
        |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default());
    let mut events = vec![
        event(json!({"type": "message_start", "message": {
            "id": "msg_fake", "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 11, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 5, "output_tokens": 1}}})),
        event(json!({"type": "ping"})),
    ];
    let delta = |delta: Value| event(json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    let (block, deltas, reason): (Value, Vec<String>, &str) = match content {
        Content::Text(text) => {
            let texts =
                pieces(text).iter().map(|p| delta(json!({"type": "text_delta", "text": p}))).collect();
            (json!({"type": "text", "text": ""}), texts, "end_turn")
        }
        Content::Tool { name, arguments } => {
            let input = delta(json!({"type": "input_json_delta", "partial_json": arguments.to_string()}));
            (json!({"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}), vec![input], "tool_use")
        }
    };
    events.push(event(json!({"type": "content_block_start", "index": 0, "content_block": block})));
    events.extend(deltas);
    events.push(event(json!({"type": "content_block_stop", "index": 0})));
    events.push(event(
        json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
                             "usage": {"output_tokens": 40}}),
    ));
    events.push(event(json!({"type": "message_stop"})));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_wrapped_text() {
        let body = json!({"messages": [
            {"role": "user", "content": "ask:old"},
            {"role": "assistant", "content": "…"},
            {"role": "user", "content": [{"type": "text", "text": "[Fri 12:00] Please ask:abc-1 now\nRuntime: x"}]},
            {"role": "user", "content": "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>"},
        ]});
        assert_eq!(asked(&body), "abc-1");
        assert!(!has_result(&body));
    }

    #[test]
    fn a_digest_comes_in_forty_pieces() {
        let text = digest("n", "t");
        assert_eq!(pieces(&text).len(), 40);
        assert_eq!(pieces(&text).concat(), text);
        assert_eq!(pieces("").concat(), "");
    }
}
