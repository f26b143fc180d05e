//! The recorded shapes, cut down to what a client may reasonably look at.

use serde_json::{Value, json};

/// Methods the fake answers.
pub(super) const METHODS: [&str; 9] = [
    "health",
    "chat.send",
    "chat.abort",
    "chat.history",
    "sessions.create",
    "sessions.delete",
    "sessions.messages.subscribe",
    "sessions.messages.unsubscribe",
    "tools.effective",
];

pub(super) fn challenge() -> Value {
    json!({
        "nonce": uuid::Uuid::new_v4().to_string(),
        "ts": now_ms(),
        "capabilities": ["model-catalog-snapshot"],
    })
}

pub(super) fn hello(boot_id: &str, connection: u64, scopes: &Value, tick_ms: u64) -> Value {
    json!({
        "type": "hello-ok",
        "protocol": 4,
        "server": {
            "version": openclaw::OPENCLAW_VERSION, "buildId": "fake", "bootId": boot_id,
            "controlUiBuildSource": "bundled", "connId": format!("conn-{connection}"),
        },
        "features": {
            "methods": METHODS,
            "events": ["connect.challenge", "agent", "chat", "session.message", "tick", "shutdown"],
            "capabilities": ["chat-send-routing-contract", "session-settings-contract"],
        },
        "snapshot": { "suspension": { "phase": "accepting" }, "presence": [], "health": {}, "authMode": "token" },
        "auth": { "method": "token", "role": "operator", "scopes": scopes },
        "policy": {
            "maxPayload": 26_214_400, "maxBufferedBytes": 52_428_800, "tickIntervalMs": tick_ms,
            "attachments": { "maxBytes": 19_464_192, "maxImageBytes": 6_291_456 },
        },
    })
}

pub(super) fn health() -> Value {
    json!({
        "ok": true, "ts": now_ms(), "durationMs": 1,
        "plugins": { "loaded": [], "errors": [], "unavailable": [] },
        "channels": {}, "channelOrder": [], "defaultAgentId": "main",
        "modelRuntime": { "degraded": false, "pendingAgents": [] },
        "eventLoop": { "degraded": false, "reasons": [] },
    })
}

/// Not one tool, as the real one answers for the profile `shared`.
pub(super) fn tools() -> Value {
    json!({ "agentId": "main", "profile": "minimal", "groups": [] })
}

pub(super) fn startupz(started: bool, uptime_ms: u128) -> Value {
    let version = openclaw::OPENCLAW_VERSION;
    if started {
        json!({ "ok": true, "status": "started", "version": version, "uptimeMs": uptime_ms })
    } else {
        json!({
            "ok": false, "status": "starting", "version": version, "uptimeMs": uptime_ms,
            "pendingReason": "startup-sidecars",
        })
    }
}

pub(super) fn error(code: &str, message: &str, details: Value) -> Value {
    let mut error = json!({ "code": code, "message": message });
    if !details.is_null() {
        error["details"] = details;
    }
    error
}

pub(super) fn starting() -> Value {
    json!({
        "code": "UNAVAILABLE", "message": "gateway starting; retry shortly",
        "retryable": true, "retryAfterMs": 500, "details": { "reason": "startup-sidecars" },
    })
}

pub(super) fn user_message(run: &str, text: &str) -> Value {
    json!({
        "role": "user", "content": text, "timestamp": now_ms(), "idempotencyKey": format!("{run}:user"),
        "__openclaw": { "senderIsOwner": true, "id": uuid::Uuid::new_v4().to_string() },
    })
}

/// Token counts as the model gave them: input without cached, output, cached.
pub(super) fn assistant_message(run: &str, text: &str, model: &str, usage: (u64, u64, u64)) -> Value {
    let (provider, name) = model.split_once('/').unwrap_or(("", model));
    let (input, output, cached) = usage;
    json!({
        "role": "assistant", "content": [ { "type": "text", "text": text } ],
        "api": "openai-completions", "provider": provider, "model": name,
        "usage": {
            "input": input, "output": output, "cacheRead": cached, "cacheWrite": 0,
            "totalTokens": input + output + cached,
        },
        "stopReason": "stop", "timestamp": now_ms(),
        "__openclaw": { "runId": run, "id": uuid::Uuid::new_v4().to_string() },
    })
}

pub(super) fn aborted_message(run: &str, text: &str) -> Value {
    let mut message = assistant_message(run, text, "openclaw/gateway-injected", (0, 0, 0));
    message["openclawAbort"] = json!({ "aborted": true, "origin": "rpc", "runId": run });
    message
}

pub(super) fn snapshot(text: &str) -> Value {
    json!({ "role": "assistant", "content": [ { "type": "text", "text": text } ], "timestamp": now_ms() })
}

pub(super) fn history(
    session: &str,
    session_id: Option<&str>,
    messages: &[Value],
    total: usize,
    run: Option<(&str, &str)>,
) -> Value {
    let mut history = json!({
        "sessionKey": session, "messages": messages, "pendingInputs": { "items": [], "total": 0 },
        "hasMore": messages.len() < total, "totalMessages": total,
        "sessionInfo": {
            "key": session, "hasActiveRun": run.is_some(),
            "activeRunIds": run.map(|(id, _)| id).into_iter().collect::<Vec<_>>(),
        },
    });
    if let Some(id) = session_id {
        history["sessionId"] = json!(id);
    }
    if let Some((id, text)) = run {
        history["inFlightRun"] = json!({ "runId": id, "text": text, "events": [] });
    }
    history
}

pub(super) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
