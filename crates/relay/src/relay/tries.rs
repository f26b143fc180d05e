//! One call and the keys it is asked with. Where a key cannot serve it, the next one is asked, until the first word of an
//! answer has come: from there on the caller has what it has.

use super::{
    Relay,
    again::Swap,
    chain::Rules,
    fate::{Fate, heard},
    first::{First, gate, look},
    guard::{Guard, millis},
    headers,
    judge::{Failed, classify, shape},
    room::Passed,
    socket::{self, Wish},
    target::Target,
    trouble::Trouble,
    upload::Begun,
};
use crate::{
    Dialect, End, UpstreamKey,
    chains::Skip,
    egress::{Coming, Reach},
    health::{Heard, Rest, Resting},
    pool::KeyPool,
    scan::Shape,
    usage::Try,
};
use http::{HeaderMap, Method, Request, response::Parts};
use http_body::Body as _;
use std::{borrow::Cow, future::poll_fn, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A model that so many keys do not have is mistyped: it is no reason to ask all.
const MOST_WITHOUT_MODEL: usize = 3;

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
    pub(super) body: Coming,
    pub(super) key: Arc<UpstreamKey>,
    /// Whether its vendor refuses the key, whatever its status says.
    pub(super) refused: bool,
}

/// One vendor's model, as it is asked.
pub(super) struct Leg<'a> {
    pub(super) target: Target<'a>,
    pub(super) pool: &'a KeyPool,
    pub(super) model: String,
    /// What stands in the body in the place of the chain's name.
    pub(super) swap: Option<Swap>,
    /// Where it is one of a chain.
    pub(super) rules: Option<Rules<'a>>,
}

impl Leg<'_> {
    /// Nobody is asked after its only key.
    fn is_alone(&self) -> bool {
        self.pool.len() == 1 && self.rules.is_none_or(|rules| rules.last)
    }

    /// Whether the vendor goes by the model in the body. Where another is put in its place, or the address names it, that is
    /// the caller's word only.
    fn goes_by_body(&self) -> bool {
        let by_path = self.target.is_of_its_path() || self.target.model().is_some();
        self.rules.is_none() && self.swap.is_none() && !by_path
    }
}

/// How asking the keys of a leg ended.
pub(super) enum Ended<'a> {
    /// With what one of them said.
    With(Fate, Result<Got, Failed>),
    /// All of them rest; this one is the first to be back.
    Resting(&'a Arc<UpstreamKey>, Resting),
    /// None of them may be asked.
    PassedOver(Passed),
    /// The body was too long to be sent again.
    Spent,
}

impl Relay {
    /// Asks with one key after another, until one serves the call or none is left; then what the last one said.
    pub(super) async fn ask(
        &self,
        guard: &mut Guard,
        target: Target<'_>,
        mut asked: Asked<'_>,
        (model, swap): (String, Option<Swap>),
    ) -> Result<Got, Failed> {
        let snapshot = Arc::clone(&guard.snapshot);
        let pool = snapshot.pool_in(guard.workspace(), target.vendor, guard.order);
        let pool = pool.filter(|pool| !pool.is_empty());
        let pool = pool.ok_or(Trouble::NoKey)?;
        guard.note(|row| row.model.clone_from(&model));
        let leg = Leg { target, pool, model, swap, rules: None };
        match self.ask_leg(guard, &leg, &mut asked).await {
            Ended::With(_, got) => got,
            Ended::Spent => Err(Trouble::NoKey.into()),
            Ended::PassedOver(passed) => Err(guard.passed_over(passed).into()),
            Ended::Resting(key, rests) => match insists(rests, (self.shared.config.now_ms)()) {
                Some(trouble) => Err(trouble.into()),
                None => Box::pin(self.ask_anyway(guard, &leg, &mut asked, key)).await,
            },
        }
    }

    /// To ask once more with a key that rests costs less than to refuse: the account may be in order again.
    pub(super) async fn ask_anyway(
        &self,
        guard: &mut Guard,
        leg: &Leg<'_>,
        asked: &mut Asked<'_>,
        key: &Arc<UpstreamKey>,
    ) -> Result<Got, Failed> {
        if let Err(passed) = guard.room(key, leg) {
            return Err(guard.passed_over(passed).into());
        }
        match self.ask_with(guard, leg, asked, key).await {
            Some((_, got)) => got,
            None => {
                guard.lets_go();
                Err(Trouble::NoKey.into())
            }
        }
    }

