//! Amazon Bedrock: calls signed with a pair of keys, its own dialect and its stream of messages.

mod signing;
mod stream;
mod upstream;

use crate::support::*;
use bytes::Bytes;
use relay::{
    CallerKind, Egress, EgressPolicy, Snapshot, UpstreamKey, Wire,
    egress::{Allowed, BaseUrl},
    snapshot::token_hash,
    vendors,
};
use std::sync::Arc;
use upstream::{Says, Upstream};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const OTHER_ID: &str = "ASIAIOSFODNN7OTHERS2";
const OTHER_SECRET: &str = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY";
const SESSION: &str = "IQoJb3JpZ2luX2VjEXAMPLEtoken/+==";

const CONVERSE: &str = "/v1/bedrock/model/anthropic.claude-3-haiku-20240307-v1:0/converse";
const STREAM: &str = "/v1/bedrock/model/anthropic.claude-3-haiku-20240307-v1:0/converse-stream";
const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
/// Spacing and escapes that no library would write again.
const ASK: &str =
    "{ \"messages\":[ {\"role\":\"user\", \"content\":[{\"text\":\"a\\u00e9\\/b\"}]} ] , \"x\":1e0}\n";
const USAGE: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"\"usage\":{}"}]}},"stopReason":"end_turn","usage":{"inputTokens":11,"outputTokens":40,"totalTokens":54,"cacheReadInputTokens":3,"cacheWriteInputTokens":2}}"#;

fn pair() -> String {
    format!("{ID}:{SECRET}")
}

fn other() -> String {
    format!("{OTHER_ID}:{OTHER_SECRET}:{SESSION}")
}

fn key(n: u128, upstream: &Upstream, secret: &str) -> UpstreamKey {
    let base = BaseUrl::parse(&format!("http://{}", upstream.at)).unwrap();
    let id = api::ids::KeyId(uuid::Uuid::from_u128(n));
    UpstreamKey::new(id, vendors::find("bedrock").unwrap(), base, secret.to_owned().into(), true)
}

fn egress(upstream: &Upstream) -> Egress {
    let allow_private = vec![Allowed::parse(&upstream.at.to_string()).unwrap()];
    Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
}

/// A house whose only keys are these, in this order.
async fn house_of(secrets: &[String]) -> (House, Upstream) {
    let upstream = Upstream::start(&[(ID, SECRET), (OTHER_ID, OTHER_SECRET)]).await;
    let house = house_out(testkit::vendor::Script::default(), short(), |_| egress(&upstream)).await;
    let bot = CallerKind::Bot(api::ids::BotId(uuid::Uuid::from_u128(0xb1)));
    let mut snapshot = Snapshot::builder()
        .caller(token_hash(BOT_TOKEN.as_bytes()), caller(bot, Wire::Tcp))
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp));
    for (n, secret) in (1..).zip(secrets) {
        snapshot = snapshot.key(workspace(), Arc::new(key(n, &upstream, secret)));
    }
    house.snapshot.store(snapshot.build().into());
    (house, upstream)
}

async fn ask(house: &House, path: &str, token: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let own = [
        ("authorization", authorization.as_str()),
        ("x-amz-date", "20200101T000000Z"),
        ("x-amz-security-token", "the-callers-own"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amzn-bedrock-trace", "ENABLED"),
    ];
    house.post(path, &own, body).await
}

/// A message of AWS's stream, put together by hand.
fn message(kind: &str, name: &str, payload: &str) -> Bytes {
    let named = if kind == "event" { ":event-type" } else { ":exception-type" };
    let mut headers = Vec::new();
    for (line, value) in [(named, name), (":content-type", "application/json"), (":message-type", kind)] {
        headers.push(u8::try_from(line.len()).unwrap());
        headers.extend(line.bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.bytes());
    }
    let length = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let mut all = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
    all.extend(crc32fast::hash(&all).to_be_bytes());
    all.extend(headers);
    all.extend(payload.bytes());
    all.extend(crc32fast::hash(&all).to_be_bytes());
    all.into()
}

/// A whole answer of Converse, as messages.
fn told() -> Vec<Bytes> {
    vec![
        message("event", "messageStart", r#"{"p":"ab","role":"assistant"}"#),
        message("event", "contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"messageStop"}}"#),
        message("event", "messageStop", r#"{"stopReason":"end_turn"}"#),
        message(
            "event",
            "metadata",
            r#"{"metrics":{"latencyMs":9},"usage":{"inputTokens":11,"outputTokens":40,"totalTokens":54,"cacheReadInputTokens":3,"cacheWriteInputTokens":2}}"#,
        ),
    ]
}

fn streamed() -> Says {
    Says::messages(told())
}
