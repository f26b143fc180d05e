//! Model calls of a server that is killed again and again, and what its ledger and budgets must say of them.

use crate::{
    binary::{Machine, Serving},
    support::*,
};
use api::ids::UsageId;
use http::Request;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use testkit::vendor::{FakeVendor, Mode, Script};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Who call at once, each one call after another.
const CALLERS: usize = 2;
/// The bound of the answers that never end: what is held back for each.
const HELD_TOKENS: i64 = 77;

/// What callers heard.
#[derive(Default)]
struct Heard {
    /// Calls that were begun, however they ended.
    asked: usize,
    /// Answers that came whole, in their order, by round and caller.
    whole: Vec<[Vec<Uuid>; CALLERS]>,
    /// Rounds that ended only when everything heard was in the ledger: nothing of them may be lost.
    settled: BTreeSet<usize>,
    /// Calls that hung when the server died; and those of them that the database knew of.
    hung: usize,
    noted: usize,
    /// Rows that somebody saw.
    seen: BTreeMap<Uuid, Value>,
}

/// Programs that call models through a server's relay, with a key that has budgets.
#[derive(Clone)]
pub(crate) struct Calls {
    owner: Who,
    bearer: String,
    relay: SocketAddr,
    database: String,
    heard: Arc<Mutex<Heard>>,
    /// One answers, the other begins to and hangs.
    _vendors: Arc<[FakeVendor; 2]>,
}

/// The vendors a machine's server is to reach: settings are read at the start.
pub(crate) async fn vendors(machine: &mut Machine) -> [FakeVendor; 2] {
    let vendors = [
        FakeVendor::start(Script::default()).await.expect("a vendor"),
        FakeVendor::start(Script::default()).await.expect("a vendor"),
    ];
    vendors[1].play(Mode::HangAfter { pieces: 3 });
    machine.set("CHELA_PRIVATE_UPSTREAMS", &format!("{},{}", vendors[0].listed(), vendors[1].listed()));
    vendors
}

impl Calls {
    /// Keys, prices, and a virtual key with a hard budget of each unit.
    pub(crate) async fn new(machine: &Machine, at: &Serving, owner: &Who, vendors: [FakeVendor; 2]) -> Self {
        let post = async |path: &str, body: Value| {
            at.ask(owner, "POST", path, body, None).await.expect("an answer").ok(201)
        };
        for (vendor, fake) in [("openai", &vendors[0]), ("groq", &vendors[1])] {
            let key = json!({ "vendor": vendor, "secret": fake.script().key, "base_url": fake.base_url() });
            assert_eq!(post("/api/keys", key).await["status"], "working");
            let price = json!({
                "vendor": vendor, "model": "fake-model", "input_price": 1_000_000,
                "output_price": 10_000_000, "cache_read_price": 500_000,
            });
            post("/api/prices", price).await;
        }
        let limits = ["requests", "tokens", "money"]
            .map(|unit| json!({ "unit": unit, "period": "month", "most": 1_000_000_000_000_i64 }));
        let key = post("/api/virtual-keys", json!({ "name": "Till", "limits": limits })).await;
        Self {
            owner: owner.clone(),
            bearer: format!("Bearer {}", key["secret"].as_str().expect("a secret")),
            relay: machine.relay(),
            database: format!("sqlite://{}?mode=ro", machine.data().join("chela.db").display()),
            heard: Arc::default(),
            _vendors: Arc::new(vendors),
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, body: &Value) -> Request<axum::body::Body> {
        self.heard().asked += 1;
        let request = Request::post("/v1/chat/completions").header("host", "127.0.0.1");
        let request =
            request.header("authorization", &self.bearer).header("content-type", "application/json");
        request.body(body.to_string().into()).expect("a request")
    }

    /// A round begins, with a call that hangs until the server is gone.
    pub(crate) fn begin(&self) -> JoinHandle<anyhow::Result<Answer>> {
        let body = json!({
            "model": "groq/fake-model", "max_tokens": HELD_TOKENS, "stream": true, "messages": [],
        });
        let request = self.request(&body);
        let mut heard = self.heard();
        heard.hung += 1;
        heard.whole.push(Default::default());
        tokio::spawn(try_send(self.relay, request))
    }

    /// Calls until the server goes away.
    pub(crate) async fn call(&self, caller: usize) {
        let body = json!({
            "model": "openai/fake-model", "messages": [{ "role": "user", "content": "ask:x" }],
        });
        while let Ok(answer) = try_send(self.relay, self.request(&body)).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let id = answer.headers.get("x-chela-request-id").and_then(|id| id.to_str().ok());
            let id = id.and_then(|id| id.parse().ok()).expect("an id");
            self.heard().whole.last_mut().expect("a round")[caller].push(id);
        }
    }

    /// Looks at the ledger until the server goes away.
    pub(crate) async fn look(&self, at: &Serving) {
        while let Some(page) = self.get(at, "/api/usage?limit=20").await {
            self.saw(&page);
        }
    }

    fn saw(&self, page: &Value) {
        let rows = page["items"].as_array().expect("items").iter().map(|row| (id_of(row), row.clone()));
        self.heard().seen.extend(rows);
    }

    async fn get(&self, at: &Serving, path: &str) -> Option<Value> {
        Some(at.ask(&self.owner, "GET", path, Value::Null, None).await?.ok(200))
    }

