//! The walk: every door of the panel as everybody. A verb, server function, page or topic that this file
//! does not know fails it, and what is foreign looks like what does not exist, byte for byte.

use crate::support::*;
use api::ids::{
    BotConfigId, BotId, BudgetId, JobId, KeyId, PasskeyId, PostmortemId, PriceId, SessionId, StopId,
    ThreadId, TokenId, UsageId, UserId, VirtualKeyId, WorkspaceId,
};
use axum::body::Body;
use entity::{auth::passkey, job};
use http::{Method, header};
use policy::Needs;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use server::platform::{
    http::{Door, doors},
    live::TopicKind,
};
use uuid::Uuid;

/// Words of ours that nobody else may read anywhere.
const OURS: [&str; 3] = ["Zebra-of-ours", "Title-of-ours", "Token-of-ours"];

/// One of each kind, by id.
#[derive(Clone)]
struct Things {
    bot: String,
    thread: String,
    key: String,
    token: String,
    session: String,
    passkey: String,
    postmortem: String,
    job: String,
    price: String,
    budget: String,
    stop: String,
    virtual_key: String,
    chain: String,
    call: String,
    /// A version of the bot's settings, which no path names.
    config: String,
}

impl Things {
    /// Ids of the right shape that nothing has.
    fn unknown() -> Self {
        let id = Uuid::now_v7();
        Self {
            bot: BotId(id).to_string(),
            thread: ThreadId(id).to_string(),
            key: KeyId(id).to_string(),
            token: TokenId(id).to_string(),
            session: SessionId(id).to_string(),
            passkey: PasskeyId(id).to_string(),
            postmortem: PostmortemId(id).to_string(),
            job: JobId(id).to_string(),
            price: PriceId(id).to_string(),
            budget: BudgetId(id).to_string(),
            stop: StopId(id).to_string(),
            virtual_key: VirtualKeyId(id).to_string(),
            chain: "nobodys-chain".to_owned(),
            call: UsageId(id).to_string(),
            config: BotConfigId(id).to_string(),
        }
    }

    fn of(&self, name: &str) -> &str {
        match name {
            "bot" => &self.bot,
            "thread" => &self.thread,
            "key" => &self.key,
            "token" => &self.token,
            "session" => &self.session,
            "passkey" => &self.passkey,
            "postmortem" => &self.postmortem,
            "job" => &self.job,
            "price" => &self.price,
            "budget" => &self.budget,
            "stop" => &self.stop,
            "virtual_key" => &self.virtual_key,
            "chain" => &self.chain,
            "call" => &self.call,
            other => panic!("the walk has no {other}"),
        }
    }

    fn all(&self) -> [&str; 14] {
        let Self {
            bot,
            thread,
            key,
            token,
            session,
            passkey,
            postmortem,
            config: _,
            job,
            price,
            budget,
            stop,
            virtual_key,
            chain,
            call,
        } = self;
        [
            bot,
            thread,
            key,
            token,
            session,
            passkey,
            postmortem,
            job,
            price,
            budget,
            stop,
            virtual_key,
            chain,
            call,
        ]
    }

    /// A path with its parameters filled in.
    fn fill(&self, path: &str) -> String {
        params(path)
            .iter()
            .fold(path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), self.of(name)))
    }
}

