//! The real binary: exit codes and their words, and a hundred times `kill -9` while it writes.

use crate::{
    killed_calls::{self, Calls},
    support::*,
};
use http::{Request, header};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

const CHELA: &str = env!("CARGO_BIN_EXE_chela");

/// What stands in for OpenClaw: this test binary, run as one of its own tests by the bot's user.
#[test]
#[ignore = "not a test: the gateway of the process bots below"]
fn stand_in_gateway() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let Err(error) = rt.block_on(testkit::gateway::live()) {
        eprintln!("{error:#}");
        std::process::exit(78);
    }
}

/// A machine with one data dir.
pub(crate) struct Machine {
    dir: TempDir,
    pub(crate) panel: SocketAddr,
    env: Vec<(&'static str, String)>,
}

/// A port for a server that goes and comes back: none that the system gives to others meanwhile.
fn free() -> SocketAddr {
    let some = || TcpListener::bind(("127.0.0.1", rand::random_range(12_000..32_000)));
    let found = std::iter::repeat_with(some).take(100).find_map(Result::ok);
    found.and_then(|listener| listener.local_addr().ok()).expect("a port")
}

impl Machine {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        // Bots run as users of their own and pass through.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
        let gateway = dir.path().join("gateway");
        let this = std::env::current_exe().expect("this binary");
        if std::fs::hard_link(&this, &gateway).is_err() {
            std::fs::copy(&this, &gateway).expect("a copy");
        }
        let panel = free();
        let env = vec![
            ("CHELA_DATA_DIR", dir.path().join("data").display().to_string()),
            ("CHELA_LISTEN", panel.to_string()),
            ("CHELA_RELAY_LISTEN", free().to_string()),
            ("CHELA_METRICS_LISTEN", free().to_string()),
            ("CHELA_PUBLIC_URL", ORIGIN.to_owned()),
            ("CHELA_RUNTIME", "process".to_owned()),
            ("CHELA_ALLOW_UNISOLATED", "1".to_owned()),
            ("CHELA_UID_CLAIMS", dir.path().join("uids").display().to_string()),
            ("CHELA_LOG", "warn".to_owned()),
            (
                "CHELA_OPENCLAW",
                format!("{} binary::stand_in_gateway --exact --ignored --nocapture", gateway.display()),
            ),
        ];
        Self { dir, panel, env }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where its server's relay listens.
    pub(crate) fn relay(&self) -> SocketAddr {
        let listens = self.env.iter().find(|(name, _)| *name == "CHELA_RELAY_LISTEN");
        listens.and_then(|(_, at)| at.parse().ok()).expect("an address")
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.to_owned()));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(CHELA);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.env.iter().map(|(name, value)| (*name, value))).args(words).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("it runs")
    }

    fn token(&self) -> Who {
        let out = self.run(&["admin", "token", "--name", "test", "--json"]);
        assert!(out.status.success(), "{out:?}");
        let value: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        Who::Bearer(value["token"].as_str().expect("a token").to_owned())
    }

    pub(crate) async fn serve(&self) -> Serving {
        let log = std::fs::File::options().create(true).append(true).open(self.dir.path().join("log"));
        let log = log.expect("a log");
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn().expect("it runs");
        let mut serving = Serving { child, panel: self.panel };
        eventually("the server to be ready", async || {
            let ended = serving.child.try_wait().expect("a child");
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "it ended ({ended:?}): {}", log().lines().last().unwrap_or_default());
            let ask =
                Request::get("/readyz").header(header::HOST, "localhost:3000").body("".to_owned().into());
            let answer = try_send(self.panel, ask.expect("a request")).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        serving
    }

    /// Processes that belong to bots of this data dir.
    fn bot_processes(&self) -> Vec<i32> {
        let mark = format!("{}/", self.data().join("bots").display());
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        processes
            .filter_map(|p| p.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| {
                let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                String::from_utf8_lossy(&environ).contains(&mark)
            })
            .collect()
    }
}

/// A running `chela serve`; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    panel: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// Its end after SIGTERM.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        eventually("the end of the server", async || self.child.try_wait().expect("a child")).await.code()
    }

    pub(crate) async fn ask(
        &self,
        who: &Who,
        method: &str,
        path: &str,
        body: Value,
        key: Option<&str>,
    ) -> Option<Answer> {
        let Who::Bearer(token) = who else { return None };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:3000");
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        if !text.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        try_send(self.panel, request.body(text.into()).expect("a request")).await.ok()
    }
}

