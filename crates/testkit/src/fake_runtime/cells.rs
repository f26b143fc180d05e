//! A runtime in memory whose bots live: each that starts gets a [`FakeGateway`] made from the files Chela
//! laid out for it, as the real process would. Belongs to the test, so that it outlives the Chela under test.

use super::{Call, FakeRuntime};
use crate::gateway::{FakeGateway, Listen, Options, Reply, told};
use api::ids::BotId;
use openclaw::Endpoint;
use runtime::{
    BotPaths, BotSpec, BotUser, CancellationToken, Foreign, Found, Growth, Hints, LogPlace, LogQuery,
    LogRead, Observation, Progress, Runtime, RuntimeError, RuntimeInfo, RuntimeKind, UsedBy, Wires,
    home::{Homes, Part},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify, task::JoinHandle};

/// Which side of a call's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Nothing was done yet.
    Before,
    /// It was done, the caller does not know yet.
    After,
}

/// A file in a bot's state that versions which fail write over.
pub const STATE_FILE: &str = "stand-in.state";

#[derive(Debug, Default)]
struct Stand {
    reached: Notify,
    go_on: Notify,
}

/// A call that was made to wait; the caller can be killed there.
#[derive(Debug)]
pub struct Held(Arc<Stand>);

impl Held {
    /// Returns when the call stands there.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Lets the call go on.
    pub fn go_on(&self) {
        self.0.go_on.notify_one();
    }
}

#[derive(Debug)]
enum Life {
    Speaks(FakeGateway),
    /// Takes connections and says nothing.
    Mute(JoinHandle<()>),
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Self::Mute(task) = self {
            task.abort();
        }
    }
}

/// How a version of OpenClaw fails that does not come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It ends at once with exit code 78.
    Refuses,
    /// It lives and never answers.
    Hangs,
    /// It comes up where it finds a copy of the state that nobody else uses, and ends at once where it does not: what
    /// a rehearsal does not see.
    InEarnest,
}

#[derive(Debug, Default)]
struct State {
    homes: Option<Homes>,
    alive: BTreeMap<BotId, Life>,
    holds: Vec<(Call, Edge, Arc<Stand>)>,
    reply: Option<Reply>,
    deaf_to: Option<&'static str>,
    refuse: bool,
    /// Versions of OpenClaw that do not come up with what they find.
    broken: Vec<(String, Broken)>,
    starts: Vec<(BotId, i64)>,
}

/// The world of a test's bots. Clones share it.
#[derive(Clone, Debug)]
pub struct Cells {
    /// The things themselves, with their faults and calls.
    pub things: FakeRuntime,
    state: Arc<Mutex<State>>,
    handle: Handle,
}

