//! What a vendor says that a call used is what its row has and what it costs, in every dialect, whole and streamed, byte for byte as
//! the vendors write it.

use crate::support::*;
use api::ids::WorkspaceId;
use relay::{
    CallerKind, End, Price, Prices, Snapshot, Tokens, UpstreamKey, UsageRow, Wire, egress::BaseUrl,
    snapshot::token_hash, vendors,
};
use std::sync::Arc;
use testkit::vendor::Mode;

/// Another price for each kind.
struct Tariff;

const PRICE: Price = Price {
    input: 1_000_000,
    output: 10_000_000,
    cache_read: Some(100_000),
    cache_write: Some(2_000_000),
    thinking: None,
};

impl Prices for Tariff {
    fn cost(&self, call: &UsageRow) -> Option<i64> {
        PRICE.cost(&call.tokens)
    }

    fn price(&self, _: WorkspaceId, _: &str, _: &str, _: i64, _: u64) -> Option<Price> {
        Some(PRICE)
    }
}

struct Case {
    vendor: &'static str,
    path: &'static str,
    whole: &'static str,
    streamed: &'static str,
    tokens: Tokens,
    model: &'static str,
}

fn tokens(input: u64, output: u64, cache_read: u64, cache_write: u64, reasoning: u64) -> Tokens {
    Tokens { input, output, cache_read, cache_write, reasoning }
}

fn cases() -> [Case; 4] {
    [
        Case {
            vendor: "openai",
            path: "/v1/openai/v1/chat/completions",
            whole: r#"{"id":"c","object":"chat.completion","model":"gpt-x-1","choices":[{"index":0,"message":{"role":"assistant","content":"\"usage\":{}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300,"prompt_tokens_details":{"cached_tokens":400},"completion_tokens_details":{"reasoning_tokens":128}}}"#,
            streamed: "data: {\"id\":\"c\",\"model\":\"gpt-x-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"id\":\"c\",\"model\":\"gpt-x-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"id\":\"c\",\"model\":\"gpt-x-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\ndata: {\"id\":\"c\",\"model\":\"gpt-x-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":300,\"total_tokens\":1300,\"prompt_tokens_details\":{\"cached_tokens\":400},\"completion_tokens_details\":{\"reasoning_tokens\":128}}}\n\ndata: [DONE]\n\n",
            tokens: tokens(600, 300, 400, 0, 128),
            model: "gpt-x-1",
        },
        Case {
            vendor: "openai",
            path: "/v1/openai/v1/responses",
            whole: r#"{"id":"resp_1","object":"response","status":"completed","error":null,"model":"gpt-x-1","output":[{"type":"message","content":[{"type":"output_text","text":"\"usage\""}]}],"usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":400},"output_tokens":300,"output_tokens_details":{"reasoning_tokens":128},"total_tokens":1300}}"#,
            streamed: "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-x-1\",\"usage\":null}}\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-x-1\",\"usage\":{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":400},\"output_tokens\":300,\"output_tokens_details\":{\"reasoning_tokens\":128},\"total_tokens\":1300}}}\n\n",
            tokens: tokens(600, 300, 400, 0, 128),
            model: "gpt-x-1",
        },
        Case {
            vendor: "anthropic",
            path: "/v1/anthropic/v1/messages",
            whole: r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-1","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":600,"cache_creation_input_tokens":50,"cache_read_input_tokens":400,"output_tokens":300}}"#,
            streamed: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x-1\",\"usage\":{\"input_tokens\":600,\"cache_creation_input_tokens\":50,\"cache_read_input_tokens\":400,\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":300}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            tokens: tokens(600, 300, 400, 50, 0),
            model: "claude-x-1",
        },
        Case {
            vendor: "google",
            path: "/v1/google/v1beta/models/gemini-x:generateContent",
            whole: r#"{"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1000,"cachedContentTokenCount":400,"candidatesTokenCount":172,"thoughtsTokenCount":128,"totalTokenCount":1300},"modelVersion":"gemini-x-1"}"#,
            streamed: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"h\"}]}}],\"usageMetadata\":{\"promptTokenCount\":1000,\"candidatesTokenCount\":1},\"modelVersion\":\"gemini-x-1\"}\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"i\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1000,\"cachedContentTokenCount\":400,\"candidatesTokenCount\":172,\"thoughtsTokenCount\":128},\"modelVersion\":\"gemini-x-1\"}\r\n\r\n",
            tokens: tokens(600, 300, 400, 0, 128),
            model: "gemini-x-1",
        },
    ]
}

