//! A panel over a registry of test verbs, with callers that need no `auth`.

use crate::platform::{
    Platform,
    clock::ManualClock,
    config::{Config, Source},
    ctx::OpCtx,
    db::{Cursor, Db},
    error::OpError,
    http::{Identify, Identity, PanelParts, Revoked, panel},
    ids::RandomIds,
    jobs::Jobs,
    live::Live,
    verbs::{Rest, Verbs},
};
use api::{
    ApiError, Page, Verb,
    auth::Role,
    bots::{BotDetail, StopBot},
    ids::{BotId, SessionId, TokenId, UserId, WorkspaceId},
    settings::{GetInstance, Instance},
    verb::Done,
};
use axum::{Router, body::Body, response::Response};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use leptos::prelude::LeptosOptions;
use migration::MigratorTrait;
use policy::{Actor, Granted, Subject, act};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{Notify, broadcast};
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "http://localhost:3000";
pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) const OWNER: UserId = UserId(Uuid::from_u128(1));
pub(crate) const SESSION: SessionId = SessionId(Uuid::from_u128(10));
pub(crate) const TOKEN: TokenId = TokenId(Uuid::from_u128(20));
pub(crate) const HERE: WorkspaceId = WorkspaceId(Uuid::from_u128(30));
pub(crate) const THING: BotId = BotId(Uuid::from_u128(40));

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListThings {
    limit: Option<u32>,
    cursor: Option<String>,
    loud: Option<bool>,
}
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetThing {
    thing: BotId,
}
/// Makes a thing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeThing {
    name: String,
    #[serde(default)]
    parts: Option<Vec<Part>>,
}
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    size: u8,
}
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeThing {
    thing: BotId,
    name: String,
    #[serde(default)]
    expected_version: Option<i64>,
}
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DropThing {
    thing: BotId,
    confirm: Option<String>,
}
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Thing {
    id: BotId,
    name: String,
    version: i64,
}
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Made {
    id: BotId,
    #[schemars(extend("x-chela-once" = true))]
    secret: Option<String>,
}

macro_rules! verb {
    ($($cmd:ty => $out:ty, $name:literal;)*) => {$(
        impl Verb for $cmd { type Out = $out; const NAME: &'static str = $name; }
    )*};
}
verb! {
    ListThings => Page<Thing>, "things.list";
    GetThing => Thing, "things.get";
    MakeThing => Made, "things.make";
    ChangeThing => Thing, "things.change";
    DropThing => Done, "things.drop";
}

/// What the test verbs did and wait for.
#[derive(Default)]
pub(crate) struct Things {
    pub(crate) made: AtomicUsize,
    /// A thing named `slow` says that it has begun and waits to go on.
    pub(crate) begun: Notify,
    pub(crate) go_on: Notify,
}

fn known(thing: BotId) -> Result<Thing, OpError> {
    if thing == THING {
        Ok(Thing { id: thing, name: "one".into(), version: 3 })
    } else {
        Err(ApiError::not_found().into())
    }
}

async fn make(
    things: Arc<Things>,
    _: OpCtx,
    _: Granted<act::WriteBots>,
    cmd: MakeThing,
) -> Result<Made, OpError> {
    match cmd.name.as_str() {
        "slow" => {
            things.begun.notify_one();
            things.go_on.notified().await;
        }
        "panic" => panic!("as asked"),
        "refused" => return Err(ApiError::field("/name", "is refused").into()),
        _ => {}
    }
    let n = things.made.fetch_add(1, Ordering::SeqCst) + 1;
    Ok(Made { id: BotId(Uuid::from_u128(100 + n as u128)), secret: Some(format!("secret-{n}")) })
}

async fn change(
    _: Arc<Things>,
    _: OpCtx,
    _: Granted<act::WriteBots>,
    cmd: ChangeThing,
) -> Result<Thing, OpError> {
    let thing = known(cmd.thing)?;
    match cmd.expected_version {
        Some(version) if version != thing.version => Err(ApiError::stale(version, thing.version).into()),
        _ => Ok(Thing { name: cmd.name, version: thing.version + 1, ..thing }),
    }
}

fn register(verbs: &mut Verbs, things: &Arc<Things>) {
    verbs.on::<ListThings, act::ReadBots, _, _, _>(
        Rest::get("/api/things"),
        things,
        |_, _, _, q: ListThings| async move {
            Cursor::<BotId>::parse(q.limit, q.cursor.as_deref())?;
            Ok(Page { items: vec![known(THING)?], next: q.loud.map(|loud| loud.to_string()) })
        },
    );
    verbs.on::<GetThing, act::ReadBots, _, _, _>(
        Rest::get("/api/things/{thing}"),
        things,
        |_, _, _, q: GetThing| async move { known(q.thing) },
    );
    verbs.on::<MakeThing, act::WriteBots, _, _, _>(Rest::create("/api/things"), things, make);
    verbs.on::<ChangeThing, act::WriteBots, _, _, _>(Rest::patch("/api/things/{thing}"), things, change);
    verbs.on::<DropThing, act::WriteBots, _, _, _>(
        Rest::delete("/api/things/{thing}"),
        things,
        |_, _, _, q: DropThing| async move {
            known(q.thing)?;
            if q.confirm.as_deref() == Some("yes") {
                Ok(Done {})
            } else {
                Err(ApiError::field("/confirm", "must be yes").into())
            }
        },
    );
    verbs.on::<StopBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/stop"),
        things,
        |_, _, _, _: StopBot| async move { Err::<BotDetail, OpError>(ApiError::not_found().into()) },
    );
    verbs.on::<GetInstance, act::ReadInstance, _, _, _>(
        Rest::get("/api/instance"),
        things,
        |_, _, _, _: GetInstance| async move {
            Err::<Instance, OpError>(ApiError::field("/x", "for the test").into())
        },
    );
}

