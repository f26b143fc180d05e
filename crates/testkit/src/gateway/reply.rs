//! Where a fake gateway's answers come from: a script, or a real call through the relay.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use openclaw::Endpoint;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

/// The source of answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Always these pieces, with this pause before each.
    Script {
        /// Concatenated they are the answer.
        pieces: Vec<String>,
        /// So that a test can act in mid-answer; zero for as fast as possible.
        pause: Duration,
    },
    /// Some pieces, then nothing until the test lets it go on, then the rest.
    Held {
        /// Said at once.
        before: Vec<String>,
        /// One permit lets one answer go on.
        go_on: Arc<Semaphore>,
        /// Said afterwards.
        after: Vec<String>,
    },
    /// `You said: <text>`, word by word.
    Echo,
    /// The moment at which it is told (nanoseconds since 1970), in 20 pieces: who reads it knows how long it was on
    /// its way.
    Clock,
    /// Whatever the model behind this address answers.
    Model(Box<Upstream>),
}

impl Default for Reply {
    fn default() -> Self {
        Self::Script {
            pieces: ["Hello ", "from ", "the fake ", "gateway."].map(str::to_owned).to_vec(),
            pause: Duration::ZERO,
        }
    }
}

/// The dialect of a model's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelApi {
    /// `POST {base}/chat/completions`.
    OpenAiCompletions,
    /// `POST {base}/v1/messages`.
    AnthropicMessages,
}

/// A model reached through the relay.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Where the relay listens.
    pub endpoint: Endpoint,
    /// Path of the vendor's tree, `/v1/openai`.
    pub base_path: String,
    /// The bot's relay token.
    pub token: String,
    /// The model's name as the vendor knows it.
    pub model: String,
    /// Its dialect.
    pub api: ModelApi,
}

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Tool { name: String, args: Value, result: String },
    End(Outcome),
}

/// How an answer ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Done { usage: (u64, u64, u64) },
    Failed { status: u16, message: String },
}

impl Reply {
    /// The answer to a prompt. A prompt `USE_TOOL:<name> <json>` calls a tool first.
    pub(super) fn pieces(&self, prompt: &str, trace: Option<String>) -> mpsc::Receiver<Piece> {
        let (sender, receiver) = mpsc::channel(16);
        let (reply, prompt) = (self.clone(), prompt.to_owned());
        tokio::spawn(async move {
            let end = reply.tell(&prompt, trace, &sender).await;
            let _ = sender.send(Piece::End(end)).await;
        });
        receiver
    }

    async fn tell(self, prompt: &str, trace: Option<String>, to: &mpsc::Sender<Piece>) -> Outcome {
        if let Some((name, args)) = prompt.strip_prefix("USE_TOOL:").and_then(|rest| rest.split_once(' ')) {
            let args = serde_json::from_str(args).unwrap_or(Value::Null);
            let result = format!("{name}: done");
            let _ = to.send(Piece::Tool { name: name.to_owned(), args, result }).await;
        }
        let (pieces, pause) = match self {
            Self::Model(upstream) => return upstream.ask(prompt, trace, to).await,
            Self::Clock => return tell_the_time(to).await,
            Self::Script { pieces, pause } => (pieces, pause),
            Self::Held { before, go_on, after } => {
                let said = before.len() + after.len();
                for piece in before {
                    let _ = to.send(Piece::Text(piece)).await;
                }
                if let Ok(permit) = go_on.acquire().await {
                    permit.forget();
                }
                for piece in after {
                    let _ = to.send(Piece::Text(piece)).await;
                }
                return Outcome::Done { usage: (10, u64::try_from(said).unwrap_or(0), 0) };
            }
            Self::Echo => {
                let text = format!("You said: {prompt}");
                (text.split_inclusive(' ').map(str::to_owned).collect(), Duration::ZERO)
            }
        };
        let mut output = 0;
        for piece in pieces {
            tokio::time::sleep(pause).await;
            output += 1;
            if to.send(Piece::Text(piece)).await.is_err() {
                break;
            }
        }
        Outcome::Done { usage: (10, output, 0) }
    }
}

