//! The prices a group of calls is reckoned with.

use super::{
    catalogue::{self, Price},
    store,
};
use crate::platform::error::OpError;
use entity::prices::model_price as row;
use policy::{Granted, act};
use relay::{
    UsageRow,
    usage::{End, Tokens},
};
use sea_orm::ConnectionTrait;

/// Tokens a price is for.
const MILLION: u128 = 1_000_000;

/// The own prices of a group's workspaces for the group's models; the catalogue stands behind.
pub struct Book {
    own: Vec<row::Model>,
}

impl Book {
    /// Reads what a group of calls needs.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read<C: ConnectionTrait>(
        db: &C,
        granted: &Granted<act::WriteUsage>,
        group: &[UsageRow],
    ) -> Result<Self, OpError> {
        let mut names: Vec<_> = group.iter().flat_map(names).map(str::to_owned).collect();
        let mut workspaces: Vec<_> = group.iter().map(|r| r.workspace).collect();
        names.sort_unstable();
        names.dedup();
        workspaces.sort_unstable();
        workspaces.dedup();
        Ok(Self { own: store::of(db, granted, workspaces, names).await? })
    }

    /// What a call cost, in micro-USD rounded up once; nothing where that is not known.
    pub fn cost(&self, call: &UsageRow) -> Option<i64> {
        // A key that gave no answer in time may have been charged for one all the same.
        let doubt =
            call.tries.iter().any(|tried| tried.why == "failed" && tried.status.is_none_or(|s| s < 400));
        // What is cut has told its tokens so far at best.
        if doubt || (call.counted && call.end != End::Complete) {
            return None;
        }
        if !call.counted {
            return unserved(call).then_some(0);
        }
        names(call).find_map(|name| self.price(call, name))?.and_then(|price| price.cost(&call.tokens))
    }

    #[expect(clippy::option_option, reason = "a model without a price hides its family's")]
    fn price(&self, call: &UsageRow, model: &str) -> Option<Option<Price>> {
        let own = self.own.iter().filter(|p| {
            p.workspace_id == call.workspace
                && p.vendor == call.vendor
                && p.model == model
                && p.since_ms <= call.started_ms
        });
        let own = own.max_by_key(|p| (p.since_ms, p.id)).map(|p| {
            Some(Price {
                input: p.input_price,
                output: p.output_price,
                cache_read: p.cache_read_price,
                cache_write: p.cache_write_price,
            })
        });
        own.or_else(|| catalogue::find(call.vendor, model, call.started_ms, prompt(&call.tokens)))
    }
}

impl Price {
    /// Nothing where there are tokens of a kind that has no price.
    fn cost(&self, tokens: &Tokens) -> Option<i64> {
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

/// The model that answered, else the one asked for; then the same without the date of its version.
fn names(call: &UsageRow) -> impl Iterator<Item = &str> {
    let said = call.model_answered.as_deref().filter(|name| !name.is_empty()).unwrap_or(&call.model);
    let name = said.strip_prefix("models/").unwrap_or(said);
    [Some(name), undated(name)].into_iter().flatten()
}

/// `gpt-4o-2024-08-06` and `claude-sonnet-4-5-20250929` without their dates.
fn undated(name: &str) -> Option<&str> {
    [11, 9].into_iter().find_map(|length| {
        let (model, date) = name.split_at_checked(name.len().checked_sub(length)?)?;
        let parts: Vec<&str> = date.strip_prefix('-')?.split('-').collect();
        let digits = parts.concat();
        let shaped = match parts.as_slice() {
            [whole] => whole.len() == 8,
            [year, month, day] => (year.len(), month.len(), day.len()) == (4, 2, 2),
            _ => false,
        };
        let is_date = shaped && digits.starts_with("20") && digits.bytes().all(|b| b.is_ascii_digit());
        (is_date && !model.is_empty()).then_some(model)
    })
}

/// Input of every kind.
fn prompt(tokens: &Tokens) -> i64 {
    let all = tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write);
    i64::try_from(all).unwrap_or(i64::MAX)
}

/// Whether no vendor took the call: that is free, and known to be.
fn unserved(call: &UsageRow) -> bool {
    match call.end {
        End::Refused | End::Unreachable => true,
        // Not the end of an answer that had begun.
        End::KeyRefused => call.upstream_status.is_none_or(|status| status >= 400),
        End::VendorError => call.upstream_status.is_some_and(|status| status >= 400),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
