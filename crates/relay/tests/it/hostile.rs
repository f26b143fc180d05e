//! Hostile upstreams: a defined end in the caller's dialect, one row, little memory.

use crate::support::*;
use relay::{End, Wire};
use testkit::vendor::Mode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
};

#[tokio::test]
async fn an_upstream_that_never_answers_is_504() {
    let mut house = house().await;
    let (answer, row) = house.try_mode(Mode::Hang, BOT_TOKEN, ASK).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
        (504, Some("upstream_late"))
    );
    assert_eq!(row.end, End::TimedOut);
}

#[tokio::test]
async fn an_upstream_that_closes_is_502() {
    let mut house = house().await;
    let (answer, row) = house.try_mode(Mode::Close, BOT_TOKEN, ASK).await;
    assert_eq!((answer.status.as_u16(), row.end), (502, End::UpstreamCut));
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_in_its_dialect_and_never_looks_whole() {
    let mut house = house().await;
    for (mode, end, code) in [
        (Mode::HangAfter { pieces: 5 }, End::TimedOut, "upstream_late"),
        (Mode::CutAfter { pieces: 5 }, End::UpstreamCut, "upstream_cut"),
        (Mode::EndAfter { pieces: 5 }, End::UpstreamCut, "upstream_cut"),
    ] {
        let shown = format!("{mode:?}");
        let (answer, row) = house.try_mode(mode, BOT_TOKEN, ASK_STREAM).await;
        assert_eq!(answer.status, 200, "{shown}");
        assert!(answer.cut, "{shown} looked whole");
        let text = answer.text();
        let last = text.trim_end().rsplit("\n\n").next().unwrap().strip_prefix("data: ").unwrap();
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!(last["error"]["code"], code, "{shown}");
        assert!(!text.contains("[DONE]"));
        assert_eq!((row.end, row.status), (end, 200), "{shown}");
    }
}

#[tokio::test]
async fn a_cut_anthropic_stream_ends_with_its_own_error_event() {
    let mut house = house().await;
    house.vendor.play(Mode::CutAfter { pieces: 4 });
    let body = r#"{"model":"c","stream":true,"messages":[{"role":"user","content":"ask:t"}]}"#;
    let answer = house.post("/v1/anthropic/v1/messages", &[("x-api-key", BOT_TOKEN)], body).await;
    assert!(answer.cut);
    let text = answer.text();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: error\ndata: {"), "{last}");
    let row = house.row().await;
    assert_eq!((row.end, row.tokens.input, row.estimated), (End::UpstreamCut, 11, true));
    assert!((1..=40).contains(&row.tokens.output), "what came, about: {}", row.tokens.output);
}

#[tokio::test]
async fn an_event_cut_in_its_middle_does_not_swallow_the_error() {
    let mut house = house().await;
    let mode = Mode::Events { body: "data: {\"choices\":[{\"delta\":{\"content\":\"ha".into(), whole: false };
    let (answer, _) = house.try_mode(mode, BOT_TOKEN, ASK_STREAM).await;
    assert!(answer.text().contains("\"ha\n\ndata: {\"error\""), "{}", answer.text());
}

#[tokio::test]
async fn what_comes_after_the_last_word_is_not_missed() {
    let mut house = house().await;
    let body = "data: {\"choices\":[]}\n\ndata: [DONE]\n\n".to_owned();
    let (answer, row) =
        house.try_mode(Mode::Events { body: body.clone(), whole: false }, BOT_TOKEN, ASK_STREAM).await;
    assert_eq!((answer.text(), answer.cut, row.end), (body, false, End::Complete));
}

#[tokio::test]
async fn heads_no_http_and_compressed_bodies_are_502() {
    let mut house = house().await;
    for (mode, end) in [
        (Mode::HugeHeader { bytes: 100 * 1024 * 1024 }, End::BadAnswer),
        (Mode::ManyHeaders, End::BadAnswer),
        (Mode::Garbage, End::BadAnswer),
        (Mode::GzipBomb, End::BadAnswer),
        (Mode::Redirect { location: "http://169.254.169.254/".into() }, End::BadAnswer),
    ] {
        let shown = format!("{mode:?}");
        let (answer, row) = house.try_mode(mode, BOT_TOKEN, ASK).await;
        assert_eq!((answer.status.as_u16(), row.end), (502, end), "{shown}");
        assert!(!answer.headers.contains_key("location"));
        assert!(answer.body.len() < 1000, "{shown}");
    }
    assert_eq!(house.vendor.calls().len(), 5);
}

#[tokio::test]
async fn text_that_is_no_utf8_passes_as_it_is() {
    let mut house = house().await;
    let (answer, row) = house.try_mode(Mode::BadUtf8, BOT_TOKEN, ASK_STREAM).await;
    assert!(std::str::from_utf8(&answer.body).is_err());
    assert_eq!((row.end, row.tokens.output), (End::Complete, 40));
}

#[tokio::test]
async fn lines_split_anywhere_are_counted_all_the_same() {
    let mut house = house().await;
    let (answer, row) = house.try_mode(Mode::SplitCrlf, BOT_TOKEN, ASK_STREAM).await;
    assert!(answer.text().contains("data: [DONE]\r\n\r\n"));
    assert_eq!((row.end, row.tokens.output, row.tokens.cache_read), (End::Complete, 40, 3));
}

#[tokio::test]
async fn an_endless_line_passes_without_being_held() {
    let mut house = house().await;
    let (answer, row) =
        house.try_mode(Mode::EndlessLine { bytes: 32 * 1024 * 1024 }, BOT_TOKEN, ASK_STREAM).await;
    let end = answer.body.len().saturating_sub(300);
    let last = String::from_utf8_lossy(&answer.body[end..]);
    assert!(answer.body.len() > 32 * 1024 * 1024, "{} bytes, {last}, {row:?}", answer.body.len());
    assert_eq!(row.end, End::UpstreamCut);
    assert!(!row.counted);
}

#[tokio::test]
async fn a_caller_slower_than_the_vendor_gets_the_last_words_too() {
    let house = house().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (relay, stop) = (house.relay.clone(), house.stop.clone());
    tokio::spawn(async move { relay.serve_unix(listener, Wire::Bot(WIRED_BOT), stop).await });
    // More than a socket takes unread, by as little as stays with the relay when the vendor breaks off.
    for kilobytes in (160..400).step_by(12) {
        let body = format!("data: {}", "x".repeat(kilobytes * 1024));
        house.vendor.play(Mode::Events { body, whole: false });
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let request = format!(
            "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {WIRED_TOKEN}\r\ncontent-length: {}\r\n\r\n{ASK_STREAM}",
            ASK_STREAM.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let mut piece = [0; 512];
        loop {
            let read = stream.read(&mut piece).await.unwrap();
            if read == 0 {
                break;
            }
            all.extend_from_slice(&piece[..read]);
            tokio::task::yield_now().await;
        }
        let last = String::from_utf8_lossy(&all[all.len().saturating_sub(300)..]).into_owned();
        assert!(all.len() > kilobytes * 1024, "{kilobytes} kB: {} bytes, {last}", all.len());
        assert!(last.contains("upstream_cut") && !last.ends_with("0\r\n\r\n"), "{last}");
    }
}

#[tokio::test]
async fn a_caller_that_reads_nothing_is_given_up_on_and_counted_once() {
    let mut house = house().await;
    house.vendor.play(Mode::EndlessLine { bytes: 64 * 1024 * 1024 });
    let mut stream = TcpStream::connect(house.at).await.unwrap();
    let request = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {BOT_TOKEN}\r\ncontent-length: {}\r\n\r\n{ASK_STREAM}",
        ASK_STREAM.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(ended(&house.row().await), (End::ClientGone, 200));
    drop(stream);
}

#[tokio::test]
async fn usage_out_of_this_world_is_not_believed() {
    let mut house = house().await;
    for usage in [
        r#"{"prompt_tokens":-5,"completion_tokens":1e400}"#,
        r#"{"prompt_tokens":"NaN","prompt_tokens":99999999999999}"#,
        "[]",
        "null",
    ] {
        let body = format!("{{\"model\":\"m\",\"usage\":{usage}}}");
        let (answer, row) = house.try_mode(Mode::Json { body: body.clone() }, BOT_TOKEN, ASK).await;
        assert_eq!(answer.text(), body);
        assert_eq!((row.end, row.counted, row.estimated), (End::Complete, false, true), "{usage}");
        assert!(row.tokens.input < 100, "{usage}: {:?}", row.tokens);
    }
}
