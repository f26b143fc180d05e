//! Which calls, of which time.

use super::{ArgValueCandidates, Args, Failure, Session, completion};
use crate::output::text;
use api::{bots::GetBot, ids::BotId, usage::*};
use clap::ValueEnum;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Chosen {
    /// A time up to now.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    range: Option<Range>,
    /// A day (2026-11-22), a moment in the zone (2026-11-22T14:00) or in UTC (…Z).
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The same; a day is meant whole. Now, if nothing is said.
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// Whose days are meant, e.g. Europe/Berlin; UTC if nothing is said.
    #[arg(long)]
    zone: Option<String>,
    /// Calls of this bot only; none for calls of no bot.
    #[arg(long, add = ArgValueCandidates::new(completion::bots))]
    bot: Option<String>,
    /// Calls with this key only, by its id.
    #[arg(long)]
    key: Option<String>,
    /// Calls of this virtual key only, by its id.
    #[arg(long)]
    virtual_key: Option<String>,
    /// Calls of bots and virtual keys with this tag only; (none) for those without any.
    #[arg(long)]
    tag: Option<String>,
    /// Calls to this vendor only.
    #[arg(long)]
    vendor: Option<String>,
    /// Calls that this model answered, or that asked for it; without its vendor.
    #[arg(long)]
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

    /// As the API takes it: a bot by its id.
    pub(super) async fn asked(self, session: &Session) -> Result<Asked, Failure> {
        let bot = match self.bot {
            Some(bot) if bot != "none" && bot.parse::<BotId>().is_err() => {
                match session.call(&GetBot { bot: bot.clone() }).await {
                    Ok(found) => Some(text(&found, "id").to_owned()),
                    Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
                }
            }
            other => other,
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
            key: self.key,
            virtual_key: self.virtual_key,
            tag: self.tag,
            vendor: self.vendor,
            model: self.model,
        })
    }
}
