//! The two facts of a bot, without IO: from how it is seen and whether its model is reached.

use super::probes::Reach;
use crate::platform::{
    error::OpError,
    text::{from_json, name_of, named},
};
use api::bots::{Fact, Health, Reason, two_facts};
use entity::bots::bot;

/// What a change of health is a change of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bots) struct Facts {
    pub lives: Fact,
    pub works: Fact,
    pub health: Health,
    pub reason: Option<Reason>,
}

/// The health of a bot that is ready, and why it is no better. What nobody has asked yet is no failure.
pub(in crate::bots) fn of_ready(reach: Reach) -> (Health, Option<Reason>) {
    match reach {
        Reach::Yes | Reach::Unknown => (Health::Healthy, None),
        Reach::No(reason) => (Health::Degraded, Some(reason)),
    }
}

/// Why a bot's model could not be reached, as its row says.
pub(in crate::bots) fn of_model(row: &bot::Model) -> Result<Option<Reason>, OpError> {
    if row.health != name_of(&Health::Degraded) {
        return Ok(None);
    }
    let reason: Option<Reason> = row.reason.as_deref().map(from_json).transpose()?;
    Ok(reason.filter(|reason| matches!(reason.code.as_str(), "key_refused" | "vendor_silent")))
}

/// What bots go by whose runtime does not answer.
pub(in crate::bots) const RUNTIME_AWAY: &str = "runtime_away";

/// Why nobody knows how a bot stands.
pub(in crate::bots) fn runtime_away() -> Reason {
    Reason {
        code: RUNTIME_AWAY.to_owned(),
        message: "What this bot runs in does not answer: how it stands is not known.".to_owned(),
        hint: Some(
            "Chela asks again by itself. The container engine must run: `chela doctor` says what is wrong with it."
                .to_owned(),
        ),
    }
}

/// Why something is left of a bot that is thrown away or deleted.
pub(in crate::bots) fn runtime_away_leaving() -> Reason {
    Reason {
        message:
            "What this bot runs in does not answer: what is left of the bot there goes as soon as it does."
                .to_owned(),
        ..runtime_away()
    }
}

/// Why a bot does not work whose gateway was ready and is not any more.
pub(in crate::bots) fn gateway_lost() -> Reason {
    Reason {
        code: "gateway_lost".to_owned(),
        message: "The bot's process lives, but the connection to its gateway was lost.".to_owned(),
        hint: Some("Chela connects again; if that takes a minute, it restarts the bot.".to_owned()),
    }
}

impl Facts {
    /// As the row tells.
    pub(in crate::bots) fn of(row: &bot::Model) -> Result<Self, OpError> {
        let health = named(&row.health)?;
        let (lives, works) = two_facts(crate::bots::idle::wanted(row)?, named(&row.observed)?, health);
        // On the way back up the reason of the last death stays in the row; it is no reason of the present then.
        let fails = matches!(health, Health::Degraded | Health::Unhealthy);
        let reason = row.reason.as_deref().filter(|_| fails).map(from_json).transpose()?;
        Ok(Self { lives, works, health, reason })
    }

    /// Whether it is the same for people: the words of a reason may have other figures.
    pub(in crate::bots) fn is_as(&self, other: &Self) -> bool {
        let code = |facts: &Self| facts.reason.as_ref().map(|reason| reason.code.clone());
        (self.lives, self.works, self.health) == (other.lives, other.works, other.health)
            && code(self) == code(other)
    }
}
