//! A real engine: what is created, how it ends, what is left alone.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end by a panic")]

mod bed;
mod support;

use bed::{Bed, GATEWAY, engine_user};
use bollard::{
    Docker,
    models::{ContainerCreateBody, ContainerInspectResponse},
    query_parameters::{
        CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListImagesOptionsBuilder,
    },
};
use runtime::{
    BotSpec, CancellationToken, Ignore, Limits, LogQuery, Observation, Runtime, RuntimeError, Stage,
    docker::{CALL_DEADLINE, DOCKER_SOCKET, DockerConfig, DockerRuntime, EngineAddress},
    home::{Homes, Part},
    install::Tools,
};
use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    time::Duration,
};
use support::{PATIENCE, hinted, until};

#[tokio::test]
async fn the_engine_is_described() {
    let bed = Bed::new().await;
    let info = bed.runtime().check().await.unwrap();
    assert!(info.isolated && info.summary.starts_with("Docker "), "{info:?}");
    assert_eq!(bed.runtime().inspect(bed.bot).await.unwrap(), Observation::Absent);
    assert!(bed.runtime().list().await.unwrap().is_empty());
    assert!(bed.runtime().logs(bed.bot, &LogQuery::default()).await.unwrap().lines.is_empty());
}

#[tokio::test]
async fn every_created_container_is_hardened() {
    let bed = Bed::new().await;
    let runtime = bed.running().await;
    let seen = bed.inspected().await;
    let deviations = deviations(&seen, &bed);
    assert!(deviations.is_empty(), "{deviations:#?}");
    runtime.remove(bed.bot).await.unwrap();
    bed.clear().await;
}

/// What is not as anchors of hardening demand.
fn deviations(seen: &ContainerInspectResponse, bed: &Bed) -> Vec<String> {
    let host = seen.host_config.clone().unwrap();
    let config = seen.config.clone().unwrap();
    let memory = Some(2 << 30);
    let user = engine_user();
    let mut found = Vec::new();
    let mut expect = |what: &str, holds: bool| note(&mut found, what, holds);
    expect("all capabilities dropped", host.cap_drop == Some(vec!["ALL".to_owned()]));
    expect("no capability added", host.cap_add.unwrap_or_default().is_empty());
    let security = host.security_opt.unwrap_or_default();
    expect("no new privileges, default profiles", security == ["no-new-privileges:true"]);
    expect("read-only root", host.readonly_rootfs == Some(true));
    let tmp = host.tmpfs.unwrap_or_default();
    for path in ["/tmp", "/home/node"] {
        let options = tmp.get(path).cloned().unwrap_or_default();
        expect(path, ["noexec", "nosuid", "nodev", "size="].iter().all(|o| options.contains(o)));
    }
    expect("a user of no rights", config.user == Some(format!("{}:{}", user.uid, user.gid)) && user.uid != 0);
    expect("pids", host.pids_limit.is_some_and(|n| (1..=512).contains(&n)));
    expect("memory without swap", host.memory == memory && host.memory_swap == memory);
    expect("processor", host.nano_cpus == Some(2_000_000_000));
    let limits = host.ulimits.unwrap_or_default();
    expect(
        "open files",
        limits.iter().any(|l| l.name.as_deref() == Some("nofile") && l.hard.is_some_and(|h| h <= 4096)),
    );
    expect("init", host.init == Some(true));
    expect("not privileged", host.privileged == Some(false));
    expect("no network", host.network_mode.as_deref() == Some("none"));
    expect(
        "no port",
        host.port_bindings.unwrap_or_default().is_empty() && host.publish_all_ports == Some(false),
    );
    expect("own pids", host.pid_mode.unwrap_or_default().is_empty());
    expect("own ipc", host.ipc_mode.as_deref() == Some("private"));
    expect("own host name", host.uts_mode.unwrap_or_default().is_empty());
    expect("no device", host.devices.unwrap_or_default().is_empty());
    expect(
        "no other's volumes",
        host.volumes_from.unwrap_or_default().is_empty() && host.binds.unwrap_or_default().is_empty(),
    );
    let log = host.log_config.unwrap_or_default();
    let log_options = log.config.unwrap_or_default();
    expect("bounded log", log.typ.as_deref() == Some("json-file"));
    expect(
        "log sizes",
        log_options.get("max-size").map(String::as_str) == Some("10m")
            && log_options.get("max-file").map(String::as_str) == Some("3"),
    );
    let restart = host.restart_policy.and_then(|p| p.name).map(|n| n.to_string());
    expect("no restart policy", restart.as_deref() == Some("no"));
    let networks = seen.network_settings.clone().and_then(|n| n.networks).unwrap_or_default();
    expect("only the network none", networks.keys().all(|name| name == "none"));
    mounts(&mut found, seen, bed);
    marks(&mut found, seen, bed);
    found
}

