//! Giving bots another OpenClaw, and going back.

use super::{Several, acts, wait};
use crate::{
    failure::Failure,
    output::{number, text},
    session::Session,
};
use api::bots::{CancelUpgrade, ReturnBot, UpgradeBot};
use clap::Args;
use serde_json::Value;

#[derive(Args, Clone, Debug)]
pub struct UpgradeArgs {
    #[command(flatten)]
    several: Several,
    /// Which version; `bot show` lists the offers. The one of this Chela if nothing is said.
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Take over at once, where the host has no room for a second gateway. It is still undone if it is not well.
    #[arg(long)]
    no_rehearsal: bool,
    /// Bring back the version and the state from before the upgrade; what happened since is lost to the bot's memory.
    #[arg(long, conflicts_with_all = ["to", "no_rehearsal", "cancel"])]
    back: bool,
    /// End an upgrade that has not taken over yet.
    #[arg(long, conflicts_with_all = ["to", "no_rehearsal"])]
    cancel: bool,
}

/// Upgrades, goes back or cancels, and waits for the end where that was asked.
pub(super) async fn upgrade(session: &Session, args: UpgradeArgs) -> Result<(), Failure> {
    let UpgradeArgs { several, to, no_rehearsal, back, cancel } = args;
    if back {
        return acts::each(session, &several, wait::UPGRADED, |bot| ReturnBot { bot }).await;
    }
    if cancel {
        return acts::each(session, &several, None, |bot| CancelUpgrade { bot }).await;
    }
    let rehearse = no_rehearsal.then_some(false);
    let act = |bot| UpgradeBot { bot, to: to.clone(), rehearse };
    acts::each_told(session, &several, wait::UPGRADED, act, nothing_begun).await
}

/// What to say where no upgrade was begun: the bot has what was asked for.
fn nothing_begun(bot: &Value) -> Option<String> {
    let last = bot.get("upgrade").filter(|upgrade| upgrade.is_object());
    if last.is_some_and(|upgrade| number(upgrade, "ended_at_ms").is_none()) {
        return None;
    }
    let newer = match bot.get("openclaw_offers").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        true => "; there is no newer one here",
        false => "",
    };
    Some(format!("{} already runs with OpenClaw {}{newer}.", text(bot, "name"), text(bot, "openclaw")))
}