/// Refused with 78 and these words on standard error.
fn refused(out: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(78), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_ends_with_78_and_says_what_to_do() {
    let mut machine = Machine::new();
    machine.set("CHELA_PUBLIC_URL", "http://chela.example.org");
    refused(&machine.run(&["serve"]), &["CHELA_PUBLIC_URL", "TLS", "ssh -L", "https://chela.example.org"]);
    machine.set("CHELA_PUBLIC_URL", ORIGIN);
    machine.set("CHELA_LISTN", "127.0.0.1:1");
    refused(&machine.run(&["serve"]), &["CHELA_LISTN", "did you mean CHELA_LISTEN"]);
    machine.env.retain(|(name, _)| *name != "CHELA_LISTN");
    machine.set("CHELA_RELAY_LISTEN", "0.0.0.0:3100");
    refused(&machine.run(&["serve"]), &["CHELA_RELAY_LISTEN", "never 0.0.0.0"]);
    machine.set("CHELA_RELAY_LISTEN", &free().to_string());

    let holder = TcpListener::bind(machine.panel).expect("the port");
    let pid = format!("pid {}", std::process::id());
    refused(&machine.run(&["serve"]), &[&machine.panel.to_string(), "is taken by", &pid, "CHELA_LISTEN"]);
    drop(holder);

    let first = machine.serve().await;
    let pid = format!("pid {}", first.child.id());
    refused(&machine.run(&["serve"]), &[&pid, "CHELA_DATA_DIR"]);
    refused(&machine.run(&["admin", "move", "--to", "https://x.example.org"]), &[&pid]);
    assert_eq!(first.terminate().await, Some(0));
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&machine.data().join("chela.db")), 0o600);
    assert_eq!(mode(&machine.data().join("master.key")), 0o600);
    assert!([0o700, 0o711].contains(&mode(&machine.data())), "{:o}", mode(&machine.data()));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_beside_the_server_and_without_it() {
    let machine = Machine::new();
    let setup = |machine: &Machine| -> String {
        let out = machine.run(&["setup", "--non-interactive", "--json"]);
        assert!(out.status.success(), "{out:?}");
        let value: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        value["setup_url"].as_str().expect("a link").to_owned()
    };
    let without = setup(&machine);
    assert!(without.starts_with("http://localhost:3000/setup#"), "{without}");
    let owner = machine.token();
    let serving = machine.serve().await;
    assert_ne!(setup(&machine), without, "a fresh link through the running server");
    let second = machine.token();
    for who in [&owner, &second] {
        let me = serving.ask(who, "GET", "/api/me", Value::Null, None).await.expect("an answer");
        assert_eq!(me.ok(200)["role"], "owner");
    }
    let file = machine.dir.path().join("backup.tar");
    let file = file.to_str().expect("a path");
    let made = machine.run(&["backup", "create", file]);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(serving.terminate().await, Some(0));
    let checked = machine.run(&["backup", "verify", file]);
    assert!(
        checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("good"),
        "{checked:?}"
    );
    assert_eq!(machine.run(&["backup", "restore", file]).status.code(), Some(1), "the data dir is in use");
    let mut other = Machine::new();
    other.set("CHELA_DATA_DIR", &other.dir.path().join("restored").display().to_string());
    let restored = other.run(&["backup", "restore", file]);
    assert!(restored.status.success(), "{restored:?}");
    assert!(String::from_utf8_lossy(&restored.stderr).contains("--new-instance"), "{restored:?}");
    let mut beside = Machine::new();
    beside.set("CHELA_DATA_DIR", &beside.dir.path().join("restored").display().to_string());
    let restored = beside.run(&["backup", "restore", "--new-instance", file]);
    assert!(restored.status.success() && restored.stderr.is_empty(), "{restored:?}");
    let serving = other.serve().await;
    let me = serving.ask(&owner, "GET", "/api/me", Value::Null, None).await.expect("an answer");
    assert_eq!(me.ok(200)["role"], "owner");
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_of_one_machine_never_give_their_bots_the_same_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: bots have users of their own only where Chela is root");
        return;
    }
    let (one, mut two) = (Machine::new(), Machine::new());
    let claims = one.dir.path().join("uids");
    two.set("CHELA_UID_CLAIMS", &claims.display().to_string());
    let owners = [one.token(), two.token()];
    let serving = [one.serve().await, two.serve().await];
    let mut users = Vec::new();
    let mut bots = Vec::new();
    for ((at, owner), machine) in serving.iter().zip(&owners).zip([&one, &two]) {
        for name in ["First", "Second"] {
            let body = json!({ "name": name, "model": "openai/fake-model" });
            let made = at.ask(owner, "POST", "/api/bots", body, None).await.expect("an answer").ok(201);
            let bot = made["id"].as_str().expect("an id").to_owned();
            let state = machine.data().join("bots").join(&bot).join("state");
            let uid = eventually("the bot's files", async || {
                let meta = std::fs::metadata(&state).ok()?;
                let uid = std::os::unix::fs::MetadataExt::uid(&meta);
                (uid != 0).then_some(uid)
            });
            users.push(uid.await);
            bots.push((at, owner, bot));
        }
    }
    users.sort_unstable();
    assert_eq!(users, [200_000, 200_001, 200_002, 200_003]);
    for (at, owner, bot) in &bots {
        let gone = at.ask(owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null, None).await;
        gone.expect("an answer").ok(200);
    }
    eventually("every user id to be given back", async || {
        let left = std::fs::read_dir(&claims).expect("the claims").flatten();
        (left.filter(|file| file.file_name() != ".lock").count() == 0).then_some(())
    })
    .await;
    for at in serving {
        assert_eq!(at.terminate().await, Some(0));
    }
}

