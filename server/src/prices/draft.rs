//! A price as somebody typed it, read and held against the rules; the same for one price and for a line of a file.

use super::moment::{self, AHEAD_MS, EARLIEST_MS};
use api::{
    ApiError,
    ids::{PriceId, WorkspaceId},
    money::{self, micro_usd},
    prices::{MAX_NOTE, MAX_PRICE, MAX_TOKENS, SetPrice},
    validate::Check,
};
use entity::prices::model_price as row;
use relay::vendors;

/// A price that keeps all rules. Without a beginning it begins when it is set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) vendor: &'static str,
    pub(super) model: String,
    pub(super) up_to_input: Option<i64>,
    pub(super) since_ms: Option<i64>,
    input: i64,
    output: i64,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    thinking: Option<i64>,
    source: Option<String>,
}

impl Draft {
    /// Reads what was typed.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub(super) fn read(q: &SetPrice, now_ms: i64) -> Result<Self, ApiError> {
        let mut check = Check::new();
        let vendor = vendor(&mut check, &q.vendor, &q.model);
        let input = figure(&mut check, (q.input_price, q.input_usd.as_deref()), "/input_price");
        let output = figure(&mut check, (q.output_price, q.output_usd.as_deref()), "/output_price");
        check.rule(input.is_some(), "/input_price", "must be said");
        check.rule(output.is_some(), "/output_price", "must be said");
        let cache_read = (q.cache_read_price, q.cache_read_usd.as_deref());
        let cache_read = figure(&mut check, cache_read, "/cache_read_price");
        let cache_write = (q.cache_write_price, q.cache_write_usd.as_deref());
        let cache_write = figure(&mut check, cache_write, "/cache_write_price");
        let thinking = figure(&mut check, (q.thinking_price, q.thinking_usd.as_deref()), "/thinking_price");
        let fits = q.up_to_input.is_none_or(|most| (1..=MAX_TOKENS).contains(&most));
        check.rule(fits, "/up_to_input", &format!("must be 1 to {MAX_TOKENS} tokens"));
        let since_ms = since(&mut check, q, now_ms);
        let source = said(q.source.as_deref());
        if let Some(source) = &source {
            check.line(source, MAX_NOTE, "/source");
        }
        check.done()?;
        let (Some(vendor), Some(input), Some(output)) = (vendor, input, output) else {
            return Err(ApiError::internal());
        };
        let (model, up_to_input) = (named(&q.model).to_owned(), q.up_to_input);
        Ok(Self {
            vendor,
            model,
            up_to_input,
            since_ms,
            input,
            output,
            cache_read,
            cache_write,
            thinking,
            source,
        })
    }

    /// The same; where it begins now, and so does a price of the model already, it begins with that one.
    pub(super) fn since(mut self, all: &[row::Model], now_ms: i64) -> Self {
        if all.iter().any(|row| self.is_same_model(row) && row.since_ms == now_ms) {
            self.since_ms = self.since_ms.or(Some(now_ms));
        }
        self
    }

    /// Whether a price says the same, whenever it began.
    pub(super) fn says(&self, other: &row::Model) -> bool {
        let figures = (self.input, self.output, self.cache_read, self.cache_write);
        let others = (other.input_price, other.output_price, other.cache_read_price, other.cache_write_price);
        figures == others && self.thinking == other.thinking_price && self.source == other.source
    }

    /// Whether a price is of the same model.
    pub(super) fn is_same_model(&self, other: &row::Model) -> bool {
        (self.vendor, self.model.as_str()) == (other.vendor.as_str(), other.model.as_str())
    }

    /// Whether two of a file cannot both hold.
    pub(super) fn collides(&self, other: &Self) -> bool {
        (self.vendor, &self.model, self.up_to_input, self.since_ms)
            == (other.vendor, &other.model, other.up_to_input, other.since_ms)
    }

    /// Whether a price is for the same prompts of the same model.
    pub(super) fn is_for(&self, other: &row::Model) -> bool {
        self.is_same_model(other) && self.up_to_input == other.up_to_input
    }

    /// Whether a price is for the same and begins at the moment that was named.
    pub(super) fn is_at(&self, other: &row::Model) -> bool {
        self.is_for(other) && self.since_ms == Some(other.since_ms)
    }

    /// The row.
    pub(super) fn row(self, id: PriceId, workspace_id: WorkspaceId, now_ms: i64) -> row::Model {
        row::Model {
            id,
            workspace_id,
            vendor: self.vendor.to_owned(),
            model: self.model,
            input_price: self.input,
            output_price: self.output,
            cache_read_price: self.cache_read,
            cache_write_price: self.cache_write,
            thinking_price: self.thinking,
            since_ms: self.since_ms.unwrap_or(now_ms),
            up_to_input: self.up_to_input,
            source: self.source,
        }
    }
}

/// What was said, if anything.
pub(super) fn said(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A model's name as calls are looked up by: Google lists its own as `models/…`.
pub(super) fn named(model: &str) -> &str {
    let model = model.trim();
    model.strip_prefix("models/").unwrap_or(model)
}

/// The vendor's own id, where vendor and model keep the rules.
pub(super) fn vendor(check: &mut Check, vendor: &str, model: &str) -> Option<&'static str> {
    let known = vendors::find(vendor.trim()).map(|v| v.id);
    check.rule(!vendor.contains('@'), "/vendor", "must have no region: prices are by vendor");
    check.rule(known.is_some() || vendor.contains('@'), "/vendor", "must be a vendor Chela knows");
    let model = named(model);
    check.line(model, 200, "/model");
    check.rule(!model.contains(char::is_whitespace), "/model", "must have no spaces inside");
    known
}

/// A figure in either way of writing.
fn figure(check: &mut Check, (micro, usd): (Option<i64>, Option<&str>), pointer: &str) -> Option<i64> {
    let Some(usd) = said(usd) else {
        let within = micro.is_none_or(|figure| (0..=MAX_PRICE).contains(&figure));
        let most = money::amount(MAX_PRICE);
        let rule = format!("must be 0 to {most} USD per million tokens, which are {MAX_PRICE} micro-USD");
        check.rule(within, pointer, &rule);
        return micro;
    };
    check.rule(micro.is_none(), pointer, "must be said once");
    let read = micro_usd(usd.strip_prefix('$').unwrap_or(&usd));
    let within = read.is_some_and(|figure| (0..=MAX_PRICE).contains(&figure));
    let rule = format!("must be USD per million tokens, like 2.50, and {} at most", MAX_PRICE / 1_000_000);
    check.rule(within, pointer, &rule);
    // One that cannot be read was said all the same.
    read.or(Some(0))
}

fn since(check: &mut Check, q: &SetPrice, now_ms: i64) -> Option<i64> {
    let written = said(q.since.as_deref());
    check.rule(written.is_none() || q.since_ms.is_none(), "/since", "must be said once");
    let read = match &written {
        None => q.since_ms,
        Some(text) => {
            let read = moment::read(text);
            let rule = "must be a day such as 2026-12-01 (UTC) or a moment such as 2026-12-01T08:00:00Z";
            check.rule(read.is_some(), "/since", rule);
            read
        }
    };
    let pointer = if written.is_some() { "/since" } else { "/since_ms" };
    let latest = now_ms.saturating_add(AHEAD_MS);
    let within = read.is_none_or(|ms| (EARLIEST_MS..=latest).contains(&ms));
    check.rule(within, pointer, "must be 2020-01-01 or later, and two years ahead at most");
    read
}
