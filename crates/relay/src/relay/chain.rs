//! A call that names a chain: its links are asked in their order, each with its keys, until one serves it or none is left.

use super::{
    Relay,
    again::Swap,
    fate::Fate,
    guard::Guard,
    guess::Guess,
    judge::Failed,
    target::Choice,
    tries::{Asked, Ended, Got, Leg, insists},
    trouble::Trouble,
};
use crate::{
    Caller, Snapshot, UpstreamKey,
    chains::{Chain, Link, Skip, Trigger},
    health::Resting,
    usage::Try,
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// What a chain makes of the outcomes of one of its links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) link: &'a Link,
    /// It is a cheaper model in the place of the chain's own.
    pub(super) instead: bool,
    triggers: &'a [Trigger],
    /// How long a key may take to its first word.
    pub(super) patience: Duration,
    /// With how many keys it is asked.
    pub(super) most: usize,
    /// Nobody is asked after it.
    pub(super) last: bool,
}

impl Rules<'_> {
    /// Whether what became of a link leads to the next one.
    pub(super) fn lead_on(&self, fate: &Fate, got: &Result<Got, Failed>) -> bool {
        let trigger = match (fate, got) {
            (Fate::Serves | Fate::Final, _) => return false,
            (Fate::NoModel, _) => return !self.last,
            (Fate::TooLong, _) => Trigger::ContextLength,
            (Fate::ToolError, _) => Trigger::ToolError,
            (Fate::Slow(_), _) => Trigger::RateLimit,
            (Fate::Refused | Fate::NotThis, _) => Trigger::Refused,
            (Fate::Fails, Err(Failed { trouble: Trouble::TimedOut, .. })) => Trigger::Timeout,
            (Fate::Elsewhere | Fate::Fails, _) => Trigger::Overloaded,
        };
        !self.last && self.triggers.contains(&trigger)
    }
}

/// What is left of a chain none of whose links served.
struct Left<'l, 'a> {
    /// What the last one that was asked said.
    last: Option<Result<Got, Failed>>,
    /// The first key to be back.
    resting: Option<(&'l Leg<'a>, &'a Arc<UpstreamKey>, Resting)>,
    /// Why the first that might not be asked might not, rather where that is over with time.
    blocked: Option<Trouble>,
    /// The limits that had no room for a link.
    full: Vec<Uuid>,
}

impl Left<'_, '_> {
    fn is_blocked(&mut self, trouble: Trouble) {
        let passes = |trouble: &Trouble| matches!(trouble, Trouble::Limited { .. } | Trouble::SetAside);
        if self.blocked.as_ref().is_none_or(|known| !passes(known) && passes(&trouble)) {
            self.blocked = Some(trouble);
        }
    }
}

impl Relay {
    /// Asks the links of a chain; in the end what the last one said.
    pub(super) async fn ask_chain(
        &self,
        (guard, caller): (&mut Guard, &Caller),
        chain: &Chain,
        choice: Choice<'_>,
        mut asked: Asked<'_>,
    ) -> Result<Got, Failed> {
        guard.note(|row| row.chain = Some(chain.name.clone()));
        let snapshot = Arc::clone(&guard.snapshot);
        let (known, place) = ((&*snapshot, chain, choice), asked.begun.place);
        let cheaper = guard.cheaper_links(caller, chain, (choice, &asked));
        let all = match &cheaper {
            Some(steps) => legs(guard, known, steps.iter().map(|(link, instead)| (link, *instead)), place),
            None => legs(guard, known, chain.links.iter().map(|link| (link, false)), place),
        };
        let Left { last, resting, blocked, full } = match self.walk((guard, caller), &all, &mut asked).await {
            Ok(got) => return got,
            Err(left) => left,
        };
        if let Some(got) = last {
            return got;
        }
        let links = all.iter().filter_map(|leg| Some(leg.rules?.link));
        let step = guard.cheaper_than_all(caller, &full, links, (choice, &asked));
        if let Some((link, instead)) = &step {
            let more = legs(guard, known, [(link, *instead)].into_iter(), place);
            match self.walk((guard, caller), &more, &mut asked).await {
                Ok(got) => return got,
                Err(Left { last: Some(got), .. }) => return got,
                Err(_) => {}
            }
        }
        let Some((leg, key, rests)) = resting else {
            return Err(blocked.unwrap_or(Trouble::NoLink).into());
        };
        if let Some(trouble) = insists(rests, (self.shared.config.now_ms)()) {
            return Err(trouble.into());
        }
        let guess = asked.begun.guess;
        guard.hold((leg, None), caller, guess)?;
        self.ask_anyway(guard, leg, &mut asked, key).await
    }

