//! How a bot's state reads: one tone, one picture, one word. What is seen leads, what is wanted follows.

use super::text::Text;
use api::bots::{BotSummary, Desired, Health, Observed, Profile, RuntimeKind, Stage};
use ui::{Glyph, Tone};

/// A state as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub tone: Tone,
    pub glyph: Glyph,
    pub word: &'static str,
    /// Work is under way.
    pub turning: bool,
}

const fn still(tone: Tone, glyph: Glyph, word: &'static str) -> Shown {
    Shown { tone, glyph, word, turning: false }
}

const fn turning(word: &'static str) -> Shown {
    Shown { tone: Tone::Info, glyph: Glyph::LoaderCircle, word, turning: true }
}

/// The state of a bot.
pub fn shown(bot: &BotSummary, t: &'static Text) -> Shown {
    if bot.desired == Desired::Deleted {
        return turning(t.s_deleting);
    }
    if bot.asleep_since_ms.is_some() && matches!(bot.observed, Observed::Stopped | Observed::Absent) {
        return still(Tone::Idle, Glyph::CirclePause, super::idle_text::text().asleep);
    }
    let wanted = bot.desired == Desired::Running;
    match bot.observed {
        Observed::Failed => still(Tone::Bad, Glyph::CircleX, t.s_failed),
        Observed::Running if !wanted => turning(t.s_stopping),
        Observed::Running => match bot.health {
            Health::Degraded => still(Tone::Warn, Glyph::TriangleAlert, t.s_degraded),
            Health::Unhealthy => still(Tone::Bad, Glyph::CircleAlert, t.s_unhealthy),
            Health::Healthy | Health::Unknown => still(Tone::Ok, Glyph::CircleCheck, t.s_running),
        },
        Observed::Creating => turning(t.s_creating),
        Observed::Starting => turning(t.s_starting),
        Observed::Stopping => turning(t.s_stopping),
        Observed::Absent | Observed::Stopped if wanted => match bot.stage {
            Some(Stage::Queued) | None => turning(t.s_queued),
            Some(Stage::Runtime | Stage::Image | Stage::Create) => turning(t.s_creating),
            Some(_) => turning(t.s_starting),
        },
        Observed::Absent | Observed::Stopped => still(Tone::Idle, Glyph::CirclePause, t.s_stopped),
        Observed::Unknown => still(Tone::Warn, Glyph::CircleHelp, t.s_unknown),
    }
}

/// Whether a person should look at this bot.
pub fn needs_attention(bot: &BotSummary) -> bool {
    let unwell =
        matches!(bot.health, Health::Degraded | Health::Unhealthy) && bot.observed == Observed::Running;
    let awake = bot.asleep_since_ms.is_none();
    matches!(bot.observed, Observed::Failed | Observed::Unknown)
        || unwell
        || (bot.reason.is_some() && awake && bot.desired == Desired::Running)
}

/// Whether it can be talked to now.
pub fn is_ready(bot: &BotSummary) -> bool {
    bot.desired == Desired::Running && bot.observed == Observed::Running
}

/// A stage's name.
pub const fn stage_name(stage: Stage, t: &'static Text) -> &'static str {
    match stage {
        Stage::Queued => t.st_queued,
        Stage::Runtime => t.st_runtime,
        Stage::Image => t.st_image,
        Stage::Create => t.st_create,
        Stage::Start => t.st_start,
        Stage::Gateway => t.st_gateway,
        Stage::Pairing => t.st_pairing,
        Stage::Ready => t.st_ready,
    }
}

/// A runtime's name.
pub const fn runtime_name(kind: RuntimeKind, t: &'static Text) -> &'static str {
    match kind {
        RuntimeKind::Process => t.rt_process,
        RuntimeKind::Docker => t.rt_docker,
    }
}

/// A runtime's word on the wire.
pub const fn runtime_word(kind: RuntimeKind) -> &'static str {
    match kind {
        RuntimeKind::Process => "process",
        RuntimeKind::Docker => "docker",
    }
}

/// A profile's name.
pub const fn profile_name(profile: Profile, t: &'static Text) -> &'static str {
    match profile {
        Profile::Shared => t.pf_shared,
        Profile::Own => t.pf_own,
    }
}
