//! One run, from the status lines to its end, in the order in which the real gateway tells it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::reply::{Outcome, Piece};
use super::shapes;
use super::state::{Run, State};

/// Plays a run; returns when it has ended.
pub(super) async fn play(
    state: Arc<State>,
    session: String,
    run: Run,
    prompt: String,
    trace: Option<String>,
) {
    let mut teller = Teller { state: &state, session: &session, run: &run, seq: 0 };
    teller.status("preparing_workspace");
    teller.status("preparing_context");
    state.write(&session, &shapes::user_message(&run.id, &prompt));
    teller.agent("lifecycle", &json!({ "phase": "start", "startedAt": shapes::now_ms() }));
    teller.status("starting_model");

    let mut text = String::new();
    let mut pieces = state.options.reply.pieces(&prompt, trace);
    let outcome = loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            () = run.stop.cancelled() => break None,
        };
        match piece {
            Some(Piece::Text(more)) => {
                text.push_str(&more);
                teller.delta(&text);
            }
            Some(Piece::Tool { name, args, result }) => teller.tool(&name, &args, &result),
            Some(Piece::End(outcome)) => break Some(outcome),
            None => break Some(Outcome::Failed { status: 0, message: "the reply ended early".to_owned() }),
        }
    };
    // The run is over before its end is told: who hears the end may start the next one at once.
    state.end(&session, &run.id);
    match outcome {
        None => teller.aborted(&text),
        Some(Outcome::Done { usage }) => teller.done(text.trim_end(), usage),
        Some(Outcome::Failed { status, message }) => teller.failed(status, &message),
    }
}

struct Teller<'a> {
    state: &'a State,
    session: &'a str,
    run: &'a Run,
    seq: u64,
}

impl Teller<'_> {
    fn agent(&mut self, stream: &str, data: &Value) {
        self.seq += 1;
        let payload = json!({
            "runId": self.run.id, "stream": stream, "data": data, "sessionKey": self.session,
            "agentId": "main", "seq": self.seq, "ts": shapes::now_ms(), "isHeartbeat": false,
        });
        self.state.tell(self.session, Some(self.run.owner), "agent", &payload);
    }

    /// A `chat` event carries the number of the `agent` event that it belongs to.
    fn chat(&self, seq: u64, more: Value) {
        let mut payload = json!({
            "runId": self.run.id, "sessionKey": self.session, "agentId": "main", "seq": seq,
        });
        if let (Some(payload), Value::Object(more)) = (payload.as_object_mut(), more) {
            payload.extend(more);
        }
        self.state.tell(self.session, Some(self.run.owner), "chat", &payload);
    }

    fn status(&mut self, phase: &str) {
        self.chat(self.seq + 1, json!({ "state": "status", "phase": phase }));
        self.agent("run_status", &json!({ "phase": phase }));
    }

    /// Trailing white space is held back until something follows it.
    fn delta(&mut self, whole: &str) {
        let before = self.told();
        let shown = whole.trim_end();
        let Some(piece) = shown.strip_prefix(before.as_str()).filter(|piece| !piece.is_empty()) else {
            return;
        };
        self.state.progress(self.session, &self.run.id, shown);
        self.agent("assistant", &json!({ "text": shown, "delta": piece, "itemId": "item:1" }));
        self.chat(
            self.seq,
            json!({ "state": "delta", "deltaText": piece, "message": shapes::snapshot(shown) }),
        );
    }

    fn told(&self) -> String {
        let history = self.state.history(self.session, 0);
        history["inFlightRun"]["text"].as_str().unwrap_or_default().to_owned()
    }

    fn tool(&mut self, name: &str, args: &Value, result: &str) {
        let call = format!("call_{}", self.seq);
        self.agent("tool", &json!({ "phase": "start", "name": name, "toolCallId": call, "args": args }));
        let result = json!({ "content": [ { "type": "text", "text": result } ] });
        self.agent(
            "tool",
            &json!({
                "phase": "result", "name": name, "toolCallId": call, "isError": false, "result": result,
            }),
        );
    }

    fn done(&mut self, text: &str, usage: (u64, u64, u64)) {
        self.agent("usage", &json!({ "outputTokens": usage.1 }));
        let message = shapes::assistant_message(&self.run.id, text, &self.state.options.model, usage);
        self.state.write(self.session, &message);
        self.agent("lifecycle", &json!({ "phase": "finishing", "stopReason": "stop", "aborted": false }));
        self.agent("lifecycle", &json!({ "phase": "end", "stopReason": "stop", "aborted": false }));
        self.chat(
            self.seq,
            json!({ "state": "final", "stopReason": "stop", "message": shapes::snapshot(text) }),
        );
    }

    fn aborted(&mut self, text: &str) {
        let text = text.trim_end();
        self.chat(
            self.seq + 1,
            json!({ "state": "aborted", "stopReason": "rpc", "message": shapes::snapshot(text) }),
        );
        self.agent("lifecycle", &json!({ "phase": "end", "status": "cancelled", "aborted": true }));
        if self.state.exists(self.session) {
            self.state.write(self.session, &shapes::aborted_message(&self.run.id, text));
        }
    }

    fn failed(&mut self, status: u16, message: &str) {
        let (provider, model) = self.state.options.model.split_once('/').unwrap_or(("", ""));
        self.agent("lifecycle", &json!({ "phase": "error", "error": message, "aborted": false }));
        self.chat(
            self.seq,
            json!({
                "state": "error", "errorMessage": message,
                "errorDetail": { "provider": provider, "model": model, "httpStatus": status },
            }),
        );
    }
}