    /// Asks one link after another until one serves.
    async fn walk<'l, 'a>(
        &self,
        (guard, caller): (&mut Guard, &Caller),
        legs: &'l [Leg<'a>],
        asked: &mut Asked<'_>,
    ) -> Result<Result<Got, Failed>, Left<'l, 'a>> {
        let guess = asked.begun.guess;
        let mut left = Left { last: None, resting: None, blocked: None, full: Vec::new() };
        // What was held for the link that was asked last is held on, unless that may charge for it.
        let mut former: Option<&Leg<'_>> = None;
        let mut too_short = None;
        for leg in legs {
            if guard.is_as_short(leg, too_short) {
                guard.skips(leg, Skip::NotLonger);
                continue;
            }
            if let Err(trouble) = guard.hold((leg, former), caller, guess) {
                let why = match trouble {
                    Trouble::OtherModel => Skip::NotAllowed,
                    _ if guard.unless_stopped(leg.target.vendor.id).is_err() => Skip::Stopped,
                    _ => Skip::NoRoom,
                };
                guard.skips(leg, why);
                left.is_blocked(trouble);
                left.full.extend(guard.refused_by().filter(|_| matches!(why, Skip::NoRoom)));
                continue;
            }
            let skip = match self.ask_leg(guard, leg, asked).await {
                Ended::With(fate, got) if leg.rules.is_some_and(|rules| rules.lead_on(&fate, &got)) => {
                    if matches!(fate, Fate::TooLong) {
                        too_short = too_short.max(guard.context_of(leg));
                    }
                    former = if guard.leaves_link() { None } else { Some(leg) };
                    left.last = Some(got);
                    continue;
                }
                Ended::With(_, got) => return Ok(got),
                Ended::Resting(key, rests) => {
                    let sooner = left.resting.is_none_or(|(_, _, known)| rests.until_ms < known.until_ms);
                    left.resting = if sooner { Some((leg, key, rests)) } else { left.resting };
                    Skip::Rests(rests)
                }
                Ended::PassedOver(passed) => {
                    let trouble = guard.passed_over(passed);
                    left.is_blocked(trouble);
                    passed.skip()
                }
                Ended::Spent => break,
            };
            guard.skips(leg, skip);
            if let Some(former) = former {
                let _held = guard.hold((former, None), caller, guess);
            }
        }
        Err(left)
    }
}

/// The links that can be asked; of the others it is noted why not.
fn legs<'a>(
    guard: &mut Guard,
    (snapshot, chain, choice): (&'a Snapshot, &'a Chain, Choice<'a>),
    links: impl ExactSizeIterator<Item = (&'a Link, bool)>,
    place: Option<(u64, u64)>,
) -> Vec<Leg<'a>> {
    let mut legs: Vec<Leg<'_>> = Vec::with_capacity(links.len());
    for (link, instead) in links {
        let pool = link.vendor.and_then(|vendor| snapshot.pool_in(guard.workspace(), vendor, guard.order));
        let (Some(vendor), true) = (link.vendor, link.speaks(choice.dialect)) else {
            let why = if link.vendor.is_some() { Skip::OtherDialect } else { Skip::NoVendor };
            guard.skips_link(link.name(), why);
            continue;
        };
        let Some(pool) = pool.filter(|pool| !pool.is_empty()) else {
            guard.skips_link(link.name(), Skip::NoKey);
            continue;
        };
        let swap = place.zip(serde_json::to_vec(link.model()).ok());
        let Chain { triggers, timeout, tries, .. } = chain;
        legs.push(Leg {
            target: choice.at(vendor, link.model()),
            pool,
            model: link.model().to_owned(),
            swap: swap.map(|((from, to), with)| Swap { from, to, with: with.into() }),
            rules: Some(Rules { link, instead, triggers, patience: *timeout, most: *tries, last: false }),
        });
    }
    if let Some(rules) = legs.last_mut().and_then(|leg| leg.rules.as_mut()) {
        (rules.last, rules.most) = (true, usize::MAX);
    }
    legs
}

impl Guard {
    /// Reserves what a link may use instead of what the one before it might have; that is held again where there is no room.
    fn hold(
        &mut self,
        (leg, former): (&Leg<'_>, Option<&Leg<'_>>),
        caller: &Caller,
        guess: Guess,
    ) -> Result<(), Trouble> {
        drop(std::mem::take(&mut self.reserved));
        let held = self.reserve(caller, &leg.target, &leg.model, guess);
        match (held, former) {
            (Ok(()), _) => {
                self.note(|row| row.limit = None);
                Ok(())
            }
            (Err(trouble), former) => {
                if let Some(former) = former {
                    let _held = self.reserve(caller, &former.target, &former.model, guess);
                }
                Err(trouble)
            }
        }
    }

    /// How many tokens a link's model reads and writes, as far as anybody said.
    fn context_of(&self, leg: &Leg<'_>) -> Option<i64> {
        let prices = self.snapshot.prices()?;
        prices.facts(self.workspace(), leg.target.vendor.id, &leg.model).context_length
    }

    /// Whether a prompt that was too long for so many tokens is too long for a link, too, as far as is known.
    fn is_as_short(&self, leg: &Leg<'_>, too_short: Option<i64>) -> bool {
        too_short.is_some_and(|known| self.context_of(leg).is_some_and(|context| context <= known))
    }

    /// Remembers that a link was not asked.
    fn skips(&mut self, leg: &Leg<'_>, why: Skip) {
        self.skips_link(leg.rules.map_or("", |rules| rules.link.name()), why);
    }

    pub(super) fn skips_link(&mut self, link: &str, why: Skip) {
        self.tried(Try {
            key: None,
            link: Some(link.to_owned()),
            status: None,
            why: why.as_str(),
            took_ms: 0,
            charge: None,
        });
    }
}
