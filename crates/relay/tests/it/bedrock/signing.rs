//! That every call is signed for what is sent, and that nothing of a pair is seen.

use super::{upstream::check, *};
use http::Request;
use http_body_util::StreamBody;
use relay::{End, ProbeError, Tokens, probe};
use std::collections::BTreeMap;
use tokio::net::TcpStream;

const TOKENS: Tokens = Tokens { input: 11, output: 40, cache_read: 3, cache_write: 2, reasoning: 0 };

fn pairs() -> BTreeMap<String, String> {
    [(ID, SECRET), (OTHER_ID, OTHER_SECRET)].map(|(id, secret)| (id.to_owned(), secret.to_owned())).into()
}

#[tokio::test]
async fn converse_is_signed_over_the_very_bytes_that_arrive_and_its_use_is_counted() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    upstream.says(ID, Says::json(200, USAGE));
    let answer = ask(&house, CONVERSE, PROGRAM_TOKEN, ASK).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, USAGE));
    let call = upstream.arrived().remove(0);
    // The colon goes as the SDKs of AWS send it, and is signed escaped twice.
    assert_eq!(call.path, CONVERSE.replace("/v1/bedrock", "").replace(':', "%3A"));
    assert_eq!((call.method.as_str(), call.query.as_str(), &call.body[..]), ("POST", "", ASK.as_bytes()));
    assert_eq!(check(&call, &pairs()).as_deref(), Ok(ID));
    let seen: BTreeMap<_, _> = call.headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
    let host = upstream.at.to_string();
    let length = ASK.len().to_string();
    let mut want = BTreeMap::from([
        ("host", host.as_str()),
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
        // The relay's clock, to the second.
        ("x-amz-date", "19700101T000001Z"),
        ("x-amzn-bedrock-trace", "ENABLED"),
    ]);
    want.insert("authorization", seen["authorization"]);
    assert_eq!(seen, want, "and nothing else: nothing of the caller's own signature");
    let row = house.row().await;
    assert_eq!((row.vendor, row.model.as_str(), row.end), ("bedrock", MODEL, End::Complete));
    assert_eq!((row.tokens, row.counted, row.stream), (TOKENS, true, false));
}

#[tokio::test]
async fn the_upstreams_check_fails_where_anything_signed_is_another() {
    let (house, upstream) = house_of(&[other()]).await;
    assert_eq!(ask(&house, CONVERSE, PROGRAM_TOKEN, ASK).await.status, 200);
    let good = upstream.arrived().remove(0);
    assert_eq!(check(&good, &pairs()).as_deref(), Ok(OTHER_ID));
    let wrong = |change: fn(&mut upstream::Arrived)| {
        let mut call = good.clone();
        change(&mut call);
        check(&call, &pairs())
    };
    assert!(wrong(|call| call.body = ASK.replace('x', "y").into()).is_err());
    assert!(wrong(|call| call.path = call.path.replace("haiku", "opus")).is_err());
    assert!(wrong(|call| call.path = call.path.replace("%3A", ":")).is_err());
    assert!(wrong(|call| call.method = "PUT".to_owned()).is_err());
    for name in ["host", "content-type", "x-amz-date", "x-amz-security-token", "x-amzn-bedrock-trace"] {
        let mut call = good.clone();
        call.headers.insert(name, "other".parse().unwrap());
        assert!(check(&call, &pairs()).is_err(), "{name}");
    }
}

