//! Talking to a bot from a shell.

use super::*;
use std::io::Read;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_whole_and_its_thread_goes_on() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    at.ready_bot(&owner, "Talker").await;
    let home = Home::at(at.panel, &owner);
    let tide = at.world.vendor.answer_to("tide");
    assert_eq!(home.run(&["bot", "chat", "talker", "ask:tide"]).ok(), format!("{tide}\n"));
    let message = home.piped(&["bot", "chat", "talker", "-o", "json"], "ask:moon").json();
    assert_eq!(message["text"], at.world.vendor.answer_to("moon"));
    let thread = message["thread"].as_str().expect("a thread");
    home.run(&["bot", "chat", "talker", "ask:sun", "--thread", thread]).ok();
    let all = home.run(&["thread", "messages", thread, "-o", "json"]).json();
    let roles: Vec<_> = all.as_array().expect("a list").iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_streams_to_the_byte_and_ctrl_c_stops_it() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    at.ready_bot(&owner, "Talker").await;
    at.world.cells.answer_with(slow_reply());
    let home = Home::at(at.panel, &owner);
    assert_eq!(home.run(&["bot", "chat", "talker", "long"]).ok(), format!("{}\n", slow_text()));

    let mut child = home.command(&["bot", "chat", "talker", "long"]).spawn().expect("it runs");
    let mut out = child.stdout.take().expect("a pipe");
    let mut begun = [0u8; 8];
    out.read_exact(&mut begun).expect("the first words, while the rest is still to come");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("told");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert!(rest.len() < slow_text().len(), "it was stopped");
    assert_eq!(child.wait().expect("its end").code(), Some(2));
    at.stop().await;
}