async fn tell_the_time(to: &mpsc::Sender<Piece>) -> Outcome {
    const PIECES: u64 = 20;
    for _ in 0..PIECES {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if to.send(Piece::Text(format!("{} ", now.as_nanos()))).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Outcome::Done { usage: (10, PIECES, 0) }
}

impl Upstream {
    async fn ask(&self, prompt: &str, trace: Option<String>, to: &mpsc::Sender<Piece>) -> Outcome {
        match self.exchange(prompt, trace, to).await {
            Ok(outcome) => outcome,
            Err(error) => {
                Outcome::Failed { status: 0, message: format!("the model cannot be reached: {error}") }
            }
        }
    }

    fn request(&self, prompt: &str, trace: Option<String>) -> anyhow::Result<http::Request<Full<Bytes>>> {
        let messages = json!([ { "role": "user", "content": prompt } ]);
        let (path, body) = match self.api {
            ModelApi::OpenAiCompletions => (
                "/chat/completions",
                json!({
                    "model": self.model, "messages": messages, "stream": true,
                    "stream_options": { "include_usage": true },
                }),
            ),
            ModelApi::AnthropicMessages => (
                "/v1/messages",
                json!({ "model": self.model, "messages": messages, "stream": true, "max_tokens": 1024 }),
            ),
        };
        let mut request = http::Request::post(format!("{}{path}", self.base_path))
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("traceparent", trace.unwrap_or_else(fresh_trace));
        request = match self.api {
            ModelApi::OpenAiCompletions => request.header("authorization", format!("Bearer {}", self.token)),
            ModelApi::AnthropicMessages => {
                request.header("x-api-key", &self.token).header("anthropic-version", "2023-06-01")
            }
        };
        Ok(request.body(Full::new(Bytes::from(body.to_string())))?)
    }

    async fn exchange(
        &self,
        prompt: &str,
        trace: Option<String>,
        to: &mpsc::Sender<Piece>,
    ) -> anyhow::Result<Outcome> {
        let stream = self.endpoint.dial().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let response = sender.send_request(self.request(prompt, trace)?).await?;
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let text = body.collect().await?.to_bytes();
            let message = format!("{} {}", status.as_u16(), String::from_utf8_lossy(&text));
            return Ok(Outcome::Failed { status: status.as_u16(), message });
        }
        let mut usage = (0, 0, 0);
        let mut held = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            // A line may come in a thousand frames: only the new one is searched for its end.
            let mut rest = &data[..];
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, after) = rest.split_at(end + 1);
                rest = after;
                held.extend_from_slice(line);
                let line = std::mem::take(&mut held);
                let line = String::from_utf8_lossy(&line);
                let Some(data) = line.trim().strip_prefix("data:") else { continue };
                let Ok(event) = serde_json::from_str::<Value>(data.trim()) else { continue };
                count(&event, &mut usage);
                let text =
                    event["choices"][0]["delta"]["content"].as_str().or(event["delta"]["text"].as_str());
                if let Some(text) = text.filter(|text| !text.is_empty())
                    && to.send(Piece::Text(text.to_owned())).await.is_err()
                {
                    // The run was stopped: dropping the connection stops the model too.
                    return Ok(Outcome::Done { usage });
                }
            }
            held.extend_from_slice(rest);
        }
        Ok(Outcome::Done { usage })
    }
}

/// Both dialects' counts, as they stand on the wire.
fn count(event: &Value, usage: &mut (u64, u64, u64)) {
    let number = |value: &Value| value.as_u64();
    let open = &event["usage"];
    let cached = number(&open["prompt_tokens_details"]["cached_tokens"]).unwrap_or(0);
    if let Some(input) = number(&open["prompt_tokens"]) {
        *usage = (input.saturating_sub(cached), number(&open["completion_tokens"]).unwrap_or(0), cached);
    }
    if let Some(input) = number(&event["message"]["usage"]["input_tokens"]) {
        usage.0 = input;
        usage.2 = number(&event["message"]["usage"]["cache_read_input_tokens"]).unwrap_or(0);
    }
    if let Some(output) = number(&open["output_tokens"]) {
        usage.1 = output;
    }
}

fn fresh_trace() -> String {
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let span = uuid::Uuid::new_v4().simple().to_string();
    format!("00-{trace}-{}-01", span.get(..16).unwrap_or("0000000000000001"))
}
