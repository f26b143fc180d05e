//! One live socket: what its browser asks for, what it is sent, and when it ends.

use super::{
    door::Place,
    hub::{Attached, Resumed, Sent},
};
use crate::platform::{
    Platform,
    ctx::OpCtx,
    http::{Identity, Revoked, ended},
};
use api::{
    ApiError, Code,
    live::{ClientFrame, MAX_TOPICS, Seen, ServerFrame, Topic},
};
use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast,
    time::{MissedTickBehavior, timeout},
};
use tokio_stream::{StreamMap, wrappers::BroadcastStream};
use tokio_tungstenite::tungstenite;

/// How often a quiet socket is asked whether it is still there; unanswered until the next time it ends.
const PING_EVERY: Duration = Duration::from_secs(25);
/// How long one frame may take to leave.
const WRITE_DEADLINE: Duration = Duration::from_secs(20);
/// How long a snapshot may take.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(10);
/// How long the other side may take to say goodbye.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// After this a browser must come again, and is asked again who it is.
const LIFE_MS: i64 = 60 * 60_000;
/// Longest piece of an unknown topic that is repeated to its sender.
const ECHO: usize = 80;

/// Why a socket ends, as its close code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The other side left, or the connection broke: nobody to tell.
    Gone,
    FrameTooBig,
    Malformed,
    Revoked,
    Stopping,
    Renew,
}

impl End {
    const fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::FrameTooBig => Some((1009, "frame over 64 KiB")),
            Self::Malformed => Some((4400, "malformed frame")),
            Self::Revoked => Some((4401, "session ended")),
            Self::Stopping => Some((1012, "restarting")),
            Self::Renew => Some((4000, "reconnect")),
        }
    }
}

type Tails = StreamMap<Topic, BroadcastStream<Sent>>;

/// One browser at its socket.
pub(super) struct Watcher {
    platform: Arc<Platform>,
    ctx: OpCtx,
    identity: Identity,
    _place: Place,
}

impl Watcher {
    pub(super) fn new(platform: Arc<Platform>, ctx: OpCtx, identity: Identity, place: Place) -> Self {
        Self { platform, ctx, identity, _place: place }
    }

    /// Serves the socket until it ends.
    pub(super) async fn run(self, mut ws: WebSocket, mut revocations: broadcast::Receiver<Revoked>) {
        let renew_at_ms = self.platform.clock.now_ms() + LIFE_MS;
        let end = tokio::select! {
            end = self.talk(&mut ws) => end,
            () = ended(&self.identity, &mut revocations) => End::Revoked,
            () = self.platform.shutdown.cancelled() => End::Stopping,
            () = self.platform.clock.wait_until(renew_at_ms) => End::Renew,
        };
        Box::pin(close(ws, end)).await;
        self.platform.live.sweep();
        tracing::debug!(live.end = ?end, "live socket ended");
    }

    async fn talk(&self, ws: &mut WebSocket) -> End {
        match self.serve(ws).await {
            Err(end) => end,
            Ok(never) => never,
        }
    }

