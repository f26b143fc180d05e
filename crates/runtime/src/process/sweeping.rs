//! Ending all processes of a bot, also while they fork.
//!
//! Looking and killing one by one can be outrun by what forks and goes. Where the bot is a user of its own,
//! the kernel kills all of that user's processes at one stroke; elsewhere all are stopped first.

use super::procs::{self, Ident, Trail};
use crate::BotUser;
use rustix::process::Signal;
use std::{
    collections::HashSet,
    io,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How often it is looked for what is not stopped yet.
const LOOKS: usize = 50;
/// How long one process may take to end.
const ONE_END: Duration = Duration::from_millis(500);
/// How long the stroke may take. The bot may stop it: it is done in the bot's name.
const STROKE: Duration = Duration::from_secs(2);

/// Ends what the trail leads to, until nothing is left or the time is up; says whether nothing is left.
pub(super) fn end_all(trail: &Trail<'_>, at_most: Duration) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        let found = procs::of_bot(trail)?;
        if found.ours.is_empty() {
            return Ok(true);
        }
        if begun.elapsed() > at_most {
            return Ok(false);
        }
        let struck = match trail.user {
            Some(user) if found.alone => strike(user).is_ok(),
            _ => false,
        };
        if !struck {
            halt(trail)?;
        }
        let left = procs::of_bot(trail)?.ours;
        for process in &left {
            process.signal(Signal::KILL)?;
        }
        for process in &left {
            procs::await_end(process, ONE_END)?;
        }
    }
}

/// `kill(-1)` in the name of the bot: reaches all it could signal itself, which is all of its uid. The
/// kernel lets nobody fork meanwhile.
fn strike(user: BotUser) -> io::Result<()> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", "kill -KILL -1"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .uid(user.uid)
        .gid(user.gid)
        .spawn()?;
    if let Some(it) = i32::try_from(child.id()).ok().and_then(Ident::of) {
        procs::await_end(&it, STROKE)?;
    }
    child.kill()?;
    child.wait().map(drop)
}

/// Stops them: what is stopped does not fork.
fn halt(trail: &Trail<'_>) -> io::Result<()> {
    let mut stopped = HashSet::new();
    for _ in 0..LOOKS {
        let mut found = procs::of_bot(trail)?.ours;
        found.retain(|p| stopped.insert((p.pid, p.start_ticks)));
        if found.is_empty() {
            return Ok(());
        }
        for process in &found {
            process.signal(Signal::STOP)?;
        }
    }
    Ok(())
}
