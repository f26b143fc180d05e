//! Real processes: as whom they run, that they outlive Chela, how they end.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end by a panic")]

#[expect(dead_code, reason = "shared by several test binaries")]
mod support;

use runtime::{
    BotUser, InstanceId, Observation, Runtime, RuntimeError,
    home::{BotHome, Homes, Part},
    install::Tools,
    process::{ProcessConfig, ProcessRuntime},
};
use std::{fs, path::Path, time::Duration};
use support::{
    PATIENCE, data_dir, fresh_bot, fresh_instance, fresh_user, hinted, home_of, is_root, spec, until,
    until_said,
};

struct Bed {
    dir: tempfile::TempDir,
    instance: InstanceId,
    user: BotUser,
    bot: api::ids::BotId,
    home: BotHome,
    script: String,
}

impl Bed {
    fn new(script: &str) -> Self {
        let (dir, bot, user) = (data_dir(), fresh_bot(), fresh_user());
        let home = home_of(dir.path(), bot, user);
        Self { dir, instance: fresh_instance(), user, bot, home, script: script.to_owned() }
    }

    fn runtime(&self) -> ProcessRuntime {
        ProcessRuntime::new(ProcessConfig {
            instance: self.instance.clone(),
            homes: Homes::open(self.dir.path(), None).unwrap(),
            tools: Tools::new(self.dir.path(), Vec::new()),
            keeper: vec![env!("CARGO_BIN_EXE_runtime-keeper").into()],
            command: Some(["/bin/sh", "-c", &self.script].map(str::to_owned).into()),
        })
    }

    async fn started(&self) -> ProcessRuntime {
        let runtime = self.runtime();
        runtime.create(&spec(self.bot, self.user)).await.unwrap();
        runtime.start(self.bot, 1).await.unwrap();
        runtime
    }

    fn life(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.home.path(Part::Logs).join("life.json")).unwrap()).unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let bot = self.bot;
        // On a thread of its own: this may run inside a Tokio runtime.
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.unwrap().block_on(async { self.runtime().remove(bot).await }).unwrap());
        });
    }
}

fn pid(seen: &Observation) -> i32 {
    let Observation::Running { handle, .. } = seen else { panic!("not running: {seen:?}") };
    handle.parse().unwrap()
}

fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn kill(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn a_bot_runs_as_its_own_user_and_inherits_nothing() {
    let bed = Bed::new(
        "id -u; id -G; pwd; grep NoNewPrivs /proc/self/status; ulimit -c; tr '\\0' '\\n' </proc/$$/environ; echo done; exec sleep 1000",
    );
    let runtime = bed.started().await;
    let said = until_said(&runtime, bed.bot, "done").await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], bed.user.uid.to_string());
    if is_root() {
        assert_eq!(lines[1], bed.user.gid.to_string());
    }
    assert_eq!(lines[2], bed.home.path(Part::Workspace).to_string_lossy());
    assert!(lines[3].ends_with('1'));
    assert_eq!(lines[4], "0");
    let names: Vec<&str> =
        lines[5..lines.len() - 1].iter().filter_map(|l| l.split_once('=')).map(|(n, _)| n).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["CHELA_BOT", "CHELA_GENERATION", "CHELA_INSTANCE", "PATH"]);
    if is_root() {
        assert!(runtime.check().await.unwrap().isolated);
        // Another bot sees neither its memory nor its environment.
        let other = BotUser { uid: bed.user.uid + 50, gid: bed.user.uid + 50 };
        let pid = pid(&runtime.inspect(bed.bot).await.unwrap());
        let mut look = std::process::Command::new("cat");
        std::os::unix::process::CommandExt::uid(&mut look, other.uid);
        assert!(!look.arg(format!("/proc/{pid}/environ")).output().unwrap().status.success());
    }
}

#[tokio::test]
async fn creating_and_starting_twice_makes_one_bot() {
    let bed = Bed::new("echo up; exec sleep 1000");
    let runtime = bed.runtime();
    let spec = spec(bed.bot, bed.user);
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Absent);
    assert!(matches!(runtime.start(bed.bot, 1).await, Err(RuntimeError::NotFound(_))));
    runtime.create(&spec).await.unwrap();
    runtime.create(&spec).await.unwrap();
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Created { generation: 1 });
    let other = runtime::BotSpec { generation: 2, ..spec };
    assert!(matches!(runtime.create(&other).await, Err(RuntimeError::Conflict { found: 1 })));
    assert!(matches!(runtime.start(bed.bot, 2).await, Err(RuntimeError::Conflict { found: 1 })));
    runtime.start(bed.bot, 1).await.unwrap();
    let first = runtime.inspect(bed.bot).await.unwrap();
    runtime.start(bed.bot, 1).await.unwrap();
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), first);
    let all = runtime.list().await.unwrap();
    assert_eq!(all.len(), 1);
    runtime.remove(bed.bot).await.unwrap();
    runtime.remove(bed.bot).await.unwrap();
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Absent);
    assert!(!lives(pid(&first)));
}

