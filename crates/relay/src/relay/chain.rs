//! A call that names a chain: its links are asked in their order, each with its keys, until one serves it or none is left.

use super::{
    Relay,
    again::Swap,
    guard::Guard,
    guess::Guess,
    judge::Failed,
    target::Choice,
    tries::{Asked, Ended, Fate, Got, Leg, insists, may_charge},
    trouble::Trouble,
};
use crate::{
    Caller, Snapshot,
    chains::{Chain, Link, Skip, Trigger},
    health::Resting,
    usage::Try,
};
use std::{sync::Arc, time::Duration};

/// What a chain makes of the outcomes of one of its links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) link: &'a Link,
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
            (Fate::Fails, _) => Trigger::Overloaded,
        };
        !self.last && self.triggers.contains(&trigger)
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
        let guess = asked.begun.guess;
        let legs = legs(guard, (&snapshot, chain), choice, asked.begun.place);
        let (mut last, mut resting, mut blocked) = (None, None::<(_, _, Resting)>, None);
        let mut charged = false;
        for leg in &legs {
            let former = last.as_ref().filter(|_| !charged).map(|(leg, _)| *leg);
            if let Err(trouble) = guard.hold((leg, former), caller, guess) {
                guard.skips(
                    leg,
                    match trouble {
                        Trouble::OtherModel => Skip::NotAllowed,
                        _ if guard.unless_stopped(leg.target.vendor.id).is_err() => Skip::Stopped,
                        _ => Skip::NoRoom,
                    },
                );
                blocked = blocked.or(Some(trouble));
                continue;
            }
            match self.ask_leg(guard, leg, &mut asked).await {
                Ended::With(fate, got) if leg.rules.is_some_and(|rules| rules.lead_on(&fate, &got)) => {
                    charged = may_charge(&fate, &got);
                    if charged {
                        guard.charge();
                    }
                    last = Some((leg, got));
                }
                Ended::With(_, got) => return got,
                Ended::Resting(key, rests) => {
                    guard.skips(leg, Skip::Rests(rests));
                    let sooner = resting.is_none_or(|(_, _, known)| rests.until_ms < known.until_ms);
                    resting = if sooner { Some((leg, key, rests)) } else { resting };
                    if let Some(former) = former {
                        let _held = guard.hold((former, None), caller, guess);
                    }
                }
                Ended::PassedOver(passed) => {
                    guard.skips(leg, passed.skip());
                    let trouble = guard.passed_over(passed);
                    blocked = blocked.or(Some(trouble));
                    if let Some(former) = former {
                        let _held = guard.hold((former, None), caller, guess);
                    }
                }
                Ended::Spent => break,
            }
        }
        match (last, resting, blocked) {
            (Some((_, got)), ..) => got,
            (None, Some((leg, key, rests)), _) => match insists(rests, (self.shared.config.now_ms)()) {
                Some(trouble) => Err(trouble.into()),
                None => {
                    guard.hold((leg, None), caller, guess)?;
                    self.ask_anyway(guard, leg, &mut asked, key).await
                }
            },
            (None, None, blocked) => Err(blocked.unwrap_or(Trouble::NoLink).into()),
        }
    }
}

/// The links that can be asked; of the others it is noted why not.
fn legs<'a>(
    guard: &mut Guard,
    (snapshot, chain): (&'a Snapshot, &'a Chain),
    choice: Choice<'a>,
    place: Option<(u64, u64)>,
) -> Vec<Leg<'a>> {
    let mut legs: Vec<Leg<'_>> = Vec::with_capacity(chain.links.len());
    for link in &chain.links {
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
            rules: Some(Rules { link, triggers, patience: *timeout, most: *tries, last: false }),
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

    /// What was held back for a link stays taken: what it used nobody will say.
    fn charge(&mut self) {
        let kept = std::mem::take(&mut self.reserved).settle(self.held);
        self.note(|row| row.counts.extend(kept));
    }

    /// Remembers that a link was not asked.
    fn skips(&mut self, leg: &Leg<'_>, why: Skip) {
        self.skips_link(leg.rules.map_or("", |rules| rules.link.name()), why);
    }

    fn skips_link(&mut self, link: &str, why: Skip) {
        self.tried(Try {
            key: None,
            link: Some(link.to_owned()),
            status: None,
            why: why.as_str(),
            took_ms: 0,
        });
    }
}
