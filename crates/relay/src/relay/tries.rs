//! One call and the keys it is asked with. Where a key cannot serve it, the next one is asked, until the first word of an
//! answer has come: from there on the caller has what it has.

use super::{
    Relay,
    first::{First, gate},
    guard::{Guard, millis},
    headers,
    judge::{Failed, classify, shape},
    socket::{self, Wish},
    target::Target,
    trouble::Trouble,
    upload::Begun,
};
use crate::{
    Dialect, UpstreamKey,
    egress::Reach,
    health::{Rest, Resting},
    scan::Shape,
    snapshot::KeyPool,
    usage::Try,
};
use http::{HeaderMap, Method, Request, response::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// What is asked, whichever key it is asked with.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) wish: &'a Option<Wish>,
    pub(super) headers: HeaderMap,
    pub(super) begun: Begun,
    pub(super) dialect: Dialect,
}

/// An answer, as far as it was read.
pub(super) struct Got {
    pub(super) head: Parts,
    /// What was read of the body already.
    pub(super) first: First,
    pub(super) body: Incoming,
    pub(super) key: Arc<UpstreamKey>,
}

/// What became of asking with one key.
enum Fate {
    /// It is what the caller gets.
    Serves,
    /// So is this, which says nothing of the key.
    Final,
    /// The vendor asks to slow down, for so many milliseconds if it says.
    Slow(Option<i64>),
    /// It refuses the key.
    Refused,
    /// This key may not do this, another one may.
    NotThis,
    /// It failed.
    Fails,
}

impl Fate {
    const fn name(&self) -> &'static str {
        match self {
            Self::Serves | Self::Final => "served",
            Self::Slow(_) => "slow_down",
            Self::Refused => "refused",
            Self::NotThis => "forbidden",
            Self::Fails => "failed",
        }
    }
}

impl Relay {
    /// Asks with one key after another, until one serves the call or none is left; then what the last one said.
    pub(super) async fn ask(
        &self,
        guard: &mut Guard,
        target: &Target<'_>,
        mut asked: Asked<'_>,
    ) -> Result<Got, Failed> {
        let snapshot = self.shared.config.snapshot.load_full();
        let pool = snapshot.pool(guard.workspace(), target.vendor).filter(|pool| !pool.is_empty());
        let pool = pool.ok_or(Trouble::NoKey)?;
        let model = asked.begun.model.clone().or_else(|| named(target, asked.wish)).unwrap_or_default();
        guard.note(|row| row.model.clone_from(&model));
        let now = self.shared.config.now_ms;
        let (mut last, mut resting) = (None, None);
        for key in pool.in_turn() {
            let _look = match key.health.may_ask(&model, now()) {
                Ok(look) => look,
                Err(rests) => {
                    resting = sooner(resting, (key, rests));
                    continue;
                }
            };
            match self.ask_with(guard, target, &mut asked, key, pool).await {
                None => break,
                Some((Fate::Serves | Fate::Final, got)) => return got,
                Some((_, got)) => last = Some(got),
            }
        }
        match (last, resting) {
            (Some(last), _) => last,
            (None, Some((key, rests))) => match insists(rests, now()) {
                Some(trouble) => Err(trouble.into()),
                // To ask once more costs less than to refuse: the account may be in order again.
                None => match self.ask_with(guard, target, &mut asked, key, pool).await {
                    Some((_, got)) => got,
                    None => Err(Trouble::NoKey.into()),
                },
            },
            (None, None) => Err(Trouble::NoKey.into()),
        }
    }

    /// Asks with one key. `None`: what went up before was too long to be sent again.
    async fn ask_with(
        &self,
        guard: &mut Guard,
        target: &Target<'_>,
        asked: &mut Asked<'_>,
        key: &Arc<UpstreamKey>,
        pool: &KeyPool,
    ) -> Option<(Fate, Result<Got, Failed>)> {
        let body = asked.begun.body.send()?;
        if pool.len() == 1 {
            // Nobody else can be asked: nothing is kept for that.
            asked.begun.body.release();
        }
        let (begun, began_ms) = (Instant::now(), (self.shared.config.now_ms)());
        guard.note(|row| row.key = Some(key.id));
        // Copied only where somebody may need them once more.
        let from_caller =
            if pool.len() > 1 { asked.headers.clone() } else { std::mem::take(&mut asked.headers) };
        let way = match target.way(key) {
            Ok(way) => way,
            Err(_odd) => return Some((Fate::Final, Err(Trouble::BadPath.into()))),
        };
        let Some(mut headers) = headers::towards_vendor(from_caller, key, way.door) else {
            return Some((Fate::NotThis, Err(Trouble::KeyRefused.into())));
        };
        if asked.wish.is_some() {
            socket::ask(&mut headers);
        }
        let mut request = Request::new(body);
        (*request.method_mut(), *request.headers_mut()) = (asked.method.clone(), headers);
        *request.uri_mut() = way.uri;
        let got = self.answered(guard, request, key, asked.dialect).await;
        if let Some(model) = guard.upload.model.get().cloned() {
            guard.note(|row| row.model = model);
        }
        let fate = fate(&got, guard);
        self.remember(guard, key, &fate, began_ms);
        if !matches!(fate, Fate::Serves | Fate::Final) {
            let status = got.as_ref().ok().map(|got| got.head.status.as_u16());
            let why = match &got {
                Err(Failed { trouble: Trouble::Unreachable, .. }) => "unreachable",
                _ => fate.name(),
            };
            guard.tried(Try { key: key.id, status, why, took_ms: millis(begun.elapsed()) });
        }
        Some((fate, got))
    }

