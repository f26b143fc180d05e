//! What the tests of this crate share.

use api::ids::BotId;
use runtime::{
    BotSpec, BotUser, Hint, Hints, InstanceId, Isolation, Limits, LogQuery, Observation, Runtime,
    home::{BotHome, Homes},
};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Nothing in these tests takes longer, however busy the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A data dir that bots of other uids may pass.
pub fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

/// Different in every test, also of parallel processes.
pub fn fresh_bot() -> BotId {
    BotId(uuid::Uuid::now_v7())
}

pub fn fresh_instance() -> InstanceId {
    InstanceId::new(&format!("test-{}", uuid::Uuid::now_v7().simple())).unwrap()
}

/// A uid nobody else has, or one's own where no other can be had.
pub fn fresh_user() -> BotUser {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if !is_root() {
        return BotUser {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
    }
    let uid = 300_000 + (std::process::id() % 60_000) * 100 + NEXT.fetch_add(1, Ordering::Relaxed);
    BotUser { uid, gid: uid }
}

/// A bot with its files made.
pub fn home_of(data_dir: &Path, bot: BotId, user: BotUser) -> BotHome {
    let home = Homes::open(data_dir, None).unwrap().of(bot);
    home.ensure(user).unwrap();
    home
}

pub fn spec(bot: BotId, user: BotUser) -> BotSpec {
    let env = [("PATH", "/usr/local/bin:/usr/bin:/bin")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    BotSpec {
        bot,
        generation: 1,
        openclaw: runtime::install::Tools::pinned().to_owned(),
        user,
        isolation: Isolation::Unisolated,
        limits: Limits::default(),
        env,
    }
}

/// Waits for hints until the bot stands as wanted.
pub async fn until(
    runtime: &dyn Runtime,
    bot: BotId,
    hints: &mut Hints,
    wanted: impl Fn(&Observation) -> bool,
) -> Observation {
    let waiting = async {
        loop {
            let seen = runtime.inspect(bot).await.unwrap();
            if wanted(&seen) {
                return seen;
            }
            // A hint may have come before the look; so look now and then.
            let next = tokio::time::timeout(Duration::from_millis(500), hints.next()).await;
            assert!(!matches!(next, Ok(None)), "the runtime ended");
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the bot never stood as wanted")
}

/// Waits until a line of output satisfies.
pub async fn until_said(runtime: &dyn Runtime, bot: BotId, wanted: &str) -> String {
    let waiting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let lines = runtime.logs(bot, &LogQuery::default()).await.unwrap().lines;
            let text: Vec<_> = lines.into_iter().map(|l| l.text).collect();
            if text.iter().any(|t| t.contains(wanted)) {
                return text.join("\n");
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("the bot never said {wanted}"))
}

/// Waits for a hint about this bot.
pub async fn hinted(hints: &mut Hints, bot: BotId) {
    let waiting = async {
        while let Some(hint) = hints.next().await {
            if hint == Hint::Bot(bot) {
                return;
            }
        }
        panic!("the runtime ended");
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("no hint came");
}

/// A Node that the cell accepts.
pub fn node() -> PathBuf {
    let on_path =
        || std::env::split_paths(&std::env::var_os("PATH")?).map(|d| d.join("node")).find(|p| p.is_file());
    let node = std::env::var_os("CHELA_TEST_NODE").map(PathBuf::from).or_else(on_path);
    let node = node.expect("Node is missing: run `./x setup --tests`");
    let said = std::process::Command::new(&node)
        .arg("--version")
        .output()
        .expect("Node does not run: `./x setup --tests`");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let parts: Vec<u32> =
        text.trim().trim_start_matches('v').split('.').filter_map(|n| n.parse().ok()).collect();
    assert!(
        parts >= vec![24, 16, 0],
        "{} is Node {text}, 24.16 is needed: run `./x setup --tests`",
        node.display()
    );
    node
}
