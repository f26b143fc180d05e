//! One call, from the caller's request to the answer's first byte.

use super::{
    Relay, RelayBody, Shared,
    cheaper::Cheaper,
    guard::{Guard, Line},
    guess::{self, Guess},
    headers,
    judge::{Failed, bot_error, shape, unfit},
    passing::Passing,
    socket::{self, Wish},
    target::{Goal, Lost},
    token::{self, Claim},
    tries::{self, Asked, Got},
    trouble::{Trouble, whole},
    unified,
    upload::{self, Begun, Look, Looks},
};
use crate::{
    BoxError, Caller, Dialect, Snapshot, Wire,
    scan::{Meter, Shape},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH},
    request::Parts,
};
use http_body::Body;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// All header lines of a request together. hyper's own limit is its read buffer, which may be twice as large.
const MAX_HEAD_BYTES: usize = 48 * 1024;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-chela-request-id");
static VENDOR: HeaderName = HeaderName::from_static("x-chela-vendor");
static MODEL: HeaderName = HeaderName::from_static("x-chela-model");
static DOWNGRADED: HeaderName = HeaderName::from_static("x-chela-downgraded");
static ATTEMPTS: HeaderName = HeaderName::from_static("x-chela-attempts");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static RATE_LEFT: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RATE_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A call that may happen.
struct Admitted<'a> {
    goal: Goal<'a>,
    caller: Caller,
    dialect: Dialect,
    guard: Guard,
}

impl Relay {
    /// Answers one request that came in on `wire`. Never fails: what goes wrong is an answer.
    pub fn handle<B>(&self, wire: Wire, request: Request<B>) -> impl Future<Output = Response<RelayBody>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.handle_on(wire, Line::default(), request)
    }

    /// The same for one that came in over a connection whose end it hears of.
    pub(super) async fn handle_on<B>(
        &self,
        wire: Wire,
        line: Line,
        request: Request<B>,
    ) -> Response<RelayBody>
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
        let snapshot = self.shared.config.snapshot.load_full();
        let (caller, goal) = match self.admit(&snapshot, wire, &parts, &headers) {
            Ok(entered) => entered,
            Err((trouble, dialect)) => return trouble.answer(dialect),
        };
        if let Goal::Models(listing) = goal {
            let now_ms = (self.shared.config.now_ms)();
            return unified::models(&snapshot, &caller, listing, &headers, now_ms);
        }
        let guard = Guard::open((&self.shared, &snapshot), &caller, goal.vendor(), &headers, line);
        let mut admitted = Admitted { dialect: goal.dialect(), goal, caller, guard };
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
        snapshot: &Snapshot,
        wire: Wire,
        parts: &'a Parts,
        headers: &HeaderMap,
    ) -> Result<(Caller, Goal<'a>), (Trouble, Dialect)> {
        let goal = Goal::read(&parts.uri);
        let dialect = goal.as_ref().map_or(Dialect::OpenAiChat, Goal::dialect);
        let caller: Caller = match token::read(headers, parts.uri.query()) {
            Claim::Two => return Err((Trouble::TwoTokens, dialect)),
            Claim::Missing => None,
            Claim::Token(token) => snapshot.caller(&token, wire).cloned(),
        }
        .filter(|caller| caller.expires_ms.is_none_or(|end| (self.shared.config.now_ms)() < end))
        .ok_or((Trouble::Unauthorized, dialect))?;
        let goal = goal.map_err(|lost| match lost {
            Lost::Unknown => (Trouble::NotFound, dialect),
            Lost::Crooked => (Trouble::BadPath, dialect),
        })?;
        Ok((caller, goal))
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
        call.guard.unless_stopped(call.guard.vendor())?;
        let Shared { config, choices, kept, .. } = &*self.shared;
        // What is read before the model is known is held in memory, so it must come soon, not only steadily.
        let due = (Instant::now() + config.limits.idle).min(call.guard.deadline());
        let upload = Arc::clone(&call.guard.upload);
        let guessing = call.caller.is_reckoned();
        let (many, one_model) = (guess::many(call.dialect), call.caller.is_held_to_models());
        let looks = Looks { guess: guessing, many, one_model };
        let begin = async |body: B, look: Look<'_>| -> Result<Begun, Trouble> {
            let begun =
                timeout_at(due, upload::begin(body, &upload, look, (&config.limits, kept, looks))).await;
            begun.unwrap_or(Err(Trouble::SlowUpload))
        };
        let asking = |begun| Asked { method, wish, headers: from_caller, begun, dialect: call.dialect };
        let (mut target, begun) = match &call.goal {
            Goal::Vendor(target) => {
                if !target.is_spoken() {
                    return Err(Trouble::Speaks(target.vendor, target.dialect).into());
                }
                // Before anything is read: nothing is asked of a caller that cannot be served.
                if !call.guard.snapshot.has_keys(call.guard.workspace(), target.vendor) {
                    return Err(Trouble::NoKey.into());
                }
                // Nothing is looked for that nobody goes by: its length is known at once.
                let look = if target.is_of_its_path() { Look::Nothing } else { Look::Model(target.vendor) };
                (target.clone(), begin(body, look).await?)
            }
            Goal::Shared(choice) => {
                let look = if choice.named.is_some() { Look::Nothing } else { Look::Vendor(choices) };
                let begun = begin(body, look).await?;
                let name =
                    choice.named.map(str::to_owned).or_else(|| begun.model.clone()).unwrap_or_default();
                call.guard.note(|row| row.model.clone_from(&name));
                let Some(vendor) = begun.vendor else {
                    let unnamed = match choice.named {
                        Some(_) => Trouble::NotFound,
                        None if begun.late => Trouble::LateModel,
                        None => Trouble::NoVendor,
                    };
                    let snapshot = Arc::clone(&call.guard.snapshot);
                    let chain = snapshot.chain(call.guard.workspace(), &name).ok_or(unnamed)?;
                    // In boxes: what few calls do is no part of all the others.
                    let ends = self.ask_chain((&mut call.guard, &call.caller), chain, *choice, asking(begun));
                    return Box::pin(ends).await;
                };
                call.guard.note(|row| row.vendor = vendor.id);
                let target = choice.at(vendor, &name);
                if !target.is_spoken() {
                    return Err(Trouble::Speaks(vendor, choice.dialect).into());
                }
                (target, begun)
            }
            Goal::Models(_) => return Err(Trouble::NotFound.into()),
        };
        // Whom a model is held against must say it in time.
        if begun.late && looks.one_model && target.model().is_none() {
            return Err(Trouble::LateModel.into());
        }
        call.guard.free = wish.is_none() && method != Method::POST;
        let guess = if wish.is_some() && guessing { Guess::of_a_talk() } else { begun.guess };
        let model = tries::model(&target, wish, &begun);
        call.guard.note(|row| row.model.clone_from(&model));
        let asked = asking(begun);
        let cheaper = call.guard.reserve_or_less(&call.caller, &mut target, (&model, guess), &asked)?;
        let model = cheaper.map_or((model, None), |Cheaper { model, swap }| (model, swap));
        self.ask(&mut call.guard, target, asked, model).await
    }

    /// Decides what of the vendor's answer the caller gets.
    async fn answer(&self, call: Admitted<'_>, got: Got) -> Response<RelayBody> {
        let Admitted { mut guard, dialect, .. } = call;
        let Got { mut head, first, body, key, refused } = got;
        let status = head.status;
        guard.note(|row| row.upstream_status = Some(status.as_u16()));
        if let Some(trouble) = unfit(status, &head.headers) {
            guard.fails(trouble, None);
            return refuse(guard, trouble, dialect);
        }
        headers::towards_caller(&mut head.headers);
        let shape = shape(&head.headers);
        // Some vendors say 200 and mean an error.
        let failed =
            status.is_client_error() || status.is_server_error() || first.failed && shape == Shape::Json;
        if failed && guard.is_bot() {
            return Box::pin(bot_error(guard, head, (first, body), &key, dialect)).await;
        }
        let events = shape.is_stream();
        guard.vague = shape == Shape::Other;
        if events {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        guard.note(|row| row.stream = events);
        if refused || matches!(status.as_u16(), 401..=403) {
            guard.ends(crate::End::KeyRefused);
        }
        guard.answers(status);
        sign(&mut head.headers, &guard);
        let mut meter = Meter::new(dialect, shape);
        if dialect == Dialect::Converse {
            meter.read_head(&head.headers);
        }
        let mut passing = Passing::new((first, body), meter, guard, key, dialect);
        if events {
            passing = passing.with_events(shape);
        }
        if failed {
            passing = passing.with_error();
        }
        respond(status, head.headers, RelayBody::new(passing))
    }
}

