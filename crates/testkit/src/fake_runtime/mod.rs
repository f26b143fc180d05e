//! A runtime in memory: it keeps the contract of `runtime::Runtime`, and every call of it can be made to
//! fail before or after its work, as a cut connection would. No process, no container, no file.

mod cells;
mod world;

pub use cells::{Broken, Cells, Edge, Held, STATE_FILE};
pub use world::{Call, Fault};

use api::ids::BotId;
use runtime::{
    BotPaths, BotSpec, BotUser, CancellationToken, Foreign, Found, Growth, Hint, Hints, LogLine, LogPlace,
    LogQuery, LogRead, Observation, Progress, Runtime, RuntimeError, RuntimeInfo, RuntimeKind, Stage, Used,
    UsedBy, Wires, install::Tools,
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{broadcast, watch};
use world::{Thing, World};

/// A runtime in memory. Clones share the world.
#[derive(Clone, Debug)]
pub struct FakeRuntime {
    kind: RuntimeKind,
    world: Arc<Mutex<World>>,
    hints: broadcast::Sender<Hint>,
    /// Somebody said something.
    grown: watch::Sender<()>,
}

impl FakeRuntime {
    /// An empty world.
    #[must_use]
    pub fn new(kind: RuntimeKind) -> Self {
        Self { kind, world: Arc::default(), hints: broadcast::channel(1024).0, grown: watch::Sender::new(()) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hint(&self, hint: Hint) {
        // Nobody listening is fine.
        let _ = self.hints.send(hint);
    }

    /// The next call of this kind fails like this. Faults of one kind queue up.
    pub fn fail_next(&self, call: Call, fault: Fault) {
        self.world().faults.push((call, fault));
    }

    /// Takes back all faults that have not struck.
    pub fn forgive(&self) {
        self.world().faults.clear();
    }

    /// The engine goes away (every call fails) or comes back.
    pub fn set_engine(&self, up: bool) {
        self.world().gone = !up;
        self.hint(Hint::All);
    }

    /// Which OpenClaw new bots get from now on, as if Chela itself had become a newer one.
    pub fn set_openclaw(&self, openclaw: &str) {
        self.world().openclaw = Some(openclaw.to_owned());
    }

    /// Whether it keeps its bots apart, as it says when it is looked at.
    pub fn set_isolated(&self, isolated: bool) {
        self.world().unisolated = !isolated;
    }

    /// Whether what every bot needs is in place; `prepare` makes it so.
    pub fn set_prepared(&self, prepared: bool) {
        self.world().prepared = prepared;
    }

    /// The time that observations carry.
    pub fn set_now(&self, now_ms: i64) {
        self.world().now_ms = now_ms;
    }

    /// The bot's process ends by itself. `false` where none runs.
    pub fn exit(&self, bot: BotId, code: i32, out_of_memory: bool) -> bool {
        let mut world = self.world();
        let now = world.now_ms;
        let died =
            world.things.get_mut(&bot).is_some_and(|thing| thing.exit(Some(code), out_of_memory, false, now));
        drop(world);
        if died {
            self.hint(Hint::Bot(bot));
        }
        died
    }

    /// Lines of a bot's output.
    pub fn say(&self, bot: BotId, lines: impl IntoIterator<Item = LogLine>) {
        self.world().said.entry(bot).or_default().extend(lines);
        self.grown.send_replace(());
    }

    /// Puts something there that nobody created: an orphan, a survivor of an earlier Chela.
    pub fn plant(&self, bot: BotId, seen: Observation) {
        let mut world = self.world();
        match Thing::of(seen) {
            Some(thing) => world.things.insert(bot, thing),
            None => world.things.remove(&bot),
        };
    }

    /// Puts something of another instance there.
    pub fn plant_foreign(&self, foreign: Foreign) {
        self.world().foreign.push(foreign);
    }

    /// How a bot stands, without counting as a call and without faults.
    #[must_use]
    pub fn seen(&self, bot: BotId) -> Observation {
        self.world().things.get(&bot).map_or(Observation::Absent, Thing::seen)
    }

    /// The spec a bot was last created with, be it there or not.
    #[must_use]
    pub fn spec(&self, bot: BotId) -> Option<BotSpec> {
        self.world().made.get(&bot).cloned()
    }

    /// Every call so far, those that failed included.
    #[must_use]
    pub fn calls(&self) -> Vec<(Call, Option<BotId>)> {
        self.world().calls.clone()
    }

    /// What every bot that runs uses from now on.
    pub fn set_used(&self, used: Used) {
        self.world().used = used;
    }

    /// Bots that have something here.
    #[must_use]
    pub fn bots(&self) -> Vec<BotId> {
        self.world().things.keys().copied().collect()
    }

    fn act<T>(
        &self,
        call: Call,
        bot: Option<BotId>,
        work: impl FnOnce(&mut World) -> Result<T, RuntimeError>,
    ) -> Result<T, RuntimeError> {
        let mut world = self.world();
        world.calls.push((call, bot));
        if world.gone {
            return Err(RuntimeError::EngineGone("nobody there".to_owned()));
        }
        match world.take_fault(call) {
            None => work(&mut world),
            Some(Fault::Before) => Err(RuntimeError::EngineGone("cut before".to_owned())),
            Some(Fault::After) => {
                work(&mut world)?;
                Err(RuntimeError::EngineGone("cut after".to_owned()))
            }
            Some(Fault::Late) => {
                work(&mut world)?;
                Err(RuntimeError::Timeout { what: "the engine", after: Duration::from_secs(30) })
            }
            Some(Fault::Full) => Err(RuntimeError::Full("the engine's disk".to_owned())),
        }
    }
}

#[async_trait::async_trait]
impl Runtime for FakeRuntime {
    fn kind(&self) -> RuntimeKind {
        self.kind
    }

    fn wires(&self) -> Wires {
        match self.kind {
            RuntimeKind::Process => Wires::Loopback,
            RuntimeKind::Docker => Wires::Sockets,
        }
    }

    fn user(&self, _: u32) -> BotUser {
        // Whoever runs the tests: files can be given to nobody else.
        BotUser { uid: own_uid(), gid: own_uid() }
    }

    fn openclaw(&self) -> String {
        self.world().openclaw.clone().unwrap_or_else(|| Tools::pinned().to_owned())
    }

    fn paths(&self, bot: BotId, _: &str) -> BotPaths {
        let root = PathBuf::from("/fake").join(bot.to_string());
        BotPaths {
            openclaw: "/fake/openclaw.mjs".into(),
            config_dir: root.join("config"),
            state: root.join("state"),
            workspace: root.join("workspace"),
            run: root.join("run"),
            home: root.join("home"),
            tmp: root.join("tmp"),
        }
    }

    async fn check(&self) -> Result<RuntimeInfo, RuntimeError> {
        self.act(Call::Check, None, |world| {
            let isolated = !world.unisolated;
            Ok(RuntimeInfo { summary: "a runtime in memory".to_owned(), notes: Vec::new(), isolated })
        })
    }

    async fn prepare(
        &self,
        _: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        if cancel.is_cancelled() {
            return Err(RuntimeError::Cancelled);
        }
        progress.report(Stage::Look, 0, None);
        self.act(Call::Prepare, None, |world| {
            world.prepared = true;
            Ok(())
        })
    }

    async fn create(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        self.act(Call::Create, Some(spec.bot), |world| world.create(spec))
    }

    async fn start(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        self.act(Call::Start, Some(bot), |world| world.start(bot, generation))?;
        self.hint(Hint::Bot(bot));
        Ok(())
    }

    async fn stop(&self, bot: BotId, _: Duration) -> Result<(), RuntimeError> {
        self.act(Call::Stop, Some(bot), |world| {
            let now = world.now_ms;
            if let Some(thing) = world.things.get_mut(&bot) {
                thing.exit(Some(0), false, true, now);
            }
            Ok(())
        })?;
        self.hint(Hint::Bot(bot));
        Ok(())
    }

    async fn remove(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.act(Call::Remove, Some(bot), |world| {
            world.things.remove(&bot);
            Ok(())
        })
    }

    async fn inspect(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        self.act(Call::Inspect, Some(bot), |world| {
            Ok(world.things.get(&bot).map_or(Observation::Absent, Thing::seen))
        })
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        self.act(Call::List, None, |world| {
            Ok(world.things.iter().map(|(bot, thing)| Found { bot: *bot, seen: thing.seen() }).collect())
        })
    }

    async fn foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        self.act(Call::List, None, |world| Ok(world.foreign.clone()))
    }

    async fn used(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        self.act(Call::List, None, |world| {
            let running = world.things.iter().filter(|(_, thing)| thing.seen().is_running());
            Ok(running.map(|(bot, _)| UsedBy { bot: *bot, used: world.used }).collect())
        })
    }

    fn watch(&self) -> Hints {
        Hints::new(self.hints.subscribe())
    }

    async fn logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError> {
        self.act(Call::Logs, Some(bot), |world| {
            Ok(LogRead::gather(world.said.get(&bot).cloned().unwrap_or_default(), query))
        })
    }

    async fn log_growth(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        let mut grown = self.grown.subscribe();
        let more = self.logs(bot, &LogQuery { after: place, ..LogQuery::default() }).await?;
        if !more.lines.is_empty() {
            return Ok(Box::pin(std::future::ready(())));
        }
        Ok(Box::pin(async move {
            // The sender lives as long as the runtime.
            let _grown = grown.changed().await;
        }))
    }
}

/// The uid of this process, without another dependency.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or(0, |meta| meta.uid())
}
