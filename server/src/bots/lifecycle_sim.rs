//! Bots, their runtime and a Chela that may be cut anywhere, in virtual time: seeded storms of people and faults
//! against the lifecycle, with what must never happen looked for after every step, and what must happen at the end.
//!
//! A failure names its seed; `CHELA_SIM_SEED=<seed>` plays that one alone and tells every step. `CHELA_SIM_SEEDS`
//! says how many are played.

use super::*;
use crate::platform::jobs::LONGEST_WAIT_MS;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use std::collections::{BTreeMap, BTreeSet};

/// Bots of one play.
const BOTS: usize = 50;
/// What happens in one play before the calm.
const STEPS: usize = 100;
const SEEDS: u64 = 10_000;
/// A fresh gateway's time, one that comes back, and the resync, as the reconciler has them.
const FIRST_READY_MS: i64 = crate::bots::reconcile::FIRST_READY_MS;
const BACK_READY_MS: i64 = crate::bots::reconcile::BACK_READY_MS;
/// Steps and looks that may pass in the calm until a bot stands as wanted.
const PATIENCE: usize = 40;

/// A bot's row, as far as it matters here.
#[derive(Clone, Debug)]
struct Row {
    desired: Desired,
    generation: i64,
    config: i64,
    running_config: Option<i64>,
    failures: i64,
    next_try_at_ms: Option<i64>,
    /// Whose tokens the relay takes.
    tokens: Option<i64>,
    shown: Observed,
    /// Which OpenClaw it is to run with.
    version: u32,
    upgrade: Option<Swap>,
}

/// An upgrade that has taken over.
#[derive(Clone, Copy, Debug)]
struct Swap {
    from: u32,
    returning: bool,
    kept: bool,
}

impl Row {
    /// The new version was not well: back to the one before.
    fn undo(&mut self) -> bool {
        let Some(swap) = self.upgrade.as_mut().filter(|swap| !swap.returning) else { return false };
        swap.returning = true;
        (self.version, self.failures, self.next_try_at_ms) = (swap.from, 0, None);
        true
    }
}

/// A container.
#[derive(Clone, Debug)]
struct Thing {
    seen: Seen,
    /// When its gateway answers; never, if it hangs.
    ready_at_ms: Option<i64>,
    config: Option<i64>,
}

/// What Chela knows only as long as it lives.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    prepared: bool,
    awaiting: Option<(i64, i64)>,
    was_ready: Option<i64>,
}

/// How a call of the runtime goes, and whether Chela lives to write down what it did.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Luck {
    Good,
    /// The engine fails before it does anything.
    Refused,
    /// The engine does it, and its answer is lost.
    Late,
    /// Chela is killed after the work, before its note.
    KilledBeforeNote,
    /// Chela is killed before the work.
    KilledBeforeWork,
}

struct Play {
    rng: SmallRng,
    seed: u64,
    told: bool,
    now_ms: i64,
    rows: BTreeMap<usize, Row>,
    things: BTreeMap<usize, Thing>,
    memory: BTreeMap<usize, Memory>,
    engine_up: bool,
    /// Which OpenClaw wrote a bot's state last, and the copy from before an upgrade.
    states: BTreeMap<usize, u32>,
    copies: BTreeMap<usize, u32>,
    /// Generations that were ever started: none twice.
    started: BTreeSet<(usize, i64)>,
}

impl Play {
    fn new(seed: u64, told: bool) -> Self {
        let row = Row {
            desired: Desired::Running,
            generation: 1,
            config: 1,
            running_config: None,
            failures: 0,
            next_try_at_ms: None,
            tokens: None,
            shown: Observed::Absent,
            version: 1,
            upgrade: None,
        };
        Self {
            rng: SmallRng::seed_from_u64(seed),
            seed,
            told,
            now_ms: 1_795_165_200_000,
            rows: (0..BOTS).map(|bot| (bot, row.clone())).collect(),
            things: BTreeMap::new(),
            memory: BTreeMap::new(),
            engine_up: true,
            states: BTreeMap::new(),
            copies: BTreeMap::new(),
            started: BTreeSet::new(),
        }
    }

    fn must(&self, holds: bool, what: &str) {
        assert!(holds, "seed {}: {what}; replay with CHELA_SIM_SEED={}", self.seed, self.seed);
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.told {
            eprintln!("{:>9} ms  {}", self.now_ms - 1_795_165_200_000, what());
        }
    }