#[tokio::test]
async fn what_another_instance_runs_is_foreign_and_no_orphan_of_ours() {
    let (theirs, ours) = (Bed::new("echo up; exec sleep 1000"), Bed::new("echo up; exec sleep 1000"));
    let runtime = theirs.started().await;
    let (we, handle) = (ours.runtime(), pid(&runtime.inspect(theirs.bot).await.unwrap()).to_string());
    let foreign = |all: Vec<runtime::Foreign>| {
        all.into_iter().find(|thing| thing.instance == theirs.instance.as_str()).map(|thing| thing.handle)
    };
    assert_eq!(foreign(we.foreign().await.unwrap()), Some(handle.clone()));
    assert!(we.list().await.unwrap().is_empty());
    assert_eq!(foreign(runtime.foreign().await.unwrap()), None, "its own is not foreign to it");
    we.remove(theirs.bot).await.unwrap();
    assert!(lives(handle.parse().unwrap()), "nobody else ends it");
}

#[tokio::test]
async fn two_starts_at_once_make_one_bot() {
    let bed = Bed::new("echo up; exec sleep 1000");
    let (one, two) = (bed.runtime(), bed.runtime());
    one.create(&spec(bed.bot, bed.user)).await.unwrap();
    let (a, b) = tokio::join!(one.start(bed.bot, 1), two.start(bed.bot, 1));
    assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
    until_said(&one, bed.bot, "up").await;
    let ups = one.logs(bed.bot, &runtime::LogQuery::default()).await.unwrap().lines;
    assert_eq!(ups.len(), 1, "{ups:?}");
}

#[test]
fn a_bot_outlives_chela_and_is_adopted() {
    let bed = Bed::new("echo up; exec sleep 1000");
    let tokio = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let first = tokio();
    let seen = first.block_on(async {
        let runtime = bed.started().await;
        runtime.inspect(bed.bot).await.unwrap()
    });
    first.shutdown_timeout(PATIENCE);
    assert!(lives(pid(&seen)));
    tokio().block_on(async {
        let runtime = bed.runtime();
        let mut hints = runtime.watch();
        assert_eq!(runtime.inspect(bed.bot).await.unwrap(), seen);
        until_said(&runtime, bed.bot, "up").await;
        kill(pid(&seen), rustix::process::Signal::KILL);
        hinted(&mut hints, bed.bot).await;
        let end = runtime.inspect(bed.bot).await.unwrap();
        assert!(
            matches!(end, Observation::Exited { generation: 1, code: Some(137), asked: false, .. }),
            "{end:?}"
        );
    });
}

#[test]
fn how_a_bot_ended_is_known_though_chela_was_away() {
    let bed = Bed::new("echo last words; exit 78");
    let tokio = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let first = tokio();
    first.block_on(bed.started());
    first.shutdown_timeout(PATIENCE);
    tokio().block_on(async {
        let runtime = bed.runtime();
        let end = until(&runtime, bed.bot, &mut runtime.watch(), |seen| !seen.is_running()).await;
        assert!(matches!(end, Observation::Exited { code: Some(78), asked: false, .. }), "{end:?}");
        assert!(until_said(&runtime, bed.bot, "last words").await.contains("last words"));
    });
}

#[tokio::test]
async fn a_polite_bot_ends_in_its_own_way() {
    let bed = Bed::new("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 1000 & wait; done");
    let runtime = bed.started().await;
    until_said(&runtime, bed.bot, "up").await;
    runtime.stop(bed.bot, PATIENCE).await.unwrap();
    runtime.stop(bed.bot, PATIENCE).await.unwrap();
    let end = runtime.inspect(bed.bot).await.unwrap();
    assert!(matches!(end, Observation::Exited { code: Some(3), asked: true, .. }), "{end:?}");
    until_said(&runtime, bed.bot, "bye").await;
}

