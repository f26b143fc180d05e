//! Attempts that came to nothing and are charged all the same: by the key or link before the one that served the call. Nobody
//! else's calls come here.

use super::judge::{Failed, shape};
use super::{
    account::{micro_usd, sum},
    fate::Fate,
    guard::Guard,
    tries::Got,
    trouble::Trouble,
};
use crate::{
    Dialect, Tokens, UsageRow,
    escapes::decode,
    limits::{Need, Reserved},
    scan::Meter,
    usage::Charge,
};

/// What is owed besides the call's own outcome.
#[derive(Default)]
pub(super) struct Charges {
    /// The last attempt's: the call's own outcome, unless somebody else is asked.
    last: Option<Last>,
    /// Of those before it.
    known: i64,
    unknown: bool,
    estimated: bool,
    money: u64,
    /// The request to the link that is asked is counted: another key of it adds none.
    counted: bool,
}

struct Last {
    charge: Charge,
    tokens: Tokens,
    need: Need,
    /// Its place among the row's tries.
    place: usize,
    /// What was held for its link, where the call has left that, and how much that was.
    left: Option<(Reserved, Need)>,
}

/// What the vendor of an attempt says it used before it failed; nothing where it said nothing.
fn told(got: &Got, dialect: Dialect) -> Option<Tokens> {
    let mut meter = Meter::new(dialect, shape(&got.head.headers));
    if dialect == Dialect::Converse {
        meter.read_head(&got.head.headers);
    }
    for piece in &got.first.pieces {
        meter.feed(piece);
    }
    let (tokens, counted) = meter.tokens();
    (counted && tokens != Tokens::default()).then_some(tokens)
}

/// Whether a vendor may charge for an answer that it did not give in time, or not whole.
fn may_charge(fate: &Fate, got: &Result<Got, Failed>) -> bool {
    let silent = match got {
        Ok(got) => got.head.status.as_u16() < 400,
        Err(failed) => failed.trouble != Trouble::Unreachable,
    };
    silent && matches!(fate, Fate::Fails)
}

impl Guard {
    /// A key could not serve the call: its vendor counted a request, and charges for what it said that it used, or may charge for
    /// an answer that it did not give in time.
    pub(super) fn leaves_key(&mut self, fate: &Fate, got: &Result<Got, Failed>, dialect: Dialect) {
        let told = got.as_ref().ok().and_then(|got| told(got, dialect));
        let charged = told.or_else(|| (may_charge(fate, got) && !self.free).then(|| self.guessed()));
        let request = Need { requests: 1, ..Need::default() };
        let Some(tokens) = charged else {
            let _counts = std::mem::take(&mut self.of_key).settle(request);
            return;
        };
        let cost = self.cost(&tokens, told.is_none());
        // What is not known is not free.
        let need = Need { tokens: sum(&tokens), money: cost.map_or(self.held.money, micro_usd), ..request };
        let _counts = std::mem::take(&mut self.of_key).settle(need);
        let charge = Charge { tokens: sum(&tokens), cost_micro_usd: cost, estimated: told.is_none() };
        let place = self.tries();
        self.charges.get_or_insert_default().last = Some(Last { charge, tokens, need, place, left: None });
    }

    /// What it may have used.
    fn guessed(&self) -> Tokens {
        let guess = self.guess.tokens();
        // Of a caller without limits nobody guessed.
        Tokens { input: guess.input.max(self.sent_tokens()), ..guess }
    }

    /// What tokens of the model that was asked last cost.
    fn cost(&self, tokens: &Tokens, at_most: bool) -> Option<i64> {
        let prompt = tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write);
        let plain = decode(self.model());
        let name = String::from_utf8_lossy(&plain);
        let name = name.strip_prefix("models/").unwrap_or(&name);
        let price = self.snapshot.prices()?.price(
            self.workspace(),
            self.vendor(),
            name,
            self.started_ms(),
            prompt,
        )?;
        if at_most { price.cost_at_most(tokens) } else { price.cost(tokens) }
    }

    /// The call leaves a link. Whether that is charged: then what was held for it stays taken, as far as its vendor used it.
    pub(super) fn leaves_link(&mut self) -> bool {
        let Some(last) = self.charges.as_mut().and_then(|charges| charges.last.as_mut()) else {
            return false;
        };
        let mut reserved = std::mem::take(&mut self.reserved);
        if !last.charge.estimated {
            reserved.lower(last.need);
        }
        last.left = Some((reserved, self.held));
        true
    }

    /// Somebody is asked: what was charged before is not the call's outcome.
    ///
    /// # Errors
    /// There is no room for more of the same.
    pub(super) fn goes_on(&mut self) -> Result<(), Trouble> {
        let Some(charges) = &mut self.charges else { return Ok(()) };
        let Some(Last { charge, mut need, place, left, .. }) = charges.last.take() else { return Ok(()) };
        match charge.cost_micro_usd {
            Some(cost) => charges.known = charges.known.saturating_add(cost),
            None => charges.unknown = true,
        }
        charges.estimated |= charge.estimated;
        charges.money = charges.money.saturating_add(need.money);
        if charges.counted {
            need.requests = 0;
        }
        charges.counted = left.is_none();
        let now_ms = (self.shared.config.now_ms)();
        let (mut counts, mut refused) = (Vec::new(), None);
        match left {
            Some((reserved, _held)) => counts = reserved.settle(need),
            // The same link with another key: it is one request to the caller's limits.
            None => refused = self.reserved.renew(need, now_ms, &mut counts).err(),
        }
        self.note(|row| {
            row.counts.extend(counts);
            if let Some(tried) = row.tries.get_mut(place) {
                tried.charge = Some(charge);
            }
        });
        refused.map_or(Ok(()), |refused| Err(self.has_no_room(&refused, now_ms)))
    }

    /// Nobody was asked after it: what was held for the last link is what the call's own outcome is settled with. Says what its
    /// vendor said that it used: more is not held any longer.
    pub(super) fn comes_back(&mut self) -> Option<(Charge, Tokens, Need)> {
        let Last { charge, tokens, need, left, .. } = self.charges.as_mut()?.last.take()?;
        (self.reserved, self.held) = left?;
        (!charge.estimated).then_some((charge, tokens, need))
    }

    /// Calls that a limit counts with the running one, of whom it is settled with so many.
    pub(super) fn requests(&self, ended: u64) -> u64 {
        if self.charges.as_ref().is_some_and(|charges| charges.counted) { 0 } else { ended }
    }

    /// Micro-USD that those before the last attempt cost; nothing where nobody knows.
    pub(super) fn charged_before(&self) -> Option<i64> {
        self.charges.as_ref().map_or(Some(0), |charges| (!charges.unknown).then_some(charges.known))
    }
}

impl Charges {
    /// Adds what they cost to a call whose own outcome is reckoned, and which keeps so much money.
    pub(super) fn add_to(&self, row: &mut UsageRow, money: u64) -> u64 {
        row.estimated |= self.estimated;
        row.cost_micro_usd =
            row.cost_micro_usd.filter(|_| !self.unknown).map(|cost| cost.saturating_add(self.known));
        money.saturating_add(self.money)
    }
}
