//! How commands end: exit codes, words, and what is refused.

use super::*;
use std::{net::TcpListener, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn every_ending_has_its_code_and_says_what_to_do() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    at.ready_bot(&owner, "Writer").await;
    let mut home = Home::at(at.panel, &owner);
    home.run(&["bot", "show", "wirter"]).ended(3, &["Did you mean writer?"]);
    home.run(&["bot", "chat", "wrter", "hi"]).ended(3, &["Did you mean writer?"]);
    home.run(&["bot", "show", "../keys"]).ended(3, &["bot list"]);
    home.run(&["bot", "edit", "writer", "--model", "nonsense"]).ended(1, &["model", "Request: req_"]);
    home.run(&["bot", "edit", "writer"]).ended(2, &["--prompt"]);
    home.run(&["bot", "rm", "writer"]).ended(2, &["--yes"]);
    // Some done, some not; all of them the same way.
    home.run(&["bot", "stop", "writer", "nobody"]).ended(7, &["1 done, 1 failed", "nobody"]);
    home.run(&["bot", "stop", "no-one", "nobody"]).ended(3, &["nothing was done"]);
    let again = ["bot", "create", "Again", "--model", "openai/fake-model", "--idempotency-key", "once"];
    let first = home.run(&[&again[..], &["-o", "json"]].concat()).json();
    let second = home.run(&[&again[..], &["-o", "json"]].concat()).json();
    assert_eq!(first["id"], second["id"]);
    let viewer = at.token(at.first_workspace().await, "viewer", None).await.1;
    Home::at(at.panel, &viewer).run(&["bot", "stop", "writer"]).ended(1, &["role"]);
    home.set("CHELA_TOKEN", "chela_pat_unknown");
    home.run(&["bot", "list"]).ended(4, &["chela login"]);
    home.env.clear();
    home.run(&["bot", "list"]).ended(4, &["chela login", "CHELA_TOKEN"]);
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_is_silent_absent_or_something_else_is_told_apart() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let token = Who::Bearer("chela_pat_x".to_owned());
    let home = Home::at(silent.local_addr().expect("bound"), &token);
    home.run(&["bot", "list", "--timeout", "200ms"]).ended(6, &["--timeout"]);
    let nobody = silent.local_addr().expect("bound");
    drop(silent);
    Home::at(nobody, &token).run(&["bot", "list"]).ended(1, &["cannot reach", "chela serve"]);
    let mut far = Home::new();
    far.set("CHELA_TOKEN", "chela_pat_x");
    far.set("CHELA_URL", "http://chela.example.org");
    far.run(&["bot", "list"]).ended(2, &["plain http", "ssh -L"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_shows_what_changes_and_ends_with_ctrl_c() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    let mut child = home.command(&["token", "list", "--watch", "-o", "name"]).spawn().expect("it runs");
    let mut lines = {
        use std::io::{BufRead, BufReader};
        BufReader::new(child.stdout.take().expect("a pipe")).lines()
    };
    let first = lines.next().expect("a line").expect("text");
    at.token(at.first_workspace().await, "viewer", None).await;
    // Shown anew: two tokens now.
    let more: Vec<String> = lines.by_ref().take(2).map(|line| line.expect("text")).collect();
    assert!(more.contains(&first) && more.iter().any(|id| *id != first), "{first} {more:?}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("told");
    let ended = tokio::time::timeout(Duration::from_secs(10), async { child.wait() }).await;
    assert_eq!(ended.expect("in time").expect("its end").code(), Some(0));
    at.stop().await;
}
