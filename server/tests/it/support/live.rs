//! The live socket as a browser holds it, and the text a page would show.

use super::{ORIGIN, TestServer, Who};
use api::{
    chat::{Message, MessageState},
    live::{ClientFrame, LiveEvent, Seen, ServerFrame, Snapshot},
};
use futures::{SinkExt, StreamExt};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message as Frame, client::IntoClientRequest},
};

/// An open live socket.
pub struct Live(pub WebSocketStream<TcpStream>);

/// Opens one with these headers; the status where it is refused.
pub async fn open(to: SocketAddr, headers: &[(&'static str, String)]) -> Result<Live, u16> {
    let mut request = "ws://localhost:3000/api/live".into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    let stream = TcpStream::connect(to).await.map_err(|_late| 0_u16)?;
    stream.set_nodelay(true).expect("an open connection");
    match timeout(Duration::from_secs(20), client_async(request, stream)).await {
        Ok(Ok((socket, _))) => Ok(Live(socket)),
        Ok(Err(tungstenite::Error::Http(response))) => Err(response.status().as_u16()),
        Ok(Err(_)) | Err(_) => Err(0),
    }
}

/// The headers `who` opens a socket with.
pub fn live_headers(who: &Who) -> Vec<(&'static str, String)> {
    match who {
        Who::Nobody => vec![("origin", ORIGIN.to_owned())],
        Who::Bearer(token) => vec![("authorization", format!("Bearer {token}"))],
        Who::Cookie(token) => {
            vec![("origin", ORIGIN.to_owned()), ("cookie", format!("__Host-chela={token}"))]
        }
    }
}

impl TestServer {
    /// The live socket of `who`.
    pub async fn live(&self, who: &Who) -> Result<Live, u16> {
        open(self.panel, &live_headers(who)).await
    }
}

impl Live {
    /// Sends a text frame; a broken socket is no error here.
    pub async fn say(&mut self, text: impl Into<String>) {
        let _ = self.0.send(Frame::text(text.into())).await;
    }

    /// Asks for a topic.
    pub async fn subscribe(&mut self, topic: &str) {
        self.say(format!("{{\"type\":\"subscribe\",\"topic\":\"{topic}\"}}")).await;
    }

    /// Goes on with a topic after what was seen of it.
    pub async fn resume(&mut self, topic: &str, after: Option<Seen>) {
        let frame = ClientFrame::Subscribe { topic: topic.to_owned(), after };
        self.say(serde_json::to_string(&frame).expect("a frame")).await;
    }

    /// The next frame; `None` where the socket has ended.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        loop {
            match timeout(Duration::from_secs(20), self.0.next()).await.expect("a frame in time") {
                Some(Ok(Frame::Text(text))) => return Some(serde_json::from_str(&text).expect("a frame")),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    /// The close code that comes within a second; `None` where the connection just ended.
    pub async fn closed(&mut self) -> Option<u16> {
        timeout(Duration::from_secs(1), async {
            loop {
                match self.0.next().await {
                    Some(Ok(Frame::Close(frame))) => return frame.map(|f| u16::from(f.code)),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        })
        .await
        .expect("closed within a second")
    }
}

/// A thread as a page shows it: a snapshot, and what came after.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub messages: Vec<Message>,
    /// Deltas taken in.
    pub deltas: usize,
    /// Blocks taken in.
    pub blocks: usize,
    /// Times it went on without a snapshot.
    pub resumed: usize,
    /// The last frame.
    pub seen: Option<Seen>,
}

impl Shown {
    /// Takes a frame in.
    ///
    /// # Panics
    /// A number was left out or came twice, or a delta does not join on: the reader would show wrong text.
    pub fn take(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Snapshot { epoch, seq, data: Snapshot::Thread { messages, .. }, .. } => {
                (self.messages, self.seen) = (messages, Some(Seen { epoch, seq }));
            }
            ServerFrame::Event { seq, data, .. } => {
                let seen = self.seen.as_mut().expect("a snapshot first");
                assert_eq!(seq, seen.seq + 1, "a gap or a repetition");
                seen.seq = seq;
                self.event(data);
            }
            ServerFrame::Resumed { seq, .. } => {
                assert_eq!(self.seen.as_ref().map(|seen| seen.seq), Some(seq));
                self.resumed += 1;
            }
            ServerFrame::Resync { .. } => self.seen = None,
            other => panic!("{other:?}"),
        }
    }

    fn event(&mut self, event: LiveEvent) {
        match event {
            LiveEvent::Message { message } => match self.find(&message) {
                Some(known) => *known = message,
                None => self.messages.push(message),
            },
            LiveEvent::Delta { message, at_bytes, text } => {
                let Some(known) = self.messages.iter_mut().find(|m| m.id == message) else { return };
                let at = usize::try_from(at_bytes).expect("a length");
                // What the snapshot already held comes again as an event of the time between the two.
                let have = known.text.len();
                assert!(at <= have, "a delta that does not join on: {at} after {have}");
                let new = text.get(have - at..).unwrap_or_default();
                known.text.push_str(new);
                self.deltas += 1;
            }
            LiveEvent::Replace { message, text } => {
                if let Some(known) = self.messages.iter_mut().find(|m| m.id == message) {
                    (known.text, known.html, known.html_bytes) = (text, None, None);
                }
            }
            LiveEvent::Block { message, from_bytes, to_bytes, html } => {
                let Some(known) = self.messages.iter_mut().find(|m| m.id == message) else { return };
                let shown = known.html_bytes.unwrap_or(0);
                if shown < to_bytes {
                    assert_eq!(shown, from_bytes, "a block that does not join on");
                    known.html.get_or_insert_default().push_str(&html);
                    known.html_bytes = Some(to_bytes);
                    self.blocks += 1;
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, message: &Message) -> Option<&mut Message> {
        self.messages.iter_mut().find(|m| m.id == message.id)
    }

    /// The answer with that id, once it has ended.
    pub fn ended(&self, id: &str) -> Option<&Message> {
        self.messages.iter().find(|m| m.id.to_string() == id && m.state != MessageState::Streaming)
    }
}
