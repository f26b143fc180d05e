//! One call, from the caller's request to the answer's first byte.

use super::{
    Relay, RelayBody, Shared,
    guard::{Guard, Line},
    headers, neutral,
    passing::Passing,
    socket::{self, Wish},
    target::{Goal, Lost},
    token::{self, Claim},
    tries::{Asked, Got},
    trouble::{Trouble, excerpt, whole},
    unified,
    upload::{self, Begun, Look, Notes},
};
use crate::{
    BoxError, Caller, Dialect, EgressError, UpstreamKey, Wire,
    scan::{Meter, Shape},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

/// All header lines of a request together. hyper's own limit is its read buffer, which may be twice as large.
const MAX_HEAD_BYTES: usize = 48 * 1024;
/// The longest error answer that is read for a bot.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// And how long it may take.
const ERROR_BODY_LIMIT: Duration = Duration::from_secs(10);

/// A call that may happen.
struct Admitted<'a> {
    goal: Goal<'a>,
    dialect: Dialect,
    guard: Guard,
}

/// Who calls, and for what.
enum Entered<'a> {
    /// To a vendor.
    Call(Admitted<'a>),
    /// Answered from what Chela knows.
    Known(Response<RelayBody>),
}

/// How a call that has an account stopped short.
pub(super) struct Failed {
    pub(super) trouble: Trouble,
    /// For the operator.
    note: Option<String>,
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, note: None }
    }
}

impl Relay {
    /// Answers one request that came in on `wire`. Never fails: what goes wrong is an answer.
    pub async fn handle<B>(&self, wire: Wire, request: Request<B>) -> Response<RelayBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        let headers = std::mem::take(&mut parts.headers);
        if headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum::<usize>() > MAX_HEAD_BYTES {
            let mut answer = Trouble::HeadTooLarge.answer(Dialect::OpenAiChat);
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return answer;
        }
        if parts.method == Method::GET && parts.uri.path() == "/healthz" {
            return Response::new(whole("{\"status\":\"ok\"}"));
        }
        let wish = socket::wished(&mut parts, &headers);
        let mut admitted = match self.admit(wire, &parts, &headers) {
            Ok(Entered::Call(admitted)) => admitted,
            Ok(Entered::Known(answer)) => return answer,
            Err((trouble, dialect)) => return trouble.answer(dialect),
        };
        let dialect = admitted.dialect;
        match self.forward(&mut admitted, (&parts.method, &wish), headers, body).await {
            Ok(mut got) => match wish.filter(|_| socket::agreed(&got.head)) {
                Some(wish) => {
                    admitted.guard.note(|row| row.upstream_status = Some(got.head.status.as_u16()));
                    headers::towards_caller(&mut got.head.headers);
                    self.join(admitted.guard, wish, got.head)
                }
                None => self.answer(admitted, got).await,
            },
            Err(Failed { trouble, note }) => {
                admitted.guard.fails(trouble, note);
                refuse(admitted.guard, trouble, dialect)
            }
        }
    }

    /// The answer to a request with two lengths, or with one that cannot be followed. hyper obeys one of two and
    /// forgets the other: what follows on this connection cannot be trusted.
    pub(super) fn refuse_framing<B>(request: &Request<B>) -> Response<RelayBody> {
        let dialect = Goal::read(request.uri()).map_or(Dialect::OpenAiChat, |goal| goal.dialect());
        let mut answer = Trouble::BadFraming.answer(dialect);
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }

    /// Who calls, and for what. Without a good token nothing else is told.
    fn admit<'a>(
        &self,
        wire: Wire,
        parts: &'a Parts,
        headers: &HeaderMap,
    ) -> Result<Entered<'a>, (Trouble, Dialect)> {
        let goal = Goal::read(&parts.uri);
        let dialect = goal.as_ref().map_or(Dialect::OpenAiChat, Goal::dialect);
        let caller: Caller = match token::read(headers, parts.uri.query()) {
            Claim::Two => return Err((Trouble::TwoTokens, dialect)),
            Claim::Missing => None,
            Claim::Token(token) => self.shared.config.snapshot.load().caller(&token, wire).copied(),
        }
        .ok_or((Trouble::Unauthorized, dialect))?;
        let goal = goal.map_err(|lost| match lost {
            Lost::Unknown => (Trouble::NotFound, dialect),
            Lost::Crooked => (Trouble::BadPath, dialect),
        })?;
        if let Goal::Models(listing) = goal {
            let snapshot = self.shared.config.snapshot.load();
            return Ok(Entered::Known(unified::models(&snapshot, caller.workspace, listing, headers)));
        }
        let line = parts.extensions.get::<Line>().cloned().unwrap_or_default();
        let guard = Guard::open(&self.shared, &caller, goal.vendor(), headers, line);
        Ok(Entered::Call(Admitted { goal, dialect, guard }))
    }

    /// Finds out whom to ask, and asks until an answer has begun.
    async fn forward<B>(
        &self,
        call: &mut Admitted<'_>,
        (method, wish): (&Method, &Option<Wish>),
        from_caller: HeaderMap,
        body: B,
    ) -> Result<Got, Failed>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Shared { config, choices, kept } = &*self.shared;
        // What is read before the model is known is held in memory, so it must come soon, not only steadily.
        let due = (Instant::now() + config.limits.idle).min(call.guard.deadline());
        let upload = Arc::clone(&call.guard.upload);
        let begin = async |body: B, look: Look<'_>| -> Result<Begun, Trouble> {
            let begun = timeout_at(due, upload::begin(body, &upload, look, (&config.limits, kept))).await;
            begun.unwrap_or(Err(Trouble::SlowUpload))
        };
        let chosen;
        let (target, begun) = match &call.goal {
            Goal::Vendor(target) => {
                if let Some(dialect) = target.needs.filter(|d| !target.vendor.dialects.contains(d)) {
                    return Err(Trouble::Speaks(target.vendor, dialect).into());
                }
                // Before anything is read: nothing is asked of a caller that cannot be served.
                if !config.snapshot.load().has_keys(call.guard.workspace(), target.vendor) {
                    return Err(Trouble::NoKey.into());
                }
                (target, begin(body, Look::Model(target.vendor)).await?)
            }
            Goal::Shared(choice) => {
                let begun = begin(body, Look::Vendor(choices)).await?;
                call.guard.note(|row| row.model = begun.model.clone().unwrap_or_default());
                let unnamed = if begun.late { Trouble::LateModel } else { Trouble::NoVendor };
                let vendor = begun.vendor.ok_or(unnamed)?;
                call.guard.note(|row| row.vendor = vendor.id);
                if !vendor.dialects.contains(&choice.dialect) {
                    return Err(Trouble::Speaks(vendor, choice.dialect).into());
                }
                chosen = choice.at(vendor);
                (&chosen, begun)
            }
            Goal::Models(_) => return Err(Trouble::NotFound.into()),
        };
        let asked = Asked { method, wish, headers: from_caller, begun, dialect: call.dialect };
        self.ask(&mut call.guard, target, asked).await
    }

    /// Decides what of the vendor's answer the caller gets.
    async fn answer(&self, call: Admitted<'_>, got: Got) -> Response<RelayBody> {
        let Admitted { mut guard, dialect, .. } = call;
        let Got { mut head, first, body, key } = got;
        let status = head.status;
        guard.note(|row| row.upstream_status = Some(status.as_u16()));
        if let Some(trouble) = unfit(status, &head.headers) {
            guard.fails(trouble, None);
            return refuse(guard, trouble, dialect);
        }
        headers::towards_caller(&mut head.headers);
        let failed = status.is_client_error() || status.is_server_error();
        if failed && guard.is_bot() {
            return bot_error(guard, head, body, &key, dialect).await;
        }
        let shape = shape(&head.headers);
        let events = shape == Shape::Events;
        if events {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        guard.note(|row| row.stream = events);
        if matches!(status.as_u16(), 401..=403) {
            guard.ends(crate::End::KeyRefused);
        }
        guard.answers(status);
        sign(&mut head.headers, &guard);
        let mut passing = Passing::new((first, body), Meter::new(dialect, shape), guard, key, dialect);
        if events {
            passing = passing.with_events();
        }
        if failed {
            passing = passing.with_error();
        }
        respond(status, head.headers, RelayBody::new(passing))
    }
}

