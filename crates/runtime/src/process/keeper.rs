//! The keeper of one bot: starts it as its user, writes its output, notes how it ended.
//!
//! A process of its own, so that a bot outlives Chela and Chela still learns how it ended. It decides
//! nothing: no restart, no stop. It holds a lock while it lives, so a bot never has two.

use super::{
    procs::{Ident, MARK_BOT, MARK_GENERATION, MARK_INSTANCE, Process, Trail},
    record::{EXIT, Exit, LIFE, Life},
    sweeping,
};
use crate::{
    BotUser,
    notes::{self, now_ms},
    output,
};
use api::ids::BotId;
use cap_std::{ambient_authority, fs::Dir};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, PipeReader, Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

/// What a keeper is told on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) instance: String,
    pub(super) bot: BotId,
    pub(super) generation: i64,
    /// `logs` of the bot.
    pub(super) logs: PathBuf,
    pub(super) cwd: PathBuf,
    pub(super) argv: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    /// Its uid and gid, where they are its own.
    pub(super) user: Option<(u32, u32)>,
    pub(super) pids: u32,
}

/// What a keeper answers on its standard output, once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Started(Life),
    Failed(String),
}

const LOCK: &str = "keeper.lock";
const MOST_ORDER: u64 = 1 << 20;
/// Files a bot may have open at once.
const FILES: u64 = 4096;
/// The kernel, short of memory, ends bots before it ends Chela.
const OOM_SCORE: &str = "500";

/// The whole life of a keeper; `main` ends with what it returns.
#[must_use]
pub fn keeper_main() -> ExitCode {
    // Out of Chela's terminal and process group. It fails only where that is so already.
    let _ = rustix::process::setsid();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let started = start();
    let answer = match &started {
        Ok((_, life)) => Answer::Started(life.clone()),
        Err(error) => Answer::Failed(error.to_string()),
    };
    // Chela may be gone by now; the bot lives all the same.
    if let Ok(mut line) = serde_json::to_vec(&answer) {
        line.push(b'\n');
        let mut out = io::stdout();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
    match started {
        Ok((kept, life)) => {
            attend(&kept, &life);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

struct Kept {
    logs: Dir,
    order: Order,
    /// Held until the end.
    _lock: cap_std::fs::File,
    out_of_heap: Arc<AtomicBool>,
    oom_kills: u64,
    output_ended: mpsc::Receiver<()>,
}

fn start() -> io::Result<(Kept, Life)> {
    let mut text = String::new();
    io::stdin().lock().take(MOST_ORDER).read_to_string(&mut text)?;
    let order: Order = serde_json::from_str(&text)?;
    let logs = Dir::open_ambient_dir(&order.logs, ambient_authority())?;
    let lock = logs.create(LOCK)?;
    if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(io::Error::other("this bot has a keeper already"));
    }
    // Whatever the bot leaves behind when it ends becomes ours.
    rustix::process::set_child_subreaper(Pid::from_raw(1))?;
    let (reader, writer) = io::pipe()?;
    let oom_kills = oom_kills();
    let child = command(&order, writer)?.spawn().map_err(|e| {
        io::Error::new(e.kind(), format!("{}: {e}", order.argv.first().map_or("no command", String::as_str)))
    })?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), OOM_SCORE);
    let gone = || io::Error::other("the process was gone at once");
    let me = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let life = Life {
        generation: order.generation,
        keeper: Ident::of(me).ok_or_else(gone)?,
        child: Ident::of(pid).ok_or_else(gone)?,
        started_at_ms: now_ms(),
    };
    // A bot that Chela could not find again must not live.
    if let Err(error) = notes::write(&logs, LIFE, &life) {
        let _ = life.child.signal(Signal::KILL);
        return Err(error);
    }
    let out_of_heap = Arc::new(AtomicBool::new(false));
    let output_ended = read_output(logs.try_clone()?, reader, Arc::clone(&out_of_heap));
    Ok((Kept { logs, order, _lock: lock, out_of_heap, oom_kills, output_ended }, life))
}

fn command(order: &Order, output: io::PipeWriter) -> io::Result<Command> {
    let mut argv = order.argv.iter();
    let program = argv.next().ok_or_else(|| io::Error::other("no command"))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none)?;
    // For the keeper's children too: no program with a set-uid bit gives them more than they have.
    rustix::thread::set_no_new_privs(true)?;
    let files = rustix::process::getrlimit(Resource::Nofile).maximum.map_or(FILES, |most| most.min(FILES));
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: Some(files) })?;
    let mut command = Command::new(program);
    command
        .args(argv)
        .env_clear()
        .envs(&order.env)
        .env(MARK_INSTANCE, &order.instance)
        .env(MARK_BOT, order.bot.to_string())
        .env(MARK_GENERATION, order.generation.to_string())
        .current_dir(&order.cwd)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0);
    if let Some((uid, gid)) = order.user {
        // Counted per uid, so only where the uid is the bot's own. std drops supplementary groups.
        let pids = u64::from(order.pids);
        rustix::process::setrlimit(Resource::Nproc, Rlimit { current: Some(pids), maximum: Some(pids) })?;
        command.uid(uid).gid(gid);
    }
    Ok(command)
}

fn read_output(logs: Dir, pipe: PipeReader, out_of_heap: Arc<AtomicBool>) -> mpsc::Receiver<()> {
    let (ended, waits) = mpsc::channel();
    std::thread::spawn(move || {
        output::keep(&logs, pipe, output::MOST_BYTES, &out_of_heap);
        let _ = ended.send(());
    });
    waits
}

/// Waits for the end of the bot, ends what it left behind, notes how it went.
fn attend(kept: &Kept, life: &Life) {
    let status = loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == life.child.pid => break Some(status),
            // An orphan of the bot's.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => break None,
        }
    };
    let signal = status.and_then(|s| s.terminating_signal());
    let code = status.and_then(|s| s.exit_status()).or(signal.map(|s| 128 + s)).unwrap_or(-1);
    end_orphans(&kept.order, life);
    // What was said last is on disk before the end is known.
    let _ = kept.output_ended.recv_timeout(Duration::from_secs(2));
    let killed = signal == Some(Signal::KILL.as_raw()) && oom_kills() > kept.oom_kills;
    let aborted = signal == Some(Signal::ABORT.as_raw()) && kept.out_of_heap.load(Ordering::Relaxed);
    let exit =
        Exit { generation: kept.order.generation, code, out_of_memory: killed || aborted, at_ms: now_ms() };
    let _ = notes::write(&kept.logs, EXIT, &exit);
}

/// All that is left under us, and all of the bot's user, was the bot's.
fn end_orphans(order: &Order, life: &Life) {
    let user = order.user.map(|(uid, gid)| BotUser { uid, gid });
    if user.is_some() {
        // The stroke is one process more under a uid that may have used up its number.
        let most = Rlimit { current: None, maximum: None };
        let _ = rustix::process::setrlimit(Resource::Nproc, most);
    }
    let marked = |process: &Process| {
        process.mark.as_ref().is_some_and(|m| m.bot == order.bot && m.instance == order.instance)
    };
    let trail = Trail { bot: order.bot, user, marked: &marked, keeper: Some(&life.keeper), child: None };
    let _ = sweeping::end_all(&trail, Duration::from_secs(5));
}

/// How often the kernel ended something for want of memory since boot.
fn oom_kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("oom_kill "));
    line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}
