//! The prices calls are reckoned with: a workspace's own ones, and the catalogue behind them; and what is known of models.

use super::{catalogue, facts, store, tariff};
use crate::platform::{error::OpError, text::from_json};
use api::{ids::WorkspaceId, prices::ModelFacts};
use entity::prices::{model_facts, model_price as row};
use policy::{Granted, act};
use relay::{Facts, Price, Prices, UsageRow, usage::Tokens};
use sea_orm::ConnectionTrait;
use std::collections::HashMap;

/// A price of a workspace's own; it may begin later.
struct Own {
    since_ms: i64,
    up_to_input: Option<i64>,
    price: Price,
}

impl tariff::Line for Own {
    fn since_ms(&self) -> i64 {
        self.since_ms
    }
    fn up_to_input(&self) -> Option<i64> {
        self.up_to_input
    }
}

/// Something of each vendor's models.
type Of<T> = HashMap<String, HashMap<String, T>>;

fn of<'a, T>(
    all: &'a HashMap<WorkspaceId, Of<T>>,
    at: WorkspaceId,
    vendor: &str,
    model: &str,
) -> Option<&'a T> {
    all.get(&at)?.get(vendor)?.get(model)
}

/// The prices of a moment, and those that are known to come.
#[derive(Default)]
pub struct Book {
    own: HashMap<WorkspaceId, Of<Vec<Own>>>,
    facts: HashMap<WorkspaceId, Of<ModelFacts>>,
}

impl Book {
    /// Reads what all workspaces say themselves.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read<C: ConnectionTrait>(db: &C, granted: &Granted<act::UseKeys>) -> Result<Self, OpError> {
        let mut book = Self::of(store::all(db, granted).await?);
        for model_facts::Model { workspace_id, vendor, model, facts } in store::facts(db, granted).await? {
            let all = book.facts.entry(workspace_id).or_default();
            all.entry(vendor).or_default().insert(model, from_json(&facts)?);
        }
        Ok(book)
    }

    fn of(mut rows: Vec<row::Model>) -> Self {
        rows.sort_by_key(|p| p.id);
        let mut book = Self::default();
        for p in rows {
            let price = Price {
                input: p.input_price,
                output: p.output_price,
                cache_read: p.cache_read_price,
                cache_write: p.cache_write_price,
                thinking: p.thinking_price,
            };
            let own = Own { since_ms: p.since_ms, up_to_input: p.up_to_input, price };
            let all = book.own.entry(p.workspace_id).or_default();
            all.entry(p.vendor).or_default().entry(p.model).or_default().push(own);
        }
        let models = book.own.values_mut().flat_map(HashMap::values_mut).flat_map(HashMap::values_mut);
        models.for_each(|lines| tariff::sort(lines));
        book
    }

    /// The price of the first of some names that has one of its own then, for such a prompt.
    fn own<'a>(
        &self,
        at: WorkspaceId,
        vendor: &str,
        mut names: impl Iterator<Item = &'a str>,
        (at_ms, prompt): (i64, i64),
    ) -> Option<Price> {
        let models = self.own.get(&at)?.get(vendor)?;
        names.find_map(|name| tariff::find(models.get(name)?, at_ms, prompt)).map(|own| own.price)
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
        let at = (call.started_ms, prompt(&call.tokens));
        let shipped = |name| catalogue::find(call.vendor, name, at.0, at.1);
        let own = self.own(call.workspace, call.vendor, own_names(call), at);
        // A model without figures hides its family's.
        let price = own.or_else(|| names(call).find_map(shipped).flatten())?;
        price.cost(&call.tokens)
    }

    fn price(&self, of: WorkspaceId, vendor: &str, model: &str, at_ms: i64, prompt: u64) -> Option<Price> {
        let prompt = i64::try_from(prompt).unwrap_or(i64::MAX);
        let shipped = |name| catalogue::find(vendor, name, at_ms, prompt);
        self.own(of, vendor, family(model).chain([model]), (at_ms, prompt))
            .or_else(|| family(model).find_map(shipped).flatten())
    }

    fn facts(&self, at: WorkspaceId, vendor: &str, model: &str) -> Facts {
        let own = family(model).find_map(|name| of(&self.facts, at, vendor, name));
        let shipped = family(model).find_map(|name| facts::find(vendor, name));
        let said =
            |what: fn(&ModelFacts) -> Option<i64>| own.and_then(what).or_else(|| shipped.and_then(what));
        Facts {
            context_length: said(|facts| facts.context_length),
            max_output_tokens: said(|facts| facts.max_output_tokens),
        }
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

/// `gpt-4o-2024-08-06`, `claude-sonnet-4-5-20250929` and, as Vertex AI writes it, `claude-sonnet-4-5@20250929` without their
/// dates; `claude-opus-4-6@default` is the newest.
pub(super) fn undated(name: &str) -> Option<&str> {
    if let Some((model, version)) = name.split_once('@') {
        let is_date =
            version.len() == 8 && version.starts_with("20") && version.bytes().all(|b| b.is_ascii_digit());
        return Some(model).filter(|model| !model.is_empty() && (is_date || version == "default"));
    }
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
