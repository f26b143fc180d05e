//! Whether a key may serve a call, whatever its vendor thinks: the models it is for, and its own limits.

use super::{
    account::{micro_usd, sum},
    guard::Guard,
    tries::Leg,
    trouble::Trouble,
};
use crate::{
    Tokens, UpstreamKey,
    chains::Skip,
    escapes::decode,
    health::{Rest, Resting},
    limits::{Need, Refused, Reserved, Unit},
    usage::Try,
};

/// Why a key is passed over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passed {
    /// It is not for this model.
    Model,
    /// It has a limit of money, and nobody said what the model costs.
    NoPrice,
    /// A limit of its own has no room.
    Full(Refused),
}

impl Passed {
    const fn name(self) -> &'static str {
        match self {
            Self::Model => "other_models",
            Self::NoPrice => "price_unknown",
            Self::Full(_) => "over_limit",
        }
    }

    /// Whether it is over by then, ms UTC.
    pub(super) const fn is_over_by(self, ms: i64) -> bool {
        matches!(self, Self::Full(refused) if !refused.never && refused.resets_ms <= ms)
    }

    /// Why a link is skipped all of whose keys are passed over.
    pub(super) const fn skip(self) -> Skip {
        match self {
            Self::Model => Skip::NoKeyForModel,
            Self::NoPrice => Skip::NoRoom,
            Self::Full(refused) => {
                Skip::Rests(Resting { why: Rest::Full, until_ms: refused.resets_ms, told: true })
            }
        }
    }

    /// Of two keys' reasons the one that is over sooner.
    pub(super) fn sooner(known: Option<Self>, other: Self) -> Option<Self> {
        let rank = |passed: Self| match passed {
            Self::Full(refused) if !refused.never => (0, refused.resets_ms),
            Self::Full(_) => (1, 0),
            Self::NoPrice => (2, 0),
            Self::Model => (3, 0),
        };
        known.filter(|known| rank(*known) <= rank(other)).or(Some(other))
    }
}

impl Guard {
    /// Takes of a key's own limits what the call may use.
    pub(super) fn room(&mut self, key: &UpstreamKey, leg: &Leg<'_>) -> Result<(), Passed> {
        self.lets_go();
        if key.is_free() {
            return Ok(());
        }
        self.take(key, &leg.model).inspect_err(|passed| self.passes_over(key, leg, passed.name()))
    }

    fn take(&mut self, key: &UpstreamKey, model: &str) -> Result<(), Passed> {
        let plain = decode(model);
        let name = String::from_utf8_lossy(&plain);
        let at = (key.vendor.id, name.strip_prefix("models/").unwrap_or(&name));
        if !key.serves(at.1) {
            return Err(Passed::Model);
        }
        if key.limits.is_empty() {
            return Ok(());
        }
        let now_ms = (self.shared.config.now_ms)();
        let (tokens, workspace, prompt) = (self.guess.tokens(), self.workspace(), self.guess.input);
        let price = self.snapshot.prices().and_then(|all| all.price(workspace, at.0, at.1, now_ms, prompt));
        let money = price.and_then(|price| price.cost_at_most(&tokens));
        if money.is_none() && tokens != Tokens::default() && Reserved::ends_spending(&key.limits, at) {
            return Err(Passed::NoPrice);
        }
        let need = Need { requests: 1, tokens: sum(&tokens), money: money.map_or(0, micro_usd) };
        self.of_key = Reserved::take(&key.limits, at, need, now_ms).map_err(Passed::Full)?;
        self.held = need;
        Ok(())
    }

    /// Notes that a key was not asked, and why.
    pub(super) fn passes_over(&mut self, key: &UpstreamKey, leg: &Leg<'_>, why: &'static str) {
        let link = leg.rules.map(|rules| rules.link.name().to_owned());
        self.tried(Try { key: Some(key.id), link, status: None, why, took_ms: 0, charge: None });
    }

    /// A key that was not asked after all has its room back.
    pub(super) fn lets_go(&mut self) {
        drop(std::mem::take(&mut self.of_key));
    }

    /// What the caller hears where every key is passed over.
    pub(super) fn passed_over(&mut self, passed: Passed) -> Trouble {
        match passed {
            Passed::Model => Trouble::NoKeyForModel,
            Passed::NoPrice => Trouble::NoPrice,
            Passed::Full(refused) => {
                let trouble = self.refusal(&refused, (self.shared.config.now_ms)());
                // What a key of the owner's may cost is nothing that callers hear.
                self.rate = self.rate.filter(|_| refused.unit == Unit::Requests);
                trouble
            }
        }
    }
}
