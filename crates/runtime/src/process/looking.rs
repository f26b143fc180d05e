//! How a process bot stands.

use super::{
    ProcessRuntime, host,
    procs::{self, Process},
    record::{EXIT, Exit, LIFE, Life, MADE, Made},
    watching,
};
use crate::{
    BotUser, Foreign, Found, Observation, RuntimeError,
    blocking::blocking,
    home::{HomeError, Part},
    notes::{self, ASKED, Asked},
};
use api::ids::BotId;
use cap_std::fs::Dir;
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

const WHAT: &str = "reading what is noted of the bot";

/// All that is noted of a bot.
pub(super) struct Notes {
    pub(super) logs: Dir,
    pub(super) made: Option<Made>,
    pub(super) life: Option<Life>,
    pub(super) exit: Option<Exit>,
    pub(super) asked: Option<Asked>,
}

impl ProcessRuntime {
    /// `None` where the bot has no files.
    pub(super) fn notes(&self, bot: BotId) -> Result<Option<Notes>, RuntimeError> {
        let logs = match self.inner.config.homes.of(bot).part(Part::Logs) {
            Ok(logs) => logs,
            Err(HomeError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(e) => return Err(e.into()),
        };
        let io = RuntimeError::io(WHAT);
        (|| {
            let made: Option<Made> = notes::read(&logs, MADE)?;
            let of = made.as_ref().map(|m| m.generation);
            let life = notes::read::<Life>(&logs, LIFE)?.filter(|l| Some(l.generation) == of);
            let exit = notes::read::<Exit>(&logs, EXIT)?.filter(|e| Some(e.generation) == of);
            let asked = notes::read::<Asked>(&logs, ASKED)?.filter(|a| Some(a.generation) == of);
            Ok(Some(Notes { logs, made, life, exit, asked }))
        })()
        .map_err(io)
    }

    pub(super) fn look(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        self.look_among(bot, || procs::all().map_err(RuntimeError::io("listing processes")))
    }

    fn look_among(
        &self,
        bot: BotId,
        processes: impl FnOnce() -> Result<Vec<Process>, RuntimeError>,
    ) -> Result<Observation, RuntimeError> {
        let notes = self.notes(bot)?;
        if let Some(notes) = &notes
            && let (Some(made), Some(life)) = (&notes.made, &notes.life)
        {
            let generation = made.generation;
            if life.child.lives() {
                let handle = life.child.pid.to_string();
                return Ok(Observation::Running { generation, handle, started_at_ms: life.started_at_ms });
            }
            let exit = notes.exit.as_ref();
            return Ok(Observation::Exited {
                generation,
                code: exit.map(|e| e.code),
                out_of_memory: exit.is_some_and(|e| e.out_of_memory),
                asked: notes.asked.is_some(),
                at_ms: exit.map(|e| e.at_ms),
            });
        }
        // Never started as far as noted; but a keeper may have been cut between starting and noting.
        if let Some(found) = processes()?.into_iter().find(|p| self.is_of(p, bot)) {
            let generation = found.mark.map_or(0, |m| m.generation);
            let handle = found.ident.pid.to_string();
            return Ok(Observation::Running { generation, handle, started_at_ms: notes::now_ms() });
        }
        let made = notes.and_then(|n| n.made);
        Ok(made.map_or(Observation::Absent, |made| Observation::Created { generation: made.generation }))
    }

    /// Whether this process is the bot's by its mark and its user.
    pub(super) fn is_of(&self, process: &Process, bot: BotId) -> bool {
        self.marked_bot(process) == Some(bot)
    }

    /// The bot whose mark a process carries. A bot writes its own environment: where bots are users of their
    /// own, the mark of a bot is believed of that bot's user only, and where that one's files are gone, of a
    /// user that is nobody else's.
    fn marked_bot(&self, process: &Process) -> Option<BotId> {
        let mark = process.mark.as_ref().filter(|m| m.instance == self.inner.config.instance.as_str())?;
        let believed = !host::is_root()
            || match self.own_user(mark.bot) {
                Some(user) => user.uid == process.uid,
                None => process.uid != 0 && !self.is_anybodys(process.uid),
            };
        believed.then_some(mark.bot)
    }

    /// The bot's user, where that is its own and its files tell.
    pub(super) fn own_user(&self, bot: BotId) -> Option<BotUser> {
        let user = self.inner.config.homes.of(bot).user().ok()?;
        host::own_uid(user.uid).map(|_own| user)
    }

    fn is_anybodys(&self, uid: u32) -> bool {
        let bots = self.inner.config.homes.list().unwrap_or_default();
        bots.into_iter().filter_map(|bot| self.own_user(bot)).any(|user| user.uid == uid)
    }

    pub(super) fn look_for_all(&self) -> Result<Vec<Found>, RuntimeError> {
        let processes = procs::all().map_err(RuntimeError::io("listing processes"))?;
        let mut bots: HashSet<BotId> = self.inner.config.homes.list()?.into_iter().collect();
        bots.extend(processes.iter().filter_map(|p| self.marked_bot(p)));
        let mut found = Vec::new();
        for bot in bots {
            match self.look_among(bot, || Ok(processes.clone()))? {
                Observation::Absent => {}
                seen => found.push(Found { bot, seen }),
            }
        }
        Ok(found)
    }

    /// Processes with the mark of another instance, one for each of its bots.
    pub(super) fn look_for_foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        let processes = procs::all().map_err(RuntimeError::io("listing processes"))?;
        let mut bots = BTreeMap::new();
        for process in processes {
            let Some(mark) = process.mark.filter(|m| m.instance != self.inner.config.instance.as_str())
            else {
                continue;
            };
            let first = bots.entry((mark.instance, mark.bot)).or_insert(process.ident.pid);
            *first = process.ident.pid.min(*first);
        }
        let foreign = |((instance, _), pid): ((String, _), i32)| Foreign {
            handle: pid.to_string(),
            instance,
            since_ms: None,
        };
        Ok(bots.into_iter().map(foreign).collect())
    }

    /// A process that just ended has a keeper that is about to note how.
    pub(super) async fn await_exit_note(&self, bot: BotId) -> Result<(), RuntimeError> {
        let this = self.clone();
        let pending = blocking("looking at the bot", move || {
            let life = this.notes(bot)?.filter(|n| n.exit.is_none()).and_then(|n| n.life);
            Ok(life.filter(|life| !life.child.lives()))
        });
        if let Some(life) = pending.await? {
            watching::ended(&life.keeper, Duration::from_secs(8)).await?;
        }
        Ok(())
    }
}