#[tokio::test]
async fn a_bot_that_does_not_listen_or_is_stopped_ends_all_the_same() {
    let bed = Bed::new("trap '' TERM; echo up; while :; do sleep 1000; done");
    let runtime = bed.started().await;
    until_said(&runtime, bed.bot, "up").await;
    let pid = pid(&runtime.inspect(bed.bot).await.unwrap());
    kill(pid, rustix::process::Signal::STOP);
    runtime.stop(bed.bot, Duration::from_millis(200)).await.unwrap();
    assert!(!lives(pid));
    let end = runtime.inspect(bed.bot).await.unwrap();
    assert!(matches!(end, Observation::Exited { code: Some(137), asked: true, .. }), "{end:?}");
}

#[tokio::test]
async fn what_a_bot_sent_into_hiding_ends_with_it() {
    let bed = Bed::new(
        "for n in 1 2 3; do env -i setsid sleep 1000 & echo $!; done; (env -i setsid sh -c 'echo $$; exec sleep 1000' &) ; echo up; exec sleep 1000",
    );
    let runtime = bed.started().await;
    let said = until_said(&runtime, bed.bot, "up").await;
    let hidden: Vec<i32> = said.lines().filter_map(|l| l.parse().ok()).collect();
    assert!(hidden.len() >= 3);
    runtime.remove(bed.bot).await.unwrap();
    assert!(hidden.iter().all(|pid| !lives(*pid)), "{hidden:?}");
}

#[tokio::test]
async fn the_mark_of_somebody_else_saves_nothing_of_a_bot() {
    let marks = format!("CHELA_INSTANCE=other CHELA_BOT={} CHELA_GENERATION=1", fresh_bot());
    let script = format!("(env -i {marks} setsid sleep 1000 & echo $!); echo up; exec sleep 1000");
    for keeper_lives in [true, false] {
        if !keeper_lives && !is_root() {
            // Nothing but its mark tells a bot of one's own user whose keeper has gone.
            continue;
        }
        let bed = Bed::new(&script);
        let runtime = bed.started().await;
        let said = until_said(&runtime, bed.bot, "up").await;
        let hidden: i32 = said.lines().find_map(|l| l.parse().ok()).unwrap();
        if !keeper_lives {
            let keeper = i32::try_from(bed.life()["keeper"]["pid"].as_i64().unwrap()).unwrap();
            kill(keeper, rustix::process::Signal::KILL);
        }
        assert!(lives(hidden));
        runtime.remove(bed.bot).await.unwrap();
        assert!(!lives(hidden), "keeper lives: {keeper_lives}");
    }
}

#[tokio::test]
async fn a_bot_cannot_pose_as_another() {
    if !is_root() {
        return;
    }
    let mut bed = Bed::new("");
    let (victim, nobody, user) = (fresh_bot(), fresh_bot(), fresh_user());
    home_of(bed.dir.path(), victim, user);
    let marks = |bot| format!("CHELA_INSTANCE={} CHELA_BOT={bot} CHELA_GENERATION=1", bed.instance.as_str());
    bed.script = format!(
        "(env -i {} setsid sleep 1000 &); (env -i {} setsid sleep 1000 &); echo up; exec sleep 1000",
        marks(victim),
        marks(nobody)
    );
    let runtime = bed.started().await;
    until_said(&runtime, bed.bot, "up").await;
    assert_eq!(runtime.inspect(victim).await.unwrap(), Observation::Absent);
    assert_eq!(runtime.inspect(nobody).await.unwrap(), Observation::Absent);
    let listed: Vec<_> = runtime.list().await.unwrap().into_iter().map(|found| found.bot).collect();
    assert_eq!(listed, [bed.bot]);
    runtime.create(&spec(victim, user)).await.unwrap();
    assert_eq!(runtime.inspect(victim).await.unwrap(), Observation::Created { generation: 1 });
}

/// Forks and goes, for ever: whoever looks for its pid finds the one before.
const HOP: &str =
    "echo 'sh \"$0\" & ' > hop; for n in 1 2 3 4 5 6 7 8; do env -i setsid sh hop & done; echo up";