    /// What people, bots, the engine and the machine do.
    fn happen(&mut self) {
        let bot = self.rng.random_range(0..BOTS);
        let what = self.rng.random_range(0..13);
        match what {
            0 | 1 => self.now_ms += [50, 1_000, 20_000, 200_000][self.rng.random_range(0..4)],
            2 => self.ask(bot, Desired::Running),
            3 => self.ask(bot, Desired::Stopped),
            4 if self.rng.random_bool(0.3) => self.ask(bot, Desired::Deleted),
            4 | 5 => {
                if let Some(row) = self.rows.get_mut(&bot) {
                    row.config += 1;
                }
            }
            6 => self.die(bot),
            // Somebody removes the container by hand.
            7 => drop(self.things.remove(&bot)),
            8 => {
                if let Some(thing) = self.things.get_mut(&bot) {
                    thing.ready_at_ms = None;
                }
            }
            9 => self.engine_up = !self.engine_up,
            10 => self.memory.clear(),
            11 => self.upgrade(bot),
            // A clock that was set back.
            _ if self.rng.random_bool(0.1) => self.now_ms -= 3_600_000,
            _ => {}
        }
        self.tell(|| format!("happened: {what} to bot {bot}"));
    }

    fn ask(&mut self, bot: usize, desired: Desired) {
        let Some(row) = self.rows.get_mut(&bot).filter(|row| row.desired != Desired::Deleted) else { return };
        if row.desired != desired {
            row.desired = desired;
            if desired == Desired::Running {
                // *Start* does not wait, and is a new life.
                (row.generation, row.failures, row.next_try_at_ms) = (row.generation + 1, 0, None);
            }
        }
    }

    /// A rehearsal went well: the new version takes over.
    fn upgrade(&mut self, bot: usize) {
        let Some(row) = self.rows.get_mut(&bot) else { return };
        if row.upgrade.is_none() && row.desired != Desired::Deleted {
            row.upgrade = Some(Swap { from: row.version, returning: false, kept: false });
            (row.version, row.generation) = (row.version + 1, row.generation + 1);
            (row.failures, row.next_try_at_ms) = (0, None);
        }
    }

    fn die(&mut self, bot: usize) {
        if let Some(thing) = self.things.get_mut(&bot)
            && let Seen::Running { generation } = thing.seen
        {
            thing.seen = Seen::Exited { generation, ours: false };
        }
    }

    fn standing(&mut self, bot: usize, row: &Row) -> Standing {
        let thing = self.things.get(&bot);
        let seen = match thing {
            _ if !self.engine_up => Seen::Unknown,
            None => Seen::Absent,
            Some(thing) => thing.seen,
        };
        let answers = thing.and_then(|thing| thing.ready_at_ms).is_some_and(|at| at <= self.now_ms);
        let memory = self.memory.entry(bot).or_default();
        let gateway = match seen {
            Seen::Running { generation } if generation == row.generation && answers => {
                (memory.awaiting, memory.was_ready) = (None, Some(generation));
                Gateway::Ready
            }
            Seen::Running { generation } if generation == row.generation => {
                let since = match memory.awaiting {
                    Some((of, since)) if of == generation && since <= self.now_ms => since,
                    _ => {
                        memory.awaiting = Some((generation, self.now_ms));
                        self.now_ms
                    }
                };
                let time = if memory.was_ready == Some(generation) { BACK_READY_MS } else { FIRST_READY_MS };
                if self.now_ms >= since + time { Gateway::Overdue } else { Gateway::Waiting }
            }
            _ => Gateway::Waiting,
        };
        Standing {
            desired: row.desired,
            seen,
            gateway,
            generation: row.generation,
            config_current: row.running_config == Some(row.config),
            keep: match row.upgrade {
                Some(Swap { returning: false, kept: false, .. }) => Keep::Take,
                Some(Swap { returning: true, kept: true, .. }) => Keep::Return,
                _ => Keep::Nothing,
            },
            must_wait: row
                .next_try_at_ms
                .is_some_and(|at| (1..=LONGEST_WAIT_MS).contains(&(at - self.now_ms))),
            prepared: memory.prepared,
        }
    }

