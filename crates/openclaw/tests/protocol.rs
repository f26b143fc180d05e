//! The sans-IO core against frames recorded from OpenClaw 2026.9.6: no socket, no clock.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use openclaw::protocol::{Handshake, Output, Runs, Session};
use openclaw::{ChatEvent, ConnectError, Event, Usage};
use serde_json::{Value, json};

fn session() -> Session<u32> {
    let handshake = Handshake { token: "t0ken".into(), display_name: "Chela".into(), identity: None };
    Session::new(handshake, Runs::default())
}

fn challenge() -> String {
    json!({ "type": "event", "event": "connect.challenge",
            "payload": { "nonce": "b2ad6624", "ts": 1_795_173_781_138_i64, "capabilities": [] } })
    .to_string()
}

fn hello(scopes: &[&str]) -> String {
    json!({ "type": "res", "id": "1", "ok": true, "payload": {
        "type": "hello-ok", "protocol": 4,
        "server": { "version": "2026.9.6", "bootId": "a7e7", "connId": "eb70" },
        "features": { "methods": ["health"], "events": ["chat"] },
        "auth": { "method": "token", "role": "operator", "scopes": scopes },
        "policy": { "maxPayload": 26_214_400, "tickIntervalMs": 30_000 } } })
    .to_string()
}

fn connected() -> Session<u32> {
    let mut session = session();
    session.receive(&challenge()).unwrap();
    let outputs = session.receive(&hello(&["operator.read", "operator.admin"])).unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Ready(_)]));
    session
}

fn chat(seq: u64, more: &Value) -> String {
    let mut payload =
        json!({ "runId": "r1", "sessionKey": "agent:main:chela:1", "agentId": "main", "seq": seq });
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "type": "event", "event": "chat", "payload": payload, "seq": 9 }).to_string()
}

fn snapshot(text: &str) -> Value {
    json!({ "role": "assistant", "content": [ { "type": "text", "text": text } ] })
}

fn told(session: &mut Session<u32>, frame: &str) -> Vec<ChatEvent> {
    let outputs = session.receive(frame).unwrap();
    let chats = outputs.into_iter().filter_map(|output| match output {
        Output::Event(Event::Chat(run)) => Some(run.what),
        _ => None,
    });
    chats.collect()
}

#[test]
fn the_challenge_is_answered_with_the_token_and_every_scope() {
    let outputs = session().receive(&challenge()).unwrap();
    let [Output::Send(frame)] = outputs.as_slice() else { panic!("one frame to send") };
    let frame: Value = serde_json::from_str(frame).unwrap();
    assert_eq!(frame["method"], "connect");
    assert_eq!(frame["params"]["auth"]["token"], "t0ken");
    assert_eq!(frame["params"]["client"]["id"], "gateway-client");
    assert_eq!(frame["params"]["client"]["displayName"], "Chela");
    assert!(frame["params"]["scopes"].as_array().unwrap().contains(&json!("operator.admin")));
    assert!(frame["params"]["caps"].as_array().unwrap().contains(&json!("tool-events")));
    assert!(frame["params"].get("device").is_none());
}

#[test]
fn a_gateway_that_starts_is_told_from_one_that_refuses() {
    let mut starting = session();
    starting.receive(&challenge()).unwrap();
    let frame = json!({ "type": "res", "id": "1", "ok": false, "error": {
        "code": "UNAVAILABLE", "message": "gateway starting; retry shortly", "retryable": true,
        "retryAfterMs": 500, "details": { "reason": "startup-sidecars" } } });
    let outputs = starting.receive(&frame.to_string()).unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Failed(error)] if error.is_starting()));

    let mut refusing = session();
    refusing.receive(&challenge()).unwrap();
    let frame = json!({ "type": "res", "id": "1", "ok": false, "error": {
        "code": "INVALID_REQUEST", "message": "unauthorized", "details": { "code": "AUTH_TOKEN_MISMATCH" } } });
    let outputs = refusing.receive(&frame.to_string()).unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Failed(ConnectError::Refused(_))]));
}

#[test]
fn a_hello_without_administrator_scope_is_a_failure() {
    let mut session = session();
    session.receive(&challenge()).unwrap();
    let outputs = session.receive(&hello(&["operator.read"])).unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Failed(ConnectError::MissingScopes { .. })]));
}

#[test]
fn answers_find_their_callers_in_any_order() {
    let mut session = connected();
    let first: Value = serde_json::from_str(&session.call("health", &json!({}), None, 1)).unwrap();
    let second: Value =
        serde_json::from_str(&session.call("status", &json!({}), Some("00-ab-cd-01"), 2)).unwrap();
    assert_eq!(second["traceparent"], "00-ab-cd-01");
    assert!(first.get("traceparent").is_none());
    let answer = |id: &Value| json!({ "type": "res", "id": id, "ok": true, "payload": id }).to_string();
    let outputs = session.receive(&answer(&second["id"])).unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Answer(2, Ok(_))]));
    let outputs = session.receive(&answer(&first["id"])).unwrap();
    assert!(matches!(outputs.as_slice(), [Output::Answer(1, Ok(_))]));
    assert!(session.receive(&answer(&first["id"])).unwrap().is_empty(), "an answer counts once");
}