/// A bot sees the vendor's refusal only if it holds no word that would lock the vendor away.
async fn bot_error(
    mut guard: Guard,
    mut head: http::response::Parts,
    body: Incoming,
    key: &UpstreamKey,
    dialect: Dialect,
) -> Response<RelayBody> {
    let read = timeout(ERROR_BODY_LIMIT, Limited::new(body, MAX_ERROR_BODY).collect()).await;
    let body = match read {
        Ok(Ok(body)) => Some(body.to_bytes()),
        _ => None,
    };
    let trouble = match &body {
        Some(body) => neutral::instead(head.status, body),
        None => neutral::instead(head.status, b"").or(Some(Trouble::BadAnswer)),
    };
    let note = body.as_deref().and_then(|b| excerpt(b, &key.secret));
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
    let clean = if key.secret.len() >= 8 { redact(&body, key.secret.as_bytes()) } else { body };
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
fn unfit(status: StatusCode, headers: &HeaderMap) -> Option<Trouble> {
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
    } else if kind.eq_ignore_ascii_case("application/json") {
        Shape::Json
    } else {
        Shape::Other
    }
}

/// What an error of the client means.
pub(super) fn classify(error: &hyper_util::client::legacy::Error, notes: &Notes) -> Failed {
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

/// Ends a call with an answer of our own.
fn refuse(mut guard: Guard, trouble: Trouble, dialect: Dialect) -> Response<RelayBody> {
    let mut answer = trouble.answer(dialect);
    guard.answers(answer.status());
    guard.hands_over(answer.body());
    sign(answer.headers_mut(), &guard);
    answer
}

/// The headers that say what Chela did.
pub(super) fn sign(headers: &mut HeaderMap, guard: &Guard) {
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-chela-request-id", &guard.request_id().to_string());
    if !guard.vendor().is_empty() {
        set("x-chela-vendor", guard.vendor());
    }
    if !guard.model().is_empty() {
        set("x-chela-model", guard.model());
    }
    set("x-chela-attempts", &guard.attempts().to_string());
}

fn respond(status: StatusCode, headers: HeaderMap, body: RelayBody) -> Response<RelayBody> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