impl Cells {
    /// An empty world; gateways run on the Tokio runtime this is called on.
    #[must_use]
    pub fn new(kind: RuntimeKind) -> Self {
        Self { things: FakeRuntime::new(kind), state: Arc::default(), handle: Handle::current() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the bots' files lie.
    pub fn settle_in(&self, homes: Homes) {
        self.state().homes = Some(homes);
    }

    /// Gateways that start from now on answer so, instead of asking a model.
    pub fn answer_with(&self, reply: Reply) {
        self.state().reply = Some(reply);
    }

    /// Gateways that start from now on never answer calls of this method.
    pub fn deaf_to(&self, method: Option<&'static str>) {
        self.state().deaf_to = method;
    }

    /// Gateways that start from now on end at once with exit code 78, as OpenClaw does with settings it refuses.
    pub fn refuse(&self, refuse: bool) {
        self.state().refuse = refuse;
    }

    /// Gateways of this version fail like this from now on.
    pub fn break_version(&self, openclaw: &str, broken: Broken) {
        self.state().broken.push((openclaw.to_owned(), broken));
    }

    /// How a version fails for this bot, if it does; the state it leaves behind is of no use to another one.
    fn fails(&self, bot: BotId) -> Option<Broken> {
        let openclaw = self.things.spec(bot)?.openclaw;
        let state = self.state();
        let broken = state.broken.iter().find(|(of, _)| *of == openclaw)?.1;
        if let Some(homes) = &state.homes {
            let _ = std::fs::write(homes.of(bot).path(Part::State).join(STATE_FILE), openclaw);
        }
        // A bot that started before is no rehearsal.
        let in_earnest = state.starts.iter().any(|(of, _)| *of == bot);
        (broken != Broken::InEarnest || in_earnest).then_some(broken)
    }

    /// Cuts the connections to a bot's gateway; it lives on.
    pub fn cut(&self, bot: BotId) {
        if let Some(Life::Speaks(gateway)) = self.state().alive.get(&bot) {
            gateway.cut();
        }
    }

    /// How many calls a bot's gateway left unanswered.
    #[must_use]
    pub fn unanswered(&self, bot: BotId) -> usize {
        match self.state().alive.get(&bot) {
            Some(Life::Speaks(gateway)) => gateway.unanswered(),
            _ => 0,
        }
    }

    /// The next call of this kind does not return from this side of its work until it is let go on.
    #[must_use]
    pub fn hold(&self, call: Call, edge: Edge) -> Held {
        let stand = Arc::new(Stand::default());
        self.state().holds.push((call, edge, Arc::clone(&stand)));
        Held(stand)
    }

    /// Gives up what was to be held.
    pub fn let_go(&self) {
        self.state().holds.clear();
    }

    /// What every bot that runs uses from now on.
    pub fn set_used(&self, used: runtime::Used) {
        self.things.set_used(used);
    }

    /// The bot's process ends by itself. `false` where none runs.
    pub fn exit(&self, bot: BotId, code: i32) -> bool {
        drop(self.state().alive.remove(&bot));
        self.things.exit(bot, code, false)
    }

    /// The bot's process stays and its gateway says nothing any more.
    pub async fn mute(&self, bot: BotId) {
        let spoke = self.state().alive.remove(&bot);
        let endpoint = match &spoke {
            Some(Life::Speaks(gateway)) => Some(gateway.endpoint().clone()),
            _ => None,
        };
        drop(spoke);
        let mute = self.handle.spawn(async move {
            let mut kept = Vec::new();
            match endpoint {
                Some(Endpoint::Tcp(address)) => {
                    let listener = loop {
                        match tokio::net::TcpListener::bind(address).await {
                            Ok(listener) => break listener,
                            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                        }
                    };
                    while let Ok(pair) = listener.accept().await {
                        kept.push(pair);
                    }
                }
                _ => std::future::pending().await,
            }
        });
        self.state().alive.insert(bot, Life::Mute(mute));
    }

    /// Bots whose process lives.
    #[must_use]
    pub fn living(&self) -> Vec<BotId> {
        self.state().alive.keys().copied().collect()
    }

    /// Every start of a process so far, with its generation.
    #[must_use]
    pub fn starts(&self) -> Vec<(BotId, i64)> {
        self.state().starts.clone()
    }

    async fn edge(&self, call: Call, edge: Edge) {
        let held = {
            let mut state = self.state();
            let place = state.holds.iter().position(|(c, e, _)| (*c, *e) == (call, edge));
            place.map(|place| state.holds.remove(place).2)
        };
        if let Some(stand) = held {
            stand.reached.notify_one();
            stand.go_on.notified().await;
        }
    }

    /// Makes the gateways fit the things.
    async fn follow(&self, bot: BotId) {
        let Observation::Running { generation, .. } = self.things.seen(bot) else {
            drop(self.state().alive.remove(&bot));
            return;
        };
        if self.state().alive.contains_key(&bot) {
            return;
        }
        let broken = self.fails(bot);
        if broken == Some(Broken::Hangs) {
            let silence = self.handle.spawn(std::future::pending());
            self.state().alive.insert(bot, Life::Mute(silence));
            return;
        }
        let refuse = self.state().refuse || broken.is_some();
        let gateway = match self.told(bot) {
            Ok((listen, options)) if !refuse => {
                self.handle.spawn(FakeGateway::start_on(listen, options)).await.ok().and_then(Result::ok)
            }
            _ => None,
        };
        match gateway {
            Some(gateway) => {
                let mut state = self.state();
                state.starts.push((bot, generation));
                state.alive.insert(bot, Life::Speaks(gateway));
            }
            // As OpenClaw does with what it cannot run with.
            None => drop(self.things.exit(bot, 78, false)),
        }
    }

    fn told(&self, bot: BotId) -> anyhow::Result<(Listen, Options)> {
        let spec = self.things.spec(bot).unwrap_or_else(|| BotSpec {
            bot,
            generation: 0,
            openclaw: self.openclaw(),
            user: self.user(0),
            isolation: runtime::Isolation::Isolated,
            limits: runtime::Limits::default(),
            env: BTreeMap::new(),
        });
        let (listen, mut options) = told(&spec.env)?;
        if let Some(reply) = self.state().reply.clone() {
            options.reply = reply;
        }
        options.deaf_to = self.state().deaf_to;
        Ok((listen, options))
    }
}

#[async_trait::async_trait]
impl Runtime for Cells {
    fn kind(&self) -> RuntimeKind {
        self.things.kind()
    }

    fn wires(&self) -> Wires {
        self.things.wires()
    }

    fn user(&self, allotted: u32) -> BotUser {
        self.things.user(allotted)
    }

    fn openclaw(&self) -> String {
        self.things.openclaw()
    }

    fn paths(&self, bot: BotId, openclaw: &str) -> BotPaths {
        let mut paths = self.things.paths(bot, openclaw);
        if let Some(homes) = &self.state().homes {
            let home = homes.of(bot);
            paths.config_dir = home.path(Part::Config);
            paths.state = home.path(Part::State);
            paths.workspace = home.path(Part::Workspace);
            paths.run = home.path(Part::Run);
        }
        paths
    }

    async fn check(&self) -> Result<RuntimeInfo, RuntimeError> {
        self.things.check().await
    }

    async fn prepare(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        self.edge(Call::Prepare, Edge::Before).await;
        let done = self.things.prepare(openclaw, progress, cancel).await;
        self.edge(Call::Prepare, Edge::After).await;
        done
    }

    async fn create(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        self.edge(Call::Create, Edge::Before).await;
        let done = self.things.create(spec).await;
        self.edge(Call::Create, Edge::After).await;
        done
    }

    async fn start(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        self.edge(Call::Start, Edge::Before).await;
        let done = self.things.start(bot, generation).await;
        self.follow(bot).await;
        self.edge(Call::Start, Edge::After).await;
        done
    }

    async fn stop(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError> {
        self.edge(Call::Stop, Edge::Before).await;
        let done = self.things.stop(bot, grace).await;
        self.follow(bot).await;
        self.edge(Call::Stop, Edge::After).await;
        done
    }

    async fn remove(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.edge(Call::Remove, Edge::Before).await;
        let done = self.things.remove(bot).await;
        self.follow(bot).await;
        self.edge(Call::Remove, Edge::After).await;
        done
    }

    async fn inspect(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        self.edge(Call::Inspect, Edge::Before).await;
        self.things.inspect(bot).await
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        self.things.list().await
    }

    async fn foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        self.things.foreign().await
    }

    async fn used(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        self.things.used().await
    }

    fn watch(&self) -> Hints {
        self.things.watch()
    }

    async fn logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError> {
        self.things.logs(bot, query).await
    }

    async fn log_growth(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        self.things.log_growth(bot, place).await
    }
}