#[tokio::test]
async fn every_path_of_the_runtime_is_signed_however_the_body_is_framed() {
    let (mut house, upstream) = house_of(&[other()]).await;
    let model = "/v1/bedrock/model/meta.llama3-8b-instruct-v1:0";
    for (path, named) in [
        (format!("{model}/converse"), "meta.llama3-8b-instruct-v1:0"),
        (format!("{model}/converse-stream"), "meta.llama3-8b-instruct-v1:0"),
        (format!("{model}/invoke"), "meta.llama3-8b-instruct-v1:0"),
        (format!("{model}/invoke-with-response-stream"), "meta.llama3-8b-instruct-v1:0"),
        ("/v1/bedrock/openai/v1/chat/completions".to_owned(), "openai.gpt-oss-20b-1:0"),
        (
            "/v1/bedrock/model/arn:aws:bedrock:us-east-1:1:inference-profile%2Fus.x/converse".to_owned(),
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.x",
        ),
        ("/v1/bedrock/model/us.amazon.nova%2Dlite-v1%3a0/converse".to_owned(), "us.amazon.nova-lite-v1:0"),
    ] {
        let body = r#"{"model":"openai.gpt-oss-20b-1:0","n" : 1}"#;
        for chunked in [false, true] {
            let answer = if chunked {
                let pieces: Vec<_> = body.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
                let frames = pieces.into_iter().map(|p| Ok::<_, std::io::Error>(http_body::Frame::data(p)));
                let request = Request::post(&path).header("x-api-key", PROGRAM_TOKEN);
                let request = request.body(StreamBody::new(futures::stream::iter(frames))).unwrap();
                send(TcpStream::connect(house.at).await.unwrap(), request).await
            } else {
                ask(&house, &path, PROGRAM_TOKEN, body).await
            };
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let call = upstream.arrived().pop().unwrap();
            assert_eq!((check(&call, &pairs()).as_deref(), &call.body[..]), (Ok(OTHER_ID), body.as_bytes()));
            assert_eq!(call.headers["x-amz-security-token"], SESSION);
            assert_eq!(house.row().await.model, named, "{path}");
        }
    }
}

