//! How the runtimes stood when they were last looked at, and which of them a bot gets that names none.
//!
//! They are looked at when Chela starts, with every resync, and when a bot is to be made. An engine that goes away stays
//! the default where bots live in it, and they wait for it: nothing takes its place unasked. Merely having been seen, it
//! is missed by nobody.

use super::{
    Runtimes,
    discover::{rank, word},
};
use crate::platform::config::RuntimeChoice as Wanted;
use api::bots::RuntimeKind;
use runtime::Runtime;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long a runtime may take to answer while somebody waits.
const WHILE_WAITING: Duration = Duration::from_secs(2);
/// How long it may take before it counts as away.
const BEFORE_AWAY: Duration = Duration::from_secs(10);

/// What a look at a runtime gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It keeps its bots apart.
    Isolated,
    /// It works, and keeps nothing apart.
    Unisolated,
    /// It has not worked since Chela started.
    Away,
    /// A setting says no.
    Off,
}

#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) found: Found,
    /// What it is, or why it does not work now.
    pub(super) text: String,
    /// It worked before, and does not now.
    pub(super) gone: bool,
}

/// A runtime that bots are to run in and that does not answer.
#[derive(Clone, Debug)]
pub struct Silent {
    /// `docker` or `process`.
    pub runtime: &'static str,
    /// What it said when it was looked at.
    pub why: String,
    /// A new bot that names no runtime would get it.
    pub default: bool,
}

impl Note {
    pub(super) async fn of(runtime: &dyn Runtime, wanted: Wanted) -> Self {
        let kind = runtime.kind();
        let allowed = wanted == Wanted::Auto || wanted == Wanted::Only(kind);
        let (found, text) = match runtime.check().await {
            Ok(_) if !allowed => (Found::Off, "switched off by CHELA_RUNTIME".to_owned()),
            Ok(info) if info.isolated => (Found::Isolated, info.summary),
            Ok(info) => (Found::Unisolated, info.summary),
            Err(error) => (Found::Away, error.to_string()),
        };
        Self { found, text, gone: false }
    }
}

/// The notes, and the turn of who makes them.
pub(super) struct Looks {
    notes: Mutex<BTreeMap<u8, Note>>,
    turn: tokio::sync::Mutex<()>,
    begun: AtomicU64,
    /// Bots live in Docker.
    docker_is_home: AtomicBool,
}

impl Looks {
    pub(super) fn new(notes: BTreeMap<u8, Note>) -> Self {
        Self {
            notes: Mutex::new(notes),
            turn: Default::default(),
            begun: AtomicU64::new(0),
            docker_is_home: AtomicBool::new(false),
        }
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<u8, Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, kind: RuntimeKind, note: Note) {
        let mut notes = self.notes();
        let Some(was) = notes.get_mut(&rank(kind)) else { return };
        // How it keeps bots apart is known of one that is gone for a while.
        let gone = note.found == Found::Away && was.found != Found::Away;
        let found = if gone { was.found } else { note.found };
        if (was.found, was.gone) != (found, gone) {
            tracing::warn!(
                runtime = word(kind),
                gone,
                now = note.text,
                "a runtime has come, gone or changed"
            );
        }
        *was = Note { found, gone, ..note };
    }
}

impl Runtimes {
    pub(super) fn note(&self, kind: RuntimeKind) -> Option<Note> {
        self.looks.notes().get(&rank(kind)).cloned()
    }

    /// Looks again, for somebody who waits: one that does not answer soon stays as it was.
    pub(in crate::bots) async fn look_again(&self) {
        self.look(WHILE_WAITING, false).await;
    }

    /// Looks again, with patience: one that does not answer is away.
    pub(in crate::bots) async fn look_again_patiently(&self) {
        self.look(BEFORE_AWAY, true).await;
    }

