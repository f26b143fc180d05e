//! A bot's files, against a bot that plants what it can.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end by a panic")]

#[expect(dead_code, reason = "shared by several test binaries")]
mod support;

use runtime::home::{HomeError, Homes, Part, SurveyLimits, TakeLimits, Tokens, is_bundle_path};
use rustix::{
    fs::{CWD, FileType, Mode},
    net::{AddressFamily, SocketAddrUnix, SocketType},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::Path,
    process::Command,
    time::Duration,
};
use support::{data_dir, fresh_bot, fresh_user, home_of, is_root};

const TOKENS: Tokens<'static> = Tokens { relay: "r", gateway: "g", tool: "t" };

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Whether a shell of this uid succeeds.
fn as_uid(uid: u32, script: &str) -> bool {
    Command::new("/bin/sh").args(["-c", script]).uid(uid).gid(uid).output().unwrap().status.success()
}

#[test]
fn a_bot_has_its_directories_and_nobody_else_enters_them() {
    let (dir, bot, user) = (data_dir(), fresh_bot(), fresh_user());
    let home = home_of(dir.path(), bot, user);
    home.ensure(user).unwrap();
    assert_eq!(home.user().unwrap(), user);
    assert_eq!(Homes::open(dir.path(), None).unwrap().list().unwrap(), [bot]);
    for part in [Part::State, Part::Workspace, Part::Run] {
        assert_eq!(mode(&home.path(part)), 0o700);
        assert_eq!(fs::metadata(home.path(part)).unwrap().uid(), user.uid);
    }
    if is_root() {
        let path = home.path(Part::State);
        assert!(as_uid(user.uid, &format!("touch {}/mine", path.display())));
        assert!(!as_uid(user.uid + 1, &format!("ls {}", path.display())));
        assert!(!as_uid(user.uid + 1, &format!("ls {}", path.parent().unwrap().display())));
        assert!(!as_uid(user.uid, &format!("ls {}", home.path(Part::Logs).display())));
    }
}

#[test]
fn a_bot_reads_its_configuration_and_cannot_change_or_swap_it() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    home.write_config("{}").unwrap();
    home.write_config("{\"a\":1}").unwrap();
    let file = home.path(Part::Config).join("openclaw.json");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"a\":1}");
    assert!(home.write_config(&"x".repeat(2 << 20)).is_err());
    if is_root() {
        let config = home.path(Part::Config).display().to_string();
        assert!(as_uid(user.uid, &format!("cat {config}/openclaw.json")));
        assert!(!as_uid(user.uid, &format!("echo x > {config}/openclaw.json")));
        assert!(!as_uid(user.uid, &format!("touch {config}/more")));
        assert!(!as_uid(user.uid, &format!("mv {config} {config}-old")));
        assert!(!as_uid(user.uid + 1, &format!("cat {config}/openclaw.json")));
    }
}

#[test]
fn tokens_are_for_the_bot_alone_and_land_nowhere_else() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let tokens = home.path(Part::Run).join("tokens");
    symlink(&outside, &tokens).unwrap();
    home.write_tokens(&TOKENS).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    home.write_tokens(&Tokens { relay: "new", ..TOKENS }).unwrap();
    assert_eq!(fs::read_to_string(tokens.join("relay")).unwrap(), "new");
    for name in ["relay", "gateway", "tool"] {
        let meta = fs::symlink_metadata(tokens.join(name)).unwrap();
        assert_eq!((meta.permissions().mode() & 0o777, meta.uid()), (0o400, user.uid));
    }
    home.clear_tokens().unwrap();
    home.clear_tokens().unwrap();
    assert!(!tokens.exists());
}

#[test]
fn persona_files_replace_a_planted_link_and_do_not_write_through_it() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let workspace = home.path(Part::Workspace);
    let outside = dir.path().join("outside");
    fs::write(&outside, "untouched").unwrap();
    symlink(&outside, workspace.join("AGENTS.md")).unwrap();
    fs::create_dir_all(workspace.join("SOUL.md/deep")).unwrap();
    home.write_workspace_files([("AGENTS.md", "rules"), ("SOUL.md", "soul")]).unwrap();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "untouched");
    assert_eq!(fs::read_to_string(workspace.join("AGENTS.md")).unwrap(), "rules");
    assert_eq!(fs::read_to_string(workspace.join("SOUL.md")).unwrap(), "soul");
    for bad in ["../x", "a/b", "", ".", "..", ".hidden"] {
        assert!(home.write_workspace_files([(bad, "x")]).is_err(), "{bad}");
    }
}

