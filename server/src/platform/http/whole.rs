//! A page is given out whole, and in time.
//!
//! Rendering is many tasks that wait for each other. It was seen, rarely and on a busy machine, that one of them was not
//! woken: the page then never came. A page changes nothing, so it is rendered again instead of being waited for.

use super::problem::Problem;
use api::{ApiError, Code};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use std::time::Duration;

/// How long one rendering may take. Pages need far less; what some ask an engine for has deadlines of its own.
const ONE: Duration = Duration::from_secs(25);
/// How often it is tried; all of it is within the deadline of a request.
const TRIES: u32 = 2;
/// Longest page, in bytes.
const LONGEST: usize = 32 * 1024 * 1024;

/// The answer of `render`, with its whole body. It is asked again where it does not answer in time.
///
/// A rendering that fails says so itself; here only time and length are minded: `timeout` and `internal`.
pub(super) async fn whole<R>(parts: &Parts, render: impl Fn(Request) -> R) -> Response
where
    R: Future<Output = Response>,
{
    for tried in 1..=TRIES {
        let request = Request::from_parts(parts.clone(), Body::empty());
        let rendering = render(request);
        let rendered = tokio::time::timeout(ONE, async {
            let (head, body) = rendering.await.into_parts();
            to_bytes(body, LONGEST).await.map(|body| Response::from_parts(head, Body::from(body)))
        });
        match rendered.await {
            Ok(Ok(response)) => return response,
            Ok(Err(error)) => {
                tracing::error!(%error, "a page could not be rendered to its end");
                return Problem(ApiError::internal()).into_response();
            }
            Err(_elapsed) => {
                metrics::counter!("chela_pages_given_up_total").increment(1);
                tracing::warn!(
                    tried,
                    http.path = parts.uri.path(),
                    "a page was not rendered in time and is given up"
                );
            }
        }
    }
    let late = ApiError::new(
        Code::Timeout,
        "This page took too long and was given up. Nothing was changed; load it again.",
    );
    Problem(late).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, stream};
    use http::StatusCode;
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU32, Ordering},
    };

    fn parts() -> Parts {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/bots".parse().expect("an address");
        request.into_parts().0
    }

    async fn text(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), LONGEST).await.expect("a body");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_never_comes_is_rendered_again() {
        let tried = AtomicU32::new(0);
        let asked = parts();
        let response = whole(&asked, |request: Request| {
            let first = tried.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if first {
                    std::future::pending::<()>().await;
                }
                Response::new(Body::from(request.uri().path().to_owned()))
            }
        });
        assert_eq!(text(response.await).await, "/bots");
        assert_eq!(tried.into_inner(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_without_an_end_is_given_up_and_said_so() {
        let tried = AtomicU32::new(0);
        let asked = parts();
        let response = whole(&asked, |_request| {
            tried.fetch_add(1, Ordering::Relaxed);
            let begun = stream::iter([Ok::<_, Infallible>("<html>")]).chain(stream::pending());
            async { Response::new(Body::from_stream(begun)) }
        });
        let response = response.await;
        assert_eq!((response.status(), tried.into_inner()), (StatusCode::GATEWAY_TIMEOUT, TRIES));
        assert!(!text(response).await.contains("<html>"));
    }
}