#[tokio::test]
async fn a_bot_that_forks_without_end_ends_all_the_same() {
    if !is_root() {
        return;
    }
    for last in ["exec sleep 1000", "exit 5"] {
        let bed = Bed::new(&format!("{HOP}; {last}"));
        let runtime = bed.started().await;
        until_said(&runtime, bed.bot, "up").await;
        if last == "exit 5" {
            // Ended by its keeper alone.
            let seen = until(&runtime, bed.bot, &mut runtime.watch(), |seen| !seen.is_running()).await;
            assert!(matches!(seen, Observation::Exited { code: Some(5), .. }), "{seen:?}");
        } else {
            runtime.stop(bed.bot, Duration::ZERO).await.unwrap();
        }
        assert_eq!(of_uid(bed.user.uid), 0, "{last}");
    }
}

/// How many live under this uid.
fn of_uid(uid: u32) -> usize {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| lives(*pid))
        .filter(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.contains(&format!("\nUid:\t{uid}\t"))
        })
        .count()
}

#[tokio::test]
async fn a_bot_of_another_chela_with_the_same_uid_is_left_alone() {
    let (bed, mut other) = (Bed::new("echo up; exec sleep 1000"), Bed::new("echo up; exec sleep 1000"));
    other.home.remove().unwrap();
    other.user = bed.user;
    other.home = home_of(other.dir.path(), other.bot, other.user);
    let (runtime, others) = (bed.started().await, other.started().await);
    until_said(&runtime, bed.bot, "up").await;
    until_said(&others, other.bot, "up").await;
    runtime.remove(bed.bot).await.unwrap();
    assert!(others.inspect(other.bot).await.unwrap().is_running());
}

#[tokio::test]
async fn what_a_bot_left_behind_when_it_died_ends_too() {
    let bed = Bed::new("(env -i setsid sleep 1000 & echo $!); exit 5");
    let runtime = bed.started().await;
    let end = until(&runtime, bed.bot, &mut runtime.watch(), |seen| !seen.is_running()).await;
    assert!(matches!(end, Observation::Exited { code: Some(5), .. }), "{end:?}");
    let said = until_said(&runtime, bed.bot, "").await;
    let hidden: i32 = said.lines().find_map(|l| l.parse().ok()).unwrap();
    assert!(!lives(hidden));
}

#[tokio::test]
async fn a_bot_whose_keeper_was_killed_is_still_seen_and_stopped() {
    let bed = Bed::new("echo up; exec sleep 1000");
    let runtime = bed.started().await;
    until_said(&runtime, bed.bot, "up").await;
    let pid = pid(&runtime.inspect(bed.bot).await.unwrap());
    let keeper = bed.life()["keeper"]["pid"].as_i64().unwrap();
    kill(i32::try_from(keeper).unwrap(), rustix::process::Signal::KILL);
    assert!(runtime.inspect(bed.bot).await.unwrap().is_running());
    runtime.start(bed.bot, 1).await.unwrap();
    runtime.stop(bed.bot, Duration::ZERO).await.unwrap();
    assert!(!lives(pid));
    let end = runtime.inspect(bed.bot).await.unwrap();
    assert!(matches!(end, Observation::Exited { code: None, asked: true, .. }), "{end:?}");
}