    /// One look at one bot and the step that follows, as the reconciler takes it.
    fn turn(&mut self, bot: usize, luck: Luck) -> Option<Step> {
        let row = self.rows.get(&bot)?.clone();
        let standing = self.standing(bot, &row);
        let step = next(&standing);
        self.tell(|| format!("bot {bot}: {step:?} ({luck:?}) as {:?} {:?}", standing.desired, standing.seen));
        let (shown, _) = shown(&standing, step);
        let mut row = row;
        row.shown = shown;
        if matches!(shown, Observed::Running | Observed::Stopped) {
            row.next_try_at_ms = None;
        }
        match luck {
            Luck::KilledBeforeWork => {
                self.memory.clear();
                return Some(step);
            }
            Luck::Refused if touches_the_engine(step) => {
                row.failures += 1;
                row.next_try_at_ms = Some(self.now_ms + pause_ms(row.failures));
                if row.failures >= 3 && row.undo() {
                    row.generation += 1;
                }
                self.rows.insert(bot, row);
                return Some(step);
            }
            _ => {}
        }
        self.work(bot, step, &mut row);
        match luck {
            Luck::KilledBeforeNote => self.memory.clear(),
            Luck::Late if touches_the_engine(step) => {
                // Files and tokens were written before the engine was asked.
                row.failures += 1;
                row.next_try_at_ms = Some(self.now_ms + pause_ms(row.failures));
                self.rows.insert(bot, row);
            }
            _ if step == Step::Purge => drop(self.rows.remove(&bot)),
            _ => drop(self.rows.insert(bot, row)),
        }
        Some(step)
    }

    fn settle(&mut self, row: &mut Row) {
        if row.shown == Observed::Stopped {
            row.tokens = None;
        }
        let ends = row.upgrade.is_some_and(|swap| match swap.returning {
            // Well for a minute, or not yet.
            false => row.desired == Desired::Running && self.rng.random_bool(0.5),
            true => !swap.kept,
        });
        if ends {
            row.upgrade = None;
        }
    }

    fn keep(&mut self, bot: usize, row: &mut Row) {
        self.must(!self.things.contains_key(&bot), "a state was copied while its bot ran");
        let Some(swap) = row.upgrade.as_mut() else { return };
        if swap.returning {
            if let Some(copy) = self.copies.remove(&bot) {
                self.states.insert(bot, copy);
            }
        } else {
            // None at all is kept too: going back is to none.
            self.copies.insert(bot, self.states.get(&bot).copied().unwrap_or_default());
        }
        swap.kept = !swap.returning;
    }

    fn work(&mut self, bot: usize, step: Step, row: &mut Row) {
        let thing = self.things.get(&bot).map(|thing| thing.seen);
        match step {
            Step::Settle => self.settle(row),
            Step::Keep => self.keep(bot, row),
            Step::Pause | Step::AwaitRuntime | Step::AwaitGateway => {}
            Step::Prepare => self.memory.entry(bot).or_default().prepared = true,
            Step::Create => {
                self.must(thing.is_none(), "a second container was made for one bot");
                self.must(row.desired == Desired::Running, "a bot was made that nobody wants to run");
                // Written before the container is made, whatever becomes of the rest.
                row.tokens = Some(row.generation);
                row.running_config = Some(row.config);
                if let Some(stored) = self.rows.get_mut(&bot) {
                    (stored.tokens, stored.running_config) = (row.tokens, row.running_config);
                }
                let seen = Seen::Created { generation: row.generation };
                self.things.insert(bot, Thing { seen, ready_at_ms: None, config: row.running_config });
            }
            Step::Start => {
                self.must(row.tokens == Some(row.generation), "a bot was started whose token is another's");
                self.must(row.desired == Desired::Running, "a bot was started that nobody wants to run");
                let state = self.states.insert(bot, row.version).unwrap_or_default();
                self.must(state <= row.version, "a version was started with the state of a newer one");
                let once = self.started.insert((bot, row.generation));
                let by_hand = thing == Some(Seen::Created { generation: row.generation });
                self.must(once || by_hand, "a generation was started twice");
                let hangs = self.rng.random_bool(0.05);
                let ready_at_ms = (!hangs).then(|| self.now_ms + self.rng.random_range(0..20_000));
                if let Some(thing) = self.things.get_mut(&bot) {
                    (thing.seen, thing.ready_at_ms) =
                        (Seen::Running { generation: row.generation }, ready_at_ms);
                }
                self.memory.entry(bot).or_default().awaiting = None;
            }
            Step::Configure => {
                row.running_config = Some(row.config);
                if let Some(thing) = self.things.get_mut(&bot) {
                    thing.config = row.running_config;
                }
            }
            Step::NoteDeath | Step::NoteHang => {
                row.failures += 1;
                row.generation += 1;
                row.next_try_at_ms = Some(self.now_ms + pause_ms(row.failures));
                row.undo();
            }
            Step::Stop => {
                if let Some(thing) = self.things.get_mut(&bot)
                    && let Seen::Running { generation } = thing.seen
                {
                    thing.seen = Seen::Exited { generation, ours: true };
                }
            }
            Step::Remove => drop(self.things.remove(&bot)),
            Step::Purge => {
                self.must(thing.is_none(), "a bot was purged while its container was there");
                // A kill before the note leaves the row for another turn.
                row.tokens = None;
            }
        }
    }

