//! The Docker runtime on an engine that is struck in the middle of a call.

use super::{Blow, Engine, PATIENCE};
use api::ids::BotId;
use runtime::{
    BotPaths, BotSpec, BotUser, CancellationToken, Foreign, Found, Growth, Hints, InstanceId, LogPlace,
    LogQuery, LogRead, Observation, Progress, Runtime, RuntimeError, RuntimeInfo, RuntimeKind, UsedBy, Wires,
    docker::{DockerConfig, DockerRuntime, EngineAddress},
    home::Homes,
    install::Tools,
};
use std::{
    future::Future,
    ops::Deref,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use testkit::fake_runtime::Call;
use tokio::sync::Notify;

/// How long the engine of a test may take to answer; long enough for a busy machine, short enough for a hang.
const DEADLINE: Duration = Duration::from_secs(5);

/// Stands in for OpenClaw inside a container: this test binary, on the wires that the cell opened.
const MAIN: &str = r#"
import { spawn } from "node:child_process";
const words = ["binary::stand_in_gateway", "--exact", "--ignored", "--nocapture"];
const env = { ...process.env, CHELA_WIRES: "none" };
const child = spawn("/app/openclaw/gateway", words, { env, stdio: "inherit" });
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("error", (error) => { console.error(error.message); process.exit(1); });
child.on("exit", (code) => process.exit(code ?? 1));
"#;

/// When an engine is struck: so many milliseconds into the next call of this kind, or as soon as it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    pub call: Call,
    pub into_ms: u32,
    pub blow: Blow,
}

/// What a test holds: the engine, which ends with this value, and where its next blow falls.
pub struct Aim(Arc<Target>);

/// The same, as servers hold it.
pub struct Target {
    pub engine: Engine,
    pub instance: InstanceId,
    next: Mutex<Option<Strike>>,
    fallen: Notify,
}

impl Deref for Aim {
    type Target = Arc<Target>;

    fn deref(&self) -> &Arc<Target> {
        &self.0
    }
}

impl Drop for Aim {
    fn drop(&mut self) {
        self.engine.end();
    }
}

impl Aim {
    /// At an engine that has nothing of ours yet.
    pub fn at(engine: Engine) -> Self {
        let instance = InstanceId::new(&format!("test-{}", uuid::Uuid::now_v7().simple()));
        let instance = instance.expect("an instance id");
        Self(Arc::new(Target { engine, instance, next: Mutex::default(), fallen: Notify::new() }))
    }
}

impl Target {
    /// Strikes there, once.
    pub fn strike(&self, strike: Strike) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(strike);
    }

    /// Until the blow has fallen.
    pub async fn fallen(&self) {
        tokio::time::timeout(PATIENCE, self.fallen.notified()).await.expect("the call never came");
    }

    /// How many containers of this instance there are.
    pub async fn count(&self) -> usize {
        self.engine.containers(self.instance.as_str()).await.len()
    }

    /// The runtime on this engine. `tools` is a directory for Node and what stands in for OpenClaw.
    pub fn runtime(self: &Arc<Self>, tools: &Path, homes: Homes, image: Option<String>) -> Struck {
        let docker = DockerRuntime::new(DockerConfig {
            instance: self.instance.clone(),
            homes,
            tools: stand_ins(tools),
            engine: EngineAddress::Unix(self.engine.socket()),
            image,
            deadline: DEADLINE,
        });
        Struck { docker, aim: Arc::clone(self) }
    }
}

/// Tools in place without an installation.
fn stand_ins(dir: &Path) -> Tools {
    std::fs::create_dir_all(dir).expect("a directory");
    let tools = Tools::new(dir, Vec::new());
    let places = tools.places(Tools::pinned());
    let link = |from: &Path, to: &Path| {
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        if !to.exists() && std::fs::hard_link(from, to).is_err() {
            std::fs::copy(from, to).expect("a copy");
        }
    };
    link(&node(), &places.node);
    link(&std::env::current_exe().expect("this binary"), &places.openclaw_tree.join("gateway"));
    std::fs::create_dir_all(places.openclaw.parent().expect("a parent")).expect("a directory");
    std::fs::write(&places.openclaw, MAIN).expect("a file");
    tools
}

/// Node, as tests need it.
///
/// # Panics
/// There is none.
pub fn node() -> std::path::PathBuf {
    let on_path = || {
        std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|dir| dir.join("node"))
            .find(|file| file.is_file())
    };
    let node = std::env::var_os("CHELA_TEST_NODE").map(Into::into).or_else(on_path);
    node.expect("Node is missing: run `./x setup --tests`")
}

/// A Docker runtime whose engine is struck where its test aims.
pub struct Struck {
    docker: DockerRuntime,
    aim: Arc<Target>,
}

impl Struck {
    async fn through<T>(&self, call: Call, work: impl Future<Output = T>) -> T {
        let strike = {
            let mut next = self.aim.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.take_if(|strike| strike.call == call)
        };
        let Some(strike) = strike else { return work.await };
        // Where exactly it falls is left to the machine: it must not matter.
        let into = Duration::from_millis(u64::from(strike.into_ms));
        let mut work = std::pin::pin!(work);
        let early = tokio::time::timeout(into, &mut work).await;
        self.aim.engine.strike(strike.blow);
        self.aim.fallen.notify_one();
        match early {
            Ok(done) => done,
            Err(_in_its_middle) => work.await,
        }
    }
}

#[async_trait::async_trait]
impl Runtime for Struck {
    fn kind(&self) -> RuntimeKind {
        self.docker.kind()
    }

    fn wires(&self) -> Wires {
        self.docker.wires()
    }

    fn user(&self, allotted: u32) -> BotUser {
        self.docker.user(allotted)
    }

    fn openclaw(&self) -> String {
        self.docker.openclaw()
    }

    fn paths(&self, bot: BotId, openclaw: &str) -> BotPaths {
        self.docker.paths(bot, openclaw)
    }

    async fn check(&self) -> Result<RuntimeInfo, RuntimeError> {
        self.docker.check().await
    }

    async fn prepare(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        self.through(Call::Prepare, self.docker.prepare(openclaw, progress, cancel)).await
    }

    async fn create(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        self.through(Call::Create, self.docker.create(spec)).await
    }

    async fn start(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        self.through(Call::Start, self.docker.start(bot, generation)).await
    }

    async fn stop(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError> {
        self.through(Call::Stop, self.docker.stop(bot, grace)).await
    }

    async fn remove(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.through(Call::Remove, self.docker.remove(bot)).await
    }

    async fn inspect(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        self.docker.inspect(bot).await
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        self.docker.list().await
    }

    async fn foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        self.docker.foreign().await
    }

    async fn used(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        self.docker.used().await
    }

    fn watch(&self) -> Hints {
        self.docker.watch()
    }

    async fn logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError> {
        self.docker.logs(bot, query).await
    }

    async fn log_growth(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        self.docker.log_growth(bot, place).await
    }
}
