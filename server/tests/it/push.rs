//! Web push against a push service and a browser of the test's own: what arrives can be read by that browser alone, is
//! signed by this instance, and a device that is gone is forgotten.

use crate::support::*;
use aes_gcm::{
    Aes128Gcm,
    aead::{Aead, KeyInit},
};
use api::ids::BotId;
use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use http::{HeaderMap, StatusCode};
use p256::{
    PublicKey, SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
};
use runtime::RuntimeKind;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;
use sha2::Sha256;
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use testkit::fake_runtime::{Call, Edge, Held};

const NOW: i64 = 1_795_165_200_000;

/// A push service: what it was sent, and what it answers next (201 where nothing is said).
#[derive(Clone, Default)]
struct Service {
    heard: Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Service {
    async fn start() -> (Self, SocketAddr) {
        let service = Self::default();
        let app = Router::new().fallback(take).with_state(service.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        (service, at)
    }

    fn heard(&self) -> Vec<(String, HeaderMap, Bytes)> {
        self.heard.lock().expect("lock").clone()
    }

    async fn nth(&self, n: usize) -> (String, HeaderMap, Bytes) {
        eventually("a push", async || self.heard().get(n).cloned()).await
    }
}

async fn take(State(service): State<Service>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 8192).await.expect("a body");
    let path = parts.uri.path_and_query().expect("a path").to_string();
    service.heard.lock().expect("lock").push((path, parts.headers, body));
    let next = service.answers.lock().expect("lock").pop_front().unwrap_or(201);
    StatusCode::from_u16(next).expect("a status")
}

/// A browser that has subscribed.
struct Browser {
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    fn new(n: u8) -> Self {
        Self { secret: SecretKey::from_slice(&[n; 32]).expect("a key"), auth: [n; 16] }
    }

    fn subscription(&self, endpoint: &str, locale: &str) -> Value {
        let p256dh = URL_SAFE_NO_PAD.encode(self.secret.public_key().to_sec1_bytes());
        let auth = URL_SAFE_NO_PAD.encode(self.auth);
        json!({ "endpoint": endpoint, "p256dh": p256dh, "auth": auth, "locale": locale })
    }

    /// Reads a message as RFC 8291 says.
    fn read(&self, sealed: &[u8]) -> Value {
        let (salt, rest) = sealed.split_at(16);
        assert_eq!((&rest[..4], rest[4]), (4096_u32.to_be_bytes().as_slice(), 65));
        let (theirs, record) = rest[5..].split_at(65);
        assert!(record.len() <= 4096, "one record");
        let shared = self.secret.diffie_hellman(&PublicKey::from_sec1_bytes(theirs).expect("a point"));
        let derive = |salt: &[u8], key: &[u8], info: &[u8], length: usize| {
            let mut out = vec![0; length];
            Hkdf::<Sha256>::new(Some(salt), key).expand(info, &mut out).expect("short");
            out
        };
        let mine = self.secret.public_key().to_sec1_bytes();
        let info = [b"WebPush: info\0".as_slice(), &mine, theirs].concat();
        let key = derive(&self.auth, shared.raw_secret_bytes(), &info, 32);
        let content: [u8; 16] =
            derive(salt, &key, b"Content-Encoding: aes128gcm\0", 16).try_into().expect("16 bytes");
        let nonce: [u8; 12] =
            derive(salt, &key, b"Content-Encoding: nonce\0", 12).try_into().expect("12 bytes");
        let mut text =
            Aes128Gcm::new(&content.into()).decrypt(&nonce.into(), record).expect("for this browser");
        assert_eq!(text.pop(), Some(2), "the last record");
        serde_json::from_slice(&text).expect("JSON")
    }
}

/// Who signed a push, and what they claim.
fn signed(headers: &HeaderMap) -> (String, Value) {
    let word = headers["authorization"].to_str().expect("text").strip_prefix("vapid t=").expect("RFC 8292");
    let (token, key) = word.split_once(", k=").expect("a key");
    let (said, signature) = token.rsplit_once('.').expect("three parts");
    let point = URL_SAFE_NO_PAD.decode(key).expect("base64");
    let verifying = VerifyingKey::from_sec1_bytes(&point).expect("a key");
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).expect("base64"));
    verifying.verify(said.as_bytes(), &signature.expect("a signature")).expect("signed by that key");
    let claims = said.split_once('.').expect("two parts").1;
    (key.to_owned(), serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON"))
}