#[tokio::test]
async fn a_model_that_only_the_body_names_is_nobodys_word_and_counting_costs_nothing() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    upstream.says(ID, Says::json(200, r#"{"invocationArn":"arn:x"}"#));
    let body = r#"{"modelId":"amazon.nova-reel-v1:0","model":"amazon.nova-micro-v1:0"}"#;
    assert_eq!(ask(&house, "/v1/bedrock/async-invoke", PROGRAM_TOKEN, body).await.status, 200);
    assert_eq!(house.row().await.model, "");
    upstream.says(ID, Says::json(200, r#"{"inputTokens":7}"#));
    let path = CONVERSE.replace("converse", "count-tokens/");
    assert_eq!(ask(&house, &path, PROGRAM_TOKEN, ASK).await.status, 200);
    let row = house.row().await;
    assert_eq!((row.model.as_str(), row.tokens.output), (MODEL, 0));
}

#[tokio::test]
async fn what_invoke_used_is_told_in_its_head_and_overruled_by_its_body() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    let claude = r#"{"usage":{"input_tokens":20,"cache_read_input_tokens":8,"output_tokens":30}}"#;
    for (body, want) in [(r#"{"generation":"x","prompt_token_count":4}"#, (4, 5, 0)), (claude, (20, 30, 8))] {
        upstream.says(ID, Says { used: Some((4, 5)), ..Says::json(200, body) });
        let path = CONVERSE.replace("converse", "invoke");
        assert_eq!(ask(&house, &path, PROGRAM_TOKEN, ASK).await.text(), body);
        let row = house.row().await;
        assert_eq!((row.tokens.input, row.tokens.output, row.tokens.cache_read), want);
        assert!(row.counted && row.end == End::Complete);
    }
}

#[tokio::test]
async fn after_a_failure_the_second_key_signs_anew() {
    for path in [CONVERSE, STREAM] {
        let (mut house, upstream) = house_of(&[pair(), other()]).await;
        let stream = path == STREAM;
        upstream.says(ID, Says::json(500, r#"{"message":"internal"}"#));
        upstream.says(OTHER_ID, if stream { streamed() } else { Says::json(200, USAGE) });
        let answer = ask(&house, path, PROGRAM_TOKEN, ASK).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let calls = upstream.arrived();
        let by: Vec<_> = calls.iter().map(|call| check(call, &pairs()).unwrap()).collect();
        assert_eq!(by, [ID, OTHER_ID]);
        assert!(calls.iter().all(|call| call.body == ASK), "the same bytes each time");
        assert!(!calls[0].headers.contains_key("x-amz-security-token"));
        assert_eq!(calls[1].headers["x-amz-security-token"], SESSION);
        let row = house.row().await;
        assert_eq!((row.tokens, row.counted, row.stream, row.end), (TOKENS, true, stream, End::Complete));
    }
}

#[tokio::test]
async fn a_bearer_key_is_sent_and_nothing_is_signed() {
    let (house, upstream) = house_of(&["ABSKQmVkcm9ja0FQSUtleQ==".to_owned()]).await;
    ask(&house, CONVERSE, PROGRAM_TOKEN, ASK).await;
    let call = upstream.arrived().remove(0);
    assert_eq!(call.headers["authorization"], "Bearer ABSKQmVkcm9ja0FQSUtleQ==");
    assert_eq!(call.path, CONVERSE.replace("/v1/bedrock", ""), "as it came");
    assert!(["x-amz-date", "x-amz-security-token"].iter().all(|name| !call.headers.contains_key(*name)));
}

#[tokio::test]
async fn no_part_of_a_pair_is_seen_in_anything() {
    let (mut house, upstream) = house_of(&[other()]).await;
    assert!(!format!("{:?}", key(1, &upstream, &other())).contains("EXAMPLE"));
    let echo = format!("x-amz-security-token:{SESSION} {OTHER_SECRET} {OTHER_ID} is not valid here");
    for token in [PROGRAM_TOKEN, BOT_TOKEN] {
        let body = serde_json::json!({ "message": echo }).to_string();
        upstream.says(OTHER_ID, Says::json(400, &body));
        let answer = ask(&house, CONVERSE, token, ASK).await;
        let row = house.row().await;
        let note = row.note.clone().unwrap_or_default();
        assert!(note.contains("not valid here"), "{note}");
        let bots = if token == BOT_TOKEN { answer.text() } else { String::new() };
        for part in [SESSION, OTHER_SECRET, OTHER_ID] {
            assert!(![&note, &bots, &format!("{row:?}")].iter().any(|text| text.contains(part)), "{part}");
        }
    }
}

#[tokio::test]
async fn what_was_meant_as_a_pair_and_is_none_is_never_sent() {
    let (mut house, upstream) = house_of(&["AKIAIOSFODNN7EXAMPLE:short".to_owned()]).await;
    let answer = ask(&house, CONVERSE, PROGRAM_TOKEN, ASK).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(upstream.arrived().is_empty());
    house.row().await;
}

#[tokio::test]
async fn a_body_too_long_to_be_held_is_refused() {
    let (house, upstream) = house_of(&[pair()]).await;
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(33 * 1024 * 1024));
    assert_eq!(ask(&house, CONVERSE, PROGRAM_TOKEN, &long).await.status, 413);
    assert!(upstream.arrived().is_empty());
    let fits = format!("{{\"x\":\"{}\"}}", "y".repeat(5 * 1024 * 1024));
    assert_eq!(ask(&house, CONVERSE, PROGRAM_TOKEN, &fits).await.status, 200);
    assert!(upstream.arrived().remove(0).body == fits);
}

#[tokio::test]
async fn a_pair_is_tested_with_a_signed_question_that_costs_nothing() {
    let upstream = Upstream::start(&[(ID, SECRET)]).await;
    let now_ms = 1_440_938_160_000;
    upstream.says(ID, Says::json(400, r#"{"message":"The value at messages is empty."}"#));
    assert!(probe(&egress(&upstream), &key(1, &upstream, &pair()), now_ms).await.is_ok());
    let call = upstream.arrived().remove(0);
    assert_eq!((call.method.as_str(), &call.body[..]), ("POST", &b"{}"[..]));
    assert_eq!(call.headers["x-amz-date"], "20150830T123600Z");
    assert_eq!(check(&call, &pairs()).as_deref(), Ok(ID));
    let wrong = format!("{ID}:{OTHER_SECRET}");
    let refused = probe(&egress(&upstream), &key(1, &upstream, &wrong), now_ms).await;
    assert!(matches!(refused, Err(ProbeError::Refused { status: 403, .. })), "{refused:?}");
}
