//! A bot taken out of one Chela and brought into another: the same to the byte, without secrets; and whatever is wrong with a
//! bundle leaves nothing behind.

use crate::support::*;
use axum::body::Body;
use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

/// What looks like a key, in a file that the bot wrote.
const NOTED: &str = "my key is sk-proj-abcdefghijklmnopqrst, keep it";

async fn export(at: &TestServer, who: &Who, bot: &str) -> (Answer, Bytes) {
    let request = at.request(who, "GET", &format!("/api/bots/{bot}/bundle")).body(Body::empty());
    send_raw(at.panel, request.expect("a request")).await
}

async fn import(at: &TestServer, who: &Who, query: &str, bundle: &[u8]) -> Answer {
    let request = at.request(who, "POST", &format!("/api/bots/import{query}"));
    send(at.panel, request.body(Body::from(bundle.to_vec())).expect("a request")).await
}

fn workspace(at: &TestServer, bot: &str) -> PathBuf {
    at.world.data().join("bots").join(bot).join("workspace")
}

/// Plain files below a directory.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut ways) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(way) = ways.pop() {
        for entry in std::fs::read_dir(way).expect("a directory").flatten() {
            let kind = entry.file_type().expect("a kind");
            let path = entry.path();
            if kind.is_dir() {
                ways.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(root).expect("below").display().to_string();
                files.insert(name, std::fs::read(path).expect("read"));
            }
        }
    }
    files
}

/// Directories of bots, and rows.
async fn held(at: &TestServer) -> (usize, i64) {
    let dirs = std::fs::read_dir(at.world.data().join("bots")).expect("the bots' directory").flatten();
    (dirs.filter(|dir| dir.file_name() != ".trash").count(), rows_of(at, "bots").await)
}

/// A bot with a workspace that has something of everything.
async fn porter(at: &TestServer, owner: &Who) -> String {
    at.add_key(owner).await;
    let new = json!({
        "name": "Porter", "model": "openai/fake-model", "prompt": "Be kind.", "tags": ["night"],
        "limits": { "memory_mb": 768 },
    });
    let made = at.ask(owner, "POST", "/api/bots", new).await.ok(201);
    let bot = made["id"].as_str().expect("an id").to_owned();
    at.observed(owner, &bot, "running").await;
    let place = workspace(at, &bot);
    std::fs::create_dir_all(place.join("notes/deep")).expect("a directory");
    std::fs::write(
        place.join("notes/deep/\u{4e2d} a.bin"),
        (0..=255).cycle().take(100_000).collect::<Vec<u8>>(),
    )
    .expect("written");
    std::fs::write(place.join("notes/empty"), "").expect("written");
    std::fs::write(place.join("notes/key.txt"), NOTED).expect("written");
    std::os::unix::fs::symlink("/etc/passwd", place.join("notes/link")).expect("a link");
    let pipe = std::process::Command::new("mkfifo").arg(place.join("notes/pipe")).status();
    assert!(pipe.expect("mkfifo").success());
    bot
}