struct House {
    at: TestServer,
    clock: ManualClock,
    service: Service,
    base: String,
    ada: Who,
    bot: String,
}

async fn house() -> House {
    let (service, to) = Service::start().await;
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(NOW);
    (world.clock, world.push) = (Some(clock.clone()), Some(to));
    let at = world.serve().await;
    at.owner().await;
    let (_, _, ada) = at.person("Ada", at.first_workspace().await, "owner").await;
    let bot = at.ready_bot(&ada, "Night owl").await;
    House { at, clock, service, base: format!("http://{to}"), ada, bot }
}

impl House {
    async fn subscribe(&self, who: &Who, browser: &Browser, path: &str, locale: &str) -> Answer {
        let body = browser.subscription(&format!("{}{path}", self.base), locale);
        self.at.ask(who, "POST", "/api/push/subscribe", body).await
    }

    async fn dies(&self, n: usize) {
        let id: BotId = self.bot.parse().expect("an id");
        assert!(self.at.world.cells.exit(id, 137), "it runs");
        eventually("the death to be noticed", async || {
            let seen = self.at.get(&self.ada, &format!("/api/bots/{}", self.bot)).await.ok(200);
            (seen["restarts"] == n).then_some(())
        })
        .await;
    }

    /// Time goes on until it has died so often and is back.
    async fn comes_back_after(&self, deaths: usize) {
        eventually("the death to be noticed", async || {
            self.clock.advance(500);
            let seen = self.at.get(&self.ada, &format!("/api/bots/{}", self.bot)).await.ok(200);
            (seen["restarts"] == deaths && seen["observed"] == "running").then_some(())
        })
        .await;
    }

    async fn comes_back(&self) {
        eventually("it is back", async || {
            self.clock.advance(500);
            let seen = self.at.get(&self.ada, &format!("/api/bots/{}", self.bot)).await.ok(200);
            (seen["observed"] == "running").then_some(())
        })
        .await;
    }

    /// Waits until nothing is left to be pushed.
    async fn told_all(&self) {
        eventually("every push to be done", async || {
            let left =
                "select count(*) from jobs where kind like 'notify.%' and state in ('queued', 'running')";
            (count(&self.at, left).await == 0).then_some(())
        })
        .await;
    }

    async fn devices(&self) -> i64 {
        rows_of(&self.at, "push_subscriptions").await
    }

    /// What a device was told, by its path.
    fn told(&self, path: &str, browser: &Browser) -> Vec<Value> {
        let heard = self.service.heard().into_iter().filter(|(to, ..)| to == path);
        heard.map(|(_, _, sealed)| browser.read(&sealed)).collect()
    }

    /// How many notifications there are, and how many of them go on.
    async fn open(&self) -> (usize, usize) {
        let listed = self.at.get(&self.ada, "/api/notifications").await.ok(200);
        let rows = listed["items"].as_array().cloned().unwrap_or_default();
        (rows.len(), rows.iter().filter(|row| row["resolved_at_ms"].is_null()).count())
    }

    /// How many devices something waits for.
    async fn waiting(&self) -> i64 {
        count(&self.at, "select count(*) from jobs where kind = 'notify.together' and state = 'queued'").await
    }

    /// Waits until all news found their way, and something waits for so many devices.
    async fn placed(&self, then: i64) {
        eventually("every piece of news to find its way", async || {
            let on_their_way = "select count(*) from jobs where kind in ('notify.push', 'notify.send')";
            (count(&self.at, on_their_way).await == 0 && self.waiting().await == then).then_some(())
        })
        .await;
    }