    /// Asks with one key of a leg after another.
    pub(super) async fn ask_leg<'a>(
        &self,
        guard: &mut Guard,
        leg: &Leg<'a>,
        asked: &mut Asked<'_>,
    ) -> Ended<'a> {
        let now = self.shared.config.now_ms;
        let (mut last, mut resting, mut passed) = (None, None, None);
        let mut left = leg.rules.map_or(usize::MAX, |rules| rules.most);
        let mut unknown = 0;
        for key in leg.pool.in_turn() {
            let _look = match key.health.may_ask(&leg.model, now()) {
                Ok(look) => look,
                Err(rests) => {
                    if leg.pool.len() > 1 {
                        guard.passes_over(key, leg, Skip::Rests(rests).as_str());
                    }
                    resting = sooner(resting, (key, rests));
                    continue;
                }
            };
            if let Err(why) = guard.room(key, leg) {
                passed = Passed::sooner(passed, why);
                continue;
            }
            match self.ask_with(guard, leg, asked, key).await {
                None => {
                    guard.lets_go();
                    break;
                }
                Some((fate, got)) if !fate.is_keys() => return Ended::With(fate, got),
                Some(failed) => {
                    unknown += usize::from(matches!(failed.0, Fate::NoModel));
                    last = Some(failed);
                }
            }
            left = left.saturating_sub(1);
            if left == 0 || unknown == MOST_WITHOUT_MODEL {
                break;
            }
        }
        match (last, resting, passed) {
            (Some((fate, got)), ..) => Ended::With(fate, got),
            // That there will be room again tells more than that a vendor refused another key.
            (None, Some((_, Resting { why: Rest::Refused, until_ms, .. })), Some(passed))
                if passed.is_over_by(until_ms) =>
            {
                Ended::PassedOver(passed)
            }
            (None, Some((key, rests)), _) => Ended::Resting(key, rests),
            (None, None, Some(passed)) => Ended::PassedOver(passed),
            (None, None, None) => Ended::Spent,
        }
    }

    /// Asks with one key. `None`: what went up before was too long to be sent again.
    async fn ask_with(
        &self,
        guard: &mut Guard,
        leg: &Leg<'_>,
        asked: &mut Asked<'_>,
        key: &Arc<UpstreamKey>,
    ) -> Option<(Fate, Result<Got, Failed>)> {
        let body = asked.begun.body.send(leg.swap.clone())?;
        // First what is owed, then whether anything more may be.
        let room = guard.goes_on();
        if let Some(trouble) = guard.halted().or(room.err()) {
            return Some((Fate::Final, Err(trouble.into())));
        }
        if leg.is_alone() {
            // Nobody else can be asked: nothing is kept for that.
            asked.begun.body.release();
        }
        let (begun, began_ms) = (Instant::now(), (self.shared.config.now_ms)());
        guard.note(|row| {
            (row.key, row.asked) = (Some(key.id), row.asked + 1);
            if let Some(rules) = leg.rules {
                row.vendor = leg.target.vendor.id;
                row.model.clone_from(&leg.model);
                row.asked_model = rules.instead.then(|| row.chain.clone()).flatten();
            }
        });
        // Copied only where somebody may need them once more.
        let from_caller =
            if leg.is_alone() { std::mem::take(&mut asked.headers) } else { asked.headers.clone() };
        let way = match leg.target.way(key) {
            Ok(way) => way,
            Err(_odd) => return Some((Fate::Final, Err(Trouble::BadPath.into()))),
        };
        let Some(mut headers) = headers::towards_vendor(from_caller, key, way.door, began_ms) else {
            return Some((Fate::NotThis, Err(Trouble::KeyRefused.into())));
        };
        if asked.wish.is_some() {
            socket::ask(&mut headers);
        }
        let mut request = Request::new(body);
        (*request.method_mut(), *request.headers_mut()) = (asked.method.clone(), headers);
        *request.uri_mut() = way.uri;
        #[cfg(feature = "bedrock")]
        if let Some(signer) = &key.signer {
            // In a box: what few calls do is no part of all the others.
            request = match Box::pin(self.sign(guard, (key, signer), request)).await {
                Ok(request) => request,
                Err(trouble) => return Some((Fate::Final, Err(trouble.into()))),
            };
        }
        let patience = leg.rules.map_or(guard.deadline(), |rules| Instant::now() + rules.patience);
        guard.begins();
        let mut got = tokio::select! {
            biased;
            trouble = poll_fn(|cx| guard.poll_halted(cx)) => Err(trouble.into()),
            got = self.answered(guard, request, key, (asked.dialect, patience)) => got,
        };
        if matches!(got, Err(Failed { trouble: Trouble::Stopped | Trouble::Switched, .. })) {
            guard.ends(End::Halted);
        }
        let found = guard.upload.model.get();
        if let Some(model) = found.filter(|m| *m != guard.model() && leg.goes_by_body()).cloned() {
            guard.note(|row| row.model = model);
        }
        let fate = Fate::of(&got, guard);
        if let Ok(got) = &mut got {
            got.refused = matches!(fate, Fate::Refused);
        }
        self.remember(guard, key, (&fate, heard(&got, key)), began_ms);
        if fate.is_keys() || leg.rules.is_some_and(|rules| rules.lead_on(&fate, &got)) {
            leaves(guard, (leg, key), (&fate, &got, asked.dialect), begun);
        }
        Some((fate, got))
    }

    /// Sends a request and waits until its answer has begun, or no longer.
    async fn answered(
        &self,
        guard: &Guard,
        request: Request<crate::egress::OutBody>,
        key: &Arc<UpstreamKey>,
        (dialect, patience): (Dialect, Instant),
    ) -> Result<Got, Failed> {
        let config = &self.shared.config;
        let reach = if key.private_ok { Reach::Listed } else { Reach::Public };
        let within = |limit: Duration| (Instant::now() + limit).min(patience).min(guard.deadline());
        let due = within(config.limits.headers);
        let answer = match timeout_at(due, config.egress.send(request, reach)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(classify(&error, &guard.upload)),
            Err(_elapsed) => return Err(Trouble::TimedOut.into()),
        };
        let (head, mut body) = answer.into_parts();
        let due = within(config.limits.first_event);
        let first = match shape(&head.headers) {
            _ if head.status.as_u16() >= 400 => look(&mut body, due).await,
            // A body that is known to be empty is whole.
            Shape::Json if body.is_end_stream() => First::default(),
            kind @ (Shape::Events | Shape::Messages | Shape::Json) if head.status.is_success() => {
                gate(&mut body, dialect, kind, due).await
            }
            _ => First::default(),
        };
        // Nothing was said, so nothing is begun: the caller may still hear what happened.
        if first.failed && first.pieces.is_empty() {
            return Err(if first.late { Trouble::TimedOut } else { Trouble::Cut }.into());
        }
        Ok(Got { head, first, body, key: Arc::clone(key), refused: false })
    }

    /// Keeps what asking with a key told about it.
    fn remember(&self, guard: &Guard, key: &UpstreamKey, (fate, heard): (&Fate, Heard), began_ms: i64) {
        let now_ms = (self.shared.config.now_ms)();
        match fate {
            Fate::Serves => key.health.worked(guard.model(), began_ms),
            Fate::Slow(for_ms) => key.health.slow_down(now_ms, *for_ms, heard),
            Fate::Refused => key.health.refused(now_ms, heard),
            Fate::Fails => key.health.failed(guard.model(), now_ms, heard),
            Fate::NotThis
            | Fate::Elsewhere
            | Fate::Final
            | Fate::NoModel
            | Fate::TooLong
            | Fate::ToolError => {}
        }
    }
}

