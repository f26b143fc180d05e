//! The stream of messages: bytes pass, use is counted, what is cut never looks whole.

use super::*;
use relay::{End, Tokens};

/// Cut into pieces that end nowhere in particular.
fn in_pieces(messages: &[Bytes], length: usize) -> Says {
    Says::messages(messages.concat().chunks(length).map(Bytes::copy_from_slice).collect())
}

#[tokio::test]
async fn messages_pass_byte_for_byte_and_say_their_use() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    for (token, length) in [(PROGRAM_TOKEN, 10_000), (PROGRAM_TOKEN, 5), (BOT_TOKEN, 10_000), (BOT_TOKEN, 11)]
    {
        upstream.says(ID, in_pieces(&told(), length));
        let answer = ask(&house, STREAM, token, ASK).await;
        assert_eq!((answer.status.as_u16(), answer.cut), (200, false));
        assert_eq!(answer.headers["content-type"], "application/vnd.amazon.eventstream");
        assert_eq!(answer.body, told().concat());
        let row = house.row().await;
        let tokens = Tokens { input: 11, output: 40, cache_read: 3, cache_write: 2, reasoning: 0 };
        assert_eq!((row.tokens, row.counted, row.stream), (tokens, true, true));
        assert_eq!((row.end, row.model.as_str()), (End::Complete, MODEL));
    }
}

#[tokio::test]
async fn a_stream_of_invoke_says_its_use_in_its_last_piece() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let (mut house, upstream) = house_of(&[pair()]).await;
    let chunk = |text: &str| {
        let bytes = BASE64_STANDARD.encode(text);
        message("event", "chunk", &serde_json::json!({"bytes": bytes, "p": "abcd"}).to_string())
    };
    let all = [
        chunk(r#"{"generation":"amazon-bedrock-invocationMetrics"}"#),
        chunk(
            r#"{"generation":"","amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":9}}"#,
        ),
    ];
    upstream.says(ID, in_pieces(&all, 33));
    let path = STREAM.replace("converse-stream", "invoke-with-response-stream");
    let answer = ask(&house, &path, PROGRAM_TOKEN, ASK).await;
    assert_eq!((answer.body.to_vec(), answer.cut), (all.concat(), false));
    let row = house.row().await;
    assert_eq!((row.tokens.input, row.tokens.output, row.counted, row.end), (7, 9, true, End::Complete));
}

#[tokio::test]
async fn a_cut_stream_never_looks_complete() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    let all = told();
    let half = all[2].slice(..all[2].len() / 2);
    let mut bad = all[1].to_vec();
    *bad.last_mut().unwrap() ^= 1;
    for (pieces, said) in [
        // Between two messages there is room to say so.
        (vec![all[0].clone(), all[1].clone()], true),
        // In the middle of one there is none.
        (vec![all[0].clone(), half], false),
        (vec![all[0].clone(), all[2].clone(), all[3].slice(..20)], false),
        (vec![all[0].clone(), bad.into()], false),
    ] {
        for whole in [true, false] {
            upstream.says(ID, Says { whole, ..Says::messages(pieces.clone()) });
            let answer = ask(&house, STREAM, PROGRAM_TOKEN, ASK).await;
            assert!(answer.cut, "{whole} {answer:?}");
            let sent = pieces.concat();
            let more = answer.body.strip_prefix(sent.as_slice()).expect("what came has passed");
            assert_eq!(!more.is_empty(), said, "{}", String::from_utf8_lossy(more));
            if said {
                let words = "The model service broke off its answer.";
                let want = serde_json::json!({ "message": words }).to_string();
                assert!(String::from_utf8_lossy(more).contains(&want));
                assert_eq!(u32::from_be_bytes(more[..4].try_into().unwrap()) as usize, more.len());
            }
            assert_eq!(house.row().await.end, End::UpstreamCut);
        }
    }
}

#[tokio::test]
async fn an_exception_before_the_first_event_is_a_failure_and_the_next_key_is_asked() {
    let (mut house, upstream) = house_of(&[pair(), other()]).await;
    let slow =
        || Says::messages(vec![message("exception", "throttlingException", r#"{"message":"Too many"}"#)]);
    // Whoever is first in turn; the other serves.
    upstream.says(ID, slow());
    upstream.says(OTHER_ID, streamed());
    let first = ask(&house, STREAM, PROGRAM_TOKEN, ASK).await;
    assert_eq!((first.body.to_vec(), first.cut), (told().concat(), false));
    assert_eq!(first.headers["x-chela-attempts"], "2");
    let row = house.row().await;
    assert_eq!((row.end, row.asked, row.tries.len()), (End::Complete, 2, 1));
    assert_eq!(upstream.arrived().len(), 2);
}

#[tokio::test]
async fn where_no_key_is_left_the_exception_is_the_answer_and_later_ones_are_an_error() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    let odd = message("exception", "modelStreamErrorException", r#"{"message":"The model stumbled"}"#);
    for before in [0, 2] {
        let all = [&told()[..before], std::slice::from_ref(&odd)].concat();
        upstream.says(ID, Says::messages(all.clone()));
        let answer = ask(&house, STREAM, PROGRAM_TOKEN, ASK).await;
        assert_eq!((answer.body.to_vec(), answer.cut), (all.concat(), false));
        assert_eq!(house.row().await.end, End::VendorError);
    }
}

#[tokio::test]
async fn a_bot_sees_no_exception_that_would_lock_its_vendor() {
    let (mut house, upstream) = house_of(&[pair()]).await;
    for words in ["The security token is expired", SECRET] {
        let bad =
            message("exception", "accessDeniedException", &serde_json::json!({"message": words}).to_string());
        let all = [&told()[..2], &[bad]].concat();
        for length in [9, 10_000] {
            upstream.says(ID, in_pieces(&all, length));
            let answer = ask(&house, STREAM, BOT_TOKEN, ASK).await;
            let more =
                answer.body.strip_prefix(told()[..2].concat().as_slice()).expect("what came has passed");
            assert!(
                answer.cut
                    && String::from_utf8_lossy(more).contains("nothing is wrong with this conversation")
            );
            assert!(!String::from_utf8_lossy(more).contains(words));
            assert_eq!(house.row().await.end, End::KeyRefused);
        }
    }
}