#[test]
fn a_directory_swapped_for_a_link_is_refused() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let config = home.path(Part::Config);
    fs::remove_dir(&config).unwrap();
    symlink(dir.path(), &config).unwrap();
    assert!(home.ensure(user).is_err());
    assert!(home.write_config("{}").is_err());
}

#[test]
fn sockets_work_in_a_data_dir_as_deep_as_one_likes() {
    let (dir, user) = (data_dir(), fresh_user());
    let deep = dir.path().join("d".repeat(150));
    fs::create_dir(&deep).unwrap();
    let home = home_of(&deep, fresh_bot(), user);
    assert!(home.path(Part::Run).join("relay.sock").as_os_str().len() > 107);
    drop(home.bind_relay_socket().unwrap());
    let relay = home.bind_relay_socket().unwrap();
    assert_eq!(fs::metadata(home.path(Part::Run).join("relay.sock")).unwrap().uid(), user.uid);
    drop(relay);
    assert!(home.dial_gateway().is_err());
    // As the bot would, from within its directory.
    let run = fs::File::open(home.path(Part::Run)).unwrap();
    let path = format!("/proc/self/fd/{}/gateway.sock", std::os::fd::AsRawFd::as_raw_fd(&run));
    let gateway = UnixListener::bind(path).unwrap();
    let mut near = home.dial_gateway().unwrap();
    near.write_all(b"hello").unwrap();
    let mut far = gateway.accept().unwrap().0;
    let mut said = [0; 5];
    far.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"hello");
}

#[test]
fn a_gateway_socket_whose_queue_is_full_holds_nobody() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let path = home.path(Part::Run).join("gateway.sock");
    // As a bot that means harm: room for one, and nobody is ever let in.
    let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _waits = UnixStream::connect(&path).unwrap();
    let (done, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(home.dial_gateway()));
    let dialled = waiting.recv_timeout(Duration::from_secs(20)).expect("dialling waited for the bot");
    assert_eq!(dialled.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_gateway_socket_that_leads_elsewhere_is_not_dialled() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let other = dir.path().join("other.sock");
    let listener = UnixListener::bind(&other).unwrap();
    listener.set_nonblocking(true).unwrap();
    let door = home.path(Part::Run).join("gateway.sock");
    symlink(&other, &door).unwrap();
    assert!(home.dial_gateway().is_err());
    fs::remove_file(&door).unwrap();
    rustix::fs::mknodat(CWD, &door, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    assert!(home.dial_gateway().is_err());
    assert!(listener.accept().is_err());
}

#[test]
fn a_survey_counts_what_is_planted_and_follows_nothing() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let state = home.path(Part::State);
    fs::create_dir_all(state.join("a/b")).unwrap();
    fs::write(state.join("a/b/file"), "12345").unwrap();
    fs::File::create(state.join("sparse")).unwrap().set_len(10 << 30).unwrap();
    symlink("/", state.join("root")).unwrap();
    symlink(".", state.join("a/loop")).unwrap();
    rustix::fs::mknodat(CWD, state.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    if is_root() {
        let null = rustix::fs::makedev(1, 3);
        rustix::fs::mknodat(
            CWD,
            state.join("device"),
            FileType::CharacterDevice,
            Mode::from_raw_mode(0o666),
            null,
        )
        .unwrap();
    }
    let seen = home.survey(Part::State, SurveyLimits::default()).unwrap();
    assert_eq!((seen.files, seen.dirs, seen.links, seen.more), (2, 2, 2, false));
    assert_eq!(seen.specials, 1 + u64::from(is_root()));
    assert_eq!(seen.bytes, (10 << 30) + 5);
    assert!(seen.disk_bytes < 1 << 20);
    let odd = if is_root() { "2 pipes, sockets or devices" } else { "1 pipe, socket or device" };
    let said = format!("2 files, 2 directories; 10737418245 bytes; 2 links, not followed; {odd}, not opened");
    assert_eq!(seen.to_string(), said);
}

#[test]
fn a_file_that_is_to_be_forgotten_goes_and_nothing_that_a_link_leads_to() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let (state, outside) = (home.path(Part::State), dir.path().join("outside"));
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(state.join("sessions")).unwrap();
    for file in [outside.join("kept"), state.join("sessions/a.jsonl"), state.join("kept")] {
        fs::write(file, "text").unwrap();
    }
    let forget = |below: &str| home.remove_file(Part::State, Path::new(below));
    forget("sessions/a.jsonl").unwrap();
    forget("sessions/a.jsonl").unwrap();
    forget("sessions/never.jsonl").unwrap();
    forget("nowhere/never.jsonl").unwrap();
    assert!(!state.join("sessions/a.jsonl").exists());
    // A link in the file's place goes itself; one on the way leads nowhere.
    symlink(outside.join("kept"), state.join("sessions/b.jsonl")).unwrap();
    forget("sessions/b.jsonl").unwrap();
    assert!(fs::symlink_metadata(state.join("sessions/b.jsonl")).is_err());
    symlink(&outside, state.join("elsewhere")).unwrap();
    assert!(forget("elsewhere/kept").is_err());
    for bad in ["", ".", "..", "../config/openclaw.json", "sessions/../kept", "/etc/passwd"] {
        assert!(forget(bad).is_err(), "{bad}");
    }
    assert!(forget("sessions").is_err(), "a directory is no file");
    assert!(outside.join("kept").exists() && state.join("kept").exists());
}