    async fn look(&self, within: Duration, silence_is_away: bool) {
        // Whoever asks during another's look waits for that one and then for one more, shared by all of them.
        let begun = self.looks.begun.load(Ordering::SeqCst);
        let _turn = self.looks.turn.lock().await;
        if self.looks.begun.load(Ordering::SeqCst) > begun {
            return;
        }
        self.looks.begun.fetch_add(1, Ordering::SeqCst);
        // What a setting switches off stays off, and is looked at where bots live in it.
        let wanted = self.list.values().filter(|runtime| match self.wanted {
            Wanted::Auto => true,
            Wanted::Only(kind) => runtime.kind() == kind || self.is_home(runtime.kind()),
        });
        let looks = wanted.map(async |runtime| {
            let look = Note::of(runtime.as_ref(), self.wanted);
            match tokio::time::timeout(within, look).await {
                Ok(note) => self.looks.take(runtime.kind(), note),
                Err(_) if silence_is_away => {
                    let text = format!("no answer within {} s", within.as_secs());
                    self.looks.take(runtime.kind(), Note { found: Found::Away, text, gone: false });
                }
                Err(_) => {}
            }
        });
        futures::future::join_all(looks).await;
    }

    /// Whether bots live in Docker: while it is away then, new ones do not quietly go elsewhere.
    pub(in crate::bots) fn docker_has_bots(&self, has: bool) {
        self.looks.docker_is_home.store(has, Ordering::SeqCst);
    }

    fn is_home(&self, kind: RuntimeKind) -> bool {
        kind == RuntimeKind::Docker && self.looks.docker_is_home.load(Ordering::SeqCst)
    }

    /// Runtimes that do not answer, of those that are the default or have bots.
    pub fn silent(&self) -> Vec<Silent> {
        let default = self.default_kind();
        let silent = self.all().filter_map(|(kind, _)| {
            let note = self.note(kind)?;
            let missed = kind == default || self.is_home(kind);
            let is_silent = note.gone || note.found == Found::Away;
            (missed && is_silent).then(|| Silent {
                runtime: word(kind),
                why: note.text,
                default: kind == default,
            })
        });
        silent.collect()
    }

    pub(super) fn default_kind(&self) -> RuntimeKind {
        let gone = || self.note(RuntimeKind::Docker).is_some_and(|note| note.gone);
        let works = || self.obstacle(RuntimeKind::Docker, None).is_none() && !gone();
        match self.wanted {
            Wanted::Only(kind) => kind,
            Wanted::Auto if self.is_home(RuntimeKind::Docker) || works() => RuntimeKind::Docker,
            Wanted::Auto => RuntimeKind::Process,
        }
    }

