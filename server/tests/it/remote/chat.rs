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
    at.world.cells.answer_with(slow_reply());
    at.ready_bot(&owner, "Talker").await;
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

/// A panel that streams: what it answers to a message, and then the message as it stands.
fn streaming_panel(events: &'static str, text: &'static str) -> SocketAddr {
    use std::io::{BufRead, BufReader};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        // The message, then as many looks at it as somebody likes.
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = BufReader::new(stream.try_clone().expect("a handle")).lines();
            let asked = head.next().expect("a line").expect("text");
            let (kind, body) = if asked.starts_with("POST") {
                ("text/event-stream", events.to_owned())
            } else {
                let message = serde_json::json!({ "id": "msg_1", "state": "final", "text": text });
                ("application/json", serde_json::json!({ "items": [message], "next": null }).to_string())
            };
            let size = body.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\n");
            write!(stream, "{head}connection: close\r\n\r\n{body}").expect("written");
        }
    });
    addr
}

#[test]
fn an_answer_that_the_panel_streams_is_taken_event_by_event() {
    const EVENTS: &str = "event: sent\ndata: {\"thread_id\":\"thr_00000000000000000000000001\",\"message_id\":\"msg_1\"}\n\n\
        event: delta\ndata: {\"at_bytes\":0,\"text\":\"Hel\"}\n\n: still here\n\n\
        event: delta\ndata: {\"at_bytes\":3,\"text\":\"lo\"}\n\nevent: delta\ndata: {\"at_bytes\":3,\"text\":\"lo\"}\n\n\
        event: end\ndata: {\"state\":\"final\"}\n\n";
    let who = Who::Bearer("chela_pat_x".to_owned());
    let whole = Home::at(streaming_panel(EVENTS, "Hello"), &who);
    assert_eq!(whole.run(&["bot", "chat", "talker", "hi"]).ok(), "Hello\n");
    // What was lost on the way is looked up at the end.
    let cut = Home::at(streaming_panel(EVENTS, "Hello you"), &who);
    assert_eq!(cut.run(&["bot", "chat", "talker", "hi"]).ok(), "Hello you\n");
    let replaced = Home::at(streaming_panel(EVENTS, "Other"), &who);
    assert_eq!(replaced.run(&["bot", "chat", "talker", "hi"]).ok(), "Hello\nOther\n");
}
