//! What people and programs send that is wrong: refused with a reason, nothing written.

use crate::support::*;
use axum::body::Body;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::platform::http::{Door, doors};
use std::collections::BTreeMap;
use testkit::vendor::Mode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// How many rows each table has.
async fn rows(at: &TestServer) -> BTreeMap<&'static str, i64> {
    let mut all = BTreeMap::new();
    for table in [
        "bots",
        "bot_configs",
        "threads",
        "messages",
        "provider_keys",
        "tokens",
        "sessions",
        "passkeys",
        "audit",
        "idempotency",
        "links",
    ] {
        all.insert(table, rows_of(at, table).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_for_any_verb_is_refused_with_a_pointer_and_writes_nothing() {
    let at = TestServer::start().await;
    let owner = at.operator().await;
    let before = rows(&at).await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let garbage: Vec<(Vec<u8>, &[u16])> = vec![
        (b"{".to_vec(), &[400]),
        (b"nonsense".to_vec(), &[400]),
        (b"{} trailing".to_vec(), &[400]),
        (b"{\"name\":\"\xff\"}".to_vec(), &[400]),
        (b"[]".to_vec(), &[422]),
        (b"null".to_vec(), &[422]),
        (b"\"text\"".to_vec(), &[422]),
        (b"{\"name\":\"a\",\"name\":\"b\"}".to_vec(), &[422]),
        (b"{\"name\":\"nul \\u0000 inside\"}".to_vec(), &[422]),
        (b"{\"surely_no_field\":1}".to_vec(), &[422]),
        (deep.into_bytes(), &[400, 422]),
    ];
    let ways = doors(&at.server.verbs, &at.server.platform.live);
    let mut seen = 0;
    for way in ways {
        let Door::Rest { method, path, verb, action } = way else { continue };
        // A token is no person.
        if !["POST", "PATCH"].contains(&method.as_str())
            || action.needs == policy::Needs::Person
            || verb.starts_with("auth.")
        {
            continue;
        }
        let id = api::ids::BotId(uuid::Uuid::now_v7()).to_string();
        let path = path.replace("{bot}", &id).replace("{thread}", &id.replace("bot_", "thr_"));
        let path = path
            .replace("{budget}", &id.replace("bot_", "bud_"))
            .replace("{stop}", &id.replace("bot_", "stp_"))
            .replace("{virtual_key}", &id.replace("bot_", "vk_"));
        let path =
            path.replace("{key}", &id.replace("bot_", "key_")).replace("{job}", &id.replace("bot_", "job_"));
        for (body, statuses) in &garbage {
            let answer = at.ask_text(&owner, method.as_str(), &path, body.clone()).await;
            let what = format!("{verb} {}", String::from_utf8_lossy(&body[..body.len().min(60)]));
            assert!(statuses.contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
            answer.code();
            seen += 1;
        }
    }
    assert!(seen > 100);
    assert_eq!(rows(&at).await, before, "nothing was written");
    for (body, pointer) in [
        (json!({ "name": 7, "model": "openai/x" }), "/name"),
        (json!({ "name": "a" }), "/model"),
        (json!({ "name": "a", "model": "openai/x", "colour": "red" }), "/colour"),
        (json!({ "name": "a", "model": "openai/x", "profile": "root" }), "/profile"),
    ] {
        let answer = at.ask(&owner, "POST", "/api/bots", body.clone()).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]), "{body}");
    }
    let twice = at
        .ask_text(&owner, "POST", "/api/bots", "{\"name\":\"a\",\"model\":\"openai/x\",\"name\":\"b\"}")
        .await;
    assert_eq!((twice.status, twice.pointers()), (422, vec!["/name".to_owned()]));
    let plain = at.request(&owner, "POST", "/api/bots").header("content-type", "text/plain");
    assert_eq!(send(at.panel, plain.body("{}".into()).expect("a request")).await.status, 415);
    let query = at.ask(&owner, "POST", "/api/bots?name=x", json!({ "name": "a", "model": "openai/x" })).await;
    assert_eq!(query.status, 422, "a body's fields never stand in the query");
    assert_eq!(rows(&at).await, before, "nothing was written");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_limits_are_refused_and_their_connection_is_closed() {
    let at = TestServer::start().await;
    let Who::Bearer(token) = at.owner().await else { panic!("a token") };
    let head = format!("host: localhost:3000\r\nauthorization: Bearer {token}\r\n");
    let status = |answer: &str| answer.split(' ').nth(1).unwrap_or("none").to_owned();
    let large = format!(
        "POST /api/bots HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: 1048577\r\n\r\n"
    );
    let answer = raw(at.panel, large.as_bytes()).await;
    assert_eq!(status(&answer), "413", "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    let chunks = format!(
        "POST /api/bots HTTP/1.1\r\n{head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut endless = chunks.into_bytes();
    for _ in 0..40 {
        endless.extend_from_slice(format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536)).as_bytes());
    }
    assert_eq!(status(&raw(at.panel, &endless).await), "413", "a body without an announced length");
    let many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    assert_eq!(
        status(&raw(at.panel, format!("GET /api/me HTTP/1.1\r\n{head}{many}\r\n").as_bytes()).await),
        "431"
    );
    let long = format!("GET /api/me HTTP/1.1\r\n{head}x-long: {}\r\n\r\n", "y".repeat(65_536));
    assert_eq!(status(&raw(at.panel, long.as_bytes()).await), "431");
    let both = format!(
        "POST /api/bots HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: 2\r\n\
         transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    let answer = raw(at.panel, both.as_bytes()).await;
    assert_eq!(status(&answer), "400", "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bots_name_is_refused_with_its_rule_and_its_slug_is_always_safe() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let make = async |name: &str| {
        at.ask(&owner, "POST", "/api/bots", json!({ "name": name, "model": "openai/x" })).await
    };
    let long = "x".repeat(300);
    for bad in ["", "   ", &long, "evil\u{202e}txt.exe", "two\nlines", "bell\u{7}", "\u{2066}hidden"] {
        let answer = make(bad).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (422, vec!["/name".to_owned()]),
            "{bad:?}: {}",
            answer.text
        );
    }
    for model in ["", "gpt", "nobody/x", "openai/", "openai/a b", "/x"] {
        let answer = at.ask(&owner, "POST", "/api/bots", json!({ "name": "a", "model": model })).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (422, vec!["/model".to_owned()]),
            "{model:?}: {}",
            answer.text
        );
    }
    let mut slugs = Vec::new();
    for odd in ["🤖🦀", "مساعد", "../../etc/passwd", "new", "Admin", "a/b\\c", "Ünïcödé", "--", "bot"]
    {
        let made = make(odd).await.ok(201);
        let slug = made["slug"].as_str().expect("a slug").to_owned();
        assert!(api::validate::is_slug(&slug), "{odd:?} -> {slug}");
        let found = at.get(&owner, &format!("/api/bots/{slug}")).await.ok(200);
        assert_eq!((&found["id"], &found["name"]), (&made["id"], &json!(odd)));
        slugs.push(slug);
    }
    let all = slugs.len();
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), all, "each its own");
    for same in ["🤖🦀", "NEW", " admin "] {
        let answer = make(same).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/name".to_owned()]), "{same:?}");
    }
    let own = json!({ "name": "Own", "model": "openai/x", "profile": "own" });
    let answer = at.ask(&owner, "POST", "/api/bots", own).await;
    assert_eq!((answer.status, answer.pointers()), (422, vec!["/profile".to_owned()]));
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_saved_as_failing_only_if_the_person_says_so_and_never_shown() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let secret = "sk-wrong-0123456789abcdef";
    let add = |accept: bool| json!({ "vendor": "openai", "secret": secret, "base_url": at.world.vendor.base_url(), "accept_failing": accept });
    let refused = at.ask(&owner, "POST", "/api/keys", add(false)).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "key_rejected"));
    assert!(refused.text.contains("Incorrect API key provided"), "the vendor's words: {}", refused.text);
    assert!(!refused.text.contains(secret));
    assert_eq!(rows_of(&at, "provider_keys").await, 0);
    let saved = at.ask(&owner, "POST", "/api/keys", add(true)).await.ok(201);
    assert_eq!((&saved["status"], &saved["last_four"]), (&json!("failing"), &json!("cdef")));
    assert!(saved["status_message"].as_str().is_some_and(|m| m.contains("Incorrect")), "{saved}");
    assert!(!saved.to_string().contains(secret));

    // A vendor that repeats what it was sent.
    let echo = json!({ "error": { "message": format!("no such key: {KEY}") } }).to_string();
    at.world.vendor.play(Mode::Status { status: 401, body: echo });
    let body = json!({ "vendor": "openai", "secret": KEY, "base_url": at.world.vendor.base_url() });
    let refused = at.ask(&owner, "POST", "/api/keys", body.clone()).await;
    assert_eq!(refused.status, 422);
    assert!(!refused.text.contains(KEY), "{}", refused.text);
    at.world.vendor.play(Mode::Status { status: 503, body: "<html>".to_owned() });
    let refused = at.ask(&owner, "POST", "/api/keys", body.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "key_rejected"));
    at.world.vendor.play(Mode::Answer);
    let key = at.ask(&owner, "POST", "/api/keys", body).await.ok(201);
    let id = key["id"].as_str().expect("an id");
    at.world.vendor.play(Mode::Status { status: 401, body: "{}".to_owned() });
    let tested = at.ask(&owner, "POST", &format!("/api/keys/{id}/test"), Value::Null).await.ok(200);
    assert_eq!(tested["status"], "failing");
    at.world.vendor.play(Mode::Answer);
    let tested = at.ask(&owner, "POST", &format!("/api/keys/{id}/test"), Value::Null).await.ok(200);
    assert_eq!((&tested["status"], &tested["status_message"]), (&json!("working"), &Value::Null));
    let stale = json!({ "secret": KEY, "base_url": at.world.vendor.base_url(), "expected_version": 1 });
    let stale = at.ask(&owner, "POST", &format!("/api/keys/{id}/replace"), stale).await;
    assert_eq!((stale.status, stale.code().as_str()), (409, "stale"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_a_private_address_is_refused_unless_the_address_is_listed() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let own = format!("http://{}/v1", at.panel);
    for base in [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/v1",
        "http://10.0.0.1/v1",
        "http://[::1]:9/v1",
        &own,
        "file:///etc/passwd",
        "gopher://x",
        "http://user:pass@example.org/v1",
        "not a url",
    ] {
        let body = json!({ "vendor": "custom", "secret": KEY, "base_url": base, "accept_failing": true });
        let answer = at.ask(&owner, "POST", "/api/keys", body).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (422, vec!["/base_url".to_owned()]),
            "{base}: {}",
            answer.text
        );
    }
    for (secret, pointer) in [
        ("", "/secret"),
        ("sk with space", "/secret"),
        ("sk-line\nbreak", "/secret"),
        ("nobody-knows", "/vendor"),
    ] {
        let answer = at.ask(&owner, "POST", "/api/keys", json!({ "secret": secret })).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (422, vec![pointer.to_owned()]),
            "{secret:?}: {}",
            answer.text
        );
    }
    assert_eq!(rows_of(&at, "provider_keys").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_cursors_and_impossible_limits_are_refused_by_every_list() {
    let at = TestServer::start().await;
    let owner = at.operator().await;
    let bot = at.make_bot(&owner, "Helper").await;
    let made =
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/threads"), json!({ "title": "x" })).await.ok(201);
    let thread = made["id"].as_str().expect("an id").to_owned();
    let mut lists = 0;
    for entry in at.server.verbs.all() {
        let properties = entry.input.get("properties");
        if properties.and_then(|p| p.get("limit")).is_none() {
            continue;
        }
        lists += 1;
        let path = entry.rest.path.replace("{bot}", &bot).replace("{thread}", &thread);
        at.get(&owner, &format!("{path}?limit=1")).await.ok(200);
        at.get(&owner, &format!("{path}?limit=200")).await.ok(200);
        for bad in [
            "limit=0",
            "limit=-1",
            "limit=1000000000",
            "limit=201",
            "limit=ten",
            "limit=1.5",
            "limit=1&limit=2",
            "cursor=altered",
            "cursor=bot_zzzz",
            "cursor=%00",
            "offset=3",
            "sort=shoe-size",
        ] {
            // A log is read by the screenful, not by the page.
            if (entry.name, bad) == ("bots.logs", "limit=201") {
                continue;
            }
            let answer = at.get(&owner, &format!("{path}?{bad}")).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (422, "invalid"),
                "{path}?{bad}: {}",
                answer.text
            );
        }
    }
    assert!(lists >= 6, "{lists} lists");
    for n in 0..5 {
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/threads"), json!({ "title": format!("t{n}") }))
            .await
            .ok(201);
    }
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = at.get(&owner, &format!("/api/bots/{bot}/threads?limit=2{cursor}")).await.ok(200);
        titles.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|t| t["title"].as_str().expect("t").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(titles, ["t4", "t3", "t2", "t1", "t0", "x"], "no page twice, none left out");
    at.stop_busy().await;
}

