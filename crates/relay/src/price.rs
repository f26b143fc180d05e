//! What calls cost, and what is known of models. The server knows both; here is how a call is reckoned with a price.

use crate::{Tokens, UsageRow};
use api::ids::WorkspaceId;

/// Tokens a price is for.
const MILLION: u128 = 1_000_000;

/// What tokens cost: micro-USD per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Input that came from no cache.
    pub input: i64,
    /// Output; reasoning included, unless that has a price of its own.
    pub output: i64,
    /// Input read from the vendor's cache; none where nobody said.
    pub cache_read: Option<i64>,
    /// Input written to it.
    pub cache_write: Option<i64>,
    /// The part of the output that was reasoning, where that has a price of its own.
    pub thinking: Option<i64>,
}

impl Price {
    /// What tokens cost, in micro-USD, rounded up once. Nothing where there are tokens of a kind that has no price.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Option<i64> {
        let thought = self.thinking.map_or(0, |_| tokens.reasoning.min(tokens.output));
        let kinds = [
            (tokens.input, Some(self.input)),
            (tokens.output - thought, Some(self.output)),
            (thought, self.thinking),
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

    /// What tokens cost at most, whatever part of the output will be reasoning.
    #[must_use]
    pub fn cost_at_most(&self, tokens: &Tokens) -> Option<i64> {
        Self {
            output: self.thinking.map_or(self.output, |price| price.max(self.output)),
            thinking: None,
            ..*self
        }
        .cost(tokens)
    }
}

impl Price {
    /// A figure as dollars of one token: a decimal without an exponent and without needless digits.
    #[must_use]
    pub fn per_token(figure: i64) -> String {
        let text = format!("{}.{:012}", figure / 1_000_000_000_000, figure % 1_000_000_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// What is known of a model besides its price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Tokens that a call may have, those it reads and those it writes.
    pub context_length: Option<i64>,
    /// Tokens that it writes at most.
    pub max_output_tokens: Option<i64>,
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

    /// What is known of a model as it is asked for. Asked by who lists models, never by a call.
    fn facts(&self, _workspace: WorkspaceId, _vendor: &str, _model: &str) -> Facts {
        Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_costs_what_output_costs_unless_it_has_a_price_of_its_own() {
        let plain = Price {
            input: 1_000_000,
            output: 4_000_000,
            cache_read: None,
            cache_write: None,
            thinking: None,
        };
        let tokens = Tokens { input: 10, output: 100, reasoning: 60, ..Tokens::default() };
        assert_eq!(plain.cost(&tokens), Some(10 + 400));
        let own = Price { thinking: Some(2_000_000), ..plain };
        assert_eq!(own.cost(&tokens), Some(10 + 160 + 120));
        let odd = Tokens { reasoning: 500, ..tokens };
        assert_eq!(own.cost(&odd), Some(10 + 200), "no more of it than there was output");
        let guess = Tokens { reasoning: 0, ..tokens };
        assert_eq!((plain.cost_at_most(&guess), own.cost_at_most(&guess)), (Some(410), Some(410)));
        let dear = Price { thinking: Some(9_000_000), ..plain };
        assert_eq!(dear.cost_at_most(&guess), Some(910), "all of it may be reasoning");
    }

    #[test]
    fn a_price_is_written_as_dollars_of_one_token() {
        let all = [
            (2_500_000, "0.0000025"),
            (0, "0"),
            (1, "0.000000000001"),
            (10_000_000_000, "0.01"),
            (1_500_000_000_000, "1.5"),
            (150_000, "0.00000015"),
        ];
        for (figure, text) in all {
            assert_eq!(Price::per_token(figure), text);
        }
    }
}