    /// Waits until everything heard is in the ledger, and the call that hangs in the database.
    pub(crate) async fn settle(&self, at: &Serving) {
        eventually("what was heard to be in the ledger", async || {
            self.saw(&self.get(at, "/api/usage?limit=200").await?);
            let heard = self.heard();
            let round = heard.whole.last()?;
            round.iter().flatten().all(|id| heard.seen.contains_key(id)).then_some(())
        })
        .await;
        eventually("the call that hangs to be noted", async || (self.noted().await == 1).then_some(())).await;
        let mut heard = self.heard();
        heard.noted += 1;
        let round = heard.whole.len() - 1;
        heard.settled.insert(round);
    }

    /// How many calls that hang the database knows of, as any other program reads it.
    async fn noted(&self) -> i64 {
        let db = Database::connect(&self.database).await.expect("the database");
        let count = "select count(*) as calls from open_calls where call like '%groq%'";
        let count = Statement::from_string(db.get_database_backend(), count);
        let count = db.query_one_raw(count).await.expect("an answer").expect("a count");
        db.close().await.expect("closed");
        count.try_get("", "calls").expect("a number")
    }

    /// After a start and before the next call: what budgets counted is what the ledger sums up to.
    pub(crate) async fn agree(&self, at: &Serving) {
        assert_eq!(self.noted().await, 0, "what was noted is settled");
        let sums = self.get(at, "/api/usage/summary?range=24h").await.expect("an answer")["sums"].clone();
        let sum = |of: &[&str]| of.iter().map(|name| sums[*name].as_i64().expect("a number")).sum::<i64>();
        let budgets = self.get(at, "/api/budgets").await.expect("an answer")["items"].clone();
        let budgets = budgets.as_array().expect("items");
        assert_eq!(budgets.len(), 3);
        for budget in budgets {
            let want = match budget["unit"].as_str().expect("a unit") {
                "requests" => sum(&["calls"]),
                "tokens" => {
                    sum(&["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"])
                }
                _ => sum(&["cost_micro_usd", "held_micro_usd"]),
            };
            assert_eq!((&budget["used"], &budget["reserved"]), (&json!(want), &json!(0)), "{budget} {sums}");
        }
    }

    /// Looks at every row: what was seen stays, once; of what was heard only the end of a round is lost or estimated, and what
    /// hung is settled at what was held back for it.
    pub(crate) async fn check(&self, at: &Serving) {
        let rows = self.rows(at).await;
        let sums = self.get(at, "/api/usage/summary?range=24h").await.expect("an answer")["sums"].clone();
        let cost = |row: &Value| row["cost_micro_usd"].as_i64().expect("every price is known");
        assert_eq!(sums["calls"], json!(rows.len()), "sums are of the rows");
        assert_eq!(sums["cost_micro_usd"], json!(rows.values().map(cost).sum::<i64>()));
        let mut heard = self.heard();
        for (id, row) in &heard.seen {
            assert_eq!(rows.get(id), Some(row), "it was in the ledger before");
        }
        assert!(rows.len() <= heard.asked, "{} rows of {} calls", rows.len(), heard.asked);
        for (round, callers) in heard.whole.iter().enumerate() {
            for calls in callers {
                let kept: Vec<Kept> = calls.iter().map(|id| kept(rows.get(id))).collect();
                assert!(kept.is_sorted(), "only what was heard last is lost: {kept:?}");
                assert!(kept.iter().filter(|kept| **kept == Kept::Held).count() <= 1, "{kept:?}");
                let whole = kept.iter().all(|kept| *kept == Kept::Whole);
                assert!(whole || !heard.settled.contains(&round), "{kept:?}");
            }
        }
        let hung: Vec<&Value> = rows.values().filter(|row| row["vendor"] == "groq").collect();
        assert!((heard.noted..=heard.hung).contains(&hung.len()), "{} hung", hung.len());
        for row in hung {
            let said = (&row["ended"], &row["estimated"], &row["output_tokens"]);
            assert_eq!(said, (&json!("lost"), &json!(true), &json!(HELD_TOKENS)), "{row}");
        }
        heard.seen = rows;
    }

    /// The whole ledger.
    async fn rows(&self, at: &Serving) -> BTreeMap<Uuid, Value> {
        let (mut rows, mut cursor) = (BTreeMap::new(), String::new());
        loop {
            let page = self.get(at, &format!("/api/usage?limit=200{cursor}")).await.expect("an answer");
            for row in page["items"].as_array().expect("items") {
                assert!(rows.insert(id_of(row), row.clone()).is_none(), "twice: {row}");
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// How many answers came whole.
    pub(crate) fn answered(&self) -> usize {
        self.heard().whole.iter().flatten().map(Vec::len).sum()
    }
}

/// What the ledger has of an answer that came whole.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    /// What it used.
    Whole,
    /// It was noted while it ran, and the server died before its row was written: what was held back for it.
    Held,
    /// The server died before it wrote anything of it: within a tenth of a second, and a transaction.
    Nothing,
}

fn kept(row: Option<&Value>) -> Kept {
    let Some(row) = row else { return Kept::Nothing };
    match (row["ended"].as_str().expect("an end"), row["estimated"] == true) {
        ("complete", false) => Kept::Whole,
        ("lost", true) => Kept::Held,
        _ => panic!("it was answered: {row}"),
    }
}

fn id_of(row: &Value) -> Uuid {
    row["id"].as_str().and_then(|id| id.parse::<UsageId>().ok()).expect("an id").0
}
