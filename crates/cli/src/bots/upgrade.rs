//! Giving bots another OpenClaw, and going back.

use super::{Several, acts, wait};
use crate::{failure::Failure, session::Session};
use api::bots::{CancelUpgrade, ReturnBot, UpgradeBot};
use clap::Args;

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
    acts::each(session, &several, wait::UPGRADED, |bot| UpgradeBot { bot, to: to.clone(), rehearse }).await
}
