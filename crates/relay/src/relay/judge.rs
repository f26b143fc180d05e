//! What a vendor's answer, or the lack of one, means for the caller.

use super::{
    RelayBody,
    call::{refuse, respond, sign},
    first::First,
    guard::Guard,
    neutral,
    trouble::{Trouble, excerpt, whole},
    upload::Notes,
};
use crate::{
    Dialect, EgressError, UpstreamKey,
    egress::{Coming, SendError},
    scan::Shape,
};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use tokio::time::timeout;

/// The longest error answer that is read for a bot.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// And how long it may take.
const ERROR_BODY_LIMIT: Duration = Duration::from_secs(10);

/// How a call that has an account stopped short.
pub(super) struct Failed {
    pub(super) trouble: Trouble,
    /// For the operator.
    pub(super) note: Option<String>,
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, note: None }
    }
}

/// A bot sees the vendor's refusal only if it holds no word that would lock the vendor away.
pub(super) async fn bot_error(
    mut guard: Guard,
    mut head: http::response::Parts,
    (first, body): (First, Coming),
    key: &UpstreamKey,
    dialect: Dialect,
) -> Response<RelayBody> {
    let broken = first.broken;
    let first = BytesMut::from(first.text().as_ref());
    let room = MAX_ERROR_BODY.saturating_sub(first.len());
    let body = match timeout(ERROR_BODY_LIMIT, Limited::new(body, room).collect()).await {
        Ok(Ok(rest)) if !broken => {
            let mut all = first;
            all.extend_from_slice(&rest.to_bytes());
            Some(all.freeze())
        }
        _ => None,
    };
    let trouble = match &body {
        Some(body) => neutral::instead(head.status, body),
        None => neutral::instead(head.status, b"").or(Some(Trouble::BadAnswer)),
    };
    let note = body.as_deref().and_then(|b| excerpt(b, key));
    if let Some(trouble) = trouble {
        guard.fails(trouble, note);
        return refuse(guard, trouble, dialect);
    }
    guard.ends(crate::End::VendorError);
    guard.note(|row| row.note = note);
    guard.answers(head.status);
    sign(&mut head.headers, &guard);
    head.headers.remove(CONTENT_LENGTH);
    let body = body.unwrap_or_default();
    let hidden = key.hidden();
    let long = hidden.iter().filter(|part| part.len() >= 8);
    let clean = long.fold(body, |body, part| redact(&body, part.as_bytes()));
    let answer = respond(head.status, head.headers, whole(clean));
    guard.hands_over(answer.body());
    answer
}

/// Takes the key out of what a vendor echoes.
fn redact(body: &Bytes, secret: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let mut from = 0;
    for at in memchr::memmem::find_iter(body, secret) {
        out.extend_from_slice(body.get(from..at).unwrap_or_default());
        out.extend_from_slice(b"***");
        from = at + secret.len();
    }
    if from == 0 {
        return body.clone();
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out.into()
}

/// Answers that no caller gets, whatever they say.
pub(super) fn unfit(status: StatusCode, headers: &HeaderMap) -> Option<Trouble> {
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return Some(Trouble::Redirect);
    }
    if status.is_informational() {
        return Some(Trouble::BadAnswer);
    }
    let coded =
        headers.get_all(CONTENT_ENCODING).iter().any(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"));
    coded.then_some(Trouble::Encoded)
}

pub(super) fn shape(headers: &HeaderMap) -> Shape {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("text/event-stream") {
        Shape::Events
    } else if kind.eq_ignore_ascii_case("application/vnd.amazon.eventstream") {
        Shape::Messages
    } else if kind.eq_ignore_ascii_case("application/json") {
        Shape::Json
    } else {
        Shape::Other
    }
}

/// What an error of the client means.
pub(super) fn classify(error: &SendError, notes: &Notes) -> Failed {
    if let Some(trouble) = notes.failed.get() {
        return (*trouble).into();
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut hyper = None;
    while let Some(e) = next {
        if let Some(egress) = e.downcast_ref::<EgressError>() {
            let trouble = match egress {
                e if e.is_refusal() => Trouble::Forbidden,
                EgressError::Timeout(_) => Trouble::TimedOut,
                _ => Trouble::Unreachable,
            };
            return Failed { trouble, note: Some(egress.to_string()) };
        }
        hyper = hyper.or_else(|| e.downcast_ref::<hyper::Error>());
        next = e.source();
    }
    let trouble = match hyper {
        _ if error.is_connect() => Trouble::Unreachable,
        Some(e) if e.is_parse() => Trouble::BadAnswer,
        _ => Trouble::Cut,
    };
    trouble.into()
}
