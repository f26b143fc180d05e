//! What exists in a fake runtime, and the rules it changes by.

use api::ids::BotId;
use runtime::{BotSpec, Foreign, LogLine, Observation, RuntimeError, Used};
use std::collections::BTreeMap;

/// A call of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as in the contract")]
pub enum Call {
    Check,
    Prepare,
    Create,
    Start,
    Stop,
    Remove,
    Inspect,
    List,
    Logs,
}

impl Call {
    /// Those that a bot's way through life makes.
    pub const ALL: [Self; 6] =
        [Self::Prepare, Self::Create, Self::Start, Self::Stop, Self::Remove, Self::Inspect];
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, but the answer was lost.
    After,
    /// It was done, but the answer came too late.
    Late,
    /// Nothing was done: no space.
    Full,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Before, Self::After, Self::Late, Self::Full];
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) things: BTreeMap<BotId, Thing>,
    pub(super) faults: Vec<(Call, Fault)>,
    pub(super) calls: Vec<(Call, Option<BotId>)>,
    pub(super) said: BTreeMap<BotId, Vec<LogLine>>,
    pub(super) gone: bool,
    pub(super) prepared: bool,
    pub(super) unisolated: bool,
    pub(super) openclaw: Option<String>,
    pub(super) now_ms: i64,
    pub(super) used: Used,
    pub(super) foreign: Vec<Foreign>,
    /// What each bot was last created with, there or not.
    pub(super) made: BTreeMap<BotId, BotSpec>,
}

#[derive(Debug)]
pub(super) struct Thing {
    seen: Observation,
}

impl Thing {
    pub(super) fn of(seen: Observation) -> Option<Self> {
        (seen != Observation::Absent).then_some(Self { seen })
    }

    pub(super) fn seen(&self) -> Observation {
        self.seen.clone()
    }

    /// Ends it; `false` where it does not run.
    pub(super) fn exit(&mut self, code: Option<i32>, out_of_memory: bool, asked: bool, now_ms: i64) -> bool {
        let Observation::Running { generation, .. } = self.seen else { return false };
        self.seen = Observation::Exited { generation, code, out_of_memory, asked, at_ms: Some(now_ms) };
        true
    }
}

impl World {
    pub(super) fn take_fault(&mut self, call: Call) -> Option<Fault> {
        let at = self.faults.iter().position(|(of, _)| *of == call)?;
        Some(self.faults.remove(at).1)
    }

    pub(super) fn create(&mut self, spec: &BotSpec) -> Result<(), RuntimeError> {
        if !self.prepared {
            return Err(RuntimeError::NotFound("the image"));
        }
        match self.things.get(&spec.bot) {
            Some(thing) if thing.seen.generation() == Some(spec.generation) => Ok(()),
            Some(thing) => Err(RuntimeError::Conflict { found: thing.seen.generation().unwrap_or(0) }),
            None => {
                let seen = Observation::Created { generation: spec.generation };
                self.things.insert(spec.bot, Thing { seen });
                self.made.insert(spec.bot, spec.clone());
                Ok(())
            }
        }
    }

    pub(super) fn start(&mut self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        let now = self.now_ms;
        let thing = self.things.get_mut(&bot).ok_or(RuntimeError::NotFound("the bot"))?;
        let found = thing.seen.generation().unwrap_or(0);
        if found != generation {
            return Err(RuntimeError::Conflict { found });
        }
        if !thing.seen.is_running() {
            thing.seen = Observation::Running { generation, handle: "fake".to_owned(), started_at_ms: now };
        }
        Ok(())
    }
}
