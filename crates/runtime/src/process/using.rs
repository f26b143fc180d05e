//! What process bots use, by one look at all processes.

use super::ProcessRuntime;
use crate::{RuntimeError, Used, UsedBy};
use api::ids::BotId;
use std::{collections::HashMap, fs};

/// One process as `/proc/<pid>/stat` counts it.
struct Share {
    parent: i32,
    start_ticks: u64,
    cpu_ticks: u64,
    pages: u64,
}

impl Share {
    fn of(pid: i32) -> Option<Self> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(&text)
    }

    fn parse(stat: &[u8]) -> Option<Self> {
        // The name in parentheses may hold anything: what follows the last one is fixed.
        let end = stat.iter().rposition(|b| *b == b')')?;
        let fields: Vec<&str> =
            std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace().collect();
        let number = |n: usize| fields.get(n)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            start_ticks: number(19)?,
            cpu_ticks: number(11)? + number(12)?,
            pages: number(21)?,
        })
    }
}

impl ProcessRuntime {
    pub(super) fn used_by_all(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        let mut children: HashMap<i32, (BotId, u64)> = HashMap::new();
        for bot in self.inner.config.homes.list()? {
            // One whose notes cannot be read must not hide all others.
            let Ok(Some(notes)) = self.notes(bot) else { continue };
            if let Some(life) = notes.life {
                children.insert(life.child.pid, (bot, life.child.start_ticks));
            }
        }
        let shares = shares().map_err(RuntimeError::io("listing processes"))?;
        let (tick_us, page) = (
            1_000_000 / rustix::param::clock_ticks_per_second().max(1),
            u64::try_from(rustix::param::page_size()).unwrap_or(4096),
        );
        let mut sums: HashMap<BotId, Used> = HashMap::new();
        for (pid, share) in &shares {
            // Bounded: while we look, pids may be taken anew and seem to go in a circle.
            let mut line =
                std::iter::successors(Some(*pid), |pid| shares.get(pid).map(|share| share.parent)).take(1024);
            let bot = line.find_map(|pid| {
                let (bot, start) = children.get(&pid)?;
                (shares.get(&pid)?.start_ticks == *start).then_some(*bot)
            });
            if let Some(bot) = bot {
                let sum = sums.entry(bot).or_default();
                sum.cpu_us += share.cpu_ticks * tick_us;
                sum.memory_bytes += share.pages * page;
                sum.processes += 1;
            }
        }
        Ok(sums.into_iter().map(|(bot, used)| UsedBy { bot, used }).collect())
    }
}

fn shares() -> std::io::Result<HashMap<i32, Share>> {
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that ends while we look uses nothing any more.
    Ok(pids.filter_map(|pid| Some((pid, Share::of(pid)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_name_with_parentheses_does_not_move_the_figures() {
        let stat = b"7 (a) b) c) S 3 7 7 0 -1 0 10 0 0 0 25 5 0 0 20 0 11 0 900 5000 42 18446744073709551615";
        let share = Share::parse(stat).unwrap();
        assert_eq!((share.parent, share.cpu_ticks, share.start_ticks, share.pages), (3, 30, 900, 42));
    }
}
