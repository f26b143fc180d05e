//! A data dir with a database, a clock that stands still, and short words for what tests do.

use super::soft::Soft;
use api::{
    ApiError, Verb,
    auth::{LinkInfo, LoginFinish, LoginStart, OpenLink, RegisterFinish, RegisterStart},
    ids::RequestId,
};
use entity::audit;
use migration::{Migrator, MigratorTrait};
use policy::Actor;
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use server::{
    auth::{self, Auth, Caller, Entered, admin},
    platform::{
        Platform,
        clock::ManualClock,
        config::{Config, Source},
        ctx::{OpCtx, Origin},
        db::Db,
        http::Identify,
        ids::RandomIds,
        jobs::Jobs,
        live::Live,
        verbs::Verbs,
    },
};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;
use zeroize::Zeroizing;

pub const HOUR: i64 = 60 * 60 * 1000;
pub const DAY: i64 = 24 * HOUR;
/// 2026-11-20.
pub const NOW: i64 = 1_795_165_200_000;

pub struct Home {
    pub dir: TempDir,
    pub clock: ManualClock,
    pub platform: Arc<Platform>,
    pub auth: Arc<Auth>,
    pub verbs: Verbs,
}

impl Home {
    pub async fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), ManualClock::at(NOW), None).await
    }

    /// Opens a data dir; `data_dir` where it is not the temporary one itself.
    pub async fn at(dir: TempDir, clock: ManualClock, data_dir: Option<PathBuf>) -> Self {
        let path = data_dir.unwrap_or_else(|| dir.path().to_owned());
        let env = [("CHELA_DATA_DIR".to_owned(), path.display().to_string())];
        let config = Config::load(&Source::read(env).unwrap().0).unwrap();
        let db = Db::sqlite(&path.join("chela.db")).await.unwrap();
        Migrator::up(db.maintenance(), None).await.unwrap();
        let (clock_port, ids) = (Arc::new(clock.clone()), Arc::new(RandomIds));
        let platform = Arc::new(Platform {
            config,
            jobs: Jobs::new(db.clone(), Arc::clone(&clock_port) as _, Arc::clone(&ids) as _),
            db,
            clock: clock_port,
            ids,
            vault: vault::Vault::new(&Zeroizing::new([7; 32])),
            live: Live::new(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            instance_id: Uuid::nil(),
        });
        let auth = Auth::new(Arc::clone(&platform)).unwrap();
        let mut verbs = Verbs::default();
        auth::register(&mut verbs, &auth);
        Self { dir, clock, platform, auth, verbs }
    }

    /// The same data dir after a restart.
    pub async fn restart(self) -> Self {
        self.settle().await;
        let Self { dir, clock, .. } = self;
        Self::at(dir, clock, None).await
    }

    /// Waits for what runs beside requests.
    pub async fn settle(&self) {
        self.platform.tasks.close();
        self.platform.tasks.wait().await;
        self.platform.tasks.reopen();
    }

    /// Somebody with this cookie, or with none.
    pub async fn caller(&self, cookie: Option<&str>) -> Caller {
        let who = self.auth.identify(cookie, None).await.unwrap();
        let ctx = OpCtx {
            subject: who.subject,
            session: who.session,
            request_id: RequestId(Uuid::now_v7()),
            origin: Origin::Browser,
            now_ms: server::platform::clock::Clock::now_ms(&self.clock),
            idempotency_key: None,
        };
        Caller { ctx, addr: [203, 0, 113, 9].into(), label: "Firefox on Linux".into() }
    }

    /// Whether the cookie still stands for somebody.
    pub async fn is_in(&self, cookie: &str) -> bool {
        self.auth.identify(Some(cookie), None).await.unwrap().subject.actor != Actor::Nobody
    }

    pub async fn setup_token(&self) -> String {
        match admin::setup_link(&self.auth).await.unwrap() {
            admin::Setup::Open(link) => token_of(&link.url),
            admin::Setup::Done => panic!("set up already"),
        }
    }

    pub async fn enrol_token(&self, user: &str, role: Option<api::auth::Role>) -> String {
        token_of(&admin::enrol_link(&self.auth, user, role).await.unwrap().url)
    }

    pub async fn look(&self, token: &str) -> Result<LinkInfo, ApiError> {
        self.look_as(None, token).await
    }

    pub async fn look_as(&self, cookie: Option<&str>, token: &str) -> Result<LinkInfo, ApiError> {
        let caller = self.caller(cookie).await;
        Ok(self.auth.open_link(&caller, OpenLink { token: token.into() }).await?)
    }

    /// Enrols a passkey with a link; returns the session's cookie.
    pub async fn enrol(&self, soft: &mut Soft, token: &str, name: Option<&str>) -> Result<String, ApiError> {
        let caller = self.caller(None).await;
        let start = RegisterStart {
            token: Some(token.into()),
            user_name: name.map(str::to_owned),
            passkey_name: Some("Laptop".into()),
        };
        let started = self.auth.register_start(&caller, start).await?;
        let credential = soft.register(&started.options);
        let finish = RegisterFinish { ceremony: started.ceremony, token: Some(token.into()), credential };
        Ok(cookie_of(self.auth.register_finish(&caller, finish).await?))
    }

    /// A fresh instance with its first administrator; returns her device and cookie.
    pub async fn ada(&self) -> (Soft, String) {
        let mut soft = Soft::new();
        let token = self.setup_token().await;
        let cookie = self.enrol(&mut soft, &token, Some("Ada")).await.unwrap();
        (soft, cookie)
    }

    pub async fn login(&self, soft: &mut Soft, name: Option<&str>) -> Result<String, ApiError> {
        let started = self.auth.login_start(LoginStart { user_name: name.map(str::to_owned) }).await?;
        let credential = soft.login(&started.options);
        let caller = self.caller(None).await;
        let finish = LoginFinish { ceremony: started.ceremony, credential };
        Ok(cookie_of(self.auth.login_finish(&caller, finish).await?))
    }

    pub async fn run<V: Verb>(&self, cookie: Option<&str>, verb: V) -> Result<V::Out, ApiError> {
        let ctx = self.caller(cookie).await.ctx;
        let out = self.verbs.run_json(V::NAME, ctx, serde_json::to_value(verb).unwrap()).await?;
        Ok(serde_json::from_value(out).unwrap())
    }

    /// Audit rows, oldest first.
    pub async fn audit(&self) -> Vec<audit::Model> {
        audit::Entity::find().order_by_asc(audit::Column::Id).all(self.platform.db.read()).await.unwrap()
    }

    pub async fn acts(&self) -> Vec<String> {
        self.audit().await.into_iter().map(|row| row.act).collect()
    }

    /// Runs SQL beside the use cases.
    pub async fn sql(&self, text: &str) {
        self.platform.db.maintenance().execute_unprepared(text).await.unwrap();
    }
}

pub fn token_of(url: &str) -> String {
    url.split_once('#').expect("the token stands behind #").1.to_owned()
}

pub fn cookie_of(entered: Entered) -> String {
    entered.token.expect("a session").reveal().to_owned()
}

/// The code and words of a refusal.
pub fn words(error: &ApiError) -> (u16, String, Option<String>) {
    (error.code.status(), error.message.clone(), error.hint.clone())
}