    async fn serve(&self, ws: &mut WebSocket) -> Result<End, End> {
        let mut tails = Tails::new();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.tick().await;
        let mut silent = false;
        loop {
            tokio::select! {
                incoming = ws.recv() => {
                    silent = false;
                    let text = match incoming {
                        None | Some(Ok(Message::Close(_))) => return Ok(End::Gone),
                        Some(Err(error)) => return Ok(broken(error)),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Binary(_))) => return Ok(End::Malformed),
                        Some(Ok(Message::Text(text))) => text,
                    };
                    let Ok(frame) = serde_json::from_str(&text) else { return Ok(End::Malformed) };
                    // Apart: an idle socket holds no room for taking a snapshot.
                    Box::pin(self.asked(ws, &mut tails, frame)).await?;
                }
                Some((topic, event)) = tails.next() => match event {
                    Ok(frame) => send(ws, frame).await?,
                    Err(_lagged) => {
                        tell(ws, &ServerFrame::Resync { topic }).await?;
                        Box::pin(self.watch(ws, &mut tails, topic, None)).await?;
                    }
                },
                _ = ping.tick() => {
                    if silent {
                        return Ok(End::Gone);
                    }
                    silent = true;
                    put(ws, Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    async fn asked(&self, ws: &mut WebSocket, tails: &mut Tails, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Ping {} => tell(ws, &ServerFrame::Pong {}).await,
            ClientFrame::Unsubscribe { topic } => {
                if let Ok(topic) = topic.parse() {
                    tails.remove(&topic);
                }
                Ok(())
            }
            ClientFrame::Subscribe { topic: text, after } => match text.parse::<Topic>() {
                Err(_unknown) => refuse(ws, &text, ApiError::not_found()).await,
                Ok(topic) if !tails.contains_key(&topic) && tails.len() >= MAX_TOPICS => {
                    let why = format!("A connection watches at most {MAX_TOPICS} topics.");
                    refuse(ws, &text, ApiError::new(Code::RateLimited, why)).await
                }
                Ok(topic) => self.watch(ws, tails, topic, after).await,
            },
        }
    }

    /// Goes on after what the browser has seen, or begins with a snapshot. Attaches first, then takes the snapshot:
    /// what happens in between comes after it, nothing is lost. Nothing is held for who may not watch.
    async fn watch(
        &self,
        ws: &mut WebSocket,
        tails: &mut Tails,
        topic: Topic,
        after: Option<Seen>,
    ) -> Result<(), End> {
        let (live, workspace) = (&self.platform.live, self.ctx.subject.workspace);
        let ctx = OpCtx { now_ms: self.platform.clock.now_ms(), ..self.ctx.clone() };
        if let Err(error) = in_time(live.may_watch(&ctx, topic)).await {
            return self.not_watched(ws, tails, topic, error).await;
        }
        let resumed = after.and_then(|after| Some((after.seq, live.resume(workspace, topic, &after)?)));
        if let Some((seq, Resumed { missed, events })) = resumed {
            tails.insert(topic, BroadcastStream::new(events));
            tell(ws, &ServerFrame::Resumed { topic, seq }).await?;
            for event in missed {
                send(ws, event).await?;
            }
            return Ok(());
        }
        let Attached { seq, events } = live.attach(workspace, topic);
        tails.insert(topic, BroadcastStream::new(events));
        match in_time(live.snapshot(&ctx, topic)).await {
            Ok(data) => {
                let epoch = live.epoch().to_owned();
                tell(ws, &ServerFrame::Snapshot { topic, epoch, seq, data }).await
            }
            Err(error) => self.not_watched(ws, tails, topic, error).await,
        }
    }

    async fn not_watched(
        &self,
        ws: &mut WebSocket,
        tails: &mut Tails,
        topic: Topic,
        error: ApiError,
    ) -> Result<(), End> {
        tails.remove(&topic);
        self.platform.live.let_go(self.ctx.subject.workspace, topic);
        refuse(ws, &topic.to_string(), error).await
    }
}

/// What the database says, within the time it may take.
async fn in_time<T>(asked: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let answered = timeout(SNAPSHOT_DEADLINE, asked).await;
    answered.unwrap_or_else(|_elapsed| Err(ApiError::new(Code::Timeout, "This took too long.")))
}

/// A broken read, told apart from a frame that was too big.
fn broken(error: axum::Error) -> End {
    let inner = error.into_inner();
    match inner.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => End::FrameTooBig,
        Some(tungstenite::Error::Utf8(_)) => End::Malformed,
        _ => End::Gone,
    }
}

async fn refuse(ws: &mut WebSocket, topic: &str, error: ApiError) -> Result<(), End> {
    let topic = topic.chars().take(ECHO).collect();
    tell(ws, &ServerFrame::Refused { topic, error }).await
}

async fn tell(ws: &mut WebSocket, frame: &ServerFrame) -> Result<(), End> {
    match serde_json::to_string(frame) {
        Ok(text) => send(ws, text.into()).await,
        Err(error) => {
            tracing::error!(error = %error, "a live frame could not be written");
            Ok(())
        }
    }
}

async fn send(ws: &mut WebSocket, text: Utf8Bytes) -> Result<(), End> {
    put(ws, Message::Text(text)).await
}

async fn put(ws: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(WRITE_DEADLINE, ws.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

/// Says why, and waits a moment for the other side to have heard it.
async fn close(mut ws: WebSocket, end: End) {
    let Some((code, reason)) = end.frame() else { return };
    let goodbye = async {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        if ws.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        if end == End::FrameTooBig {
            // The rest of the frame is never read. Hanging up at once would reset the connection, and the
            // reset would overtake the close frame; nothing tells when it has been read.
            return tokio::time::sleep(CLOSE_DEADLINE / 4).await;
        }
        while let Some(Ok(_)) = ws.recv().await {}
    };
    drop(timeout(CLOSE_DEADLINE, goodbye).await);
}