    /// What holds at any time.
    fn look_for_wrongs(&self) {
        for (bot, row) in &self.rows {
            let thing = self.things.get(bot);
            if let Some(Seen::Running { generation }) = thing.map(|thing| thing.seen) {
                self.must(generation <= row.generation, "a bot runs in a generation that was never given");
            }
        }
    }

    /// No more faults: everything must come to stand as wanted, and nothing be left over.
    fn calm(&mut self) {
        self.engine_up = true;
        for thing in self.things.values_mut() {
            thing.ready_at_ms.get_or_insert(self.now_ms);
        }
        for bot in 0..BOTS {
            let mut looks = 0;
            while self.rows.contains_key(&bot) && !self.stands_as_wanted(bot) {
                looks += 1;
                self.must(
                    looks <= PATIENCE,
                    &format!("bot {bot} never stands as wanted: {:?}", self.rows.get(&bot)),
                );
                match self.turn(bot, Luck::Good) {
                    Some(Step::Pause) => {
                        let at = self.rows.get(&bot).and_then(|row| row.next_try_at_ms);
                        self.now_ms = self.now_ms.max(at.unwrap_or(0));
                    }
                    Some(Step::AwaitGateway) => {
                        self.now_ms += 20_000;
                        if let Some(thing) = self.things.get_mut(&bot) {
                            thing.ready_at_ms.get_or_insert(self.now_ms);
                        }
                    }
                    _ => {}
                }
            }
        }
        // The resync takes away what no row knows.
        let left = self.things.keys().filter(|bot| !self.rows.contains_key(bot)).count();
        self.must(left == 0, "something was left of a purged bot");
    }

    fn stands_as_wanted(&mut self, bot: usize) -> bool {
        let Some(row) = self.rows.get(&bot).cloned() else { return true };
        let standing = self.standing(bot, &row);
        let thing = self.things.get(&bot);
        match row.desired {
            Desired::Running => {
                next(&standing) == Step::Settle
                    && row.tokens == Some(row.generation)
                    && thing.is_some_and(|thing| thing.config == Some(row.config))
            }
            Desired::Stopped => thing.is_none() && row.tokens.is_none(),
            Desired::Deleted => false,
        }
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            self.happen();
            for _ in 0..self.rng.random_range(1..4) {
                let bot = self.rng.random_range(0..BOTS);
                let luck = match self.rng.random_range(0..10) {
                    0 => Luck::Refused,
                    1 => Luck::Late,
                    2 => Luck::KilledBeforeNote,
                    3 => Luck::KilledBeforeWork,
                    _ => Luck::Good,
                };
                let _step = self.turn(bot, luck);
            }
            self.look_for_wrongs();
        }
        self.calm();
    }
}

const fn touches_the_engine(step: Step) -> bool {
    matches!(step, Step::Prepare | Step::Create | Step::Start | Step::Stop | Step::Remove)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn ten_thousand_storms_break_nothing_and_all_end_as_wanted() {
    if let Some(seed) = number("CHELA_SIM_SEED") {
        return Play::new(seed, true).run();
    }
    for seed in 0..number("CHELA_SIM_SEEDS").unwrap_or(SEEDS) {
        Play::new(seed, false).run();
    }
}
