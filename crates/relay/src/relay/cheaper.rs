//! A cheaper model instead of a refusal, or from a share of a budget on.

use super::{again::Swap, guard::Guard, guess::Guess, target::Target, tries::Asked, trouble::Trouble};
use crate::{
    Caller,
    limits::{Instead, Limit},
};
use std::sync::Arc;

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
