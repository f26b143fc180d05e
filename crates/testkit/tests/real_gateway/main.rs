//! The contract with the real OpenClaw gateway, version by version: what Chela renders it accepts,
//! what Chela expects of it, it does, and the fake gateway does the same. One start for all of it,
//! because a gateway takes a gigabyte and many seconds.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails in a helper fails the test"
)]

mod cell;
mod vendor;

use std::sync::Arc;
use std::time::Duration;

use cell::{Cell, GATEWAY_TOKEN, RELAY_TOKEN, TOOL_TOKEN};
use openclaw::clock::SystemClock;
use openclaw::config::{Dialect, Model};
use openclaw::{
    ChatEvent, ConnectOptions, Event, Events, Gateway, Isolation, Profile, Signal, Signals, Token, ToolStep,
    supervise,
};
use testkit::gateway::{FakeGateway, Options, Reply};
use tokio::time::timeout;
use vendor::Vendor;

const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The first is the whole conversation's session, the others belong to one step each.
const SESSION: &str = "agent:main:chela:thread-1";
const TOOL_SESSION: &str = "agent:main:chela:thread-2";

async fn next(events: &mut Events) -> Event {
    timeout(PATIENCE, events.next()).await.expect("an event in time").expect("an open connection")
}

#[tokio::test]
async fn the_real_gateway_keeps_the_contract() {
    let mut cell = Cell::new();
    let vendor = Vendor::listen(&cell.run_dir().join("relay.sock"));
    every_profile_validates(&cell).await;
    cell.write(&cell.bot(Profile::Shared, Isolation::Confined));
    cell.start().await;
    let (gateway, mut events) = Gateway::connect(cell.options()).await.unwrap();
    assert_eq!(gateway.hello().server.version, openclaw::OPENCLAW_VERSION);

    no_token_stands_in_an_environment(&cell);
    an_answer_streams_exactly_and_costs_one_call(&gateway, &mut events, &vendor).await;
    assert_eq!(gateway.tools_effective(SESSION).await.unwrap(), Vec::<String>::new(), "shared has no tools");
    the_fake_tells_the_same_story(&cell).await;
    a_run_can_be_stopped(&gateway, &mut events).await;
    a_deleted_session_is_gone(&gateway).await;
    own_has_its_tools_and_its_commands_see_no_token(&cell, &gateway, &mut events).await;
    unconfined_has_no_tool_that_reaches_the_machine(&cell, &gateway).await;
    a_changed_model_answers_in_its_own_dialect(&cell, &gateway, &mut events, &vendor).await;
    a_chain_is_asked_on_the_shared_path(&cell, &gateway, &mut events, &vendor).await;
    a_restarted_gateway_is_found_again(&mut cell).await;
}

async fn every_profile_validates(cell: &Cell) {
    let kinds = [
        (Profile::Shared, Isolation::Confined),
        (Profile::Own, Isolation::Confined),
        (Profile::Own, Isolation::None),
    ];
    for (profile, isolation) in kinds {
        let mut bot = cell.bot(profile, isolation);
        if profile == Profile::Own {
            bot.model = "anthropic/claude-sonnet-4-5".parse().unwrap();
        }
        cell.write(&bot);
        let (valid, said) = cell.validate().await;
        assert!(valid, "{profile:?} {isolation:?}: {said}");
    }
}

/// What the process was started with is what an inspected container or another uid could read.
fn no_token_stands_in_an_environment(cell: &Cell) {
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", cell.pid())).unwrap();
    let family = children.split_whitespace().map(str::to_owned).chain([cell.pid().to_string()]);
    for pid in family {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        for token in [GATEWAY_TOKEN, RELAY_TOKEN, TOOL_TOKEN] {
            assert!(!environment.contains(token), "a token in the environment of {pid}");
        }
    }
}