#[test]
fn deltas_add_up_to_the_final_text_even_when_frames_are_lost_or_repeated() {
    let mut session = connected();
    let first = chat(6, &json!({ "state": "delta", "deltaText": "Hel", "message": snapshot("Hel") }));
    assert_eq!(told(&mut session, &first), [ChatEvent::Delta { text: "Hel".into(), replace: false }]);
    assert!(told(&mut session, &first).is_empty(), "a repeated frame adds nothing");
    // The frame with "lo" is lost; the next one's snapshot holds it.
    let third =
        chat(9, &json!({ "state": "delta", "deltaText": " world", "message": snapshot("Hello world") }));
    assert_eq!(told(&mut session, &third), [ChatEvent::Delta { text: "lo world".into(), replace: false }]);
    let late = chat(8, &json!({ "state": "delta", "deltaText": "lo", "message": snapshot("Hello") }));
    assert!(told(&mut session, &late).is_empty(), "an overtaken frame takes nothing back");
    let end =
        chat(15, &json!({ "state": "final", "stopReason": "stop", "message": snapshot("Hello world.") }));
    assert_eq!(
        told(&mut session, &end),
        [
            ChatEvent::Delta { text: ".".into(), replace: false },
            ChatEvent::Final {
                text: "Hello world.".into(),
                stop_reason: Some("stop".into()),
                model: None,
                usage: None
            },
        ]
    );
    assert!(told(&mut session, &end).is_empty(), "an answer ends once");
}

#[test]
fn a_replaced_text_starts_over() {
    let mut session = connected();
    told(
        &mut session,
        &chat(6, &json!({ "state": "delta", "deltaText": "Let me", "message": snapshot("Let me") })),
    );
    let frame =
        json!({ "state": "delta", "deltaText": "Done", "replace": true, "message": snapshot("Done") });
    assert_eq!(
        told(&mut session, &chat(8, &frame)),
        [ChatEvent::Delta { text: "Done".into(), replace: true }]
    );
}

#[test]
fn the_usage_of_all_model_calls_of_a_run_stands_in_its_end() {
    let mut session = connected();
    let message = |output: u64| {
        json!({ "type": "event", "event": "session.message", "payload": {
            "sessionKey": "agent:main:chela:1", "messageSeq": 2, "message": {
                "role": "assistant", "content": [ { "type": "text", "text": "x" } ],
                "provider": "openai", "model": "fake-1",
                "usage": { "input": 60, "output": output, "cacheRead": 40, "cacheWrite": 0 },
                "__openclaw": { "runId": "r1" } } } })
        .to_string()
    };
    session.receive(&message(7)).unwrap();
    session.receive(&message(5)).unwrap();
    let end = chat(15, &json!({ "state": "final", "stopReason": "stop", "message": snapshot("x") }));
    let events = told(&mut session, &end);
    let Some(ChatEvent::Final { usage, model, .. }) = events.last() else { panic!("a final event") };
    assert_eq!(model.as_deref(), Some("openai/fake-1"));
    let expected =
        Usage { input_tokens: 120, output_tokens: 12, cache_read_tokens: 80, cache_write_tokens: 0 };
    assert_eq!(*usage, Some(expected));
}

#[test]
fn what_nobody_listens_to_is_passed_over_and_nonsense_ends_the_connection() {
    let mut session = connected();
    for payload in [json!({ "a": 1 }), json!(vec![Value::Array(Vec::new()); 50_000])] {
        for event in ["brand.new", "tick", "chat", "agent", "session.message"] {
            let frame = json!({ "type": "event", "event": event, "payload": payload, "seq": 3 }).to_string();
            assert!(session.receive(&frame).unwrap().is_empty(), "{event}");
        }
    }
    assert!(session.receive(r#"{"type":"novelty"}"#).unwrap().is_empty());
    assert!(session.receive("not json").is_err());
}

#[test]
fn names_as_long_as_a_frame_are_not_kept() {
    let mut session = connected();
    let mut frame: Value =
        serde_json::from_str(&chat(6, &json!({ "state": "delta", "message": snapshot("x") }))).unwrap();
    frame["payload"]["runId"] = "r".repeat(100_000).into();
    assert!(session.receive(&frame.to_string()).unwrap().is_empty());
}

#[test]
fn nothing_is_told_before_the_greeting() {
    let mut session = session();
    session.receive(&challenge()).unwrap();
    let early = chat(1, &json!({ "state": "delta", "message": snapshot("early") }));
    assert!(session.receive(&early).unwrap().is_empty());
}