    /// Name of the default runtime.
    pub fn default_word(&self) -> &'static str {
        word(self.default_kind())
    }

    /// Which runtime is the default, and why.
    pub fn why(&self) -> String {
        let text = |kind| self.note(kind).map(|note| note.text).unwrap_or_default();
        match (self.wanted, self.default_kind()) {
            (Wanted::Only(kind), _) => format!("{} (CHELA_RUNTIME): {}", word(kind), text(kind)),
            (Wanted::Auto, kind @ RuntimeKind::Docker) => format!("docker: {}", text(kind)),
            (Wanted::Auto, kind @ RuntimeKind::Process) => {
                format!("process: {} (docker: {})", text(kind), text(RuntimeKind::Docker))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::config::{Config, Source};
    use api::{ApiError, ids::WorkspaceId};
    use runtime::home::Homes;
    use std::sync::Arc;
    use testkit::fake_runtime::FakeRuntime;
    use uuid::Uuid;

    const HERE: WorkspaceId = WorkspaceId(Uuid::nil());

    struct Host {
        docker: FakeRuntime,
        runtimes: Runtimes,
        _dir: tempfile::TempDir,
    }

    async fn host(docker_is_up: bool) -> Host {
        let dir = tempfile::tempdir().expect("a directory");
        let env = [("CHELA_DATA_DIR".to_owned(), dir.path().display().to_string())];
        let config = Config::load(&Source::read(env).expect("settings").0).expect("settings");
        let homes = Homes::open(dir.path(), None).expect("files");
        let docker = FakeRuntime::new(RuntimeKind::Docker);
        docker.set_engine(docker_is_up);
        let process = FakeRuntime::new(RuntimeKind::Process);
        let runtimes = Runtimes::with(&config, homes, vec![Arc::new(docker.clone()), Arc::new(process)]);
        Host { docker, runtimes: runtimes.await.expect("runtimes"), _dir: dir }
    }

    impl Host {
        async fn docker(&self, is_up: bool) {
            self.docker.set_engine(is_up);
            self.runtimes.look_again().await;
        }

        fn unasked(&self) -> Result<RuntimeKind, ApiError> {
            self.runtimes.choose(None, HERE)
        }
    }

    #[tokio::test]
    async fn an_engine_with_bots_that_goes_away_is_missed_and_nothing_takes_its_place_unasked() {
        let host = host(true).await;
        host.runtimes.docker_has_bots(true);
        host.docker.set_isolated(false);
        host.docker(false).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Docker), "its bots wait for it");
        assert_eq!(host.runtimes.choose(Some(RuntimeKind::Process), HERE), Ok(RuntimeKind::Process));
        let choices = host.runtimes.choices(Some(HERE));
        let shown: Vec<_> = choices.iter().map(|c| (c.kind, c.default)).collect();
        assert_eq!(shown, [(RuntimeKind::Docker, true), (RuntimeKind::Process, false)]);
        let usable: Vec<_> = choices.iter().map(|c| c.available).collect();
        assert_eq!(usable, [false, true], "what does not answer cannot be chosen");
        let silent = host.runtimes.silent();
        assert_eq!(
            silent.iter().map(|one| (one.runtime, one.default)).collect::<Vec<_>>(),
            [("docker", true)]
        );
        let notes = [choices[0].note.clone().unwrap_or_default(), host.runtimes.why()];
        assert!(notes.iter().all(|note| note.contains("nobody there")), "{notes:?}");
        host.docker(true).await;
        assert!(host.runtimes.is_unisolated(RuntimeKind::Docker), "looked at anew");
        host.docker.set_isolated(true);
        host.docker(true).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Docker));
        assert!(!host.runtimes.why().contains("nobody there"), "{}", host.runtimes.why());
        assert!(host.runtimes.silent().is_empty());
        assert!(host.runtimes.choices(Some(HERE)).iter().all(|choice| choice.available));
    }

    #[tokio::test]
    async fn an_engine_that_was_merely_seen_is_no_home() {
        let host = host(true).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Docker), "while it is there");
        host.docker(false).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Process), "nobody lives in it");
        assert!(host.runtimes.silent().is_empty(), "nobody misses it");
        assert!(host.runtimes.why().starts_with("process"), "{}", host.runtimes.why());
        host.runtimes.docker_has_bots(true);
        assert_eq!(host.unasked(), Ok(RuntimeKind::Docker), "somebody was made in it meanwhile");
        host.runtimes.docker_has_bots(false);
        assert_eq!(host.unasked(), Ok(RuntimeKind::Process), "and deleted");
    }

    #[tokio::test]
    async fn an_engine_that_comes_up_later_is_seen() {
        let host = host(false).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Process), "as the start said");
        assert!(host.runtimes.silent().is_empty(), "nobody misses an engine that was never there");
        assert!(host.runtimes.why().starts_with("process"), "{}", host.runtimes.why());
        host.docker(true).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Docker));
        assert!(host.runtimes.why().starts_with("docker"), "{}", host.runtimes.why());
    }

    #[tokio::test]
    async fn where_bots_live_in_an_engine_that_is_gone_at_the_start_new_ones_do_not_go_elsewhere() {
        let host = host(false).await;
        host.runtimes.docker_has_bots(true);
        let refused = host.unasked().expect_err("no engine");
        assert_eq!(refused.fields.first().map(|f| f.pointer.as_str()), Some("/runtime"));
        assert!(refused.message.contains("docker") && refused.hint.is_some(), "{refused:?}");
        host.docker(true).await;
        assert_eq!(host.unasked(), Ok(RuntimeKind::Docker));
    }
}