#[test]
fn a_million_planted_files_are_counted_up_to_the_limit_and_said_to_be_more() {
    const PLANTED: u64 = 1_000_000;
    // In memory: a disk would need minutes.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { data_dir() };
    let home = home_of(dir.path(), fresh_bot(), fresh_user());
    let state = fs::File::open(home.path(Part::State)).unwrap();
    for n in 0..PLANTED {
        rustix::fs::mknodat(&state, n.to_string(), FileType::RegularFile, Mode::from_raw_mode(0o600), 0)
            .unwrap();
    }
    let limits = SurveyLimits { time: Duration::from_secs(60), ..SurveyLimits::default() };
    let seen = home.survey(Part::State, limits).unwrap();
    assert_eq!((seen.files, seen.more), (limits.entries, true));
    assert_eq!(seen.to_string(), "more than 200000 files, 0 directories; 0 bytes");
    // As it is: a few seconds at most, and it says that it did not see everything.
    assert!(home.survey(Part::State, SurveyLimits::default()).unwrap().more);
    home.remove().unwrap();
    assert_eq!(fs::read_dir(dir.path().join("bots/.trash")).unwrap().count(), 0);
}

#[test]
fn a_survey_ends_at_its_limits_and_says_so() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let state = home.path(Part::State);
    for n in 0..3_000 {
        fs::File::create(state.join(n.to_string())).unwrap();
    }
    let few = SurveyLimits { entries: 1_000, ..SurveyLimits::default() };
    let seen = home.survey(Part::State, few).unwrap();
    assert!(seen.more && seen.files == 1_000, "{seen:?}");
    let quick = SurveyLimits { time: Duration::ZERO, ..SurveyLimits::default() };
    assert!(home.survey(Part::State, quick).unwrap().more);
    nest(&home.path(Part::Workspace), 500);
    let seen = home.survey(Part::Workspace, SurveyLimits::default()).unwrap();
    assert_eq!((seen.dirs, seen.skipped), (64, 1));
    assert_eq!(seen.to_string(), "more than 0 files, 64 directories; 0 bytes; 1 directory not looked into");
}

