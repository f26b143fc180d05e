//! Which calls, of which time.

use super::{ArgValueCandidates, Args, Failure, Session, completion};
use crate::{keys, virtual_keys};
use api::{ids::*, usage::*};
use clap::{ValueEnum, builder::NonEmptyStringValueParser as Said};
use std::str::FromStr;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Chosen {
    /// A time up to now.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    range: Option<Range>,
    /// A day (2026-11-22), a moment in the zone (2026-11-22T14:00) or in UTC (…Z).
    #[arg(long, value_name = "TIME", value_parser = Said::new())]
    from: Option<String>,
    /// The same; a day is meant whole. Now, if nothing is said.
    #[arg(long, value_name = "TIME", value_parser = Said::new(), requires = "from")]
    to: Option<String>,
    /// Whose days are meant, e.g. Europe/Berlin; UTC if nothing is said.
    #[arg(long, value_parser = Said::new())]
    zone: Option<String>,
    /// Calls of this bot only (name, slug or id); none for calls of no bot.
    #[arg(long, value_parser = Said::new(), add = ArgValueCandidates::new(completion::bots))]
    bot: Option<String>,
    /// Calls with this provider key only (label or id); none for calls without any.
    #[arg(long, value_parser = Said::new(), add = ArgValueCandidates::new(completion::keys))]
    key: Option<String>,
    /// Calls of this virtual key only (name or id); none for calls of others.
    #[arg(long, value_parser = Said::new(), add = ArgValueCandidates::new(completion::virtual_keys))]
    virtual_key: Option<String>,
    /// Calls of bots and virtual keys with this tag only; none for those without any.
    #[arg(long, value_parser = Said::new())]
    tag: Option<String>,
    /// Calls to this vendor only.
    #[arg(long, value_parser = Said::new())]
    vendor: Option<String>,
    /// Calls that this model answered (`model` or `vendor/model`), or that asked for it and got no answer.
    #[arg(long, value_parser = Said::new())]
    model: Option<String>,
    /// How calls ended.
    #[arg(long)]
    status: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Range {
    #[value(name = "24h")]
    Day,
    Today,
    #[value(name = "7d")]
    Week,
    #[value(name = "30d")]
    Thirty,
    Month,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    Ok,
    Failed,
    Refused,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Step {
    Hour,
    Day,
    Month,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum By {
    Bot,
    Model,
    Vendor,
    Key,
    VirtualKey,
    Tag,
    Status,
    Day,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Sort {
    Cost,
    Calls,
}

impl From<Step> for UsageStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Hour => Self::Hour,
            Step::Day => Self::Day,
            Step::Month => Self::Month,
        }
    }
}

impl From<By> for UsageBy {
    fn from(by: By) -> Self {
        match by {
            By::Bot => Self::Bot,
            By::Model => Self::Model,
            By::Vendor => Self::Vendor,
            By::Key => Self::Key,
            By::VirtualKey => Self::VirtualKey,
            By::Tag => Self::Tag,
            By::Status => Self::Status,
            By::Day => Self::Day,
        }
    }
}

impl From<Sort> for UsageSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Cost => Self::Cost,
            Sort::Calls => Self::Calls,
        }
    }
}

impl Chosen {
    /// Whether a model is chosen.
    pub(super) const fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// Whether there may be other calls than these.
    pub(super) const fn is_narrow(&self) -> bool {
        self.range.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || self.bot.is_some()
            || self.key.is_some()
            || self.virtual_key.is_some()
            || self.tag.is_some()
            || self.vendor.is_some()
            || self.model.is_some()
            || self.status.is_some()
    }

    /// As the API takes it: names are ids. What has an id may be deleted, and its calls are still there.
    pub(super) async fn asked(self, session: &Session) -> Result<Asked, Failure> {
        let bot = match named::<BotId>(self.bot.as_deref()) {
            Some(name) => Some(session.bot_called(name).await?),
            None => self.bot,
        };
        let key = match named::<KeyId>(self.key.as_deref()) {
            Some(name) => Some(keys::find(session, name).await?.0.to_string()),
            None => self.key,
        };
        let virtual_key = match named::<VirtualKeyId>(self.virtual_key.as_deref()) {
            Some(name) => Some(virtual_keys::named(session, name).await?.0.to_string()),
            None => self.virtual_key,
        };
        Ok(Asked {
            range: self.range.map(|range| match range {
                Range::Day => UsageRange::Day,
                Range::Today => UsageRange::Today,
                Range::Week => UsageRange::Week,
                Range::Thirty => UsageRange::Thirty,
                Range::Month => UsageRange::Month,
            }),
            status: self.status.map(|status| match status {
                Outcome::Ok => UsageOutcome::Ok,
                Outcome::Failed => UsageOutcome::Failed,
                Outcome::Refused => UsageOutcome::Refused,
            }),
            from: self.from,
            to: self.to,
            zone: self.zone,
            bot,
            key,
            virtual_key,
            tag: self.tag,
            vendor: self.vendor,
            model: self.model,
        })
    }
}

/// What is said and is no id.
fn named<T: FromStr>(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| *text != "none" && text.parse::<T>().is_err())
}