/// Callers by name: cookie `owner`, `viewer`; bearer `program`.
pub(crate) struct Names {
    pub(crate) revoked: broadcast::Sender<Revoked>,
}

fn person(user: UserId, role: Role) -> Subject {
    Subject { actor: Actor::User(user), workspace: Some(HERE), role: Some(role), admin: false }
}

#[async_trait::async_trait]
impl Identify for Names {
    async fn identify(&self, cookie: Option<&str>, bearer: Option<&str>) -> Result<Identity, ApiError> {
        match (cookie, bearer) {
            (Some("owner"), None) => {
                Ok(Identity { subject: person(OWNER, Role::Owner), session: Some(SESSION), token: None })
            }
            (Some("viewer"), None) => {
                let session = Some(SessionId(Uuid::from_u128(11)));
                Ok(Identity {
                    subject: person(UserId(Uuid::from_u128(2)), Role::Viewer),
                    session,
                    token: None,
                })
            }
            (None, Some("program")) => {
                let subject = Subject { actor: Actor::Token(TOKEN), ..person(OWNER, Role::Owner) };
                Ok(Identity { subject, session: None, token: Some(TOKEN) })
            }
            (_, Some(_)) => Err(ApiError::unauthenticated()),
            _ => Ok(Identity::NOBODY),
        }
    }
    fn revocations(&self) -> broadcast::Receiver<Revoked> {
        self.revoked.subscribe()
    }
}

/// A panel and what a test looks at from outside.
pub(crate) struct Bench {
    pub(crate) router: Router,
    pub(crate) platform: Arc<Platform>,
    pub(crate) clock: ManualClock,
    pub(crate) things: Arc<Things>,
    pub(crate) names: Arc<Names>,
    pub(crate) verbs: Arc<Verbs>,
    _dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::at(ORIGIN).await
    }

    pub(crate) async fn at(public_url: &str) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let db = Db::sqlite(&dir.path().join("chela.db")).await.expect("database");
        migration::Migrator::up(db.maintenance(), None).await.expect("migrations");
        let env = [
            ("CHELA_DATA_DIR", dir.path().display().to_string()),
            ("CHELA_PUBLIC_URL", public_url.to_owned()),
            ("CHELA_TRUSTED_PROXIES", "10.0.0.0/8".to_owned()),
        ];
        let (source, _) = Source::read(env.map(|(name, value)| (name.to_owned(), value))).expect("settings");
        let clock = ManualClock::at(NOW);
        let (shared, ids) = (Arc::new(clock.clone()), Arc::new(RandomIds));
        let platform = Arc::new(Platform {
            config: Config::load(&source).expect("config"),
            jobs: Jobs::new(db.clone(), shared.clone(), ids.clone()),
            db,
            clock: shared,
            ids,
            vault: vault::Vault::new(&zeroize::Zeroizing::new([7; 32])),
            live: Live::new(),
            tasks: Default::default(),
            shutdown: Default::default(),
            instance_id: Uuid::nil(),
        });
        let (things, names) =
            (Arc::new(Things::default()), Arc::new(Names { revoked: broadcast::Sender::new(16) }));
        let mut verbs = Verbs::default();
        register(&mut verbs, &things);
        let verbs = Arc::new(verbs);
        let site = dir.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).expect("site");
        std::fs::write(site.join("favicon.svg"), "<svg/>").expect("file");
        std::fs::write(site.join("pkg/chela.QJ1xj6hFvZb2mVhYH5l0Xw.wasm"), "wasm").expect("file");
        std::fs::write(site.join("pkg/chela.QJ1xj6hFvZb2mVhYH5l0Xw.wasm.br"), "br").expect("file");
        let leptos =
            LeptosOptions::builder().output_name("chela").site_root(site.display().to_string()).build();
        let router = panel(PanelParts {
            platform: Arc::clone(&platform),
            verbs: Arc::clone(&verbs),
            identify: Arc::clone(&names) as _,
            leptos,
            auth_routes: Router::new(),
            more: Router::new()
                .route("/api/panics", axum::routing::get(panics))
                .route("/panics", axum::routing::get(panics)),
            relay: Router::new(),
        });
        Self { router, platform, clock, things, names, verbs, _dir: dir }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    /// As the program with the token `program`.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let response = self.send(by_program(method, path, body)).await;
        (response.status(), json_of(response).await)
    }
}

async fn panics() -> StatusCode {
    panic!("as asked")
}

/// A request to the panel's own host.
pub(crate) fn ask(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "localhost:3000")
}

pub(crate) fn by_program(method: &str, path: &str, body: &str) -> Request<Body> {
    let request = ask(method, path).header(header::AUTHORIZATION, "Bearer program");
    let request =
        if body.is_empty() { request } else { request.header(header::CONTENT_TYPE, "application/json") };
    request.body(Body::from(body.to_owned())).expect("request")
}

pub(crate) async fn text_of(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("body").to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) async fn json_of(response: Response) -> Value {
    let text = text_of(response).await;
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