/// Directories within directories, deeper than any path may be long.
fn nest(path: &Path, depth: u32) {
    let mut here = rustix::fs::open(path, rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..depth {
        rustix::fs::mkdirat(&here, "d".repeat(20), Mode::from_raw_mode(0o700)).unwrap();
        here =
            rustix::fs::openat(&here, "d".repeat(20), rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    rustix::fs::mkdirat(&here, "closed", Mode::from_raw_mode(0)).unwrap();
}

#[test]
fn a_bot_is_deleted_whatever_it_left_and_nothing_beside_it() {
    let (dir, user) = (data_dir(), fresh_user());
    let homes = Homes::open(dir.path(), None).unwrap();
    let (home, other) = (home_of(dir.path(), fresh_bot(), user), home_of(dir.path(), fresh_bot(), user));
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "kept").unwrap();
    let state = home.path(Part::State);
    symlink(&outside, state.join("link")).unwrap();
    rustix::fs::mknodat(CWD, state.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    nest(&state, 3_000);
    home.remove().unwrap();
    home.remove().unwrap();
    assert!(!home.exists() && other.exists());
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "kept");
    assert_eq!(fs::read_dir(dir.path().join("bots/.trash")).unwrap().count(), 0);
    assert_eq!(homes.list().unwrap(), [other.bot()]);
}

#[test]
fn a_deletion_that_was_cut_is_finished_later() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    fs::write(home.path(Part::State).join("file"), "x").unwrap();
    let bots = dir.path().join("bots");
    fs::rename(bots.join(home.bot().to_string()), bots.join(".trash/cut")).unwrap();
    let homes = Homes::open(dir.path(), None).unwrap();
    assert!(homes.list().unwrap().is_empty());
    homes.empty_trash().unwrap();
    assert_eq!(fs::read_dir(bots.join(".trash")).unwrap().count(), 0);
}

#[test]
fn a_state_that_was_kept_comes_back_as_it_was() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let state = home.path(Part::State);
    let outside = dir.path().join("outside");
    fs::write(&outside, "not the bot's").unwrap();
    fs::create_dir_all(state.join("agents/main")).unwrap();
    fs::write(state.join("agents/main/memory.db"), "before").unwrap();
    fs::set_permissions(state.join("agents/main/memory.db"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&outside, state.join("link")).unwrap();
    rustix::fs::mknodat(CWD, state.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    home.keep_state().unwrap();
    home.keep_state().unwrap();
    fs::write(state.join("agents/main/memory.db"), "changed by the new version").unwrap();
    fs::write(state.join("new"), "x").unwrap();
    home.bring_state_back().unwrap();
    // Again, as after a kill before it was noted.
    home.bring_state_back().unwrap();
    assert_eq!(fs::read_to_string(state.join("agents/main/memory.db")).unwrap(), "before");
    assert_eq!(mode(&state.join("agents/main/memory.db")), 0o640);
    assert_eq!(fs::metadata(state.join("agents/main")).unwrap().uid(), user.uid);
    assert_eq!(fs::read_link(state.join("link")).unwrap(), outside, "a link stays one and is not followed");
    assert!(!state.join("new").exists() && !state.join("pipe").exists());
    assert_eq!(mode(&state), 0o700);
    home.forget_kept_state().unwrap();
    home.forget_kept_state().unwrap();
    assert!(!state.parent().unwrap().join("kept").exists() && state.exists());
}

#[test]
fn a_copy_that_was_cut_in_the_middle_is_no_copy() {
    let (dir, user) = (data_dir(), fresh_user());
    let home = home_of(dir.path(), fresh_bot(), user);
    let state = home.path(Part::State);
    fs::write(state.join("file"), "mine").unwrap();
    let partial = state.parent().unwrap().join("kept/.partial");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("file"), "half").unwrap();
    home.bring_state_back().unwrap();
    assert_eq!(fs::read_to_string(state.join("file")).unwrap(), "mine");
    // Deeper than any state is: refused, and nothing of it stays.
    nest(&state, 200);
    assert!(home.keep_state().unwrap_err().to_string().contains("deeper than"));
    assert!(fs::read_dir(partial.parent().unwrap()).unwrap().next().is_none());
}

#[test]
fn a_rehearsal_gets_a_copy_of_its_own() {
    let (dir, user) = (data_dir(), fresh_user());
    let other = runtime::BotUser { uid: user.uid + if is_root() { 7 } else { 0 }, ..user };
    let (home, trial) = (home_of(dir.path(), fresh_bot(), user), home_of(dir.path(), fresh_bot(), other));
    fs::write(home.path(Part::State).join("db"), "one").unwrap();
    home.copy_state_to(&trial).unwrap();
    fs::write(trial.path(Part::State).join("db"), "two").unwrap();
    assert_eq!(fs::read_to_string(home.path(Part::State).join("db")).unwrap(), "one");
    assert_eq!(fs::metadata(trial.path(Part::State).join("db")).unwrap().uid(), other.uid);
    trial.remove().unwrap();
    assert!(home.path(Part::State).join("db").exists());
}

#[test]
fn a_part_is_taken_whole_or_not_at_all_and_put_where_nothing_was() {
    let (dir, bot) = (data_dir(), fresh_bot());
    let home = home_of(dir.path(), bot, fresh_user());
    let files: BTreeMap<String, Vec<u8>> =
        [("a", b"12345".to_vec()), ("d/e/f", b"678".to_vec())].map(|(p, b)| (p.to_owned(), b)).into();
    home.put(Part::Workspace, &files).unwrap();
    let place = home.path(Part::Workspace);
    symlink("/etc", place.join("d/link")).unwrap();
    let take = |files, bytes| home.take(Part::Workspace, TakeLimits { files, bytes });
    let taken = take(2, 8).unwrap();
    assert_eq!((taken.files, taken.left_out), (files.clone(), vec!["d/link".to_owned()]));
    assert!(matches!(take(1, 8), Err(HomeError::TooMany { limit: 1, .. })));
    assert!(matches!(take(2, 7), Err(HomeError::TooLarge { limit: 7, .. })));
    assert!(home.put(Part::Workspace, &files).is_err(), "what is there stays");
    for bad in ["../x", "/x", "a//b", "a/", "", ".", "d/../../x", "a\u{0}b", "a\nb"] {
        assert!(!is_bundle_path(bad), "{bad:?}");
        assert!(home.put(Part::Workspace, &[(bad.to_owned(), Vec::new())].into()).is_err(), "{bad:?}");
    }
}