/// Sends a message and reads the run to its end: the kinds of events, the appended text, the end.
async fn converse(gateway: &Gateway, events: &mut Events, run_id: &str) -> (Vec<String>, String, ChatEvent) {
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let started = gateway.chat_send(SESSION, "hello there", run_id, Some(&traceparent)).await.unwrap();
    assert_eq!((started.run_id.as_str(), started.status.as_str()), (run_id, "started"));
    let (mut kinds, mut text) = (Vec::<String>::new(), String::new());
    loop {
        let kind = match next(events).await {
            Event::Chat(run) => match run.what {
                ChatEvent::Status { phase } => format!("status {phase}"),
                ChatEvent::Delta { text: piece, replace } => {
                    text = if replace { piece } else { text + &piece };
                    "delta".to_owned()
                }
                end => {
                    kinds.push("end".to_owned());
                    return (kinds, text, end);
                }
            },
            _ => continue,
        };
        // How many deltas an answer comes in is a matter of timing.
        if kinds.last() != Some(&kind) {
            kinds.push(kind);
        }
    }
}

async fn an_answer_streams_exactly_and_costs_one_call(
    gateway: &Gateway,
    events: &mut Events,
    vendor: &Vendor,
) {
    gateway.sessions_messages_subscribe(SESSION).await.unwrap();
    let (_, text, end) = converse(gateway, events, "run-1").await;
    assert_eq!(text, vendor::pieces().concat());
    let ChatEvent::Final { text: whole, usage, model, .. } = end else { panic!("{end:?}") };
    assert_eq!(whole, text);
    assert_eq!(model.as_deref(), Some("openai/fake-1"));
    let usage = usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_read_tokens), (60, 7, 40));

    // The gateway is idle: whatever it does on the side it has begun.
    gateway.chat_history(SESSION, 10).await.unwrap();
    let calls = vendor.calls();
    assert_eq!(calls.len(), 1, "{:?}", calls.iter().map(|c| &c.body["messages"]).collect::<Vec<_>>());
    let call = &calls[0];
    assert_eq!(call.path, "/v1/openai/chat/completions");
    assert_eq!(call.headers["authorization"], format!("Bearer {RELAY_TOKEN}"));
    assert!(call.headers["traceparent"].to_str().unwrap().contains(TRACE), "our trace goes through");
    assert!(call.body["tools"].as_array().is_none_or(Vec::is_empty));
    assert!(call.body["messages"].to_string().contains("the baker's clerk"), "the prompt is the persona");
}

/// Same conversation, same kinds of events in the same order.
async fn the_fake_tells_the_same_story(cell: &Cell) {
    let (real, mut real_events) = Gateway::connect(cell.options()).await.unwrap();
    let reply = Reply::Script { pieces: vendor::pieces(), pause: Duration::from_millis(5) };
    let fake = FakeGateway::start(Options { reply, ..Options::default() }).await.unwrap();
    let options = ConnectOptions::new(fake.endpoint().clone(), Token::new(fake.token()));
    let (fake, mut fake_events) = Gateway::connect(options).await.unwrap();
    let mut stories = Vec::new();
    for (gateway, events) in [(&real, &mut real_events), (&fake, &mut fake_events)] {
        gateway.sessions_messages_subscribe(SESSION).await.unwrap();
        let (kinds, text, _) = converse(gateway, events, "run-2").await;
        let history = gateway.chat_history(SESSION, 2).await.unwrap();
        let lines: Vec<_> = history.messages.iter().map(|m| (m.role.clone(), m.text())).collect();
        let absent = gateway.tools_effective("agent:main:chela:absent").await.unwrap_err().to_string();
        let unknown = gateway.call("no.such", serde_json::json!({}), PATIENCE).await.unwrap_err().to_string();
        stories.push((kinds, text, lines, absent, unknown));
    }
    assert_eq!(stories[0], stories[1]);
}

