//! Ending a process bot: asking first, then not asking. Only what carries the bot's traces is signalled.

use super::{
    ProcessRuntime, host,
    procs::Trail,
    record::{EXIT, LIFE, Life, MADE, Made},
    sweeping, watching,
};
use crate::{
    BotUser, RuntimeError,
    blocking::blocking,
    notes::{self, ASKED, Asked},
};
use api::ids::BotId;
use rustix::process::Signal;
use std::time::Duration;

/// How long the kernel may take to end what it was told to end.
const KILL: Duration = Duration::from_secs(10);

impl ProcessRuntime {
    pub(super) async fn end(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError> {
        let this = self.clone();
        let (made, life) = blocking("stopping the bot", move || this.ask_to_end(bot)).await?;
        if let Some(life) = &life {
            watching::ended(&life.child, grace).await?;
        }
        let this = self.clone();
        let keeper = life.as_ref().map(|l| l.keeper.clone());
        blocking("stopping the bot", move || this.end_all_of(bot, made.as_ref(), life.as_ref())).await?;
        // It notes how the bot ended and goes by itself; one that hangs is of no more use.
        if let Some(keeper) = keeper
            && !watching::ended(&keeper, Duration::from_secs(8)).await?
        {
            keeper.signal(Signal::KILL).map_err(RuntimeError::io("ending a keeper"))?;
        }
        Ok(())
    }

    /// Notes that we are asking, and asks.
    fn ask_to_end(&self, bot: BotId) -> Result<(Option<Made>, Option<Life>), RuntimeError> {
        let Some(notes) = self.notes(bot)? else { return Ok((None, None)) };
        if let (Some(made), Some(life)) = (&notes.made, &notes.life)
            && life.child.lives()
        {
            let asked = Asked { generation: made.generation };
            notes::write(&notes.logs, ASKED, &asked).map_err(RuntimeError::io("noting the bot's end"))?;
            let signalled = life.child.signal(Signal::TERM);
            // A stopped process hears nothing before it goes on.
            signalled
                .and_then(|()| life.child.signal(Signal::CONT))
                .map_err(RuntimeError::io("ending the bot"))?;
        }
        Ok((notes.made, notes.life))
    }

    /// Ends every process of the bot at once. It may be forking meanwhile: repeated until none is left.
    pub(super) fn end_all_of(
        &self,
        bot: BotId,
        made: Option<&Made>,
        life: Option<&Life>,
    ) -> Result<(), RuntimeError> {
        let noted = made.map(|m| BotUser { uid: m.uid, gid: m.gid });
        let trail = Trail {
            bot,
            user: noted.filter(|user| host::own_uid(user.uid).is_some()).or_else(|| self.own_user(bot)),
            marked: &|process| self.is_of(process, bot),
            keeper: life.map(|l| &l.keeper),
            child: life.map(|l| &l.child),
        };
        match sweeping::end_all(&trail, KILL).map_err(RuntimeError::io("ending the bot"))? {
            true => Ok(()),
            false => Err(RuntimeError::Timeout { what: "ending the bot's processes", after: KILL }),
        }
    }

    /// Removes what is noted, `made` last: until then the bot counts as there.
    pub(super) fn forget(&self, bot: BotId) -> Result<(), RuntimeError> {
        let Some(notes) = self.notes(bot)? else { return Ok(()) };
        for name in [LIFE, EXIT, ASKED, MADE] {
            notes::remove(&notes.logs, name).map_err(RuntimeError::io("forgetting the bot"))?;
        }
        Ok(())
    }
}
