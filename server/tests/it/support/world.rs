//! What is there before, between and after servers; building one, ending it well, and killing it.

use relay::egress::{Allowed, Egress, EgressPolicy};
use runtime::{Runtime as BotRuntime, RuntimeKind, home::Homes};
use sea_orm::{ConnectionTrait, Statement};
use server::{
    bots::Runtimes,
    compose::{self, Listeners, Overrides, Server, StartError},
    platform::{
        clock::{Clock, ManualClock, SystemClock},
        config::{Config, Source},
        datadir::DataDir,
    },
};
use std::{
    net::{SocketAddr, TcpListener as StdListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use testkit::{
    fake_runtime::Cells,
    gateway::Reply,
    vendor::{FakeVendor, Script},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::Semaphore, task::JoinHandle};

/// The one key the vendor takes.
pub const KEY: &str = "sk-proj-Canary+7f3/9aQ=real-key-5150";
/// The secret half of every digest.
pub const NONCE: &str = "a nonce only the vendor knows";

/// Makes the runtime of one server, on its threads.
pub type MakeRuntime = Arc<dyn Fn(Homes, &Config) -> Arc<dyn BotRuntime> + Send + Sync>;

/// What outlives a server.
pub struct World {
    pub dir: TempDir,
    pub vendor: FakeVendor,
    pub cells: Cells,
    pub clock: Option<ManualClock>,
    /// What bots run in, where `cells` is not it.
    pub runtime: Option<MakeRuntime>,
    /// The push service that may be reached, where there is one.
    pub push: Option<SocketAddr>,
    /// More settings, by their full names.
    pub env: Vec<(&'static str, String)>,
    /// Held for good, so that the relay's address in the bots' files stays true.
    relay: StdListener,
}

/// A running server in its world.
pub struct TestServer {
    pub world: World,
    pub server: Arc<Server>,
    pub panel: SocketAddr,
    pub metrics: SocketAddr,
    dir: DataDir,
    serving: JoinHandle<Result<(), StartError>>,
    running: Running,
}

/// The threads a server runs on. Dropped with them, everything of it stops where it stands.
struct Running(Option<Runtime>);

impl Running {
    async fn end(mut self) {
        if let Some(rt) = self.0.take() {
            let ended = tokio::task::spawn_blocking(move || rt.shutdown_timeout(Duration::from_secs(10)));
            ended.await.expect("no panic");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(rt) = self.0.take() {
            rt.shutdown_background();
            assert!(std::thread::panicking(), "a test ends its server with stop or kill");
        }
    }
}

impl World {
    /// An empty world whose bots are of this kind.
    pub async fn new(kind: RuntimeKind) -> Self {
        // Shown with a test that fails. The first one of a process decides.
        let filter = std::env::var("CHELA_TEST_LOG").unwrap_or_else(|_| "warn".to_owned());
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let _ = log.try_init();
        let script = Script { key: KEY.to_owned(), nonce: NONCE.to_owned(), ..Script::default() };
        let relay = StdListener::bind("127.0.0.1:0").expect("a port");
        relay.set_nonblocking(true).expect("not blocking");
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            vendor: FakeVendor::start(script).await.expect("a vendor"),
            cells: Cells::new(kind),
            clock: None,
            runtime: None,
            push: None,
            env: Vec::new(),
            relay,
        }
    }

    /// The data dir.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Address of the relay.
    pub fn relay(&self) -> SocketAddr {
        self.relay.local_addr().expect("bound")
    }

    /// The settings of its servers.
    pub fn config(&self) -> Config {
        let mut env = vec![
            ("CHELA_DATA_DIR".to_owned(), self.data().display().to_string()),
            ("CHELA_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("CHELA_METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("CHELA_RELAY_LISTEN".to_owned(), self.relay().to_string()),
            ("CHELA_PUBLIC_URL".to_owned(), super::ORIGIN.to_owned()),
            ("CHELA_PRIVATE_UPSTREAMS".to_owned(), self.vendor.listed()),
            // No bot of these tests is real: the machine's free memory does not matter.
            ("CHELA_OPENCLAW".to_owned(), "in-memory".to_owned()),
        ];
        for (name, value) in &self.env {
            env.retain(|(known, _)| known != name);
            env.push(((*name).to_owned(), value.clone()));
        }
        let (source, _) = Source::read(env).expect("settings");
        Config::load(&source).expect("settings")
    }

    /// Builds and serves.
    pub async fn serve(self) -> TestServer {
        match self.try_serve().await {
            Ok(server) => server,
            Err((_, error)) => panic!("{error}"),
        }
    }

    /// What the operator reads where no server can be built here.
    pub async fn refusal(self) -> (Self, String) {
        match self.try_serve().await {
            Ok(server) => (server.kill().await, String::new()),
            Err((world, error)) => (world, error.to_string()),
        }
    }

    async fn try_serve(self) -> Result<TestServer, (Self, StartError)> {
        let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let rt = rt.expect("a runtime");
        let (config, cells, clock) = (self.config(), self.cells.clone(), self.clock.clone());
        let relay = self.relay.try_clone().expect("the relay's port");
        let make: MakeRuntime = match &self.runtime {
            Some(make) => Arc::clone(make),
            None => Arc::new(move |homes, _| {
                cells.settle_in(homes);
                Arc::new(cells.clone()) as _
            }),
        };
        let push = self.push.map(|at| {
            let listed = Allowed::parse(&at.to_string()).expect("an address");
            let policy = EgressPolicy { allow_private: vec![listed], ..EgressPolicy::default() };
            Arc::new(Egress::new(policy).expect("a connector"))
        });
        let started = rt.spawn(start(config, make, (clock, push), relay)).await.expect("no panic");
        match started {
            Ok((dir, server, serving, panel, metrics)) => Ok(TestServer {
                world: self,
                server,
                panel,
                metrics,
                dir,
                serving,
                running: Running(Some(rt)),
            }),
            Err(error) => {
                rt.shutdown_background();
                Err((self, error))
            }
        }
    }
}

type Started = (DataDir, Arc<Server>, JoinHandle<Result<(), StartError>>, SocketAddr, SocketAddr);

async fn start(
    config: Config,
    make: MakeRuntime,
    (clock, push): (Option<ManualClock>, Option<Arc<Egress>>),
    relay: StdListener,
) -> Result<Started, StartError> {
    let dir = DataDir::open(&config.data_dir)?;
    let homes = Homes::open(dir.path(), None).expect("the bots' files");
    let bots = make(homes.clone(), &config);
    let runtimes = Runtimes::with(&config, homes, vec![bots]).await?;
    let over = Overrides {
        clock: clock.map(|clock| Arc::new(clock) as _),
        runtimes: Some(runtimes),
        push,
        ..Overrides::default()
    };
    let server = compose::build(config.clone(), &dir, compose::leptos_options(&config)?, over).await?;
    let listeners = Listeners {
        panel: TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        relay: TcpListener::from_std(relay).expect("the relay's port"),
        metrics: TcpListener::bind("127.0.0.1:0").await.expect("a port"),
    };
    let panel = listeners.panel.local_addr().expect("bound");
    let metrics = listeners.metrics.local_addr().expect("bound");
    let serving = tokio::spawn(Arc::clone(&server).serve(listeners));
    Ok((dir, server, serving, panel, metrics))
}

impl TestServer {
    /// A server in a fresh world of process bots.
    pub async fn start() -> Self {
        World::new(RuntimeKind::Process).await.serve().await
    }

    /// The same with its owner and a time that the test moves. It begins now, so that whatever else tells the time is not
    /// ahead of it.
    pub async fn timed() -> (Self, super::Who, ManualClock) {
        let mut world = World::new(RuntimeKind::Process).await;
        let clock = ManualClock::at(SystemClock.now_ms());
        world.clock = Some(clock.clone());
        let at = world.serve().await;
        let owner = at.owner().await;
        (at, owner, clock)
    }

    /// Ends it as SIGTERM does, and checks that nothing was left undone or running.
    pub async fn stop(self) -> World {
        let jobs = &self.server.platform.jobs;
        super::eventually("every job to be done", async || {
            if jobs.open().await.expect("jobs") == 0 {
                return Some(());
            }
            // What waits to be tried again waits for a time that only a test moves.
            if let Some(clock) = &self.world.clock {
                clock.advance(100);
            }
            None
        })
        .await;
        self.stop_busy().await
    }

    /// Ends it as SIGTERM does, whatever it is busy with.
    pub async fn stop_busy(self) -> World {
        let Self { world, server, dir, serving, running, .. } = self;
        server.platform.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(20), serving)
            .await
            .expect("it ends in time")
            .expect("no panic")
            .expect("a clean end");
        assert_eq!(server.platform.tasks.len(), 0, "tasks outlive the server");
        dir.close().expect("a clean end");
        running.end().await;
        world
    }

    /// Kills it: everything stops where it stands, nothing is cleaned up.
    pub async fn kill(self) -> World {
        let Self { world, dir, running, .. } = self;
        running.end().await;
        drop(dir);
        world
    }
}

/// An answer long enough for a test to act in its middle.
pub fn slow_reply() -> Reply {
    Reply::Script { pieces: slow_pieces(), pause: Duration::from_millis(4) }
}

/// An answer that says `before`, waits for a permit, and says `after`.
pub fn held_reply(before: &[&str], after: Vec<String>) -> (Reply, Arc<Semaphore>) {
    let go_on = Arc::new(Semaphore::new(0));
    let before = before.iter().map(|piece| (*piece).to_owned()).collect();
    (Reply::Held { before, go_on: Arc::clone(&go_on), after }, go_on)
}

/// The text of [`slow_reply`], as its reader must have it in the end.
pub fn slow_text() -> String {
    slow_pieces().concat()
}

fn slow_pieces() -> Vec<String> {
    // Letters of one to four bytes, so that a cut anywhere is a cut inside one; and a paragraph now and then.
    (0..300).map(|n| format!("{n} añ字🦀.{}", if n % 10 == 5 { "\n\n" } else { "" })).collect()
}

/// How many rows a table has.
pub async fn rows_of(at: &TestServer, table: &str) -> i64 {
    let db = &at.server.platform.db;
    let ask = Statement::from_string(db.backend(), format!("select count(*) from {table}"));
    let row = db.read().query_one_raw(ask).await.expect("a count").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

/// Changes rows behind the server's back.
pub async fn sql(at: &TestServer, statement: &str) {
    let written = at.server.platform.db.write(async |tx| {
        tx.execute_unprepared(statement).await?;
        Ok(())
    });
    written.await.expect("written");
}
