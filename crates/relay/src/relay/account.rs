//! What a call may use and did use: reserved before it is sent, settled when it ends.

use super::{guard::Guard, guess::Guess, target::Target, trouble::Trouble};
use crate::{
    Caller, End, Snapshot, Tokens, UsageRow,
    escapes::decode,
    limits::{Need, Refused, Reserved},
};

/// Requests that compute no answer.
const SILENT: [&str; 5] = ["count_tokens", "count-tokens", "embeddings", ":countTokens", ":embedContent"];
/// Requests that cost nothing.
const FREE: [&str; 3] = ["count_tokens", "count-tokens", ":countTokens"];

/// The limit of requests nearest to its end: how many a window has, how many are left, seconds until the next one.
pub(super) type Rate = (u64, u64, u32);

impl Guard {
    /// Whether the caller may ask for a model, and has room for what the call may use; then that is reserved.
    pub(super) fn reserve(
        &mut self,
        caller: &Caller,
        target: &Target<'_>,
        model: &str,
        guess: Guess,
    ) -> Result<(), Trouble> {
        // A link that was passed over may have said its own.
        self.rate = None;
        let plain = decode(model);
        let name = String::from_utf8_lossy(&plain);
        let at = (target.vendor.id, name.strip_prefix("models/").unwrap_or(&name));
        self.free |= FREE.iter().any(|end| target.rest.ends_with(end));
        let silent = SILENT.iter().any(|end| target.rest.ends_with(end));
        let guess = if silent { guess.without_output() } else { guess };
        self.guess = guess;
        self.unless_stopped(at.0)?;
        if caller.models.as_deref().is_some_and(|models| !models.has(at.0, at.1)) {
            return Err(Trouble::OtherModel);
        }
        if caller.limits.is_empty() {
            return Ok(());
        }
        let now_ms = (self.shared.config.now_ms)();
        let prompt = guess.input;
        let price = self
            .snapshot
            .prices()
            .and_then(|prices| prices.price(caller.workspace, at.0, at.1, now_ms, prompt));
        let tokens = guess.tokens();
        let money = price.and_then(|price| price.cost_at_most(&tokens));
        if money.is_none() && tokens != Tokens::default() && Reserved::ends_spending(&caller.limits, at) {
            // Who stopped it said more than that nobody knows its price.
            return Err(match Reserved::stop(&caller.limits, at, now_ms) {
                Some(stop) => self.has_no_room(&stop, now_ms),
                None => Trouble::NoPrice,
            });
        }
        let need = Need { requests: 1, tokens: sum(&tokens), money: money.map_or(0, micro_usd) };
        self.held = need;
        match Reserved::take(&caller.limits, at, need, now_ms) {
            Ok(reserved) => {
                self.rate =
                    reserved.rate().map(|(most, left, ends_ms)| (most, left, wait_s(ends_ms, now_ms)));
                self.reserved = reserved;
                Ok(())
            }
            Err(refused) => Err(self.has_no_room(&refused, now_ms)),
        }
    }

    pub(super) fn has_no_room(&mut self, refused: &Refused, now_ms: i64) -> Trouble {
        self.note(|row| row.limit = Some(refused.limit));
        self.refusal(refused, now_ms)
    }

    pub(super) fn refusal(&mut self, refused: &Refused, now_ms: i64) -> Trouble {
        let wait_s = if refused.soon { 1 } else { wait_s(refused.resets_ms, now_ms) };
        let stopped = refused.most == 0;
        // Of what it has no room for: requests, tokens or micro-USD.
        if !stopped {
            self.rate = Some((refused.most, 0, wait_s));
        }
        match (self.is_bot(), stopped) {
            _ if refused.never && !stopped => Trouble::TooMuch,
            (true, false) => Trouble::SetAside,
            (true, true) => Trouble::Stopped,
            (false, false) => Trouble::Limited { unit: refused.unit, wait_s },
            (false, true) => Trouble::Switched,
        }
    }
}

/// Says what a call that ended cost and used: as the vendor says it, else about.
///
/// Where nobody can say what it cost, a budget keeps what it held back for it: what is not known is not free.
pub(super) fn reckon(row: &mut UsageRow, call: &Reckoned, snapshot: &Snapshot) -> Need {
    let Reckoned { guess, held, free, vague, streamed, said_cost } = *call;
    let prices = snapshot.prices();
    let requests = u64::from(row.end != End::Refused);
    if free && !row.counted {
        row.cost_micro_usd = Some(0);
        return Need { requests, ..Need::default() };
    }
    // What is charged is known better than what is listed.
    row.cost_micro_usd = said_cost.or_else(|| prices.and_then(|prices| prices.cost(row)));
    let spent = |cost: Option<i64>| cost.map_or(held.money, micro_usd);
    if row.is_exact() {
        return Need { requests, tokens: sum(&row.tokens), money: spent(row.cost_micro_usd) };
    }
    // A file, a sound: its bytes tell nothing of tokens.
    if vague {
        return Need { requests, ..held };
    }
    let tokens = guess.used(row, streamed);
    let prompt = tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write);
    let price = prices.and_then(|p| p.price(row.workspace, row.vendor, &row.model, row.started_ms, prompt));
    row.cost_micro_usd = said_cost.or_else(|| price.and_then(|price| price.cost(&tokens)));
    (row.tokens, row.estimated) = (tokens, true);
    Need { requests, tokens: sum(&tokens), money: spent(row.cost_micro_usd) }
}

/// What is known of a call besides its row.
#[derive(Clone, Copy)]
pub(super) struct Reckoned {
    pub(super) guess: Guess,
    /// What was held back for it.
    pub(super) held: Need,
    /// It computes nothing that is charged.
    pub(super) free: bool,
    /// Its answer is of a kind that says nothing of tokens.
    pub(super) vague: bool,
    /// About how many tokens came in a stream's events.
    pub(super) streamed: Option<u64>,
    /// What its vendor says that it costs, micro-USD.
    pub(super) said_cost: Option<i64>,
}

pub(super) fn sum(tokens: &Tokens) -> u64 {
    let Tokens { input, output, cache_read, cache_write, reasoning: _ } = *tokens;
    [output, cache_read, cache_write].into_iter().fold(input, u64::saturating_add)
}

pub(super) fn micro_usd(cost: i64) -> u64 {
    u64::try_from(cost).unwrap_or(0)
}

fn wait_s(until_ms: i64, now_ms: i64) -> u32 {
    let ms = u64::try_from(until_ms.saturating_sub(now_ms)).unwrap_or(0).max(1);
    u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX)
}
