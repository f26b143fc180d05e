use super::support::{Bench, ORIGIN, ask, json_of, text_of};
use axum::body::Body;
use http::{Request, Response, StatusCode, header};

fn header_of(response: &Response<Body>, name: &str) -> String {
    response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_answer_carries_the_headers_and_a_nonce_of_its_own() {
    let bench = Bench::at("https://chela.example").await;
    let mut nonces = std::collections::BTreeSet::new();
    for (method, path) in [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/nowhere"),
        ("GET", "/api/nowhere"),
        ("GET", "/api/panics"),
        ("GET", "/api/docs"),
        ("GET", "/api/openapi.json"),
        ("POST", "/api/things"),
        ("GET", "/favicon.svg"),
        ("GET", "/api/live"),
        ("DELETE", "/"),
        ("POST", "/api/fn/bots/stop"),
    ] {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "chela.example");
        let response = bench.send(request.body(Body::empty()).expect("request")).await;
        let policy = header_of(&response, "content-security-policy");
        let (_, rest) = policy.split_once("script-src 'self' 'nonce-").expect(path);
        assert!(nonces.insert(rest.split('\'').next().map(str::to_owned)), "{path}: a nonce twice");
        assert!(
            policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(header_of(&response, name), value, "{path}");
        }
        assert!(header_of(&response, "x-request-id").starts_with("req_"), "{path}");
        assert!(!header_of(&response, "permissions-policy").is_empty(), "{path}");
        assert!(!header_of(&response, "cache-control").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let bench = Bench::new().await;
    let response = bench.send(ask("GET", "/api/panics").body(Body::empty()).expect("request")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let id = header_of(&response, "x-request-id");
    let body = json_of(response).await;
    assert_eq!((body["code"].as_str(), body["request_id"].as_str()), (Some("internal"), Some(id.as_str())));
    assert!(!body.to_string().contains("as asked"), "{body}");
}

#[tokio::test]
async fn a_page_that_fails_is_a_page_for_browsers() {
    let bench = Bench::new().await;
    let asked = |accept: &str, path: &str| {
        ask("GET", path).header(header::ACCEPT, accept).body(Body::empty()).expect("request")
    };
    const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
    let response = bench.send(asked(BROWSER, "/panics")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(header_of(&response, "content-type"), "text/html; charset=utf-8");
    for (accept, path) in [("application/json", "/panics"), (BROWSER, "/api/panics")] {
        let response = bench.send(asked(accept, path)).await;
        assert_eq!(header_of(&response, "content-type"), "application/problem+json", "{accept} {path}");
    }
}

#[tokio::test]
async fn another_host_is_led_here_or_refused() {
    let bench = Bench::new().await;
    let to = |method: &str, path: &str, host: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .body(Body::empty())
            .expect("request")
    };
    let page = bench.send(to("GET", "/bots?x=1", "evil.example")).await;
    assert_eq!(page.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(header_of(&page, "location"), "http://localhost:3000/bots?x=1");
    for (method, path) in [("GET", "/api/things"), ("POST", "/api/fn/bots/stop"), ("POST", "/login")] {
        assert_eq!(
            bench.send(to(method, path, "evil.example")).await.status(),
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    assert_eq!(bench.send(to("GET", "/healthz", "10.0.0.1:3000")).await.status(), StatusCode::OK);
    assert_eq!(bench.send(to("GET", "/readyz", "10.0.0.1:3000")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_changing_request_of_another_site_is_refused_before_anything_happens() {
    let bench = Bench::new().await;
    let post = |origin: Option<&str>| {
        let mut request = ask("POST", "/api/things").header(header::COOKIE, "__Host-chela=owner");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(r#"{"name":"a"}"#))
            .expect("request")
    };
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://localhost:3001"),
        Some("http://localhost.evil.example"),
    ] {
        let response = bench.send(post(origin)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin:?}");
        assert_eq!(json_of(response).await["code"], "forbidden");
    }
    assert_eq!(bench.things.made.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(bench.send(post(Some(ORIGIN))).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_bearer_token_wins_over_the_cookie_and_a_bad_one_is_refused() {
    let bench = Bench::new().await;
    let get = |bearer: &str| {
        let request = ask("GET", "/api/things").header(header::COOKIE, "__Host-chela=owner");
        request.header(header::AUTHORIZATION, bearer).body(Body::empty()).expect("request")
    };
    for bad in ["Bearer stolen", "Basic b3duZXI6", "Bearer ", "Bearer"] {
        let response = bench.send(get(bad)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{bad}");
        assert_eq!(header_of(&response, "www-authenticate"), "Bearer");
    }
    assert_eq!(bench.send(get("Bearer program")).await.status(), StatusCode::OK);
    assert_eq!(bench.send(get("bearer program")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn two_session_cookies_are_nobody() {
    let bench = Bench::new().await;
    let get = |cookie: &str| {
        ask("GET", "/api/things").header(header::COOKIE, cookie).body(Body::empty()).expect("request")
    };
    assert_eq!(bench.send(get("a=b; __Host-chela=owner")).await.status(), StatusCode::OK);
    for nobody in ["__Host-chela=owner; __Host-chela=viewer", "__Host-chela=gone", "x__Host-chela=owner", ""]
    {
        assert_eq!(bench.send(get(nobody)).await.status(), StatusCode::UNAUTHORIZED, "{nobody}");
    }
}

#[tokio::test]
async fn ready_says_what_is_wrong() {
    let bench = Bench::new().await;
    let ready = || ask("GET", "/readyz").body(Body::empty()).expect("request");
    let body = json_of(bench.send(ready()).await).await;
    assert_eq!((body["status"].as_str(), body["writes"].as_str()), (Some("ready"), Some("ok")));
    bench.platform.db.close_writes("for the test");
    assert_eq!(json_of(bench.send(ready()).await).await["writes"], "closed");
    bench.platform.shutdown.cancel();
    assert_eq!(bench.send(ready()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn figures_are_on_their_own_router_only() {
    use tower::ServiceExt;
    let bench = Bench::new().await;
    assert_eq!(
        bench.send(ask("GET", "/metrics").body(Body::empty()).expect("request")).await.status(),
        StatusCode::NOT_FOUND
    );
    let request = Request::builder().uri("/metrics").body(Body::empty()).expect("request");
    let response = crate::platform::http::metrics_router().oneshot(request).await.expect("answer");
    let text = text_of(response).await;
    assert!(text.contains("chela_http_requests_total"), "{text}");
}