/// Notes that a key could not serve the call, and why.
fn leaves(
    guard: &mut Guard,
    (leg, key): (&Leg<'_>, &UpstreamKey),
    (fate, got, dialect): (&Fate, &Result<Got, Failed>, Dialect),
    begun: Instant,
) {
    guard.leaves_key(fate, got, dialect);
    let status = got.as_ref().ok().map(|got| got.head.status.as_u16());
    let why = match got {
        Err(Failed { trouble: Trouble::Unreachable, .. }) => "unreachable",
        _ => fate.name(),
    };
    let link = leg.rules.map(|rules| rules.link.name().to_owned());
    guard.tried(Try { key: Some(key.id), link, status, why, took_ms: millis(begun.elapsed()), charge: None });
}

/// The model that is asked: as the address names it, which is what the vendor goes by, else as the body does.
pub(super) fn model(target: &Target<'_>, wish: &Option<Wish>, begun: &Begun) -> String {
    let body = || begun.model.clone().filter(|_| !target.is_of_its_path());
    named(target, wish).or_else(body).unwrap_or_default()
}

/// The model as its address names it.
fn named(target: &Target<'_>, wish: &Option<Wish>) -> Option<String> {
    let said = wish.as_ref().and_then(|_| target.said("model"));
    target.model().map(Cow::into_owned).or_else(|| said.map(str::to_owned))
}

type Rested<'a> = (&'a Arc<UpstreamKey>, Resting);

fn sooner<'a>(known: Option<Rested<'a>>, other: Rested<'a>) -> Option<Rested<'a>> {
    Some(match known {
        Some(known) if known.1.until_ms <= other.1.until_ms => known,
        _ => other,
    })
}

/// What to say at once where every key rests, if asking once more would be wrong.
pub(super) fn insists(resting: Resting, now_ms: i64) -> Option<Trouble> {
    let wait_ms = u64::try_from(resting.until_ms - now_ms).unwrap_or(0).max(1);
    let wait_s = u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
    match resting.why {
        Rest::Slow if resting.told => Some(Trouble::Slow { wait_s }),
        Rest::Failing => Some(Trouble::Failing { wait_s }),
        Rest::Slow | Rest::Refused | Rest::Full => None,
    }
}