fn note(found: &mut Vec<String>, what: &str, holds: bool) {
    if !holds {
        found.push(what.to_owned());
    }
}

fn mounts(found: &mut Vec<String>, seen: &ContainerInspectResponse, bed: &Bed) {
    let mut expect = |what: &str, holds: bool| note(found, what, holds);
    let root = bed.dir.path().canonicalize().unwrap().join("bots").join(bed.bot.to_string());
    for mount in seen.mounts.clone().unwrap_or_default() {
        let source = PathBuf::from(mount.source.unwrap_or_default());
        expect(
            "mounts of this bot only",
            source.parent() == Some(&root) && source.canonicalize().is_ok_and(|real| real == source),
        );
        let writable = !source.ends_with("config");
        expect("configuration read-only", mount.rw == Some(writable));
        expect("no propagation", mount.propagation.as_deref() == Some("rprivate"));
    }
    expect("four mounts", seen.mounts.as_ref().map(Vec::len) == Some(4));
}

fn marks(found: &mut Vec<String>, seen: &ContainerInspectResponse, bed: &Bed) {
    let config = seen.config.clone().unwrap();
    let mut expect = |what: &str, holds: bool| note(found, what, holds);
    expect(
        "image by id",
        seen.image.as_ref().is_some_and(|id| id.starts_with("sha256:"))
            && config.image.is_some_and(|i| i.starts_with("sha256:")),
    );
    let labels = config.labels.unwrap_or_default();
    let wanted = [
        ("chela.instance", bed.instance.to_string()),
        ("chela.bot", bed.bot.to_string()),
        ("chela.generation", "1".to_owned()),
    ];
    expect("labels", wanted.iter().all(|(name, value)| labels.get(*name) == Some(value)));
    let env = config.env.unwrap_or_default().join("\n");
    expect(
        "no token in the environment",
        !env.contains("relay-token") && !env.to_lowercase().contains("api_key"),
    );
}

#[tokio::test]
async fn a_bot_reaches_its_relay_and_nothing_else_and_chela_reaches_the_bot() {
    let bed = Bed::new().await;
    let relay = bed.home.bind_relay_socket().unwrap();
    relay.set_nonblocking(false).unwrap();
    std::thread::spawn(move || {
        for stream in relay.incoming() {
            let mut stream = stream.unwrap();
            let mut said = [0; 18];
            stream.read_exact(&mut said).unwrap();
            assert_eq!(&said, b"hello from the bot");
            stream.write_all(b"welcome").unwrap();
        }
    });
    let runtime = bed.running().await;
    let mut near = bed.home.dial_gateway().unwrap();
    near.set_nonblocking(false).unwrap();
    near.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    near.read_to_string(&mut answer).unwrap();
    let found: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(found["relay"], "yes welcome", "{found}");
    assert_eq!(found["panel"], "no ECONNREFUSED");
    assert_eq!(found["outside"], "no ENETUNREACH");
    assert_eq!(found["uid"], engine_user().uid);
    assert_eq!(found["token"], "relay-token");
    runtime.stop(bed.bot, PATIENCE).await.unwrap();
    let end = runtime.inspect(bed.bot).await.unwrap();
    assert!(
        matches!(end, Observation::Exited { code: Some(0), asked: true, out_of_memory: false, .. }),
        "{end:?}"
    );
    assert!(
        runtime.logs(bed.bot, &LogQuery { lines: 1, ..LogQuery::default() }).await.unwrap().lines[0]
            .text
            .contains("bye")
    );
    runtime.remove(bed.bot).await.unwrap();
    bed.clear().await;
}

#[tokio::test]
async fn every_act_may_be_repeated() {
    let bed = Bed::new().await;
    let runtime = bed.created().await;
    runtime.create(&bed.spec()).await.unwrap();
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Created { generation: 1 });
    let other = BotSpec { generation: 2, ..bed.spec() };
    assert!(matches!(runtime.create(&other).await, Err(RuntimeError::Conflict { found: 1 })));
    assert!(matches!(runtime.start(bed.bot, 2).await, Err(RuntimeError::Conflict { found: 1 })));
    runtime.start(bed.bot, 1).await.unwrap();
    runtime.start(bed.bot, 1).await.unwrap();
    let all = runtime.list().await.unwrap();
    assert!(all.len() == 1 && all[0].seen.is_running() && all[0].bot == bed.bot);
    for _ in 0..2 {
        runtime.stop(bed.bot, Duration::from_secs(1)).await.unwrap();
    }
    for _ in 0..2 {
        runtime.remove(bed.bot).await.unwrap();
    }
    runtime.stop(bed.bot, Duration::ZERO).await.unwrap();
    assert!(matches!(runtime.start(bed.bot, 1).await, Err(RuntimeError::NotFound(_))));
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Absent);
    bed.clear().await;
}