async fn a_run_can_be_stopped(gateway: &Gateway, events: &mut Events) {
    gateway.chat_send(SESSION, "SLOW please", "run-3", None).await.unwrap();
    let mut text = String::new();
    while text.is_empty() {
        if let Event::Chat(run) = next(events).await
            && run.run_id == "run-3"
            && let ChatEvent::Delta { text: piece, .. } = run.what
        {
            text.push_str(&piece);
        }
    }
    let in_flight = gateway.chat_history(SESSION, 10).await.unwrap().in_flight_run.unwrap();
    assert_eq!(in_flight.run_id, "run-3");
    assert!(in_flight.text.starts_with("w0"));
    assert!(gateway.chat_abort(SESSION, Some("run-3")).await.unwrap().aborted);
    loop {
        let Event::Chat(run) = next(events).await else { continue };
        match run.what {
            ChatEvent::Delta { text: piece, replace: false } => text.push_str(&piece),
            ChatEvent::Aborted { text: whole, .. } => {
                assert_eq!(whole, text);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(!gateway.chat_abort(SESSION, Some("run-3")).await.unwrap().aborted);
}

async fn a_deleted_session_is_gone(gateway: &Gateway) {
    let deleted = gateway.sessions_delete(SESSION).await.unwrap();
    assert!(deleted.deleted);
    for copy in &deleted.archived {
        assert!(std::path::Path::new(copy).is_file(), "the kept copy is named: {copy}");
    }
    assert!(gateway.chat_history(SESSION, 10).await.unwrap().messages.is_empty());
    assert!(!gateway.sessions_delete(SESSION).await.unwrap().deleted);
}

/// Until the gateway has taken up a replaced configuration.
async fn tools_after_reload(gateway: &Gateway, until: impl Fn(&[String]) -> bool) -> Vec<String> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let tools = gateway.tools_effective(TOOL_SESSION).await.unwrap_or_default();
        if until(&tools) {
            return tools;
        }
        assert!(tokio::time::Instant::now() < deadline, "no reload in time; tools: {tools:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn own_has_its_tools_and_its_commands_see_no_token(
    cell: &Cell,
    gateway: &Gateway,
    events: &mut Events,
) {
    cell.write(&cell.bot(Profile::Own, Isolation::Confined));
    gateway.chat_send(TOOL_SESSION, "hello", "run-4", None).await.unwrap();
    while !matches!(next(events).await, Event::Chat(run) if run.run_id == "run-4" && run.what.is_end()) {}
    let tools = tools_after_reload(gateway, |tools| tools.iter().any(|tool| tool == "exec")).await;
    for forbidden in ["gateway", "openclaw", "plugins", "nodes", "computer", "automations"] {
        assert!(!tools.iter().any(|tool| tool == forbidden), "{forbidden} in {tools:?}");
    }
    gateway.chat_send(TOOL_SESSION, "RUN_ENV", "run-5", None).await.unwrap();
    let mut seen = None;
    loop {
        match next(events).await {
            Event::Tool(tool) => {
                assert_eq!(tool.name, "exec");
                if let ToolStep::Finished { text, is_error, .. } = tool.step {
                    assert!(!is_error, "{text}");
                    seen = Some(text);
                }
            }
            Event::Chat(run) if run.run_id == "run-5" && run.what.is_end() => break,
            _ => {}
        }
    }
    let seen = seen.expect("the command ran");
    assert!(seen.contains("PATH="), "{seen}");
    for token in [GATEWAY_TOKEN, RELAY_TOKEN, TOOL_TOKEN] {
        assert!(!seen.contains(token), "a command inherits a token");
    }
}

async fn unconfined_has_no_tool_that_reaches_the_machine(cell: &Cell, gateway: &Gateway) {
    cell.write(&cell.bot(Profile::Own, Isolation::None));
    let tools = tools_after_reload(gateway, |tools| !tools.iter().any(|tool| tool == "exec")).await;
    let reaching = [
        "exec",
        "process",
        "bash",
        "code_execution",
        "read",
        "write",
        "edit",
        "apply_patch",
        "browser",
        "terminal",
        "portal",
        "canvas",
        "web_fetch",
        "view_image",
        "pdf",
        "nodes",
        "computer",
        "gateway",
        "cron",
        "automations",
        "skill_workshop",
        "subagents",
    ];
    for forbidden in reaching {
        assert!(!tools.iter().any(|tool| tool == forbidden), "{forbidden} in {tools:?}");
    }
}

/// The configuration is replaced under the running gateway: no restart, the next turn is Anthropic's.
async fn a_changed_model_answers_in_its_own_dialect(
    cell: &Cell,
    gateway: &Gateway,
    events: &mut Events,
    vendor: &Vendor,
) {
    let mut bot = cell.bot(Profile::Shared, Isolation::Confined);
    bot.model = "anthropic/claude-fake".parse().unwrap();
    cell.write(&bot);
    tools_after_reload(gateway, <[String]>::is_empty).await;
    gateway.sessions_messages_subscribe(SESSION).await.unwrap();
    let mut told = None;
    for run in ["run-6", "run-6-again", "run-6-once-more"] {
        let (_, text, end) = converse(gateway, events, run).await;
        assert_eq!(text, vendor::pieces().concat());
        let ChatEvent::Final { usage, model, .. } = end else { panic!("{end:?}") };
        // The gateway tells both with the transcript's message, which may come after the end.
        told = usage.zip(model);
        if told.is_some() {
            break;
        }
    }
    let (usage, model) = told.expect("the gateway tells usage and model");
    assert_eq!(model, "anthropic/claude-fake");
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_read_tokens), (60, 7, 40));
    let call = vendor.calls().pop().unwrap();
    assert_eq!(call.path, "/v1/anthropic/v1/messages");
    assert_eq!(call.headers["x-api-key"], RELAY_TOKEN);
    assert!(call.headers["traceparent"].to_str().unwrap().contains(TRACE));
}

/// A chain is asked by its name, on the path that all vendors share.
async fn a_chain_is_asked_on_the_shared_path(
    cell: &Cell,
    gateway: &Gateway,
    events: &mut Events,
    vendor: &Vendor,
) {
    let mut bot = cell.bot(Profile::Shared, Isolation::Confined);
    for (dialect, path, run) in [
        (Dialect::OpenAiChat, "/v1/chat/completions", "run-7"),
        (Dialect::Anthropic, "/v1/messages", "run-8"),
        (Dialect::Gemini, "/v1beta/models/coding:streamGenerateContent", "run-9"),
    ] {
        bot.model = "chain/coding".parse::<Model>().unwrap().spoken_in(dialect);
        cell.write(&bot);
        let (valid, said) = cell.validate().await;
        assert!(valid, "{dialect:?}: {said}");
        gateway.sessions_messages_subscribe(SESSION).await.unwrap();
        // Nothing else tells when the gateway has taken up the file.
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for turn in 0.. {
            let (_, text, end) = converse(gateway, events, &format!("{run}-{turn}")).await;
            let call = vendor.calls().pop().unwrap();
            if call.path == path {
                // The name of one in Gemini's way stands in the path.
                let named = call.body["model"].as_str().unwrap_or("coding");
                assert_eq!((named, text), ("coding", vendor::pieces().concat()), "{end:?}");
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{dialect:?} is asked at {}", call.path);
        }
    }
}

async fn until_ready(signals: &mut Signals) -> String {
    loop {
        let signal = timeout(PATIENCE, signals.next()).await.expect("in time").expect("supervised");
        if let Signal::Ready { hello, .. } = signal {
            return hello.server.boot_id.clone();
        }
    }
}

/// Restarted the way Chela starts it after a refusal: OpenClaw's own doctor looks at its state first.
async fn a_restarted_gateway_is_found_again(cell: &mut Cell) {
    let (_connection, mut signals) = supervise(cell.options(), Arc::new(SystemClock::default()));
    let first = until_ready(&mut signals).await;
    assert_eq!(cell.stop().await, Some(0), "{}", cell.log());
    cell.start_with(&[openclaw::config::cell::DOCTOR]).await;
    let second = until_ready(&mut signals).await;
    assert_ne!(first, second);
    assert!(cell.log().contains("openclaw doctor is done"), "{}", cell.log());
    cell.stop().await;
}