/// Ends a call with an answer of our own.
pub(super) fn refuse(mut guard: Guard, trouble: Trouble, dialect: Dialect) -> Response<RelayBody> {
    let mut answer = trouble.answer(dialect);
    guard.answers(answer.status());
    guard.hands_over(answer.body());
    sign(answer.headers_mut(), &guard);
    answer
}

/// The headers that say what Chela did.
pub(super) fn sign(headers: &mut HeaderMap, guard: &Guard) {
    let mut set = |name: &HeaderName, value| {
        if let Ok(value) = value {
            headers.insert(name.clone(), value);
        }
    };
    let number = |digits: String| HeaderValue::try_from(digits);
    let mut id = uuid::Uuid::encode_buffer();
    set(&REQUEST_ID, HeaderValue::from_str(guard.request_id().hyphenated().encode_lower(&mut id)));
    if !guard.vendor().is_empty() {
        set(&VENDOR, Ok(HeaderValue::from_static(guard.vendor())));
    }
    if !guard.model().is_empty() {
        set(&MODEL, HeaderValue::from_str(guard.model()));
    }
    if let Some(asked) = guard.asked_model() {
        set(&DOWNGRADED, HeaderValue::from_str(asked));
    }
    set(&ATTEMPTS, number(guard.attempts().to_string()));
    if let Some((most, left, reset_s)) = guard.rate.filter(|_| !guard.is_bot()) {
        set(&RATE_LIMIT, number(most.to_string()));
        set(&RATE_LEFT, number(left.to_string()));
        set(&RATE_RESET, number(reset_s.to_string()));
    }
}

pub(super) fn respond(status: StatusCode, headers: HeaderMap, body: RelayBody) -> Response<RelayBody> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