/// A house whose one key is this vendor's.
async fn at(vendor: &str, mode: Mode) -> House {
    let house = house().await;
    let secret = house.vendor.script().key.clone();
    house.vendor.answer_with(&secret, mode);
    let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
    let id = api::ids::KeyId(uuid::Uuid::nil());
    let key = UpstreamKey::new(id, vendors::find(vendor).unwrap(), base, secret.into(), true);
    let limits = vec![Arc::new(limit_of(relay::Unit::Money, 1 << 40))];
    let program = caller(CallerKind::Program, Wire::Tcp).with_limits(limits);
    let builder = Snapshot::builder().caller(token_hash(PROGRAM_TOKEN.as_bytes()), program);
    house.snapshot.store(builder.key(workspace(), Arc::new(key)).prices(Arc::new(Tariff)).build().into());
    house
}

#[tokio::test]
async fn what_openrouter_says_that_a_call_cost_is_what_it_cost_and_nobody_else_is_believed() {
    for (vendor, said, cost) in [
        ("openrouter", "0.00014", 140),
        ("openrouter", "0.0000001", 1),
        ("openrouter", "0", 0),
        ("openrouter", "-1", 4_000),
        ("openrouter", "1e300", 4_000),
        ("openrouter", "\"free\"", 4_000),
        (
            "openrouter",
            "0.00001,\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":0.002}",
            2_010,
        ),
        ("openrouter", "0,\"is_byok\":true", 4_000),
        ("openrouter", "0.00014,\"is_byok\":false,\"cost_details\":{\"upstream_inference_cost\":null}", 140),
        ("openai", "0.00014", 4_000),
    ] {
        let usage = format!(r#"{{"prompt_tokens":1000,"completion_tokens":300,"cost":{said}}}"#);
        let body = format!(r#"{{"model":"m","choices":[],"usage":{usage}}}"#);
        let mut house = at(vendor, Mode::Json { body }).await;
        let answer = house
            .post(&format!("/v1/{vendor}/v1/chat/completions"), &[("x-api-key", PROGRAM_TOKEN)], ASK)
            .await;
        assert_eq!(answer.status, 200);
        let row = house.row().await;
        assert_eq!((row.cost_micro_usd, row.tokens.output), (Some(cost), 300), "{vendor} {said}");
    }
}

#[tokio::test]
async fn every_dialect_is_counted_and_priced_to_the_token_whole_and_streamed() {
    for case in cases() {
        for (mode, streamed) in [
            (Mode::Json { body: case.whole.to_owned() }, false),
            (Mode::Events { body: case.streamed.to_owned(), whole: true }, true),
        ] {
            let mut house = at(case.vendor, mode).await;
            let path = if streamed {
                case.path.replace(":generateContent", ":streamGenerateContent?alt=sse")
            } else {
                case.path.to_owned()
            };
            let answer = house.post(&path, &[("x-api-key", PROGRAM_TOKEN)], ASK).await;
            let sent = if streamed { case.streamed } else { case.whole };
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, sent), "{path}");
            let row = house.row().await;
            assert_eq!(
                (row.end, row.tokens, row.counted, row.estimated, row.stream),
                (End::Complete, case.tokens, true, false, streamed),
                "{path}"
            );
            assert_eq!(row.model_answered.as_deref(), Some(case.model), "{path}");
            let write = i64::try_from(case.tokens.cache_write).unwrap() * 2;
            assert_eq!(row.cost_micro_usd, Some(600 + 3_000 + 40 + write), "{path}");
        }
    }
}