/// What must be true after a crash: of each thread the titles it may have; empty for one that must be gone.
#[derive(Default)]
struct Expected {
    titles: BTreeMap<String, Vec<String>>,
    /// Whether it may be gone: its deletion was asked for and not answered.
    maybe_gone: Vec<String>,
    prompts: Vec<String>,
    acknowledged: usize,
}

#[derive(Clone)]
struct Writer {
    owner: Who,
    bot: String,
    expected: Arc<Mutex<Expected>>,
    turn: Arc<AtomicU64>,
}

impl Writer {
    fn expected(&self) -> std::sync::MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes, renames and deletes threads until the server goes away.
    async fn threads(&self, at: &Serving) {
        loop {
            let n = self.turn();
            let title = format!("made-{n}");
            let path = format!("/api/bots/{}/threads", self.bot);
            let Some(made) = at.ask(&self.owner, "POST", &path, json!({ "title": title }), None).await else {
                return;
            };
            let id = made.ok(201)["id"].as_str().expect("an id").to_owned();
            {
                let mut expected = self.expected();
                expected.titles.insert(id.clone(), vec![title]);
                expected.acknowledged += 1;
            }
            let (path, title) = (format!("/api/threads/{id}"), format!("renamed-{n}"));
            self.expected().titles.entry(id.clone()).or_default().push(title.clone());
            let Some(renamed) = at.ask(&self.owner, "PATCH", &path, json!({ "title": title }), None).await
            else {
                return;
            };
            renamed.ok(200);
            {
                let mut expected = self.expected();
                expected.titles.insert(id.clone(), vec![title]);
                expected.acknowledged += 1;
            }
            if n.is_multiple_of(3) {
                self.expected().maybe_gone.push(id.clone());
                let Some(gone) = at.ask(&self.owner, "DELETE", &path, Value::Null, None).await else {
                    return;
                };
                gone.ok(200);
                let mut expected = self.expected();
                expected.maybe_gone.retain(|maybe| *maybe != id);
                expected.titles.insert(id, Vec::new());
                expected.acknowledged += 1;
            }
        }
    }

    /// Edits one bot until the server goes away.
    async fn edits(&self, at: &Serving) {
        loop {
            let prompt = format!("prompt-{}", self.turn());
            self.expected().prompts.push(prompt.clone());
            let path = format!("/api/bots/{}", self.bot);
            let Some(edited) = at.ask(&self.owner, "PATCH", &path, json!({ "prompt": prompt }), None).await
            else {
                return;
            };
            edited.ok(200);
            let mut expected = self.expected();
            expected.prompts = vec![prompt];
            expected.acknowledged += 1;
        }
    }

    /// Makes and deletes bots until the server goes away. A create that was not answered is sent again with
    /// its key after the next start.
    async fn bots(&self, at: &Serving) {
        loop {
            let name = format!("Passing {}", self.turn());
            let body = json!({ "name": name, "model": "openai/fake-model" });
            let Some(made) = at.ask(&self.owner, "POST", "/api/bots", body, Some(&name)).await else {
                return;
            };
            let id = made.ok(201)["id"].as_str().expect("an id").to_owned();
            let Some(seen) = at.ask(&self.owner, "GET", &format!("/api/bots/{id}"), Value::Null, None).await
            else {
                return;
            };
            seen.ok(200);
            let Some(gone) =
                at.ask(&self.owner, "DELETE", &format!("/api/bots/{id}"), Value::Null, None).await
            else {
                return;
            };
            gone.ok(200);
            self.expected().acknowledged += 1;
        }
    }

