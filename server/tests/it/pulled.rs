//! The bots' image pulled by digest from a registry that is away, lies, hangs, and at last answers. Needs root and
//! dockerd; without them the test says so.

use crate::{engine::in_the_end, support::*};
use axum::body::Bytes;
use runtime::{CancellationToken, Ignore, Runtime, RuntimeKind, home::Homes};
use serde_json::{Value, json};
use std::{io::Read, net::TcpListener, sync::Arc};
use testkit::registry::{Manner, Registry, digest};

/// What a pulled image has in the place where OpenClaw's own image has it.
const MAIN: &str = "import \"/app/openclaw/node_modules/openclaw/openclaw.mjs\";\n";

/// An image as a registry holds it, made from the one that Chela builds: configuration and layers.
async fn image(aim: &Aim, world: &World) -> (Bytes, Vec<Bytes>) {
    let scratch = world.dir.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a directory");
    let homes = Homes::open(&scratch, None).expect("files");
    let runtime = aim.runtime(&world.dir.path().join("tools"), homes, None);
    runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.expect("an image");
    let built = aim.engine.ask("GET", "/images/json").await.expect("an answer").1;
    let id = built[0]["Id"].as_str().expect("an id").to_owned();
    let (status, saved) = aim.engine.ask_raw("GET", &format!("/images/{id}/get")).await.expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(aim.engine.ask("DELETE", &format!("/images/{id}?force=1")).await.expect("an answer").0, 200);
    let file = |wanted: &str| {
        let mut archive = tar::Archive::new(saved.as_slice());
        let mut entries = archive.entries().expect("an archive").map(|entry| entry.expect("an entry"));
        let mut found = entries
            .find(|entry| entry.path().is_ok_and(|path| path.to_str() == Some(wanted)))
            .unwrap_or_else(|| panic!("no {wanted}"));
        let mut bytes = Vec::new();
        found.read_to_end(&mut bytes).expect("a file");
        bytes
    };
    let list: Value = serde_json::from_slice(&file("manifest.json")).expect("JSON");
    let mut config: Value =
        serde_json::from_slice(&file(list[0]["Config"].as_str().expect("a name"))).expect("JSON");
    let names = list[0]["Layers"].as_array().expect("layers").iter();
    let mut layers: Vec<Bytes> = names.map(|name| file(name.as_str().expect("a name")).into()).collect();
    let mut main = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(u64::try_from(MAIN.len()).expect("short"));
    main.append_data(&mut header, "app/openclaw.mjs", MAIN.as_bytes()).expect("an archive");
    let main = Bytes::from(main.into_inner().expect("an archive"));
    config["rootfs"]["diff_ids"].as_array_mut().expect("ids").push(json!(digest(&main)));
    config["history"].as_array_mut().expect("a history").push(json!({ "created_by": "a test" }));
    layers.push(main);
    (config.to_string().into(), layers)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told once")]
async fn an_engine_pulls_the_image_by_digest_from_a_registry_that_is_away_lies_hangs_and_answers() {
    let Some(engine) = Engine::start(&[]).await else { return };
    let aim = Aim::at(engine);
    let mut world = World::new(RuntimeKind::Docker).await;
    let (config, layers) = image(&aim, &world).await;
    let id = digest(&config);
    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    // The digest is known before anybody serves it.
    let wanted = Registry::start(([127, 0, 0, 1], 0).into())
        .await
        .expect("a registry")
        .put(config.clone(), layers.clone());
    world.env.push(("CHELA_BOT_IMAGE", format!("{address}/bot@{wanted}")));
    let (tools, aimed) = (world.dir.path().join("tools"), Arc::clone(&aim));
    world.runtime = Some(Arc::new(move |homes, config| {
        Arc::new(aimed.runtime(&tools, homes, config.bot_image.clone())) as _
    }));
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;

    // Away.
    let bot = at.make_bot(&owner, "Helper").await;
    let path = format!("/api/bots/{bot}");
    let failing = async |what: &str, holds: &dyn Fn(&Value) -> bool| {
        in_the_end(what, async || {
            let seen = at.get(&owner, &path).await.ok(200);
            (seen["reason"]["code"] == "image_unavailable" && holds(&seen)).then_some(seen)
        })
        .await
    };
    let first = failing("the failure to be shown", &|seen| seen["next_try_at_ms"].is_i64()).await;
    assert!(first["reason"]["message"].as_str().is_some_and(|m| m.contains("refused")), "{first}");
    assert!(first["reason"]["hint"].as_str().is_some_and(|h| h.contains("CHELA_BOT_IMAGE")), "{first}");
    assert_eq!(
        first["stages"].as_array().and_then(|s| s.last()).map(|s| &s["stage"]),
        Some(&json!("runtime"))
    );
    let pause =
        |seen: &Value| seen["next_try_at_ms"].as_i64().unwrap_or(0) - seen["since_ms"].as_i64().unwrap_or(0);
    let again = failing("a later try with a longer pause", &|seen| pause(seen) > pause(&first)).await;
    assert!(again["next_try_at_ms"].as_i64() > first["next_try_at_ms"].as_i64());

    // Here, and lies.
    let registry = Registry::start(address).await.expect("a registry");
    assert_eq!(registry.put(config, layers), wanted);
    registry.be(Manner::Swapped);
    at.ask(&owner, "POST", &format!("{path}/start"), Value::Null).await.ok(200);
    failing("the wrong digest to be refused", &|seen| {
        seen["reason"]["message"].as_str().is_some_and(|m| m.contains("digest") || m.contains("verif"))
    })
    .await;
    assert!(registry.served().is_empty(), "nothing of it was taken");

    // Hangs in the middle, until the person does not want it any more.
    registry.be(Manner::Stuck);
    at.ask(&owner, "POST", &format!("{path}/start"), Value::Null).await.ok(200);
    in_the_end("the pull to be shown", async || {
        let seen = at.get(&owner, &path).await.ok(200);
        let note = seen["stages"].as_array().and_then(|s| s.last())?["note"].as_str()?.to_owned();
        (note.starts_with("Pulling the bot image") && !registry.served().is_empty()).then_some(())
    })
    .await;
    at.ask(&owner, "POST", &format!("{path}/stop"), Value::Null).await.ok(200);
    let stopped = at.observed(&owner, &bot, "stopped").await;
    assert_eq!(stopped["reason"], Value::Null, "{stopped}");
    assert_eq!(
        aim.engine.ask("GET", "/images/json?all=1").await.expect("an answer").1,
        json!([]),
        "nothing is left"
    );
    assert_eq!(aim.count().await, 0);

    // Answers.
    registry.be(Manner::Honest);
    at.ask(&owner, "POST", &format!("{path}/start"), Value::Null).await.ok(200);
    in_the_end("the bot to run", async || {
        (at.get(&owner, &path).await.ok(200)["observed"] == "running").then_some(())
    })
    .await;
    let made = aim.engine.containers(aim.instance.as_str()).await;
    assert_eq!((made.len(), &made[0]["ImageID"]), (1, &json!(id)), "{made:?}");
    assert_eq!(at.talk(&owner, &bot, "ask:pulled").await["text"], json!(at.world.vendor.answer_to("pulled")));
    // What is there is not pulled again.
    let asked = registry.served().len();
    at.ask(&owner, "POST", &format!("{path}/restart"), Value::Null).await.ok(200);
    in_the_end("a fresh run", async || {
        let now = aim.engine.containers(aim.instance.as_str()).await;
        (now.len() == 1 && now[0]["Id"] != made[0]["Id"]).then_some(())
    })
    .await;
    assert_eq!(registry.served().len(), asked);
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    in_the_end("the bot to be gone", async || (rows_of(&at, "bots").await == 0).then_some(())).await;
    assert_eq!(aim.count().await, 0);
    at.stop_busy().await;
}
