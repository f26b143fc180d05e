//! What calls cost. The server knows the prices; here is how a call is reckoned with one.

use crate::{Tokens, UsageRow};
use api::ids::WorkspaceId;

/// Tokens a price is for.
const MILLION: u128 = 1_000_000;

/// What tokens cost: micro-USD per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Input that came from no cache.
    pub input: i64,
    /// Output, reasoning included.
    pub output: i64,
    /// Input read from the vendor's cache; none where nobody said.
    pub cache_read: Option<i64>,
    /// Input written to it.
    pub cache_write: Option<i64>,
}

impl Price {
    /// What tokens cost, in micro-USD, rounded up once. Nothing where there are tokens of a kind that has no price.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Option<i64> {
        let kinds = [
            (tokens.input, Some(self.input)),
            (tokens.output, Some(self.output)),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
        ];
        let mut sum: u128 = 0;
        for (count, price) in kinds.into_iter().filter(|(count, _)| *count > 0) {
            let cost = u128::from(count).checked_mul(u128::try_from(price?).ok()?)?;
            sum = sum.checked_add(cost)?;
        }
        i64::try_from(sum.div_ceil(MILLION)).ok()
    }
}

/// The prices of the moment a call began, part of its snapshot.
pub trait Prices: Send + Sync {
    /// What a call that ended cost, in micro-USD; nothing where that is not known for sure.
    fn cost(&self, call: &UsageRow) -> Option<i64>;

    /// The price of a model as it is asked for, for a prompt of so many tokens.
    fn price(
        &self,
        workspace: WorkspaceId,
        vendor: &str,
        model: &str,
        at_ms: i64,
        prompt: u64,
    ) -> Option<Price>;
}