#[tokio::test]
async fn a_bot_that_was_started_but_not_noted_is_found_by_its_mark() {
    let bed = Bed::new("echo up; exec sleep 1000");
    let runtime = bed.started().await;
    let pid = pid(&runtime.inspect(bed.bot).await.unwrap());
    fs::remove_file(bed.home.path(Part::Logs).join("life.json")).unwrap();
    let seen = runtime.inspect(bed.bot).await.unwrap();
    assert_eq!((seen.generation(), seen.is_running()), (Some(1), true));
    // Its files gone altogether: an orphan, found and ended all the same.
    bed.home.remove().unwrap();
    assert_eq!(runtime.list().await.unwrap().len(), 1);
    runtime.remove(bed.bot).await.unwrap();
    assert!(!lives(pid) && runtime.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_process_that_has_the_pid_now_is_left_alone() {
    let bed = Bed::new("exit 0");
    let runtime = bed.started().await;
    until(&runtime, bed.bot, &mut runtime.watch(), |seen| !seen.is_running()).await;
    let mut bystander = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let file = bed.home.path(Part::Logs).join("life.json");
    let mut life = bed.life();
    life["child"]["pid"] = bystander.id().into();
    life["keeper"]["pid"] = bystander.id().into();
    // Times count in hundredths of a second: both may have begun in the same one.
    life["child"]["start_ticks"] = 1.into();
    life["keeper"]["start_ticks"] = 1.into();
    fs::write(&file, life.to_string()).unwrap();
    assert!(!runtime.inspect(bed.bot).await.unwrap().is_running());
    runtime.stop(bed.bot, Duration::ZERO).await.unwrap();
    runtime.remove(bed.bot).await.unwrap();
    assert!(bystander.try_wait().unwrap().is_none());
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn a_command_that_is_not_there_is_said() {
    let mut bed = Bed::new("");
    bed.script.clear();
    let runtime = ProcessRuntime::new(ProcessConfig {
        instance: bed.instance.clone(),
        homes: Homes::open(bed.dir.path(), None).unwrap(),
        tools: Tools::new(bed.dir.path(), Vec::new()),
        keeper: vec![env!("CARGO_BIN_EXE_runtime-keeper").into()],
        command: Some(vec!["/nowhere/gateway".to_owned()]),
    });
    runtime.create(&spec(bed.bot, bed.user)).await.unwrap();
    let error = runtime.start(bed.bot, 1).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/gateway"), "{error}");
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Created { generation: 1 });
}

#[tokio::test]
async fn a_bot_that_cannot_be_kept_apart_is_refused() {
    let bed = Bed::new("exit 0");
    let mut spec = spec(bed.bot, bed.user);
    if is_root() {
        spec.user = BotUser { uid: 0, gid: 0 };
    } else {
        spec.isolation = runtime::Isolation::Isolated;
    }
    assert!(matches!(bed.runtime().create(&spec).await, Err(RuntimeError::NotIsolated(_))));
}

#[tokio::test]
async fn a_closed_directory_above_is_named() {
    if !is_root() {
        return;
    }
    let bed = Bed::new("exit 0");
    let closed = bed.dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let runtime = ProcessRuntime::new(ProcessConfig {
        instance: bed.instance.clone(),
        homes: Homes::open(&closed, None).unwrap(),
        tools: Tools::new(&closed, Vec::new()),
        keeper: vec![Path::new("/bin/true").into()],
        command: None,
    });
    let error = runtime.check().await.unwrap_err().to_string();
    assert!(error.contains(&*closed.to_string_lossy()) && error.contains("chmod o+x"), "{error}");
}

#[test]
fn a_user_id_is_held_by_one_data_dir_of_the_host_until_it_is_given_back_or_the_data_dir_is_gone() {
    use runtime::process::UidClaims;
    let (dir, ours, theirs) = (data_dir(), data_dir(), data_dir());
    let claims = dir.path().join("claims");
    let (us, them) =
        (UidClaims::open(&claims, ours.path()).unwrap(), UidClaims::open(&claims, theirs.path()).unwrap());
    assert!(us.claim(200_000).unwrap().is_ok());
    assert!(us.claim(200_000).unwrap().is_ok(), "again");
    assert_eq!(them.claim(200_000).unwrap(), Err(ours.path().canonicalize().unwrap()));
    assert!(them.claim(200_001).unwrap().is_ok());
    them.release(200_000).unwrap();
    assert!(them.claim(200_000).unwrap().is_err(), "not theirs to give back");
    us.release(200_000).unwrap();
    us.release(200_000).unwrap();
    assert!(them.claim(200_000).unwrap().is_ok());
    drop(theirs);
    assert!(us.claim(200_000).unwrap().is_ok(), "its data dir is gone");
    // Many at once, each id to one.
    let other = data_dir();
    let got: Vec<Vec<u32>> = std::thread::scope(|scope| {
        let workers = [ours.path(), other.path()].map(|owner| {
            let claims = UidClaims::open(&claims, owner).unwrap();
            scope
                .spawn(move || (210_000..210_100).filter(|uid| claims.claim(*uid).unwrap().is_ok()).collect())
        });
        workers.map(|worker| worker.join().unwrap()).into()
    });
    let mut all = got.concat();
    all.sort_unstable();
    assert_eq!(all, (210_000..210_100).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_bot_and_its_children_use_is_summed_and_an_ended_one_uses_nothing() {
    let bed = Bed::new("sleep 600 & sleep 600 & echo up; wait");
    let runtime = bed.started().await;
    until_said(&runtime, bed.bot, "up").await;
    let used = runtime.used().await.unwrap();
    let [one] = used.as_slice() else { panic!("one runs: {used:?}") };
    assert_eq!(one.bot, bed.bot);
    assert!(one.used.processes == 3 && one.used.memory_bytes > 4096, "{one:?}");
    runtime.stop(bed.bot, Duration::ZERO).await.unwrap();
    assert_eq!(runtime.used().await.unwrap(), []);
}
