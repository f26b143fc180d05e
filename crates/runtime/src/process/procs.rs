//! Processes of this host: which are a bot's, whether one is still the same, and signalling exactly that one.
//!
//! A pid alone means nothing after its process ended. A process is known by pid, start time and boot; a signal
//! goes through a pidfd that was opened before the identity was checked, so it cannot hit a successor.

use crate::BotUser;
use api::ids::BotId;
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fs, io, io::Read, os::fd::OwnedFd, time::Duration};

/// Marks in the environment of every process bot.
pub(super) const MARK_INSTANCE: &str = "CHELA_INSTANCE";
pub(super) const MARK_BOT: &str = "CHELA_BOT";
pub(super) const MARK_GENERATION: &str = "CHELA_GENERATION";

/// One process, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ident {
    pub(super) pid: i32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub(super) start_ticks: u64,
    pub(super) boot: String,
}

impl Ident {
    /// Who has this pid now.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = Stat::of(pid)?;
        Some(Self { pid, start_ticks: stat.start_ticks, boot: boot()? })
    }

    /// A handle of this very process, if it lives.
    pub(super) fn open(&self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(Errno::SRCH | Errno::INVAL) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        Ok(self.lives().then_some(fd))
    }

    /// Whether this very process lives (a zombie does not).
    pub(super) fn lives(&self) -> bool {
        Stat::of(self.pid)
            .is_some_and(|s| s.start_ticks == self.start_ticks && s.state != 'Z' && s.state != 'X')
            && boot().as_ref() == Some(&self.boot)
    }

    /// Signals this very process, if it lives.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        if let Some(fd) = self.open()? {
            match pidfd_send_signal(&fd, signal) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

/// This boot of the machine.
fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|t| t.trim().to_owned())
}

/// What `/proc/<pid>/stat` says.
struct Stat {
    state: char,
    parent: i32,
    group: i32,
    start_ticks: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, also parentheses: what follows the last one is fixed.
        let end = text.iter().rposition(|b| *b == b')')?;
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }
}

/// The mark a process carries. Its environment says so, and that is in its own hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) instance: String,
    pub(super) bot: BotId,
    pub(super) generation: i64,
}

impl Mark {
    fn of(pid: i32) -> Option<Self> {
        let mut bytes = Vec::new();
        fs::File::open(format!("/proc/{pid}/environ")).ok()?.take(256 << 10).read_to_end(&mut bytes).ok()?;
        let value = |name: &str| {
            let found = bytes.split(|b| *b == 0).find_map(|pair| {
                pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            })?;
            std::str::from_utf8(found).ok()
        };
        Some(Self {
            instance: value(MARK_INSTANCE)?.to_owned(),
            bot: value(MARK_BOT)?.parse().ok()?,
            generation: value(MARK_GENERATION)?.parse().ok()?,
        })
    }
}

/// A living process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) ident: Ident,
    pub(super) mark: Option<Mark>,
    parent: i32,
    group: i32,
    pub(super) uid: u32,
}

/// All living processes that this user may see.
pub(super) fn all() -> io::Result<Vec<Process>> {
    let boot = boot().ok_or(io::ErrorKind::NotFound)?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        // One that ends while we look is no process any more.
        let Some(stat) = Stat::of(pid) else { continue };
        if matches!(stat.state, 'Z' | 'X') {
            continue;
        }
        let Some(uid) = real_uid(pid) else { continue };
        let ident = Ident { pid, start_ticks: stat.start_ticks, boot: boot.clone() };
        found.push(Process { ident, mark: Mark::of(pid), parent: stat.parent, group: stat.group, uid });
    }
    Ok(found)
}

fn real_uid(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// What is known of a bot when its processes are looked for.
pub(super) struct Trail<'a> {
    pub(super) bot: BotId,
    /// The bot's user, where that is its own. Then marks count for nothing: they are environment, which
    /// the bot writes.
    pub(super) user: Option<BotUser>,
    /// Whose mark is believed where the bot has no user of its own.
    pub(super) marked: &'a dyn Fn(&Process) -> bool,
    pub(super) keeper: Option<&'a Ident>,
    pub(super) child: Option<&'a Ident>,
}

/// What a trail leads to.
pub(super) struct Traced {
    pub(super) ours: Vec<Ident>,
    /// Whether all that runs under the bot's uid is the bot's.
    pub(super) alone: bool,
}

/// Processes of a bot: those that descend from its keeper, those of its process group, those of its uid, and,
/// where it has none of its own, those that carry its mark.
pub(super) fn of_bot(trail: &Trail<'_>) -> io::Result<Traced> {
    let all = all()?;
    let by_pid: HashMap<i32, &Process> = all.iter().map(|p| (p.ident.pid, p)).collect();
    let keeper = trail.keeper.filter(|k| by_pid.get(&k.pid).is_some_and(|p| p.ident == **k)).map(|k| k.pid);
    // The group exists as long as one of it lives, so its number is not taken again; its first member's
    // identity says whether it is still this group.
    let group = trail.child.filter(|c| by_pid.get(&c.pid).is_some_and(|p| p.ident == **c)).map(|c| c.pid);
    let mut traced = Traced { ours: Vec::new(), alone: true };
    for process in all.iter().filter(|p| Some(p.ident.pid) != keeper) {
        let near = keeper.is_some_and(|k| ancestors(process, &by_pid).any(|p| p.ident.pid == k))
            || group.is_some_and(|pid| pid == process.group);
        let named = match trail.user {
            Some(user) if user.uid == process.uid => {
                let kept_for_another = is_kept_for_another(process, &by_pid, trail.bot);
                traced.alone &= !kept_for_another;
                !kept_for_another
            }
            Some(_) => false,
            None => (trail.marked)(process),
        };
        if near || named {
            traced.ours.push(process.ident.clone());
        }
    }
    Ok(traced)
}

fn ancestors<'a>(
    process: &'a Process,
    by_pid: &'a HashMap<i32, &'a Process>,
) -> impl Iterator<Item = &'a Process> {
    // Bounded: while we look, pids may be taken anew and seem to go in a circle.
    std::iter::successors(by_pid.get(&process.parent).copied(), |p| by_pid.get(&p.parent).copied()).take(1024)
}

/// Two Chelas of one host may have given the same uid away. Who is whose is then told by the keepers, which
/// belong to root: no bot makes one, or comes to be under another's.
fn is_kept_for_another(process: &Process, by_pid: &HashMap<i32, &Process>, bot: BotId) -> bool {
    let above = ancestors(process, by_pid).find(|p| p.uid != process.uid).filter(|p| p.uid == 0);
    above.and_then(|p| kept_bot(p.ident.pid)).is_some_and(|other| other != bot)
}

/// The bot a process is the keeper of, if it is one.
fn kept_bot(pid: i32) -> Option<BotId> {
    let mut words = Vec::new();
    fs::File::open(format!("/proc/{pid}/cmdline")).ok()?.take(64 << 10).read_to_end(&mut words).ok()?;
    let last = words.split(|b| *b == 0).rfind(|word| !word.is_empty())?;
    std::str::from_utf8(last).ok()?.parse().ok()
}

/// Waits, blocking, until this very process has ended or the time is up.
pub(super) fn await_end(process: &Ident, at_most: Duration) -> io::Result<()> {
    let Some(fd) = process.open()? else { return Ok(()) };
    let wait = rustix::event::Timespec {
        tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(at_most.subsec_nanos()),
    };
    let mut fds = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
    match rustix::event::poll(&mut fds, Some(&wait)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
