//! A hundred cuts of the live socket at random bytes in the middle of answers, two tabs open: each shows in
//! the end what the model said, byte for byte, and never shows anything that was not its beginning.

use crate::support::*;
use api::live::ServerFrame;
use runtime::RuntimeKind;
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// Reproducible chance.
struct Chance(AtomicU64);

impl Chance {
    fn below(&self, most: u64) -> u64 {
        let step = |x: u64| x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |x| Some(step(x)));
        (step(before.unwrap_or_default()) >> 33) % most
    }
}

/// A wire that breaks after so many bytes towards the browser.
async fn fragile_wire(to: SocketAddr, chance: Arc<Chance>, cuts: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((browser, _)) = listener.accept().await {
            let (chance, cuts) = (Arc::clone(&chance), Arc::clone(&cuts));
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(to).await else { return };
                let (mut from_browser, mut to_browser) = browser.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let up = tokio::spawn(async move { copy(&mut from_browser, &mut to_server).await });
                // Most break early; some carry a whole snapshot, or nobody would ever see the end.
                let most = if chance.below(4) == 0 { 60_000 } else { 6_000 };
                let mut left = usize::try_from(200 + chance.below(most)).expect("small");
                let mut buffer = vec![0; 4096];
                while left > 0 {
                    let Ok(read) = from_server.read(&mut buffer).await else { break };
                    let pass = read.min(left);
                    if read == 0 || to_browser.write_all(&buffer[..pass]).await.is_err() {
                        break;
                    }
                    left -= pass;
                }
                if left == 0 {
                    cuts.fetch_add(1, Ordering::Relaxed);
                }
                up.abort();
            });
        }
    });
    at
}

/// How a tab comes back after a cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    /// With a fresh snapshot.
    Anew,
    /// After what it has seen, as our own pages do.
    Resuming,
}

/// Follows an answer over a wire that keeps breaking, until it has ended; its text, and how often it went on
/// without a snapshot.
async fn follow(
    wire: SocketAddr,
    who: Who,
    thread: String,
    message: String,
    whole: String,
    back: Back,
) -> (String, usize) {
    let mut shown = Shown::default();
    loop {
        let Ok(mut live) = open(wire, &live_headers(&who)).await else { continue };
        let after = shown.seen.clone().filter(|_| back == Back::Resuming);
        live.resume(&format!("thread:{thread}"), after).await;
        while let Some(frame) = live.next().await {
            if matches!(frame, ServerFrame::Refused { .. }) {
                panic!("{frame:?}");
            }
            shown.take(frame);
            let answer = shown.messages.iter().find(|m| m.id.to_string() == message).expect("the answer");
            assert!(whole.starts_with(&answer.text), "shown what was never said: {}", answer.text);
            if let Some(ended) = shown.ended(&message) {
                return (ended.text.clone(), shown.resumed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_cuts_in_mid_answer_lose_and_double_nothing_in_either_of_two_tabs() {
    let world = World::new(RuntimeKind::Process).await;
    world.cells.answer_with(slow_reply());
    let at = world.serve().await;
    let owner = at.owner().await;
    let here = at.first_workspace().await;
    let (_, _, person) = at.person("Ada", here, "owner").await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let (chance, cuts) = (Arc::new(Chance(AtomicU64::new(20_261_120))), Arc::new(AtomicUsize::new(0)));
    let wire = fragile_wire(at.panel, chance, Arc::clone(&cuts)).await;
    let (mut answers, mut resumptions) = (0, 0);
    while cuts.load(Ordering::Relaxed) < 100 {
        let sent = at
            .ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": "go" }))
            .await
            .ok(202);
        let (thread, message) =
            (sent["thread_id"].as_str().expect("id"), sent["message_id"].as_str().expect("id"));
        let tab = |who: &Who, back| {
            tokio::spawn(follow(wire, who.clone(), thread.to_owned(), message.to_owned(), slow_text(), back))
        };
        let (one, two) = tokio::join!(tab(&person, Back::Resuming), tab(&owner, Back::Anew));
        let ((one, resumed), (two, anew)) = (one.expect("no panic"), two.expect("no panic"));
        assert_eq!((one, two, anew), (slow_text(), slow_text(), 0));
        resumptions += resumed;
        assert_eq!(at.ended(&owner, &sent).await["text"], slow_text());
        answers += 1;
        assert!(answers < 60, "the wire does not break often enough");
    }
    assert!(resumptions > 0, "a tab that comes back needs no snapshot");
    at.stop().await;
}