#[tokio::test]
async fn a_killed_container_is_noticed_with_its_code() {
    let bed = Bed::new().await;
    let runtime = bed.running().await;
    let mut hints = runtime.watch();
    let kill = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
    bed.docker.kill_container(&bed.name(), Some(kill)).await.unwrap();
    hinted(&mut hints, bed.bot).await;
    let end = until(&runtime, bed.bot, &mut hints, |seen| !seen.is_running()).await;
    assert!(matches!(end, Observation::Exited { code: Some(137), asked: false, .. }), "{end:?}");
    bed.clear().await;
}

#[tokio::test]
async fn a_stopped_process_ends_after_the_grace() {
    let bed = Bed::new().await;
    let runtime = bed.running().await;
    let stop = KillContainerOptionsBuilder::new().signal("SIGSTOP").build();
    bed.docker.kill_container(&bed.name(), Some(stop)).await.unwrap();
    runtime.stop(bed.bot, Duration::from_secs(1)).await.unwrap();
    let end = runtime.inspect(bed.bot).await.unwrap();
    assert!(matches!(end, Observation::Exited { asked: true, .. }), "{end:?}");
    bed.clear().await;
}

#[tokio::test]
async fn a_foreign_container_under_our_name_is_never_touched() {
    let bed = Bed::new().await;
    let runtime = bed.created().await;
    let image = bed.inspected().await.image;
    runtime.remove(bed.bot).await.unwrap();
    let body = ContainerCreateBody { image, cmd: Some(vec!["node".to_owned()]), ..Default::default() };
    let options = CreateContainerOptionsBuilder::new().name(&bed.name()).build();
    let foreign = bed.docker.create_container(Some(options), body).await.unwrap().id;
    assert!(matches!(runtime.inspect(bed.bot).await, Err(RuntimeError::Foreign(_))));
    assert!(matches!(runtime.create(&bed.spec()).await, Err(RuntimeError::Foreign(_))));
    assert!(matches!(runtime.start(bed.bot, 1).await, Err(RuntimeError::Foreign(_))));
    assert!(matches!(runtime.stop(bed.bot, Duration::ZERO).await, Err(RuntimeError::Foreign(_))));
    assert!(matches!(runtime.remove(bed.bot).await, Err(RuntimeError::Foreign(_))));
    assert_eq!(bed.inspected().await.id, Some(foreign));
    assert!(runtime.list().await.unwrap().is_empty());
    bed.clear().await;
}

#[tokio::test]
async fn a_cancelled_build_leaves_nothing_and_the_next_one_succeeds() {
    let bed = Bed::new().await;
    // An OpenClaw of its own makes an image of its own.
    let marked = format!("{GATEWAY}\n// {}", bed.instance);
    let runtime = bed.runtime();
    let places = Tools::new(bed.dir.path(), Vec::new()).places(Tools::pinned());
    fs::write(&places.openclaw, marked).unwrap();
    let before = images(&bed.docker).await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let progress = move |stage: Stage, done: u64, _: Option<u64>| {
        if stage == Stage::Build && done > 1 << 20 {
            stop.cancel();
        }
    };
    let ended = tokio::time::timeout(PATIENCE, runtime.prepare(&runtime.openclaw(), &progress, &cancel))
        .await
        .unwrap();
    assert!(matches!(ended, Err(RuntimeError::Cancelled)), "{ended:?}");
    assert_eq!(images(&bed.docker).await, before);
    assert!(matches!(runtime.create(&bed.spec()).await, Err(RuntimeError::NotFound(_))));
    runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap();
    runtime.create(&bed.spec()).await.unwrap();
    let image = bed.inspected().await.image.unwrap();
    runtime.remove(bed.bot).await.unwrap();
    // The next version's image takes the place of this one.
    fs::write(&places.openclaw, format!("{GATEWAY}\n// {} again", bed.instance)).unwrap();
    runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap();
    assert!(!images(&bed.docker).await.contains(&image));
    runtime.create(&bed.spec()).await.unwrap();
    let image = bed.inspected().await.image.unwrap();
    let docker = bed.docker.clone();
    bed.clear().await;
    docker.remove_image(&image, None::<bollard::query_parameters::RemoveImageOptions>, None).await.unwrap();
}

