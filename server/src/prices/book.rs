//! The prices calls are reckoned with: a workspace's own ones, and the catalogue behind them.

use super::{catalogue, store};
use crate::platform::error::OpError;
use api::ids::WorkspaceId;
use entity::prices::model_price as row;
use policy::{Granted, act};
use relay::{Price, Prices, UsageRow, usage::Tokens};
use sea_orm::ConnectionTrait;
use std::collections::HashMap;

/// By vendor and model.
type Own = HashMap<(String, String), Price>;

/// The prices of a moment.
#[derive(Default)]
pub struct Book {
    own: HashMap<WorkspaceId, Own>,
}

impl Book {
    /// Reads the own prices of all workspaces that hold now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read<C: ConnectionTrait>(db: &C, granted: &Granted<act::UseKeys>) -> Result<Self, OpError> {
        Ok(Self::of(store::all(db, granted).await?))
    }

    /// Of several prices of a model the newest one holds.
    fn of(mut rows: Vec<row::Model>) -> Self {
        rows.sort_by_key(|p| (p.since_ms, p.id));
        let mut book = Self::default();
        for p in rows {
            let price = Price {
                input: p.input_price,
                output: p.output_price,
                cache_read: p.cache_read_price,
                cache_write: p.cache_write_price,
            };
            book.own.entry(p.workspace_id).or_default().insert((p.vendor, p.model), price);
        }
        book
    }

    /// The first of some names that has a price of its own.
    fn own<'a>(&self, of: WorkspaceId, vendor: &str, names: impl Iterator<Item = &'a str>) -> Option<Price> {
        let own = self.own.get(&of)?;
        let mut names = names.map(|name| (vendor.to_owned(), name.to_owned()));
        names.find_map(|at| own.get(&at).copied())
    }
}

impl Prices for Book {
    fn cost(&self, call: &UsageRow) -> Option<i64> {
        if !call.is_exact() {
            return None;
        }
        if !call.counted {
            return Some(0);
        }
        let shipped = |name| catalogue::find(call.vendor, name, call.started_ms, prompt(&call.tokens));
        let own = self.own(call.workspace, call.vendor, own_names(call));
        // A model without figures hides its family's.
        let price = own.or_else(|| names(call).find_map(shipped).flatten())?;
        price.cost(&call.tokens)
    }

    fn price(&self, of: WorkspaceId, vendor: &str, model: &str, at_ms: i64, prompt: u64) -> Option<Price> {
        let prompt = i64::try_from(prompt).unwrap_or(i64::MAX);
        let shipped = |name| catalogue::find(vendor, name, at_ms, prompt);
        self.own(of, vendor, family(model).chain([model]))
            .or_else(|| family(model).find_map(shipped).flatten())
    }
}

/// A model's name, and the same without the date of its version.
fn family(said: &str) -> impl Iterator<Item = &str> {
    let name = said.strip_prefix("models/").unwrap_or(said);
    [Some(name), undated(name)].into_iter().flatten()
}

/// The model that answered, else the one asked for; then the same without the date of its version.
fn names(call: &UsageRow) -> impl Iterator<Item = &str> {
    family(call.model_answered.as_deref().filter(|name| !name.is_empty()).unwrap_or(&call.model))
}

/// The same, and at last the model as it was asked for: a deployment, an alias or a file has no other name that people know.
fn own_names(call: &UsageRow) -> impl Iterator<Item = &str> {
    names(call).chain(Some(call.model.as_str()).filter(|name| !name.is_empty()))
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

#[cfg(test)]
mod tests;
