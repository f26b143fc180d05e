//! The real key, in every form it could be written in, is nowhere but at the vendor. The database holds it
//! sealed only.

use crate::support::*;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use runtime::RuntimeKind;
use serde_json::json;
use std::{
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use testkit::vendor::Mode;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Everything the process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The key in every form, at every alignment where that matters.
fn needles() -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("raw".to_owned(), KEY.as_bytes().to_vec()),
        ("hex".to_owned(), hex::encode(KEY).into_bytes()),
        ("HEX".to_owned(), hex::encode_upper(KEY).into_bytes()),
        (
            "url".to_owned(),
            url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect::<String>().into_bytes(),
        ),
        ("json".to_owned(), serde_json::to_string(KEY).expect("text").trim_matches('"').as_bytes().to_vec()),
        ("reversed".to_owned(), KEY.bytes().rev().collect()),
        ("utf-16".to_owned(), KEY.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for (name, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
        for shift in 0..3 {
            let mut padded = vec![b'x'; shift];
            padded.extend_from_slice(KEY.as_bytes());
            let text = engine.encode(&padded).into_bytes();
            // Without what the bytes before and after decide.
            let inner = text.get(4..text.len() - 4).expect("long enough").to_vec();
            all.push((format!("{name}+{shift}"), inner));
        }
    }
    all
}

fn search(place: &str, hay: &[u8]) {
    for (form, needle) in needles() {
        assert!(!hay.windows(needle.len()).any(|w| w == needle), "the key ({form}) is in {place}");
    }
}

fn search_files(dir: &Path) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        if kind.is_dir() {
            seen += search_files(&path);
        } else if kind.is_file() {
            search(&path.display().to_string(), &std::fs::read(&path).expect("a file"));
            seen += 1;
        }
    }
    seen
}

#[expect(clippy::too_many_lines, reason = "one story, told once")]
async fn nowhere(kind: RuntimeKind) {
    let log = Log::default();
    let filter = EnvFilter::new(
        "info,server=trace,relay=trace,openclaw=trace,runtime=trace,tower_http=trace,axum=trace",
    );
    // One process may run several of these: the first one's log is then everybody's.
    let logged =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).try_init().is_ok();
    let at = World::new(kind).await.serve().await;
    let owner = at.owner().await;
    let mut said = Vec::new();
    let base = at.world.vendor.base_url();
    let wrong = json!({ "vendor": "openai", "secret": KEY, "base_url": base, "colour": "red" });
    said.push(at.ask(&owner, "POST", "/api/keys", wrong).await.text);
    let typed_wrong = json!({ "vendor": KEY, "secret": KEY, "base_url": KEY, "label": 7 });
    said.push(at.ask(&owner, "POST", "/api/keys", typed_wrong).await.text);
    at.world
        .vendor
        .play(Mode::Status { status: 401, body: json!({ "error": { "message": KEY } }).to_string() });
    let body = json!({ "vendor": "openai", "secret": KEY, "base_url": base });
    said.push(at.ask(&owner, "POST", "/api/keys", body.clone()).await.text);
    at.world.vendor.play(Mode::Answer);
    let made = at.ask(&owner, "POST", "/api/keys", body).await;
    let key = made.json()["id"].as_str().expect("an id").to_owned();
    said.push(made.text);
    let bot = at.ready_bot(&owner, "Helper").await;
    let answer = at.talk(&owner, &bot, "ask:hello").await;
    assert_eq!(answer["text"], json!(at.world.vendor.answer_to("hello")));
    // A vendor that repeats the key in its error.
    at.world.vendor.play(Mode::Status {
        status: 401,
        body: json!({ "error": { "message": format!("bad key {KEY}") } }).to_string(),
    });
    said.push(at.talk(&owner, &bot, "ask:again").await.to_string());
    said.push(at.ask(&owner, "POST", &format!("/api/keys/{key}/test"), json!({})).await.text);
    at.world.vendor.play(Mode::Answer);
    let replaced = json!({ "secret": KEY, "base_url": base });
    said.push(at.ask(&owner, "POST", &format!("/api/keys/{key}/replace"), replaced).await.text);

    let here = at.first_workspace().await;
    let (_, _, person) = at.person("Ada", here, "owner").await;
    for entry in
        at.server.verbs.all().filter(|e| e.rest.method == http::Method::GET && !e.rest.path.contains('{'))
    {
        said.push(at.get(&person, entry.rest.path).await.text);
    }
    for page in [
        "/",
        "/bots",
        &format!("/bots/{bot}/overview"),
        &format!("/bots/{bot}/chat"),
        "/keys",
        "/admin/instance",
    ] {
        let request =
            at.request(&person, "GET", page).header("accept", "text/html").body("".to_owned().into());
        let page = send(at.panel, request.expect("a request")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        said.push(page.text);
    }
    said.push(raw(at.metrics, b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await);
    for (n, text) in said.iter().enumerate() {
        search(&format!("answer {n}: {}", &text[..text.len().min(80)]), text.as_bytes());
    }
    let file = at.world.dir.path().join("backup.tar");
    server::backup::create(&at.world.config(), &file).await.expect("a backup");
    assert!(search_files(at.world.dir.path()) > 5, "files were looked through, the WAL while it is in use");
    let world = at.stop().await;
    search_files(world.dir.path());
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(!logged || log.len() > 1_000, "the log was looked through");
    search("the log", &log);
    search("the environment", &std::fs::read("/proc/self/environ").expect("readable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_process_bots_is_nowhere_but_at_the_vendor() {
    nowhere(RuntimeKind::Process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_bots_without_a_network_is_nowhere_but_at_the_vendor() {
    nowhere(RuntimeKind::Docker).await;
}

#[test]
fn the_search_finds_the_key_in_each_of_its_forms() {
    for (form, needle) in needles() {
        let mut hay = b"before ".to_vec();
        hay.extend_from_slice(&needle);
        assert!(std::panic::catch_unwind(|| search("a place", &hay)).is_err(), "{form}");
    }
    for shift in 0..3 {
        let text = STANDARD.encode(format!("{}{KEY} and more", "y".repeat(shift)));
        assert!(
            std::panic::catch_unwind(|| search("a place", text.as_bytes())).is_err(),
            "base64 at {shift}"
        );
    }
    search("an innocent place", b"sk-proj-something-else");
}
