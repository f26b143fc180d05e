use super::support::{Bench, ORIGIN, ask, json_of, text_of};
use axum::body::Body;
use http::{Request, StatusCode, header};

#[tokio::test]
async fn an_unknown_page_is_a_real_404_rendered_by_the_app_under_its_own_nonce() {
    let bench = Bench::new().await;
    let response = bench.send(ask("GET", "/no/such/page").body(Body::empty()).expect("request")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers().get(header::CACHE_CONTROL).map(|v| v.as_bytes()), Some(&b"no-store"[..]));
    let policy = response
        .headers()
        .get(header::CONTENT_SECURITY_POLICY)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let nonce =
        policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("nonce").to_owned();
    let html = text_of(response).await;
    assert!(html.contains("<html"), "{html}");
    let scripts = html.split("<script").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    for script in scripts {
        assert!(script.contains(&format!("nonce=\"{nonce}\"")), "{script}");
    }
}

#[tokio::test]
async fn files_of_the_site_have_their_type_and_only_hashed_ones_are_kept() {
    let bench = Bench::new().await;
    let get = |path: &str, encoding: &str| {
        ask("GET", path).header(header::ACCEPT_ENCODING, encoding).body(Body::empty()).expect("request")
    };
    let icon = bench.send(get("/favicon.svg", "br")).await;
    assert_eq!(icon.headers()[header::CONTENT_TYPE], "image/svg+xml");
    assert_eq!(icon.headers()[header::CACHE_CONTROL], "no-cache");
    let tag = icon.headers()[header::ETAG].clone();
    let again =
        ask("GET", "/favicon.svg").header(header::IF_NONE_MATCH, tag).body(Body::empty()).expect("request");
    assert_eq!(bench.send(again).await.status(), StatusCode::NOT_MODIFIED);

    let path = "/pkg/chela.QJ1xj6hFvZb2mVhYH5l0Xw.wasm";
    let small = bench.send(get(path, "gzip, br")).await;
    assert_eq!(small.headers()[header::CONTENT_TYPE], "application/wasm");
    assert_eq!(small.headers()[header::CONTENT_ENCODING], "br");
    assert_eq!(small.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(text_of(small).await, "br");
    assert_eq!(text_of(bench.send(get(path, "br;q=0")).await).await, "wasm");
    for outside in ["/../chela.db", "/pkg/../../chela.db", "/%2e%2e/chela.db", "/.hidden"] {
        assert_eq!(bench.send(get(outside, "br")).await.status(), StatusCode::NOT_FOUND, "{outside}");
    }
}

fn stop(accept: &str, kind: &str, body: &str) -> Request<Body> {
    ask("POST", "/api/fn/bots/stop")
        .header(header::ORIGIN, ORIGIN)
        .header(header::COOKIE, "__Host-chela=owner")
        .header(header::ACCEPT, accept)
        .header(header::REFERER, "http://localhost:3000/bots/a/overview?x=1")
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body.to_owned()))
        .expect("request")
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_server_functions_error_has_the_status_of_its_code_and_reads_as_our_error() {
    let bench = Bench::new().await;
    let response = bench.send(stop("application/json", FORM, "cmd[bot]=a")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let error: api::ApiError = serde_json::from_value(json_of(response).await).expect("our error");
    assert_eq!((error.code, error.message), (api::Code::NotFound, api::ApiError::not_found().message));
    assert!(error.request_id.is_some());
    let unreadable = bench.send(stop("application/json", FORM, "cmd[toad]=a")).await;
    assert_eq!(unreadable.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_scripts_a_form_is_led_back_to_its_page_with_the_error() {
    let bench = Bench::new().await;
    let response = bench.send(stop("text/html,*/*", FORM, "cmd[bot]=a")).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let to = response.headers()[header::LOCATION].to_str().expect("text").to_owned();
    assert!(to.starts_with("/bots/a/overview?x=1&") && to.contains("__err="), "{to}");
}

#[tokio::test]
async fn a_server_function_takes_only_what_it_can_read() {
    let bench = Bench::new().await;
    for (kind, body, status) in [
        ("text/plain", "cmd[bot]=a", 415),
        ("application/json", "{\"cmd\":{\"bot\":\"a\",\"bot\":\"b\"}}", 422),
        ("application/json", "{", 400),
        (FORM, "cmd[bot]=a%00b", 422),
    ] {
        let response = bench.send(stop("application/json", kind, body)).await;
        assert_eq!(response.status().as_u16(), status, "{kind} {body}");
        assert!(
            serde_json::from_value::<api::ApiError>(json_of(response).await).is_ok(),
            "{kind}: a page must read it"
        );
    }
    let unknown =
        ask("POST", "/api/fn/no/such").header(header::ORIGIN, ORIGIN).body(Body::empty()).expect("request");
    assert_eq!(bench.send(unknown).await.status(), StatusCode::NOT_FOUND);
    let get = ask("GET", "/api/fn/bots/stop").body(Body::empty()).expect("request");
    assert_eq!(bench.send(get).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn nobody_calls_a_server_function_as_nobody() {
    let bench = Bench::new().await;
    let mut request = stop("application/json", FORM, "cmd[bot]=a");
    request.headers_mut().remove(header::COOKIE);
    assert_eq!(bench.send(request).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_walk_knows_every_rest_route_and_server_function() {
    use crate::platform::http::{Door, doors};
    let bench = Bench::new().await;
    let doors = doors(&bench.verbs, &bench.platform.live);
    assert_eq!(doors.iter().filter(|d| matches!(d, Door::Rest { .. })).count(), bench.verbs.all().count());
    assert!(doors.iter().any(|d| matches!(d, Door::ServerFn { path } if *path == "/api/fn/bots/stop")));
    assert!(doors.iter().any(|d| matches!(d, Door::Page { .. })));
}
