use super::{soft::Soft, support::*};
use api::ids::RequestId;
use axum::{Extension, Router, body::Body};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::auth::routes;
use std::sync::Arc;
use tower::ServiceExt;

/// The routes as the gate hands a request in.
async fn post(home: &Home, cookie: Option<&str>, path: &str, body: Value) -> Response<Body> {
    let mut ctx = home.caller(cookie).await.ctx;
    ctx.request_id = RequestId(uuid::Uuid::nil());
    let router: Router = routes(Arc::clone(&home.auth)).layer(Extension(ctx));
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
        .body(Body::from(body.to_string()))
        .unwrap();
    router.oneshot(request).await.unwrap()
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn setting_up_logging_out_and_in_over_http() {
    let home = Home::new().await;
    let (token, mut soft) = (home.setup_token().await, Soft::new());
    let look = json_of(post(&home, None, "/api/auth/link", json!({ "token": token })).await).await;
    assert_eq!(look["kind"], "setup");
    let body = json!({ "token": token, "user_name": "Ada" });
    let started = json_of(post(&home, None, "/api/auth/register/start", body).await).await;
    let credential = soft.register(&started["options"]);
    let body = json!({ "ceremony": started["ceremony"], "token": token, "credential": credential });
    let done = post(&home, None, "/api/auth/register/finish", body).await;
    let cookie = done.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-chela="), "{cookie}");
    for mark in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(mark), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let cookie = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    assert_eq!(json_of(done).await["redirect"], "/");

    let out = post(&home, Some(&cookie), "/api/auth/logout", json!({})).await;
    assert!(out.headers()["clear-site-data"].to_str().unwrap().contains("\"cookies\""));
    assert!(out.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert!(!home.is_in(&cookie).await);
    assert_eq!(post(&home, None, "/api/auth/logout", json!({})).await.status(), StatusCode::OK);

    let started = json_of(post(&home, None, "/api/auth/login/start", json!({})).await).await;
    let body = json!({ "ceremony": started["ceremony"], "credential": soft.login(&started["options"]) });
    let done = post(&home, None, "/api/auth/login/finish", body).await;
    assert_eq!(done.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_plain_form_is_sent_on_to_the_login_page() {
    let home = Home::new().await;
    let ctx = home.caller(None).await.ctx;
    let router: Router = routes(Arc::clone(&home.auth)).layer(Extension(ctx));
    let request =
        Request::post("/api/auth/logout").header(header::ACCEPT, "text/html,*/*").body(Body::empty());
    let response = router.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/login".parse().unwrap())
    );
}

#[tokio::test]
async fn a_refused_login_is_a_problem_without_a_cookie_and_takes_its_time() {
    let home = Home::new().await;
    home.ada().await;
    let mut bodies = Vec::new();
    for ceremony in [json!("cer_00000000000000000000000000"), {
        json_of(post(&home, None, "/api/auth/login/start", json!({ "user_name": "Nobody" })).await).await["ceremony"]
            .clone()
    }] {
        let began = std::time::Instant::now();
        let body = json!({ "ceremony": ceremony, "credential": {} });
        let response = post(&home, None, "/api/auth/login/finish", body).await;
        assert!(began.elapsed() >= std::time::Duration::from_millis(100));
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        bodies.push(json_of(response).await);
    }
    assert_eq!(bodies[0], bodies[1], "the same bytes");
}

#[tokio::test]
async fn garbage_is_refused_and_nothing_is_written() {
    let home = Home::new().await;
    let before = home.audit().await.len();
    for (path, body, status) in [
        ("/api/auth/link", json!({}), 422),
        ("/api/auth/link", json!({ "token": 7 }), 422),
        ("/api/auth/link", json!({ "token": "x", "extra": 1 }), 422),
        ("/api/auth/link", json!({ "token": "x" }), 410),
        ("/api/auth/register/start", json!({ "token": null }), 401),
        ("/api/auth/register/finish", json!({ "ceremony": "cer_x", "credential": {} }), 422),
        ("/api/auth/login/start", json!([1]), 422),
    ] {
        let response = post(&home, None, path, body.clone()).await;
        assert_eq!(response.status().as_u16(), status, "{path} {body}");
    }
    assert_eq!(home.audit().await.len(), before);
}