    /// Looks whether everything acknowledged is there, and nothing is there twice.
    async fn check(&self, at: &Serving) {
        let get = async |path: String| {
            at.ask(&self.owner, "GET", &path, Value::Null, None).await.expect("an answer").ok(200)
        };
        let mut found = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = get(format!("/api/bots/{}/threads?limit=200{cursor}", self.bot)).await;
            for thread in page["items"].as_array().expect("items") {
                let text = |key: &str| thread[key].as_str().expect("a text").to_owned();
                assert!(found.insert(text("id"), text("title")).is_none(), "twice");
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let bot = get(format!("/api/bots/{}", self.bot)).await;
        let bots = get("/api/bots?limit=200".to_owned()).await;
        let mut names: Vec<_> =
            bots["items"].as_array().expect("items").iter().map(|b| b["name"].to_string()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "a bot twice");
        let mut expected = self.expected();
        for (id, titles) in &expected.titles {
            match found.get(id) {
                Some(title) => {
                    assert!(titles.contains(title), "{id} is called {title}, not one of {titles:?}")
                }
                None => {
                    assert!(titles.is_empty() || expected.maybe_gone.contains(id), "{id} {titles:?} is lost")
                }
            }
        }
        // What is there now is what must stay.
        let settled = std::mem::take(&mut expected.titles);
        expected.titles = settled
            .into_keys()
            .map(|id| {
                let titles = found.get(&id).cloned().into_iter().collect();
                (id, titles)
            })
            .collect();
        expected.maybe_gone.clear();
        if !expected.prompts.is_empty() {
            let pending = bot["pending"]["prompt"].as_str().unwrap_or_default().to_owned();
            assert!(expected.prompts.contains(&pending), "{pending:?} is none of {:?}", expected.prompts);
            expected.prompts = vec![pending];
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_times_kill_9_lose_no_acknowledged_write_and_leave_no_process() {
    let mut machine = Machine::new();
    let owner = machine.token();
    let vendors = killed_calls::vendors(&mut machine).await;
    let serving = machine.serve().await;
    let calls = Calls::new(&machine, &serving, &owner, vendors).await;
    let body = json!({ "name": "Lasting", "model": "openai/fake-model" });
    let made = serving.ask(&owner, "POST", "/api/bots", body, None).await.expect("an answer").ok(201);
    let bot = made["id"].as_str().expect("an id").to_owned();
    let lives = async |serving: &Serving| {
        eventually("the lasting bot to be ready", async || {
            let seen = serving.ask(&owner, "GET", &format!("/api/bots/{bot}"), Value::Null, None).await?;
            (seen.status == 200 && seen.json()["observed"] == "running").then_some(())
        })
        .await;
    };
    lives(&serving).await;
    let first_life = machine.bot_processes();
    let writer =
        Writer { owner: owner.clone(), bot: bot.clone(), expected: Arc::default(), turn: Arc::default() };
    writer.expected().prompts.push(String::new());
    let mut serving = Some(serving);
    for round in 0..100_u64 {
        let mut at = serving.take().expect("served");
        let kill_after = Duration::from_millis(5 + (round * 7919) % 150);
        let writing = async {
            tokio::join!(writer.threads(&at), writer.threads(&at), writer.edits(&at), writer.bots(&at));
        };
        let calling = async { tokio::join!(calls.call(0), calls.call(1), calls.look(&at)) };
        let hangs = calls.begin();
        let _ = tokio::time::timeout(kill_after, async { tokio::join!(writing, calling) }).await;
        if round % 10 == 4 {
            calls.settle(&at).await;
        }
        at.child.kill().expect("killed");
        at.child.wait().expect("ended");
        let _cut = hangs.await.expect("no panic");
        let next = machine.serve().await;
        calls.agree(&next).await;
        if round % 10 == 9 {
            writer.check(&next).await;
            calls.check(&next).await;
        }
        serving = Some(next);
    }
    let serving = serving.take().expect("served");
    writer.check(&serving).await;
    assert!(
        writer.expected().acknowledged > 100,
        "{} writes were acknowledged",
        writer.expected().acknowledged
    );
    assert!(calls.answered() > 100, "{} calls were answered", calls.answered());
    lives(&serving).await;
    assert!(
        first_life.iter().any(|pid| machine.bot_processes().contains(pid)),
        "the lasting bot lived through it"
    );

    nothing_stays(&machine, &serving, &owner).await;
    assert_eq!(serving.terminate().await, Some(0));
}

/// Everything goes, and nothing stays behind.
async fn nothing_stays(machine: &Machine, serving: &Serving, owner: &Who) {
    eventually("every bot to be deleted", async || {
        let bots = serving.ask(owner, "GET", "/api/bots?limit=200", Value::Null, None).await?.ok(200);
        let items = bots["items"].as_array()?.clone();
        for bot in &items {
            let path = format!("/api/bots/{}", bot["id"].as_str()?);
            serving.ask(owner, "DELETE", &path, Value::Null, None).await;
        }
        items.is_empty().then_some(())
    })
    .await;
    eventually("every process and file of a bot to be gone", async || {
        let files = std::fs::read_dir(machine.data().join("bots")).ok()?.flatten();
        let names = files.filter(|f| f.file_name() != ".trash").count();
        (names == 0 && machine.bot_processes().is_empty()).then_some(())
    })
    .await;
}