    /// Sends a request and waits until its answer has begun.
    async fn answered(
        &self,
        guard: &Guard,
        request: Request<crate::egress::OutBody>,
        key: &Arc<UpstreamKey>,
        dialect: Dialect,
    ) -> Result<Got, Failed> {
        let config = &self.shared.config;
        let reach = if key.private_ok { Reach::Listed } else { Reach::Public };
        let due = (Instant::now() + config.limits.headers).min(guard.deadline());
        let answer = match timeout_at(due, config.egress.client(reach).request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(classify(&error, &guard.upload)),
            Err(_elapsed) => return Err(Trouble::TimedOut.into()),
        };
        let (head, mut body) = answer.into_parts();
        let first = match shape(&head.headers) {
            // A body that is known to be empty is whole.
            Shape::Json if body.is_end_stream() => First::default(),
            kind @ (Shape::Events | Shape::Json) if head.status.is_success() => {
                let due = (Instant::now() + config.limits.first_event).min(guard.deadline());
                gate(&mut body, dialect, kind, due).await
            }
            _ => First::default(),
        };
        // Nothing was said, so nothing is begun: the caller may still hear what happened.
        if first.failed && first.pieces.is_empty() {
            return Err(if first.late { Trouble::TimedOut } else { Trouble::Cut }.into());
        }
        Ok(Got { head, first, body, key: Arc::clone(key) })
    }

    /// Keeps what asking with a key told about it.
    fn remember(&self, guard: &Guard, key: &UpstreamKey, fate: &Fate, began_ms: i64) {
        let now_ms = (self.shared.config.now_ms)();
        match fate {
            Fate::Serves => key.health.worked(guard.model(), began_ms),
            Fate::Slow(for_ms) => key.health.slow_down(now_ms, *for_ms),
            Fate::Refused => key.health.refused(now_ms),
            Fate::Fails => key.health.failed(guard.model(), now_ms),
            Fate::NotThis | Fate::Final => {}
        }
    }
}

/// The model as its address names it.
fn named(target: &Target<'_>, wish: &Option<Wish>) -> Option<String> {
    let said = wish.as_ref().and_then(|_| target.said("model"));
    target.model().or(said).map(str::to_owned)
}

fn fate(got: &Result<Got, Failed>, guard: &Guard) -> Fate {
    match got {
        // The caller's own doing says nothing of the key.
        Err(_) if guard.upload.failed.get().is_some() || Instant::now() >= guard.deadline() => Fate::Final,
        Err(failed) => match failed.trouble {
            Trouble::Unreachable | Trouble::TimedOut | Trouble::Cut | Trouble::BadAnswer => Fate::Fails,
            _ => Fate::Final,
        },
        Ok(_) if guard.upload.failed.get().is_some() => Fate::Final,
        Ok(got) if got.first.failed => Fate::Fails,
        Ok(got) => match got.head.status.as_u16() {
            401 | 402 => Fate::Refused,
            // 408 may be the caller's own slowness.
            403 | 408 => Fate::NotThis,
            500..=599 => Fate::Fails,
            429 => Fate::Slow(retry_after_ms(&got.head.headers)),
            400..=499 => Fate::Final,
            _ => Fate::Serves,
        },
    }
}

/// How long a vendor asks to wait. A date is not followed: its clock is not ours.
fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = number("retry-after-ms").or_else(|| Some(number("retry-after")? * 1_000.0))?;
    Duration::try_from_secs_f64(ms / 1_000.0).ok().and_then(|wait| i64::try_from(wait.as_millis()).ok())
}

type Rested<'a> = (&'a Arc<UpstreamKey>, Resting);

fn sooner<'a>(known: Option<Rested<'a>>, other: Rested<'a>) -> Option<Rested<'a>> {
    Some(match known {
        Some(known) if known.1.until_ms <= other.1.until_ms => known,
        _ => other,
    })
}

/// What to say at once where every key rests, if asking once more would be wrong.
fn insists(resting: Resting, now_ms: i64) -> Option<Trouble> {
    let wait_ms = u64::try_from(resting.until_ms - now_ms).unwrap_or(0).max(1);
    let wait_s = u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
    match resting.why {
        Rest::Slow if resting.told => Some(Trouble::Slow { wait_s }),
        Rest::Failing => Some(Trouble::Failing { wait_s }),
        Rest::Slow | Rest::Refused => None,
    }
}
