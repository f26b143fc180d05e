use super::support::{Bench, THING, ask, by_program, json_of, text_of};
use api::ids::BotId;
use axum::body::Body;
use http::{StatusCode, header};
use serde_json::Value;
use std::sync::atomic::Ordering;
use uuid::Uuid;

fn pointer(body: &Value) -> &str {
    body["errors"][0]["pointer"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn bad_bodies_end_as_problems_with_a_pointer_and_write_nothing() {
    let bench = Bench::new().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for (body, status, at) in [
        ("{", 400, ""),
        ("garbage", 400, ""),
        (r#"{"name":"a"} x"#, 400, ""),
        (r#"{"name":1}"#, 422, "/name"),
        (r#"{"name":"a","nmae":"b"}"#, 422, "/nmae"),
        (r#"{}"#, 422, "/name"),
        (r#"[]"#, 422, ""),
        (r#"{"name":"a","name":"b"}"#, 422, "/name"),
        (r#"{"name":"a\u0000b"}"#, 422, "/name"),
        (r#"{"name":"a","parts":[{"size":1},{"size":300}]}"#, 422, "/parts/1/size"),
        (r#"{"name":"a","parts":[{"size":1,"size":2}]}"#, 422, "/parts/0/size"),
        (deep.as_str(), 422, ""),
    ] {
        let (got, problem) = bench.call("POST", "/api/things", body).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!((got.as_u16(), pointer(&problem)), (status, at), "{shown}: {problem}");
        assert_eq!(problem["status"], status, "{shown}");
        assert!(problem["request_id"].as_str().is_some_and(|id| id.starts_with("req_")), "{shown}");
    }
    assert_eq!(bench.things.made.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_json_by_its_own_word_is_refused() {
    let bench = Bench::new().await;
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = ask("POST", "/api/things").header(header::AUTHORIZATION, "Bearer program");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let response = bench.send(request.body(Body::from(r#"{"name":"a"}"#)).expect("request")).await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind:?}");
    }
    let latin = ask("POST", "/api/things").header(header::AUTHORIZATION, "Bearer program");
    let latin = latin.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    let response =
        bench.send(latin.body(Body::from(b"{\"name\":\"\xff\"}".to_vec())).expect("request")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_announced_or_not() {
    let bench = Bench::new().await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    let streamed = Body::from_stream(futures::stream::iter(
        (0..40).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 64 * 1024]))),
    ));
    let mut announced = by_program("POST", "/api/things", &big);
    announced.headers_mut().insert(header::CONTENT_LENGTH, header::HeaderValue::from(big.len()));
    let unannounced = by_program("POST", "/api/things", "{}").map(|_| streamed);
    for request in [announced, unannounced] {
        let response = bench.send(request).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.headers().get(header::CONNECTION).map(|v| v.as_bytes()), Some(&b"close"[..]));
        assert_eq!(json_of(response).await["code"], "too_large");
    }
}

#[tokio::test]
async fn nobody_is_told_to_log_in_before_the_body_is_read() {
    let bench = Bench::new().await;
    for request in [
        ask("GET", "/api/things").body(Body::empty()),
        ask("POST", "/api/things")
            .header(header::ORIGIN, "http://localhost:3000")
            .body(Body::from("garbage")),
    ] {
        let response = bench.send(request.expect("request")).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            response.headers().get(header::CONTENT_TYPE).map(|v| v.as_bytes()),
            Some(&b"application/problem+json"[..])
        );
    }
    let viewer = ask("POST", "/api/things").header(header::ORIGIN, "http://localhost:3000");
    let viewer =
        viewer.header(header::COOKIE, "__Host-chela=viewer").header(header::CONTENT_TYPE, "application/json");
    let response = bench.send(viewer.body(Body::from(r#"{"wrong":1}"#)).expect("request")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn queries_are_typed_and_strict() {
    let bench = Bench::new().await;
    let (status, page) = bench.call("GET", "/api/things?limit=5&loud=true", "").await;
    assert_eq!((status, page["next"].as_str()), (StatusCode::OK, Some("true")));
    for (query, at) in [
        ("limit=0", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=1000000000", "/limit"),
        ("limit=99999999999999999999", "/limit"),
        ("limit=1.5", "/limit"),
        ("limit=", "/limit"),
        ("loud=perhaps", "/loud"),
        ("sort=name", "/sort"),
        ("cursor=altered", "/cursor"),
        ("limit=1&limit=2", "/limit"),
        ("cursor=a%00b", "/cursor"),
    ] {
        let (status, problem) = bench.call("GET", &format!("/api/things?{query}"), "").await;
        assert_eq!((status.as_u16(), pointer(&problem)), (422, at), "{query}: {problem}");
    }
    let (status, _) = bench.call("POST", "/api/things?name=a", r#"{"name":"a"}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_cannot_exist_reads_like_what_does_not() {
    let bench = Bench::new().await;
    let mut seen = std::collections::BTreeSet::new();
    let unknown = BotId(Uuid::from_u128(999)).to_string();
    for id in
        [unknown.as_str(), "bot_zz", "key_00000000000000000000000000", "..", "%2e%2e%2f", "a%00b", "new"]
    {
        let (status, mut problem) = bench.call("GET", &format!("/api/things/{id}"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{id}");
        for unique in ["request_id", "instance"] {
            problem.as_object_mut().expect("object").remove(unique);
        }
        seen.insert(problem.to_string());
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn methods_and_addresses_that_do_not_exist_are_problems() {
    let bench = Bench::new().await;
    let response = bench.send(by_program("PUT", "/api/things", "{}")).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let allow =
        response.headers().get(header::ALLOW).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    assert_eq!(json_of(response).await["code"], "method_not_allowed");
    for path in ["/api", "/api/nothing", "/api/things/a/b", "/api/v9/things"] {
        let (status, problem) = bench.call("GET", path, "").await;
        assert_eq!((status.as_u16(), problem["code"].as_str()), (404, Some("not_found")), "{path}");
    }
}

#[tokio::test]
async fn a_version_travels_as_etag_and_comes_back_as_if_match() {
    let bench = Bench::new().await;
    let path = format!("/api/things/{THING}");
    let with = |method: &str, name: &'static str, value: &str, body: &str| {
        let mut request = by_program(method, &path, body);
        request.headers_mut().insert(name, value.parse().expect("header"));
        request
    };
    let read = bench.send(by_program("GET", &path, "")).await;
    assert_eq!(read.headers().get(header::ETAG).map(|v| v.as_bytes()), Some(&b"\"v3\""[..]));
    assert_eq!(
        bench.send(with("GET", "if-none-match", "\"v3\"", "")).await.status(),
        StatusCode::NOT_MODIFIED
    );

    let changed = bench.send(with("PATCH", "if-match", "\"v3\"", r#"{"name":"b"}"#)).await;
    assert_eq!(changed.headers().get(header::ETAG).map(|v| v.as_bytes()), Some(&b"\"v4\""[..]));
    let stale = bench.send(with("PATCH", "if-match", "\"v2\"", r#"{"name":"b"}"#)).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let stale = json_of(stale).await;
    assert_eq!(
        (&stale["versions"]["expected"], &stale["versions"]["actual"]),
        (&Value::from(2), &Value::from(3))
    );
    for (method, tag, body) in [
        ("PATCH", "rubbish", r#"{"name":"b"}"#),
        ("PATCH", "\"v3\"", r#"{"name":"b","expected_version":2}"#),
        ("DELETE", "\"v3\"", ""),
    ] {
        assert_eq!(
            bench.send(with(method, "if-match", tag, body)).await.status().as_u16(),
            422,
            "{method} {tag}"
        );
    }
}

#[tokio::test]
async fn deleting_takes_its_fields_from_the_query() {
    let bench = Bench::new().await;
    let (status, body) = bench.call("DELETE", &format!("/api/things/{THING}?confirm=yes"), "").await;
    assert_eq!((status, body), (StatusCode::OK, serde_json::json!({})));
    let (status, problem) = bench.call("DELETE", &format!("/api/things/{THING}"), "").await;
    assert_eq!((status.as_u16(), pointer(&problem)), (422, "/confirm"));
    let (status, problem) = bench
        .call("PATCH", &format!("/api/things/{THING}"), &format!("{{\"thing\":\"{THING}\",\"name\":\"x\"}}"))
        .await;
    assert_eq!((status.as_u16(), pointer(&problem)), (422, "/thing"));
}

#[tokio::test]
async fn the_document_names_every_verb_and_the_page_reads_without_scripts() {
    let bench = Bench::new().await;
    let document =
        json_of(bench.send(ask("GET", "/api/openapi.json").body(Body::empty()).expect("request")).await)
            .await;
    assert_eq!(document["openapi"], "3.1.0");
    for entry in bench.verbs.all() {
        let operation = &document["paths"][entry.rest.path][entry.rest.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], entry.name);
        assert_eq!(operation["x-chela-permission"]["action"], entry.action.name);
        assert!(operation["responses"][entry.rest.status.to_string()].is_object(), "{}", entry.name);
    }
    let text = document.to_string();
    assert!(!text.contains("#/$defs/"), "a reference leads nowhere");
    for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document["components"]["schemas"][reference].is_object(), "{reference}");
    }
    let page = text_of(bench.send(ask("GET", "/api/docs").body(Body::empty()).expect("request")).await).await;
    assert!(page.contains("id=\"things.make\"") && page.contains("id=\"code-stale\""), "{page}");
    assert!(!page.contains("<script") && !page.contains("style="), "{page}");
}