/// Names of a path's parameters.
fn params(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// What a verb is sent besides its path. A new verb fails here until somebody says.
#[expect(clippy::too_many_lines, reason = "a table")]
fn fields(verb: &str, vendor: &str) -> Value {
    match verb {
        "auth.me"
        | "auth.passkeys"
        | "auth.delete_passkey"
        | "auth.sessions"
        | "auth.revoke_session"
        | "auth.revoke_other_sessions"
        | "auth.tokens"
        | "auth.delete_token"
        | "audit.list"
        | "bots.list"
        | "bots.get"
        | "bots.stats"
        | "bots.logs"
        | "bots.events"
        | "bots.uptime"
        | "bots.metrics"
        | "bots.health"
        | "bots.postmortems"
        | "bots.postmortem"
        | "bots.diagnose"
        | "bots.configs"
        | "bots.rollback"
        | "bots.trash"
        | "bots.restore"
        | "bots.upgrade"
        | "bots.upgrade_return"
        | "bots.upgrade_cancel"
        | "bots.options"
        | "bots.allow_unisolated"
        | "bots.storage"
        | "bots.forbid_unisolated"
        | "bots.apply"
        | "bots.discard"
        | "bots.start"
        | "bots.stop"
        | "bots.restart"
        | "bots.delete"
        | "chains.list"
        | "chains.get"
        | "chains.delete"
        | "chat.threads"
        | "chat.thread"
        | "chat.delete_thread"
        | "chat.messages"
        | "chat.stop"
        | "keys.list"
        | "keys.vendors"
        | "keys.test"
        | "keys.delete"
        | "budgets.list"
        | "budgets.change"
        | "budgets.delete"
        | "budgets.zone"
        | "budgets.lookout"
        | "budgets.stops"
        | "budgets.allow"
        | "virtual_keys.list"
        | "virtual_keys.rotate"
        | "virtual_keys.delete"
        | "models.list"
        | "prices.list"
        | "prices.delete"
        | "usage.list"
        | "usage.today"
        | "usage.summary"
        | "usage.trend"
        | "usage.breakdown"
        | "usage.show"
        | "notify.list"
        | "notify.unread"
        | "notify.read"
        | "notify.mute"
        | "notify.choices"
        | "notify.push_key"
        | "jobs.list"
        | "jobs.get"
        | "jobs.retry"
        | "jobs.cancel"
        | "jobs.discard"
        | "orphans.list"
        | "orphans.remove"
        | "settings.instance" => json!({}),
        "notify.subscribe" => json!({
            "endpoint": "https://push.example/walk",
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        }),
        "notify.unsubscribe" => json!({ "endpoint": "https://push.example/walk" }),
        "notify.choose" => json!({ "in_app": ["died", "hung"], "push": ["died"] }),
        "budgets.create" => json!({ "unit": "requests", "period": "month", "most": 1_000_000 }),
        "budgets.stop" => json!({ "vendor": "groq", "why": "a walk" }),
        "budgets.set_lookout" => json!({ "loop_calls": 20 }),
        "budgets.set_zone" => json!({ "time_zone": "Europe/Berlin" }),
        "virtual_keys.create" => json!({ "name": "Walker" }),
        "virtual_keys.change" => json!({ "blocked": true }),
        "prices.set" => json!({
            "vendor": "openai", "model": "walked", "input_price": 1, "output_price": 2
        }),
        "prices.import" => json!({ "csv": "vendor,model,input_usd,output_usd\nopenai,walked,1,2.50\n" }),
        "models.set" => json!({ "vendor": "openai", "model": "walked", "context_length": 1000 }),
        "chains.set" => json!({ "name": "walked", "links": ["openai/fake-model"] }),
        "auth.rename_passkey" => json!({ "name": "Laptop" }),
        "bots.create" => json!({ "name": "Walker", "model": "openai/fake-model" }),
        "bots.set_limits" => json!({ "memory_mb": 1024 }),
        "bots.clone" => json!({ "name": "Walker the second" }),
        "bots.bulk" => json!({ "act": "start", "bots": [Uuid::nil().to_string()] }),
        "bots.update" => json!({ "prompt": "Walk." }),
        "chat.create_thread" | "chat.rename_thread" => json!({ "title": "Walk" }),
        "chat.send" => json!({ "text": "ask:walk" }),
        "keys.add" => json!({ "vendor": "openai", "secret": KEY, "base_url": vendor }),
        "keys.change" => json!({ "tags": ["walked"] }),
        "keys.replace" => json!({ "secret": KEY, "base_url": vendor }),
        other => panic!("the walk does not know the verb {other}: say in `fields` what it is sent"),
    }
}

/// A verb's door with what is sent through it.
struct Way {
    verb: &'static str,
    method: Method,
    path: &'static str,
    needs: Needs,
}

struct House {
    at: TestServer,
    ours: Things,
    ways: Vec<Way>,
    functions: Vec<&'static str>,
    pages: Vec<String>,
    topics: Vec<TopicKind>,
    owner: Who,
    viewer: Who,
    stranger: Who,
    strange_person: Who,
    /// Administers the instance, and is no member of our workspace.
    admin: Who,
    /// Those whom nobody knows, or not any more.
    outsiders: Vec<(&'static str, Who)>,
}

async fn passkeys(at: &TestServer, user: UserId) -> PasskeyId {
    let mut last = PasskeyId(Uuid::nil());
    for n in 0..2_u8 {
        last = PasskeyId(Uuid::now_v7());
        let mut credential = user.0.as_bytes().to_vec();
        credential.push(n);
        let row = passkey::Model {
            id: last,
            user_id: user,
            credential_id: credential,
            name: "Phone".to_owned(),
            passkey: "{}".to_owned(),
            synced: false,
            created_at_ms: 1,
            last_used_at_ms: None,
        };
        let made = at.server.platform.db.write(async |tx| {
            passkey::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        });
        made.await.expect("a passkey");
    }
    last
}

/// What a bot leaves that dies; it is ready again afterwards.
async fn death(at: &TestServer, owner: &Who, bot: &str) -> String {
    assert!(at.world.cells.exit(bot.parse().expect("an id"), 1));
    let left = eventually("it to have died", async || {
        let list = at.get(owner, &format!("/api/bots/{bot}/postmortems")).await.ok(200);
        list["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    at.observed(owner, bot, "running").await;
    left
}

/// Work on a bot that failed for good; no handler is known for it.
async fn dead_letter(at: &TestServer, bot: &str) -> JobId {
    let id = JobId(Uuid::now_v7());
    let row = job::Model {
        id,
        kind: "walk.nothing".to_owned(),
        payload: format!(r#"{{"bot":"{bot}","title":"{}"}}"#, OURS[1]),
        unique_key: None,
        state: "dead".to_owned(),
        run_at_ms: 1,
        attempts: 12,
        max_attempts: 12,
        locked_until_ms: None,
        last_error: Some("it failed".to_owned()),
        created_at_ms: 1,
        finished_at_ms: Some(2),
        started_at_ms: Some(1),
        ran_ms: Some(1),
    };
    let made = at.server.platform.db.write(async |tx| {
        job::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    });
    made.await.expect("a job");
    id
}

/// Our things: a bot that has talked, a key, a token, sessions and passkeys of a person.
async fn our_things(at: &TestServer, owner: &Who, user: UserId, here: WorkspaceId) -> Things {
    let key = at.add_key(owner).await;
    let bot = at.ready_bot(owner, OURS[0]).await;
    let made =
        at.ask(owner, "POST", &format!("/api/bots/{bot}/threads"), json!({ "title": OURS[1] })).await.ok(201);
    let thread = made["id"].as_str().expect("an id").to_owned();
    let postmortem = death(at, owner, &bot).await;
    let say = json!({ "text": "ask:first", "thread_id": thread });
    let sent = at.ask(owner, "POST", &format!("/api/bots/{bot}/messages"), say).await.ok(202);
    at.ended(owner, &sent).await;
    let (token, _) = at.token(here, "owner", None).await;
    let (_, session, _) = at.person("Second", here, "owner").await;
    let mine = at.server.platform.db.write(async |tx| {
        use entity::auth::session::{Column, Entity};
        use sea_orm::{ColumnTrait, QueryFilter, sea_query::Expr};
        let moved = Entity::update_many().col_expr(Column::UserId, Expr::value(user.0));
        moved.filter(Column::Id.eq(session)).exec(tx).await?;
        Ok(())
    });
    mine.await.expect("a second session");
    let passkey = passkeys(at, user).await;
    let (token, session, passkey) = (token.to_string(), session.to_string(), passkey.to_string());
    let job = dead_letter(at, &bot).await.to_string();
    let configs = at.get(owner, &format!("/api/bots/{bot}/configs")).await.ok(200);
    let config = configs["items"][0]["id"].as_str().expect("an id").to_owned();
    let price =
        json!({ "vendor": "openai", "model": OURS[1], "input_price": 1_000_000, "output_price": 2_000_000 });
    let price = at.ask(owner, "POST", "/api/prices", price).await.ok(201);
    let price = price["id"].as_str().expect("an id").to_owned();
    let call = eventually("the call's row", async || {
        let calls = at.get(owner, "/api/usage?limit=1").await.ok(200);
        calls["items"][0]["id"].as_str().map(str::to_owned)
    });
    let call = call.await;
    let budget = json!({ "unit": "requests", "period": "day", "most": 1_000_000 });
    let budget = at.ask(owner, "POST", "/api/budgets", budget).await.ok(201);
    let budget = budget["id"].as_str().expect("an id").to_owned();
    let stop = json!({ "vendor": "mistral", "why": OURS[1] });
    let stop = at.ask(owner, "POST", "/api/stops", stop).await.ok(201);
    let stop = stop["id"].as_str().expect("an id").to_owned();
    let virtual_key = json!({ "name": OURS[2] });
    let virtual_key = at.ask(owner, "POST", "/api/virtual-keys", virtual_key).await.ok(201);
    let virtual_key = virtual_key["id"].as_str().expect("an id").to_owned();
    let chain = "zebra-chain-of-ours".to_owned();
    let links = json!({ "name": chain, "links": ["openai/fake-model"] });
    at.ask(owner, "POST", "/api/chains", links).await.ok(201);
    Things {
        bot,
        thread,
        key,
        token,
        session,
        passkey,
        postmortem,
        config,
        job,
        price,
        budget,
        stop,
        virtual_key,
        chain,
        call,
    }
}

async fn house() -> House {
    let at = TestServer::start().await;
    let operator = at.owner().await;
    let here = at.first_workspace().await;
    let (user, _, owner) = at.person("Ada", here, "owner").await;
    let (viewer_id, _, viewer) = at.person("Vera", here, "viewer").await;
    passkeys(&at, viewer_id).await;
    let ours = our_things(&at, &owner, user, here).await;
    let stranger = at.stranger().await;
    let elsewhere = {
        let me = at.get(&stranger, "/api/me").await.ok(200);
        me["workspace"].as_str().expect("a workspace").parse::<WorkspaceId>().expect("an id")
    };
    let (_, _, strange_person) = at.person("Sid", elsewhere, "owner").await;
    let admin = at.administrator("Olga", elsewhere, "owner").await;
    let (_, revoked_token) = at.token(here, "owner", Some(1)).await;
    let (_, gone_session, gone) = at.person("Gone", here, "owner").await;
    at.ask(&gone, "DELETE", &format!("/api/sessions/{gone_session}"), Value::Null).await.ok(200);
    let token =
        std::fs::read_to_string(at.world.data().join("bots").join(&ours.bot).join("run/tokens/relay"));
    let bot = Who::Bearer(token.expect("the bot's token").trim().to_owned());
    let outsiders = vec![
        ("nobody", Who::Nobody),
        ("a revoked token", revoked_token),
        ("an ended session", gone),
        ("a bot's relay token", bot),
        ("a made-up token", Who::Bearer(format!("chela_pat_{}", "x".repeat(43)))),
        (
            "the operator's token as a cookie",
            match operator {
                Who::Bearer(token) => Who::Cookie(token),
                other => other,
            },
        ),
    ];
    let mut house = House {
        ours,
        owner,
        viewer,
        stranger,
        strange_person,
        admin,
        outsiders,
        at,
        ways: Vec::new(),
        functions: Vec::new(),
        pages: Vec::new(),
        topics: Vec::new(),
    };
    for door in doors(&house.at.server.verbs, &house.at.server.platform.live) {
        match door {
            Door::Rest { method, path, verb, action } => {
                house.ways.push(Way { verb, method, path, needs: action.needs });
            }
            Door::ServerFn { path } => house.functions.push(path),
            Door::Page { path } => house.pages.push(path),
            Door::Topic { kind } => house.topics.push(kind),
        }
    }
    assert!(
        house.ways.len() > 30 && house.functions.len() > 20 && house.pages.len() > 10,
        "doors are missing"
    );
    house
}

impl House {
    /// What a verb is sent besides its path.
    fn said(&self, way: &Way, things: &Things) -> Value {
        let mut fields = fields(way.verb, &self.at.world.vendor.base_url());
        if way.verb == "bots.rollback" {
            fields["config_id"] = json!(things.config);
        }
        fields
    }

    /// Goes through a verb's REST door.
    async fn go(&self, way: &Way, who: &Who, things: &Things) -> Answer {
        let body = match way.method {
            Method::GET | Method::DELETE => Value::Null,
            _ => self.said(way, things),
        };
        self.at.ask(who, way.method.as_str(), &things.fill(way.path), body).await
    }

    fn way(&self, function: &str) -> &Way {
        let verb = function.trim_start_matches("/api/fn/").replace('/', ".");
        self.ways.iter().find(|way| way.verb == verb).unwrap_or_else(|| panic!("{function} is no verb's"))
    }

    /// Calls a server function: those that read take JSON, those that change take a form.
    async fn call(&self, function: &str, who: &Who, things: &Things) -> Answer {
        let way = self.way(function);
        let mut all = self.said(way, things);
        for name in params(way.path) {
            all[name] = json!(things.of(name));
        }
        let request = self.at.request(who, "POST", function);
        let request = if way.method == Method::GET {
            let body = json!({ "cmd": all }).to_string();
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body))
        } else {
            let pairs = all.as_object().expect("fields").iter();
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in pairs {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match value.as_array() {
                    Some(all) => {
                        form.extend_pairs(all.iter().map(|one| (format!("cmd[{name}][]"), text(one))));
                    }
                    None => {
                        form.append_pair(&format!("cmd[{name}]"), &text(value));
                    }
                }
            }
            let form = form.finish();
            request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(form))
        };
        send(self.at.panel, request.expect("a request")).await
    }

    /// Owners of whatever workspace, people and programs, are told the same of what exists and of what does not.
    async fn shuts_out_all_but_admins(&self, way: &Way, what: &str) {
        for things in [&self.ours, &Things::unknown()] {
            for who in [&self.stranger, &self.strange_person, &self.owner] {
                let answer = self.go(way, who, things).await;
                assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{what}");
                self.keeps_ours(what, &answer);
            }
        }
    }

    /// Fails where an answer holds anything of ours.
    fn keeps_ours(&self, what: &str, answer: &Answer) {
        for mark in OURS.iter().copied().chain(self.ours.all()) {
            assert!(!answer.text.contains(mark), "{what} shows {mark}: {}", answer.text);
        }
    }
}

/// Ids that were asked for come back in nothing but what echoes the request.
fn same(what: &str, foreign: &Answer, unknown: &Answer) {
    assert_eq!(foreign.shape(), unknown.shape(), "{what}: foreign differs from unknown");
    assert_eq!((foreign.status, foreign.code().as_str()), (404, "not_found"), "{what}");
}

/// When its owner goes through a door: what takes others' things away comes late.
fn turn(way: &Way) -> u8 {
    match (way.verb, way.method.as_str()) {
        (_, "GET") => 0,
        (
            "bots.stop" | "bots.restart" | "bots.start" | "bots.set_limits" | "bots.rollback" | "jobs.cancel",
            _,
        ) => 2,
        ("bots.trash", _) => 3,
        ("bots.restore", _) => 4,
        ("bots.delete", _) => 6,
        ("auth.revoke_other_sessions", _) => 7,
        (_, "DELETE") => 5,
        _ => 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rest_route_lets_in_whom_the_policy_names_and_nobody_else() {
    let house = house().await;
    for way in &house.ways {
        let what = format!("{} {} ({})", way.method, way.path, way.verb);
        for (name, who) in &house.outsiders {
            let answer = house.go(way, who, &house.ours).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{what} as {name}");
        }
        let names_a_thing = !params(way.path).is_empty();
        let stranger = match way.needs {
            Needs::Person => &house.strange_person,
            _ => &house.stranger,
        };
        let foreign = house.go(way, stranger, &house.ours).await;
        if way.needs == Needs::Admin {
            house.shuts_out_all_but_admins(way, &what).await;
        } else if names_a_thing {
            same(&what, &foreign, &house.go(way, stranger, &Things::unknown()).await);
        } else {
            assert!((200..300).contains(&foreign.status), "{what} as a stranger: {}", foreign.text);
            house.keeps_ours(&what, &foreign);
        }
        let viewer = house.go(way, &house.viewer, &house.ours).await;
        match way.needs {
            Needs::Owner | Needs::Admin => {
                assert_eq!((viewer.status, viewer.code().as_str()), (403, "forbidden"), "{what}")
            }
            // Their own things; ours are another person's.
            Needs::Person if names_a_thing => {
                same(&what, &viewer, &house.go(way, &house.viewer, &Things::unknown()).await);
            }
            Needs::Person | Needs::Member => {
                assert_eq!(viewer.status, 200, "{what} as a viewer: {}", viewer.text)
            }
            Needs::System => panic!("{what} is open to nobody"),
        }
        if way.needs == Needs::Person {
            let program = house.go(way, &house.stranger, &house.ours).await;
            assert_eq!((program.status, program.code().as_str()), (403, "forbidden"), "{what} as a program");
        }
    }
    // Last, so that nothing above was refused for another reason than the caller.
    let mut ways: Vec<&Way> = house.ways.iter().collect();
    ways.sort_by_key(|way| turn(way));
    for way in ways {
        let administers = way.needs == Needs::Admin;
        let who = if administers { &house.admin } else { &house.owner };
        let answer = house.go(way, who, &house.ours).await;
        // Nothing was upgraded that could be returned from.
        let nothing = way.verb == "bots.upgrade_return" && answer.status == 409;
        assert!(
            nothing || (200..300).contains(&answer.status),
            "{} as its owner: {} {}",
            way.verb,
            answer.status,
            answer.text
        );
        assert!(!answer.text.contains(KEY), "{} shows the key", way.verb);
        for mark in OURS.iter().filter(|_| administers) {
            assert!(!answer.text.contains(mark), "{} shows {mark} of a tenant: {}", way.verb, answer.text);
        }
    }
    house.at.stop_busy().await.dir.close().expect("removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_lets_in_whom_its_verb_lets_in() {
    let house = house().await;
    for function in &house.functions {
        let way = house.way(function);
        for (name, who) in &house.outsiders {
            let answer = house.call(function, who, &house.ours).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "unauthenticated"),
                "{function} as {name}"
            );
        }
        let stranger = &house.strange_person;
        let foreign = house.call(function, stranger, &house.ours).await;
        if way.needs == Needs::Admin {
            assert_eq!((foreign.status, foreign.code().as_str()), (403, "forbidden"), "{function}");
        } else if params(way.path).is_empty() {
            assert!((200..300).contains(&foreign.status), "{function} as a stranger: {}", foreign.text);
            house.keeps_ours(function, &foreign);
        } else {
            same(function, &foreign, &house.call(function, stranger, &Things::unknown()).await);
        }
        let viewer = house.call(function, &house.viewer, &house.ours).await;
        let own = way.needs == Needs::Member || (way.needs == Needs::Person && params(way.path).is_empty());
        let wanted = if own {
            200
        } else if matches!(way.needs, Needs::Owner | Needs::Admin) {
            403
        } else {
            404
        };
        assert_eq!(viewer.status, wanted, "{function} as a viewer: {}", viewer.text);
        let foreign_page =
            house.at.request(&house.owner, "POST", function).header("origin", "https://evil.example");
        let foreign_page = send(house.at.panel, foreign_page.body(Body::empty()).expect("a request")).await;
        assert_eq!(foreign_page.status, 403, "{function} from another site");
    }
    let unknown = house.at.ask(&house.owner, "POST", "/api/fn/bots/fly", json!({})).await;
    assert_eq!(unknown.status, 404);
    house.at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_topic_of_the_live_socket_is_seen_by_members_of_its_workspace_only() {
    use api::live::{ServerFrame, Snapshot};
    let house = house().await;
    for (name, who) in &house.outsiders {
        assert_eq!(house.at.live(who).await.err(), Some(401), "{name}");
    }
    for kind in &house.topics {
        let topic = |things: &Things| match kind {
            TopicKind::Bots => "bots".to_owned(),
            TopicKind::Bot => format!("bot:{}", things.bot),
            TopicKind::Thread => format!("thread:{}", things.thread),
            TopicKind::Notifications => "notifications".to_owned(),
            TopicKind::Jobs => "jobs".to_owned(),
        };
        if *kind == TopicKind::Jobs {
            for who in [&house.owner, &house.viewer, &house.stranger, &house.strange_person] {
                let mut live = house.at.live(who).await.expect("a socket");
                live.subscribe("jobs").await;
                let frame = live.next().await.expect("a frame");
                assert!(matches!(frame, ServerFrame::Refused { .. }), "{frame:?}");
            }
            let mut live = house.at.live(&house.admin).await.expect("a socket");
            live.subscribe("jobs").await;
            let frame = live.next().await.expect("a frame");
            assert!(matches!(frame, ServerFrame::Snapshot { data: Snapshot::Jobs {}, .. }), "{frame:?}");
            continue;
        }
        for who in [&house.owner, &house.viewer] {
            let mut live = house.at.live(who).await.expect("a socket");
            live.subscribe(&topic(&house.ours)).await;
            let frame = live.next().await.expect("a frame");
            assert!(matches!(frame, ServerFrame::Snapshot { .. }), "{kind:?}: {frame:?}");
        }
        for who in [&house.stranger, &house.strange_person] {
            let mut live = house.at.live(who).await.expect("a socket");
            let mut answers = Vec::new();
            for things in [&house.ours, &Things::unknown()] {
                live.subscribe(&topic(things)).await;
                match live.next().await.expect("a frame") {
                    ServerFrame::Refused { error, .. } => answers.push(format!("{error:?}")),
                    ServerFrame::Snapshot { data: Snapshot::Bots { bots }, .. }
                        if *kind == TopicKind::Bots =>
                    {
                        assert!(bots.iter().all(|b| b.name != OURS[0]), "{bots:?}");
                    }
                    ServerFrame::Snapshot { data: Snapshot::Notifications { unread }, .. }
                        if *kind == TopicKind::Notifications =>
                    {
                        assert_eq!(unread, 0, "nothing happened to theirs");
                    }
                    other => panic!("{kind:?} for a stranger: {other:?}"),
                }
            }
            assert!(answers.windows(2).all(|w| w[0] == w[1]), "{answers:?}");
        }
    }
    house.at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_anything_to_strangers() {
    let house = house().await;
    let page = async |who: &Who, path: &str| {
        let request = house.at.request(who, "GET", path).header(header::ACCEPT, "text/html");
        send(house.at.panel, request.body(Body::empty()).expect("a request")).await
    };
    for path in &house.pages {
        let (ours, unknown) = (house.ours.fill(path), Things::unknown().fill(path));
        let seen = page(&house.viewer, &ours).await;
        assert!(seen.status < 400 || seen.status == 403, "{path} as a viewer: {}", seen.status);
        for (name, who) in &house.outsiders {
            if matches!(who, Who::Bearer(_)) {
                // A bad token is refused whatever the address is.
                assert_eq!(page(who, &ours).await.status, 401, "{path} as {name}");
                continue;
            }
            let answer = page(who, &ours).await;
            assert!(answer.status < 400 || answer.status == 404, "{path} as {name}: {}", answer.status);
            for mark in OURS {
                assert!(!answer.text.contains(mark), "{path} shows {mark} to {name}");
            }
            assert_eq!(answer.status, page(who, &unknown).await.status, "{path} as {name}");
        }
        let foreign = page(&house.strange_person, &ours).await;
        for mark in OURS {
            assert!(!foreign.text.contains(mark), "{path} shows {mark} to a stranger");
        }
        let (foreign, unknown_answer) = (foreign, page(&house.strange_person, &unknown).await);
        assert_eq!(foreign.status, unknown_answer.status, "{path} as a stranger");
    }
    // What no page has keeps its frame for who is signed in, and has none for others.
    for (who, framed) in [(&house.viewer, true), (&Who::Nobody, false)] {
        let lost = page(who, "/no-such-page").await;
        assert_eq!((lost.status, lost.text.contains("class=\"rail\"")), (404, framed), "{}", lost.text);
        assert!(lost.text.contains("missing-code"), "{}", lost.text);
    }
    house.at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_verb_is_on_a_list_that_may_only_shrink() {
    let house = house().await;
    // Ceremonies say themselves who may go on; the rest tells nothing about anybody.
    let open: [(&str, &str, &[u16]); 13] = [
        ("POST", "/api/auth/link", &[422]),
        ("POST", "/api/auth/register/start", &[401, 422]),
        ("POST", "/api/auth/register/finish", &[422]),
        ("POST", "/api/auth/login/start", &[200]),
        ("POST", "/api/auth/login/finish", &[422]),
        ("POST", "/api/auth/logout", &[200]),
        ("GET", "/api/live", &[401]),
        ("GET", "/api/openapi.json", &[200]),
        ("GET", "/api/docs", &[200]),
        ("GET", "/api/docs.css", &[200]),
        ("GET", "/healthz", &[200]),
        ("GET", "/readyz", &[200]),
        ("GET", "/api/nothing", &[404]),
    ];
    for (method, path, statuses) in open {
        let body = if method == "POST" { json!({}) } else { Value::Null };
        let answer = house.at.ask(&Who::Nobody, method, path, body).await;
        assert!(statuses.contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text);
        house.keeps_ours(path, &answer);
    }
    let metrics =
        raw(house.at.metrics, b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    for mark in OURS.iter().copied().chain(house.ours.all()).chain([KEY]) {
        assert!(!metrics.contains(mark), "metrics show {mark}");
    }
    // A person's or program's token is none on the relay, and the panel knows no path of it.
    let Who::Bearer(token) = &house.stranger else { panic!("a token") };
    let relay = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n{{}}"
    );
    assert!(raw(house.at.world.relay(), relay.as_bytes()).await.starts_with("HTTP/1.1 401"));
    house.at.stop_busy().await;
}