    /// Time goes on until nothing is left to be told.
    async fn quiet(&self) {
        eventually("all of it to be told", async || {
            self.clock.advance(1_000);
            let left = "select count(*) from jobs where kind like 'notify.%'";
            (self.open().await.1 == 0 && count(&self.at, left).await == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_is_pushed_sealed_for_the_device_and_signed_by_this_instance() {
    let house = house().await;
    let (phone, ipad) = (Browser::new(1), Browser::new(2));
    let (_, _, vera) = house.at.person("Vera", house.at.first_workspace().await, "viewer").await;
    house.subscribe(&house.ada, &phone, "/send/phone?token=a%2Fb", "en").await.ok(200);
    house.subscribe(&house.ada, &phone, "/send/phone?token=a%2Fb", "en").await.ok(200);
    house.subscribe(&vera, &ipad, "/send/ipad", "zh").await.ok(200);
    assert_eq!(house.devices().await, 2, "one of each, however often it is said");
    let offered = house.at.get(&house.ada, "/api/push/key").await.ok(200)["key"].clone();
    house.dies(1).await;

    let (first, second) = (house.service.nth(0).await, house.service.nth(1).await);
    let (to_phone, to_ipad) = if first.0.contains("phone") { (first, second) } else { (second, first) };
    assert_eq!((to_phone.0.as_str(), to_ipad.0.as_str()), ("/send/phone?token=a%2Fb", "/send/ipad"));
    let said = phone.read(&to_phone.2);
    assert_eq!(said["title"], "Night owl: ended by itself");
    assert_eq!(
        (&said["bot"], &said["url"]),
        (&json!("night-owl"), &json!("/bots/night-owl/diagnostics?postmortem=last"))
    );
    assert_eq!((&said["at_ms"], &said["quiet"]), (&json!(NOW), &json!(false)));
    let other = ipad.read(&to_ipad.2);
    assert_eq!(
        (&other["title"], &other["bot"]),
        (&json!("Night owl: 自行退出"), &Value::Null),
        "no restart for her"
    );
    let (key, claims) = signed(&to_phone.1);
    assert_eq!(json!(key), offered, "by the key the browser subscribed with");
    assert_eq!(claims["aud"], house.base);
    assert!(
        claims["exp"].as_i64() > Some(NOW / 1_000) && claims["exp"].as_i64() <= Some(NOW / 1_000 + 86_400)
    );
    let head = |name: &str| to_phone.1[name].to_str().expect("text").to_owned();
    assert_eq!(
        (head("content-encoding"), head("urgency"), head("ttl")),
        ("aes128gcm".into(), "high".into(), "3600".into())
    );

    house.comes_back().await;
    let (path, headers, sealed) = house.service.nth(2).await;
    let over = if path.contains("phone") { phone.read(&sealed) } else { ipad.read(&sealed) };
    assert_eq!((&over["tag"], &over["quiet"], &over["bot"]), (&said["tag"], &json!(true), &Value::Null));
    assert_eq!(headers["topic"], to_phone.1["topic"], "it takes the place of what it ends");
    house.service.nth(3).await;
    house.dies(2).await;
    house.comes_back().await;
    house.service.nth(5).await;
    house.dies(3).await;
    let (path, _, sealed) = house.service.nth(6).await;
    let looping = if path.contains("phone") { phone.read(&sealed) } else { ipad.read(&sealed) };
    assert!(looping["body"].as_str().is_some_and(|body| body.contains('3')), "{looping}");
    house.service.nth(7).await;
    house.told_all().await;
    assert_eq!(house.service.heard().len(), 8, "the same again was not pushed");
    house.comes_back().await;
    house.at.stop().await;
}

async fn count(at: &TestServer, sql: &str) -> i64 {
    use sea_orm::Statement;
    let db = at.server.platform.db.read();
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql.to_owned())).await;
    row.expect("read").expect("a row").try_get_by_index(0).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_gone_is_forgotten_and_a_busy_service_is_asked_again() {
    let house = house().await;
    house.service.answers.lock().expect("lock").extend([503, 429]);
    house.subscribe(&house.ada, &Browser::new(1), "/a", "en").await.ok(200);
    house.dies(1).await;
    eventually("it was taken in the end", async || {
        house.clock.advance(500);
        (house.service.heard().len() >= 3).then_some(())
    })
    .await;
    house.comes_back().await;
    house.told_all().await;
    let so_far = house.service.heard().len();
    house.service.answers.lock().expect("lock").push_back(410);
    house.dies(2).await;
    house.comes_back().await;
    eventually("the device is forgotten", async || (house.devices().await == 0).then_some(())).await;
    house.dies(3).await;
    house.comes_back().await;
    assert_eq!(house.service.heard().len(), so_far + 1, "nobody is left to be told");
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_out_muted_or_chose_otherwise_is_not_pushed_to() {
    let house = house().await;
    let here = house.at.first_workspace().await;
    let (_, session, out) = house.at.person("Out", here, "owner").await;
    let (_, _, deaf) = house.at.person("Deaf", here, "viewer").await;
    let (_, _, picky) = house.at.person("Picky", here, "viewer").await;
    for (who, n, path) in
        [(&out, 1, "/out"), (&deaf, 2, "/deaf"), (&picky, 3, "/picky"), (&house.ada, 4, "/ada")]
    {
        house.subscribe(who, &Browser::new(n), path, "en").await.ok(200);
    }
    house.at.ask(&out, "DELETE", &format!("/api/sessions/{session}"), Value::Null).await.ok(200);
    house.at.ask(&deaf, "POST", &format!("/api/bots/{}/mute", house.bot), json!({})).await.ok(200);
    house.at.ask(&picky, "PUT", "/api/notification-choices", json!({ "push": ["hung"] })).await.ok(200);
    house.dies(1).await;
    assert_eq!(house.service.nth(0).await.0, "/ada");
    house.told_all().await;
    assert_eq!(house.service.heard().len(), 1);
    assert_eq!(house.devices().await, 3, "and the device that is signed out is forgotten");

    let unsubscribe = json!({ "endpoint": format!("{}/ada", house.base) });
    house.at.ask(&picky, "POST", "/api/push/unsubscribe", unsubscribe.clone()).await.ok(200);
    assert_eq!(house.devices().await, 3, "nobody unsubscribes another");
    house.at.ask(&house.ada, "POST", "/api/push/unsubscribe", unsubscribe).await.ok(200);
    assert_eq!(house.devices().await, 2);

    let browser = Browser::new(9);
    for bad in [
        "http://127.0.0.1:1/x",
        "https://10.0.0.1/x",
        "ftp://push.example/x",
        "rubbish",
        "https://u:p@push.example/x",
    ] {
        let body = browser.subscription(bad, "en");
        let refused = house.at.ask(&house.ada, "POST", "/api/push/subscribe", body).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/endpoint".to_owned()]), "{bad}");
    }
    let mut body = browser.subscription("https://push.example/x", "fr");
    (body["p256dh"], body["auth"]) = (json!("AAAA"), json!("AAAA"));
    let refused = house.at.ask(&house.ada, "POST", "/api/push/subscribe", body).await;
    assert_eq!((refused.status, refused.pointers().len()), (422, 3), "{}", refused.text);
    house.comes_back().await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_its_notification_and_its_push_are_written_together_or_not_at_all() {
    let house = house().await;
    house.subscribe(&house.ada, &Browser::new(1), "/a", "en").await.ok(200);
    let db = house.at.server.platform.db.maintenance();
    let refuse = "create trigger refuse before insert on jobs when new.kind = 'notify.push' begin select raise(abort, 'not now'); end";
    db.execute_unprepared(refuse).await.expect("a trigger");
    let id: BotId = house.bot.parse().expect("an id");
    assert!(house.at.world.cells.exit(id, 137), "it runs");
    eventually("it was tried", async || {
        let tried = "select count(*) from jobs where kind = 'bots.reconcile' and attempts > 0";
        (count(&house.at, tried).await > 0).then_some(())
    })
    .await;
    let died = "select count(*) from bot_events where kind = 'died'";
    assert_eq!((count(&house.at, died).await, rows_of(&house.at, "notifications").await), (0, 0));
    assert_eq!(count(&house.at, "select restarts from bots").await, 0);
    db.execute_unprepared("drop trigger refuse").await.expect("no trigger");
    house.comes_back_after(1).await;
    house.service.nth(0).await;
    assert_eq!((count(&house.at, died).await, rows_of(&house.at, "notifications").await), (1, 1));
    house.told_all().await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bots_that_fall_at_once_are_one_push_of_the_first_and_one_of_the_rest() {
    let house = house().await;
    let (phone, pad) = (Browser::new(1), Browser::new(2));
    let (_, _, vera) = house.at.person("Vera", house.at.first_workspace().await, "viewer").await;
    house.subscribe(&house.ada, &phone, "/phone", "en").await.ok(200);
    house.subscribe(&vera, &pad, "/pad", "zh").await.ok(200);
    let mut bots: Vec<BotId> = vec![house.bot.parse().expect("an id")];
    for name in ["Two", "Three", "Four"] {
        bots.push(house.at.ready_bot(&house.ada, name).await.parse().expect("an id"));
    }
    // None is up again before the test lets it.
    let held: Vec<_> = bots.iter().map(|_| house.at.world.cells.hold(Call::Start, Edge::Before)).collect();
    for bot in &bots {
        assert!(house.at.world.cells.exit(*bot, 137), "it runs");
    }
    eventually("every death to be noticed", async || (house.open().await == (4, 4)).then_some(())).await;
    house.placed(2).await;
    let first = house.told("/phone", &phone);
    assert_eq!(
        (first.len(), house.told("/pad", &pad).len()),
        (1, 1),
        "the first at once, and no other: {first:?}"
    );
    assert!(
        first[0]["title"].as_str().is_some_and(|title| title.ends_with(": ended by itself")),
        "{first:?}"
    );

    house.clock.advance(29_000);
    assert_eq!(house.waiting().await, 2, "not before its time");
    house.clock.advance(1_000);
    house.placed(0).await;
    let rest = eventually("the rest on both", async || {
        let both = (house.told("/phone", &phone), house.told("/pad", &pad));
        (both.0.len() > 1 && both.1.len() > 1).then_some(both)
    })
    .await;
    assert_eq!((rest.0.len(), rest.1.len()), (2, 2));
    let (en, zh) = (&rest.0[1], &rest.1[1]);
    assert_eq!(
        (&en["title"], &zh["title"]),
        (&json!("3 more bots are in trouble"), &json!("另有 3 个机器人出现故障"))
    );
    assert_eq!((&en["url"], &en["bot"], &en["quiet"]), (&json!("/alerts"), &Value::Null, &json!(false)));
    assert_eq!(house.open().await, (4, 4), "each is a notification of its own");

    held.iter().for_each(Held::go_on);
    house.quiet().await;
    let all = house.told("/phone", &phone);
    assert_eq!(all.len(), 4, "{all:?}");
    let well =
        all.iter().find(|said| said["tag"] == en["tag"] && said["quiet"] == true).expect("the end of it");
    assert_eq!(well["title"], "3 bots are well again");
    let alone =
        all.iter().find(|said| said["tag"] == first[0]["tag"] && said["quiet"] == true).expect("its end");
    assert!(alone["title"].as_str().is_some_and(|title| title.ends_with(": is well again")), "{alone}");
    assert_eq!(rows_of(&house.at, "push_held").await, 0);

    // One that falls later is told at once again, as itself.
    house.clock.advance(11 * 60_000);
    assert!(house.at.world.cells.exit(bots[3], 137), "it runs");
    let fifth =
        eventually("the phone to be told", async || house.told("/phone", &phone).get(4).cloned()).await;
    assert_eq!(fifth["title"], "Four: ended by itself");
    house.told_all().await;
    house.at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_fall_at_once_the_second_is_told_by_its_name_and_what_is_not_wanted_not_at_all() {
    let house = house().await;
    let phone = Browser::new(1);
    house.subscribe(&house.ada, &phone, "/phone", "en").await.ok(200);
    let (second, muted) =
        (house.at.ready_bot(&house.ada, "Two").await, house.at.ready_bot(&house.ada, "Loud").await);
    house.at.ask(&house.ada, "POST", &format!("/api/bots/{muted}/mute"), json!({})).await.ok(200);
    let cells = &house.at.world.cells;
    let held: Vec<_> = (0..3).map(|_| cells.hold(Call::Start, Edge::Before)).collect();
    house.dies(1).await;
    house.service.nth(0).await;
    for bot in [&second, &muted] {
        assert!(cells.exit(bot.parse().expect("an id"), 137), "it runs");
    }
    eventually("every death to be noticed", async || (house.open().await == (3, 3)).then_some(())).await;
    house.placed(1).await;
    house.clock.advance(30_000);
    let said = phone.read(&house.service.nth(1).await.2);
    assert_eq!((&said["title"], &said["bot"]), (&json!("Two: ended by itself"), &json!("two")));
    held.iter().for_each(Held::go_on);
    house.quiet().await;
    assert_eq!(house.service.heard().len(), 4, "the muted one was not told");
    let over: Vec<_> = house.service.heard().iter().skip(2).map(|(.., sealed)| phone.read(sealed)).collect();
    assert!(
        over.iter().any(|end| end["tag"] == said["tag"] && end["title"] == "Two: is well again"),
        "{over:?}"
    );
    house.at.stop().await;
}