/// A call of the relay with this token, over TCP or a bot's own socket.
fn relay_call(headers: &str) -> Vec<u8> {
    let body = r#"{"model":"fake-model","messages":[{"role":"user","content":"ask:x"}]}"#;
    format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Status and body, without the request's own id.
fn refused(answer: &str) -> (String, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let id = head.lines().find_map(|l| l.strip_prefix("x-chela-request-id: ")).unwrap_or("none");
    (head.split(' ').nth(1).unwrap_or("none").to_owned(), body.replace(id, "ID"))
}

fn token_of(at: &TestServer, bot: &str) -> String {
    let path = at.world.data().join("bots").join(bot).join("run/tokens/relay");
    std::fs::read_to_string(path).expect("a token").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_stopped_or_deleted_bot_is_good_for_nothing() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let token = token_of(&at, &bot);
    let call = async |token: &str| {
        raw(at.world.relay(), &relay_call(&format!("authorization: Bearer {token}\r\n"))).await
    };
    assert_eq!(refused(&call(&token).await).0, "200");
    let made_up = refused(&call(&format!("chela_bot_{}", "x".repeat(43))).await);
    assert_eq!(made_up.0, "401");
    let two =
        raw(at.world.relay(), &relay_call(&format!("authorization: Bearer {token}\r\nx-api-key: other\r\n")))
            .await;
    assert_eq!(refused(&two).0, "400");

    at.ask(&owner, "POST", &format!("/api/bots/{bot}/restart"), Value::Null).await.ok(200);
    eventually("a new token", async || (token_of(&at, &bot) != token).then_some(())).await;
    at.observed(&owner, &bot, "running").await;
    assert_eq!(refused(&call(&token).await), made_up, "an older generation's");
    let token = token_of(&at, &bot);
    assert_eq!(refused(&call(&token).await).0, "200");
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    at.observed(&owner, &bot, "stopped").await;
    eventually("the stopped bot's token to end", async || {
        (refused(&call(&token).await) == made_up).then_some(())
    })
    .await;

    let bot = at.ready_bot(&owner, "Second").await;
    let token = token_of(&at, &bot);
    assert_eq!(refused(&call(&token).await).0, "200");
    at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
    eventually("the deleted bot's token to end", async || {
        (refused(&call(&token).await) == made_up).then_some(())
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bots_token_is_good_on_its_own_wire_only() {
    let at = World::new(RuntimeKind::Docker).await.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let (one, two) = (at.ready_bot(&owner, "One").await, at.ready_bot(&owner, "Two").await);
    let over = async |bot: &str, token: &str| {
        let socket = at.world.data().join("bots").join(bot).join("run/relay.sock");
        let mut stream = UnixStream::connect(socket).await.expect("connected");
        stream.write_all(&relay_call(&format!("authorization: Bearer {token}\r\n"))).await.expect("said");
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.expect("heard");
        refused(&String::from_utf8_lossy(&heard))
    };
    let token = token_of(&at, &one);
    assert_eq!(over(&one, &token).await.0, "200");
    let made_up = over(&two, &format!("chela_bot_{}", "x".repeat(43))).await;
    assert_eq!(made_up.0, "401");
    assert_eq!(over(&two, &token).await, made_up, "on another bot's socket");
    let tcp = raw(at.world.relay(), &relay_call(&format!("authorization: Bearer {token}\r\n"))).await;
    assert_eq!(refused(&tcp), made_up, "on the relay's port");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_answers_under_its_own_name_and_to_its_own_pages_only() {
    let at = TestServer::start().await;
    let here = {
        at.owner().await;
        at.first_workspace().await
    };
    let (_, _, person) = at.person("Ada", here, "owner").await;
    let Who::Cookie(cookie) = &person else { panic!("a cookie") };
    let post = async |host: &str, origin: Option<&str>| {
        let request = http::Request::post("/api/bots")
            .header("host", host)
            .header("cookie", format!("__Host-chela={cookie}"));
        let request = request.header("content-type", "application/json");
        let request = origin.iter().fold(request, |request, origin| request.header("origin", *origin));
        let body = json!({ "name": "x", "model": "nobody" }).to_string();
        send(at.panel, request.body(Body::from(body)).expect("a request")).await.status
    };
    assert_eq!(post("localhost:3000", Some(ORIGIN)).await, 422, "reached the use case");
    for (host, origin) in [
        ("evil.example", Some(ORIGIN)),
        ("localhost:3000", Some("https://evil.example")),
        ("localhost:3000", Some("null")),
        ("localhost:3000", Some("http://localhost:3001")),
        ("localhost:3000", None),
    ] {
        assert_eq!(post(host, origin).await, 403, "{host} {origin:?}");
    }
    assert_eq!(rows_of(&at, "bots").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_login_is_seen_by_the_operator_and_by_no_other_workspace() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let stranger = at.stranger().await;
    let started = at.ask(&Who::Nobody, "POST", "/api/auth/login/start", json!({})).await.ok(200);
    let finish = json!({ "ceremony": started["ceremony"], "credential": { "id": "AA" } });
    assert_eq!(at.ask(&Who::Nobody, "POST", "/api/auth/login/finish", finish).await.status, 401);
    let failed = async |who: &Who| {
        let rows = at.get(who, "/api/audit").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        rows.into_iter().filter(|row| row["act"] == "auth.login_failed").collect::<Vec<_>>()
    };
    let seen = failed(&owner).await;
    assert_eq!((seen.len(), &seen[0]["detail"]["tries"]), (1, &json!(1)), "{seen:?}");
    assert!(failed(&stranger).await.is_empty());
    at.stop().await;
}