fn manifest(bundle: &[u8]) -> (Value, Vec<u8>) {
    let mut whole = Vec::new();
    GzDecoder::new(bundle).read_to_end(&mut whole).expect("unpacked");
    let from = whole.iter().position(|byte| *byte == b'{').expect("a manifest");
    let value = serde_json::Deserializer::from_slice(&whole[from..]).into_iter().next();
    (value.expect("a manifest").expect("JSON"), whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_comes_into_another_chela_as_it_was_and_without_a_secret() {
    let (here, there) = (TestServer::start().await, TestServer::start().await);
    let (owner, other) = (here.owner().await, there.owner().await);
    there.add_key(&other).await;
    let bot = porter(&here, &owner).await;
    let (answer, bundle) = export(&here, &owner, &bot).await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"]),
        (200, &"application/gzip".parse().expect("a value"))
    );
    let named = answer.headers["content-disposition"].to_str().expect("a text");
    assert_eq!(named, "attachment; filename=\"porter.chela.tar.gz\"");
    let (said, whole) = manifest(&bundle);
    let left: Vec<_> =
        said["left_out"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(left, ["notes/link", "notes/pipe", "notes/key.txt (it may hold a secret)"]);
    let tokens = here.world.data().join("bots").join(&bot).join("run/tokens");
    let mut secrets = vec![KEY.to_owned(), "sk-proj-abcdefghijkl".to_owned()];
    secrets.extend(
        ["relay", "gateway", "tool"].map(|name| std::fs::read_to_string(tokens.join(name)).expect("a token")),
    );
    for secret in secrets {
        let found = whole.windows(secret.trim().len()).any(|part| part == secret.trim().as_bytes());
        assert!(!found, "a secret left with the bundle");
    }

    let stranger = import(&there, &other, "", &bundle).await;
    assert_eq!((stranger.status, stranger.code().as_str()), (409, "conflict"));
    let words = stranger.json()["detail"].as_str().expect("words").to_owned();
    let fingerprint =
        words.split_whitespace().find(|word| word.starts_with("ed25519:")).expect("a fingerprint");
    let fingerprint = fingerprint.trim_end_matches('.');
    let mistaken = import(&there, &other, &format!("?trust=ed25519:{}", "0".repeat(40)), &bundle).await;
    assert_eq!((mistaken.status, mistaken.pointers()), (409, vec!["/trust".to_owned()]));
    assert_eq!(held(&there).await, (0, 0), "nothing half-made");

    let made = import(&there, &other, &format!("?trust={fingerprint}"), &bundle).await.ok(201);
    let copy = made["id"].as_str().expect("an id");
    there.observed(&other, copy, "stopped").await;
    let mut wanted = tree(&workspace(&here, &bot));
    wanted.remove("notes/key.txt").expect("it is still here");
    assert!(wanted.len() >= 3, "{:?}", wanted.keys());
    assert_eq!(tree(&workspace(&there, copy)), wanted, "the same to the byte");
    let (theirs, ours) = (
        there.get(&other, &format!("/api/bots/{copy}")).await.ok(200),
        here.get(&owner, &format!("/api/bots/{bot}")).await.ok(200),
    );
    assert_eq!((&theirs["settings"], &theirs["tags"]), (&ours["settings"], &ours["tags"]));
    let kinds = there.get(&other, &format!("/api/bots/{copy}/events")).await.ok(200).to_string();
    assert!(kinds.contains("created") && kinds.contains("stop"), "{kinds}");
    there.ask(&other, "POST", &format!("/api/bots/{copy}/start"), json!({})).await.ok(200);
    there.observed(&other, copy, "running").await;

    // What this Chela signed needs no trust; a name that is taken needs another.
    let before = held(&here).await;
    let taken = import(&here, &owner, "", &bundle).await;
    assert_eq!((taken.status, taken.pointers()), (422, vec!["/name".to_owned()]));
    assert!(
        taken.json()["hint"].as_str().is_some_and(|hint| hint.contains("Nothing was kept")),
        "{}",
        taken.text
    );
    assert_eq!(held(&here).await, before, "nothing half-made");
    let second = import(&here, &owner, "?name=Second&model=openai/other", &bundle).await.ok(201);
    let second =
        here.get(&owner, &format!("/api/bots/{}", second["slug"].as_str().expect("a slug"))).await.ok(200);
    assert_eq!((&second["name"], &second["model"]), (&json!("Second"), &json!("openai/other")));
    let audit = here.get(&owner, "/api/audit").await.ok(200).to_string();
    assert!(audit.contains("bots.export") && audit.contains("bots.import"), "{audit}");
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_bundle_is_said_and_leaves_nothing() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = porter(&at, &owner).await;
    let (_, bundle) = export(&at, &owner, &bot).await;
    let before = held(&at).await;
    let mut changed = bundle.to_vec();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x55;
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("no archive", b"not a bundle at all"),
        ("cut off", &bundle[..bundle.len() - 200]),
        ("changed", &changed),
    ] {
        let answer = import(&at, &owner, "?name=Wrong", bytes).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{what}");
        assert!(
            answer.json()["detail"].as_str().is_some_and(|words| words.contains("cannot be imported")),
            "{what}"
        );
        assert_eq!(answer.pointers(), ["/file"], "{what}");
        let hint = answer.json()["hint"].as_str().unwrap_or_default().to_owned();
        assert!(hint.starts_with("Nothing was kept: no bot was made.") && hint.contains("export"), "{hint}");
    }
    let unknown = import(&at, &owner, "?name=Wrong&colour=red", &bundle).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "malformed"));
    let head = "POST /api/bots/import HTTP/1.1\r\nhost: localhost:3000\r\ncontent-length: 90000000\r\n";
    let Who::Bearer(token) = &owner else { panic!("the owner is a program here") };
    let long = raw(at.panel, format!("{head}authorization: Bearer {token}\r\n\r\n").as_bytes()).await;
    assert!(long.starts_with("HTTP/1.1 413"), "{long}");
    assert_eq!(held(&at).await, before, "nothing half-made");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_go_in_and_out_for_owners_of_the_workspace_alone() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = porter(&at, &owner).await;
    let (_, bundle) = export(&at, &owner, &bot).await;
    let here = at.first_workspace().await;
    let (_, _, viewer) = at.person("Vera", here, "viewer").await;
    let stranger = at.stranger().await;
    for (who, wanted) in [(&Who::Nobody, 401), (&viewer, 403), (&stranger, 404)] {
        let (answer, _) = export(&at, who, &bot).await;
        assert_eq!(answer.status, wanted, "{}", answer.text);
    }
    let unknown = export(&at, &stranger, "bot_00000000000000000000000000").await.0;
    assert_eq!(unknown.shape(), export(&at, &stranger, &bot).await.0.shape(), "foreign looks like none");
    let before = held(&at).await;
    for (who, wanted) in [(&Who::Nobody, 401), (&viewer, 403)] {
        assert_eq!(import(&at, who, "?name=Theirs", &bundle).await.status, wanted);
    }
    assert_eq!(held(&at).await, before);
    at.stop().await;
}
