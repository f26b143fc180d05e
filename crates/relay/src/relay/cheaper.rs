//! A cheaper model instead of a refusal, or from a share of a budget on.

use super::{
    again::Swap,
    guard::Guard,
    guess::Guess,
    target::{Choice, Target},
    tries::Asked,
    trouble::Trouble,
};
use crate::{
    Caller,
    chains::{Chain, Link, Skip},
    limits::{Instead, Limit},
};
use std::sync::Arc;
use uuid::Uuid;

/// Requests that another model can take over: those that write text.
const WRITES: [&str; 5] =
    ["completions", "messages", "responses", ":generateContent", ":streamGenerateContent"];

/// What is asked in the place of a model.
pub(super) struct Cheaper {
    pub(super) model: String,
    /// In the body, unless the path names the model.
    pub(super) swap: Option<Swap>,
}

impl Guard {
    /// Reserves for the model that is asked for, or for a cheaper one where a budget says so.
    pub(super) fn reserve_or_less(
        &mut self,
        caller: &Caller,
        target: &mut Target<'_>,
        (model, guess): (&str, Guess),
        asked: &Asked<'_>,
    ) -> Result<Option<Cheaper>, Trouble> {
        let can = asked.wish.is_none() && WRITES.iter().any(|end| target.rest.ends_with(end));
        // Nearly nobody has one.
        if !can || caller.limits.iter().all(|limit| limit.instead.is_none()) {
            return self.reserve(caller, target, model, guess).map(|()| None);
        }
        let (vendor, now_ms) = (target.vendor.id, (self.shared.config.now_ms)());
        let may = |instead: &&Instead| {
            caller.models.as_deref().is_none_or(|models| models.has(vendor, &instead.model))
        };
        let by_now = |limit: &Arc<Limit>| limit.instead_by_now(vendor, model, now_ms).filter(may).cloned();
        let (instead, refused) = match caller.limits.iter().find_map(by_now) {
            Some(instead) => (Some(instead), None),
            None => match self.reserve(caller, target, model, guess) {
                Ok(()) => return Ok(None),
                Err(trouble) => {
                    let full =
                        self.refused_by().and_then(|id| caller.limits.iter().find(|limit| limit.id == id));
                    (
                        full.and_then(|limit| limit.instead_of(vendor, model).filter(may).cloned()),
                        Some(trouble),
                    )
                }
            },
        };
        let cheaper = instead.and_then(|instead| cheaper(target, instead.model, asked));
        match (cheaper, refused) {
            (Some((other, cheaper)), _) => {
                self.reserve(caller, &other, &cheaper.model, guess)?;
                self.note(|row| {
                    row.limit = None;
                    row.asked_model = Some(model.to_owned());
                });
                *target = other;
                Ok(Some(cheaper))
            }
            (None, Some(trouble)) => Err(trouble),
            (None, None) => self.reserve(caller, target, model, guess).map(|()| None),
        }
    }
}

/// A link of a chain as it is asked, and whether it stands in the place of another.
pub(super) type Step = (Link, bool);

impl Guard {
    /// The links of a chain where budgets that are used so far lead some of them to a cheaper model; nothing where none does.
    /// Why a cheaper model is not asked, the row says as of links that are skipped.
    pub(super) fn cheaper_links(
        &mut self,
        caller: &Caller,
        chain: &Chain,
        (choice, asked): (Choice<'_>, &Asked<'_>),
    ) -> Option<Vec<Step>> {
        // Nearly nobody has one.
        if !takes_over(choice, asked) || caller.limits.iter().all(|limit| limit.instead.is_none()) {
            return None;
        }
        let now_ms = (self.shared.config.now_ms)();
        let (mut steps, mut kept) = (Vec::<Step>::with_capacity(chain.links.len()), Vec::new());
        for link in &chain.links {
            let by_now = |limit: &Arc<Limit>| {
                let instead = limit.instead_of_link(link.vendor?.id, link.model(), Some(now_ms))?;
                other(instead)
            };
            let all = caller.limits.iter().filter_map(by_now);
            let (link, instead) = match self.first_to_ask((caller, choice), all, &mut kept) {
                Some(other) => (other, true),
                None => (link.clone(), false),
            };
            // The cheaper model is asked once.
            if !steps.iter().any(|(known, instead)| *instead && known.name() == link.name()) {
                steps.push((link, instead));
            }
        }
        steps.iter().any(|(_, instead)| *instead).then_some(steps)
    }

    /// The cheaper model of a budget that had no room for a link, if it is none of those that were looked at.
    pub(super) fn cheaper_than_all<'a>(
        &mut self,
        caller: &Caller,
        full: &[Uuid],
        links: impl Iterator<Item = &'a Link>,
        (choice, asked): (Choice<'_>, &Asked<'_>),
    ) -> Option<Step> {
        let of_full = caller.limits.iter().filter(|limit| full.contains(&limit.id) && limit.most > 0);
        let all =
            of_full.filter(|_| takes_over(choice, asked)).filter_map(|limit| other(limit.instead.as_ref()?));
        let mut known: Vec<Link> = links.cloned().collect();
        self.first_to_ask((caller, choice), all, &mut known).map(|link| (link, true))
    }

    /// The first of some models that can be asked, and that is none of those which were looked at. Why others are not asked, the
    /// row says.
    fn first_to_ask(
        &mut self,
        (caller, choice): (&Caller, Choice<'_>),
        all: impl Iterator<Item = Link>,
        looked_at: &mut Vec<Link>,
    ) -> Option<Link> {
        for other in all {
            if looked_at.contains(&other) {
                continue;
            }
            let Some(skip) = self.why_not(caller, choice, &other) else { return Some(other) };
            self.skips_link(other.name(), skip);
            looked_at.push(other);
        }
        None
    }

    /// Why a model is not asked in the place of a link.
    fn why_not(&self, caller: &Caller, choice: Choice<'_>, link: &Link) -> Option<Skip> {
        let Some(vendor) = link.vendor else { return Some(Skip::NoVendor) };
        let pool = self.snapshot.pool_in(self.workspace(), vendor, self.order);
        if !link.speaks(choice.dialect) {
            Some(Skip::OtherDialect)
        } else if caller.models.as_deref().is_some_and(|models| !models.has(vendor.id, link.model())) {
            Some(Skip::NotAllowed)
        } else if pool.is_none_or(|pool| pool.is_empty()) {
            Some(Skip::NoKey)
        } else {
            None
        }
    }
}

/// Whether another model can take such a request over.
fn takes_over(choice: Choice<'_>, asked: &Asked<'_>) -> bool {
    asked.wish.is_none() && choice.writes(&WRITES)
}

fn other(instead: &Instead) -> Option<Link> {
    Link::read(&format!("{}/{}", instead.vendor, instead.model))
}

/// How a model is asked in the place of another; nothing where the request does not say plainly which it asks for.
fn cheaper<'a>(target: &Target<'a>, model: String, asked: &Asked<'_>) -> Option<(Target<'a>, Cheaper)> {
    if target.model().is_some() {
        return Some((target.with_model(&model)?, Cheaper { model, swap: None }));
    }
    asked.begun.model.as_ref()?;
    let (from, to) = asked.begun.place?;
    let with = serde_json::to_vec(&model).ok()?.into();
    Some((target.clone(), Cheaper { model, swap: Some(Swap { from, to, with }) }))
}