async fn images(docker: &Docker) -> Vec<String> {
    let all = docker.list_images(Some(ListImagesOptionsBuilder::new().all(true).build())).await.unwrap();
    let mut ids: Vec<_> = all.into_iter().map(|i| i.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn an_image_that_no_registry_has_is_said_so() {
    let bed = Bed::new().await;
    let digest = format!("localhost:1/none@sha256:{}", "0".repeat(64));
    for (image, word) in [(digest.as_str(), "could not be had"), ("chela-none:latest", "by digest")] {
        let runtime = DockerRuntime::new(DockerConfig {
            instance: bed.instance.clone(),
            homes: Homes::open(bed.dir.path(), None).unwrap(),
            tools: Tools::new(bed.dir.path(), Vec::new()),
            engine: EngineAddress::default(),
            image: Some(image.to_owned()),
            deadline: CALL_DEADLINE,
        });
        let error =
            runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.code(), "image_unavailable", "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn an_engine_that_is_away_or_hangs_is_an_error_in_time() {
    let bed = Bed::new().await;
    let path = bed.dir.path().join("engine.sock");
    let gone = bed.runtime_at(EngineAddress::Unix(path.clone()), Duration::from_millis(300));
    assert!(matches!(gone.check().await, Err(RuntimeError::EngineGone(_))));
    assert!(matches!(gone.inspect(bed.bot).await, Err(RuntimeError::EngineGone(_))));
    let hanging = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let all = async {
        assert!(matches!(gone.check().await, Err(RuntimeError::Timeout { .. })));
        assert!(matches!(gone.create(&bed.spec()).await, Err(RuntimeError::Timeout { .. })));
        assert!(matches!(gone.stop(bed.bot, Duration::ZERO).await, Err(RuntimeError::Timeout { .. })));
        assert!(matches!(
            gone.prepare(&gone.openclaw(), &Ignore, &CancellationToken::new()).await,
            Err(RuntimeError::Timeout { .. })
        ));
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("it hung with the engine");
    drop(hanging);
    // The engine comes back under the same path: nothing is left of the bad days.
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(DOCKER_SOCKET, &path).unwrap();
    let back = bed.runtime_at(EngineAddress::Unix(path), CALL_DEADLINE);
    back.check().await.unwrap();
    assert!(tokio::time::timeout(PATIENCE, async { while gone.check().await.is_err() {} }).await.is_ok());
}

#[tokio::test]
async fn files_that_were_swapped_are_not_mounted() {
    let bed = Bed::new().await;
    let runtime = bed.runtime();
    runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap();
    let state = bed.home.path(Part::State);
    fs::remove_dir(&state).unwrap();
    std::os::unix::fs::symlink("/etc", &state).unwrap();
    assert!(runtime.create(&bed.spec()).await.is_err());
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Absent);
    bed.clear().await;
}

#[tokio::test]
async fn what_a_container_uses_is_told_with_its_limit() {
    let bed = Bed::new().await;
    let runtime = bed.running().await;
    let used = runtime.used().await.unwrap();
    let one = used.iter().find(|used| used.bot == bed.bot).expect("it runs").used;
    assert!(one.cpu_us > 0 && one.memory_bytes > 0 && one.processes > 0, "{one:?}");
    assert_eq!(one.memory_limit_bytes, Some(bed.spec().limits.memory_bytes), "{one:?}");
    bed.clear().await;
}

#[tokio::test]
async fn limits_of_a_bots_own_are_the_containers() {
    let bed = Bed::new().await;
    let runtime = bed.runtime();
    runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap();
    let limits = Limits { memory_bytes: 768 << 20, cpu_milli: 250, pids: 4096 };
    runtime.create(&BotSpec { limits, ..bed.spec() }).await.unwrap();
    let seen = bed.inspected().await;
    let host = seen.host_config.unwrap();
    let memory = Some(768 << 20);
    assert_eq!((host.memory, host.memory_swap), (memory, memory));
    assert_eq!((host.nano_cpus, host.pids_limit), (Some(250_000_000), Some(4096)));
    let words = seen.config.unwrap().cmd.unwrap().join(" ");
    assert!(words.contains("--max-old-space-size=499"), "Node knows too: {words}");
    bed.clear().await;
}
