//! Creating and starting a process bot.

use super::{
    ProcessRuntime, host,
    keeper::{Answer, Order},
    record::{EXIT, LIFE, Life, MADE, Made},
};
use crate::{
    BotSpec, Observation, RuntimeError,
    blocking::blocking,
    home::{CELL_FILE, Part},
    install::Tools,
    notes::{self, ASKED},
};
use api::ids::BotId;
use cap_std::fs::File;
use std::{process::Stdio, time::Duration};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// How long a keeper may take until it says that the bot runs.
const ANSWER: Duration = Duration::from_secs(20);
const MOST_ANSWER: u64 = 64 << 10;

impl ProcessRuntime {
    pub(super) fn make(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        host::admit(spec)?;
        let bot = spec.bot;
        let made = Made::of(&self.inner.config.instance, spec);
        let notes = self.notes(bot)?.ok_or(RuntimeError::NotFound("the bot's files"))?;
        match self.look(bot)? {
            Observation::Absent => {}
            _ if notes.made.as_ref() == Some(&made) => return Ok(()),
            seen => return Err(RuntimeError::Conflict { found: seen.generation().unwrap_or(0) }),
        }
        let home = self.inner.config.homes.of(bot);
        if home.user()? != spec.user {
            return Err(RuntimeError::Refused("the bot's files belong to another user".to_owned()));
        }
        home.write_cell()?;
        home.refresh_run()?;
        home.make_scratch()?;
        notes::write(&notes.logs, MADE, &made).map_err(RuntimeError::io("noting the bot"))
    }

    pub(super) async fn start_keeper(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        let this = self.clone();
        let Some((order, turn)) = blocking("starting the bot", move || this.order(bot, generation)).await?
        else {
            return Ok(());
        };
        // On its own task: whoever asked may go away, a keeper half told what to do may not stay.
        let life = tokio::spawn({
            let keeper = self.inner.config.keeper.clone();
            async move {
                let answer = tokio::time::timeout(ANSWER, command_keeper(&keeper, &order)).await;
                drop(turn);
                answer
            }
        });
        let life = match life.await {
            Ok(Ok(answer)) => answer?,
            Ok(Err(_)) => {
                return Err(RuntimeError::Timeout { what: "starting the bot's process", after: ANSWER });
            }
            Err(_) => return Err(RuntimeError::Cancelled),
        };
        self.watch_life(bot, life, &tokio::runtime::Handle::current());
        Ok(())
    }

    /// What the keeper is to do, and a lock for the time until it does it; `None` where it is done.
    fn order(&self, bot: BotId, generation: i64) -> Result<Option<(Order, File)>, RuntimeError> {
        let turn = self.turn(bot)?;
        let notes = self.notes(bot)?.ok_or(RuntimeError::NotFound("the bot's process"))?;
        let made = notes.made.as_ref().ok_or(RuntimeError::NotFound("the bot's process"))?;
        if made.generation != generation {
            return Err(RuntimeError::Conflict { found: made.generation });
        }
        match self.look(bot)? {
            Observation::Running { generation: found, .. } if found == generation => return Ok(None),
            Observation::Running { generation: found, .. } => return Err(RuntimeError::Conflict { found }),
            _ => {}
        }
        // Nobody of an earlier run may be left behind the new one's back.
        self.end_all_of(bot, Some(made), notes.life.as_ref())?;
        for name in [LIFE, EXIT, ASKED] {
            notes::remove(&notes.logs, name).map_err(RuntimeError::io("noting the bot"))?;
        }
        let home = self.inner.config.homes.of(bot);
        let order = Order {
            instance: made.instance.clone(),
            bot,
            generation,
            logs: home.path(Part::Logs),
            cwd: home.path(Part::Workspace),
            argv: self.argv(bot, made),
            env: made.env.clone(),
            user: host::own_uid(made.uid).map(|uid| (uid, made.gid)),
            pids: made.pids,
        };
        Ok(Some((order, turn)))
    }

    /// One start of a bot at a time: a second would take the first one's process for a left-over.
    fn turn(&self, bot: BotId) -> Result<File, RuntimeError> {
        let notes = self.notes(bot)?.ok_or(RuntimeError::NotFound("the bot's process"))?;
        let io = RuntimeError::io("waiting for another start of the bot");
        let file = notes.logs.create("start.lock").map_err(&io)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).map_err(|e| io(e.into()))?;
        Ok(file)
    }

    fn argv(&self, bot: BotId, made: &Made) -> Vec<String> {
        if let Some(command) = &self.inner.config.command {
            return command.clone();
        }
        let node = self.inner.config.tools.places(Tools::pinned()).node;
        let cell = self.inner.config.homes.of(bot).path(Part::Config).join(CELL_FILE);
        vec![
            node.to_string_lossy().into_owned(),
            crate::spec::heap_limit(made.memory_bytes),
            cell.to_string_lossy().into_owned(),
        ]
    }
}

async fn command_keeper(keeper: &[std::path::PathBuf], order: &Order) -> Result<Life, RuntimeError> {
    let mut words = keeper.iter();
    let program = words.next().ok_or_else(|| RuntimeError::Spawn("no keeper is configured".to_owned()))?;
    let spawn = |e: std::io::Error| RuntimeError::Spawn(format!("{}: {e}", program.display()));
    let mut child = tokio::process::Command::new(program)
        .args(words)
        // Seen in the list of processes; what matters goes over stdin.
        .arg(order.bot.to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(spawn)?;
    let text = serde_json::to_vec(order).map_err(|e| RuntimeError::Spawn(e.to_string()))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    // Collects it when it ends, whenever that is.
    tokio::spawn(async move { child.wait().await });
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(RuntimeError::Spawn("the keeper has no pipes".to_owned()));
    };
    stdin.write_all(&text).await.map_err(spawn)?;
    drop(stdin);
    let mut line = String::new();
    BufReader::new(stdout.take(MOST_ANSWER)).read_line(&mut line).await.map_err(spawn)?;
    match serde_json::from_str(&line) {
        Ok(Answer::Started(life)) => Ok(life),
        Ok(Answer::Failed(why)) => Err(RuntimeError::Spawn(why)),
        Err(_) => Err(RuntimeError::Spawn("the keeper ended without a word".to_owned())),
    }
}
