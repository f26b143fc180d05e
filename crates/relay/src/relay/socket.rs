//! A realtime talk over a vendor's WebSocket: the key is put in at the handshake, then frames pass both ways as
//! they are. Little is held, silence and length are bounded, and at the end there is one row.

use super::{
    Relay, RelayBody,
    guard::{Guard, millis},
    trouble::{Trouble, whole},
};
use crate::{
    End, Limits,
    scan::{Frames, Sum},
};
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    request, response,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::{
    future::poll_fn,
    io,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until, timeout},
};

/// What is read at once of either side; nothing more is ever held.
const PIECE: usize = 16 * 1024;
/// A subprotocol by which browsers send a key.
const KEY_PROTOCOL: &str = "openai-insecure-api-key.";

/// A caller that wants to talk, and the connection it will do so on.
pub(super) struct Wish(OnUpgrade);

/// Whether this request asks for a WebSocket that can be had.
pub(super) fn wished(parts: &mut request::Parts, headers: &HeaderMap) -> Option<Wish> {
    let asks = parts.method == Method::GET
        && headers.get(UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && headers.contains_key(SEC_WEBSOCKET_KEY);
    asks.then(|| parts.extensions.remove::<OnUpgrade>().map(Wish))?
}

/// Makes a request's headers, as they go to a vendor, ask for a talk. Frames must be readable, so nothing is
/// compressed; a token in the list of protocols stays here.
pub(super) fn ask(headers: &mut HeaderMap) {
    headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    let said = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok());
    let kept = said.flat_map(|v| v.split(',')).map(str::trim).filter(|p| !p.starts_with(KEY_PROTOCOL));
    let kept = kept.collect::<Vec<_>>().join(", ");
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if let Some(kept) = HeaderValue::from_str(&kept).ok().filter(|v| !v.is_empty()) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, kept);
    }
    switch(headers);
}

fn switch(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Whether a vendor agreed.
pub(super) fn agreed(head: &response::Parts) -> bool {
    let speaks = head.headers.get(UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    head.status == StatusCode::SWITCHING_PROTOCOLS && speaks && head.extensions.get::<OnUpgrade>().is_some()
}

impl Relay {
    /// Joins both sides; the answer that lets the caller's side begin.
    pub(super) fn join(
        &self,
        mut guard: Guard,
        wish: Wish,
        mut head: response::Parts,
    ) -> Response<RelayBody> {
        let vendor = head.extensions.remove::<OnUpgrade>();
        guard.answers(head.status);
        guard.note(|row| row.stream = true);
        let mut answer = Response::new(whole(""));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        switch(answer.headers_mut());
        super::call::sign(answer.headers_mut(), &guard);
        let limits = self.shared.config.limits;
        let line = guard.line.clone();
        line.keep(tokio::spawn(async move {
            let both = async { Some((wish.0.await.ok()?, vendor?.await.ok()?)) };
            if let Ok(Some((caller, vendor))) = timeout(limits.headers, both).await {
                talk(&mut guard, caller, vendor, limits).await;
            }
        }));
        answer
    }
}

/// One direction.
struct Way<'a> {
    frames: Frames,
    sum: Sum,
    passed: u64,
    first: Option<Duration>,
    begun: Instant,
    /// When bytes last went either way, in ms since the beginning.
    last_ms: &'a AtomicU64,
}

impl<'a> Way<'a> {
    fn new(begun: Instant, last_ms: &'a AtomicU64) -> Self {
        Self { frames: Frames::default(), sum: Sum::default(), passed: 0, first: None, begun, last_ms }
    }

    /// Passes on until one side ends.
    async fn pass(
        &mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let length = from.read(&mut piece).await?;
            let bytes = piece.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                return to.shutdown().await;
            }
            self.first.get_or_insert_with(|| self.begun.elapsed());
            self.frames.feed(bytes, |text| self.sum.read(text));
            to.write_all(bytes).await?;
            to.flush().await?;
            self.passed = self.passed.saturating_add(u64::try_from(length).unwrap_or(0));
            self.last_ms.store(millis(self.begun.elapsed()), Ordering::Relaxed);
        }
    }
}

/// What ended a talk.
enum Over {
    Caller,
    Vendor,
    Late,
    /// An operator stopped it.
    Halted(Trouble),
}

/// Passes frames until it is over, and writes the account.
async fn talk(guard: &mut Guard, caller: Upgraded, vendor: Upgraded, limits: Limits) {
    let (begun, last_ms) = (Instant::now(), AtomicU64::new(0));
    let before = guard.elapsed();
    let (mut up, mut down) = (Way::new(begun, &last_ms), Way::new(begun, &last_ms));
    let (deadline, halting) = (guard.deadline(), &*guard);
    let over = {
        let (from_caller, to_caller) = tokio::io::split(TokioIo::new(caller));
        let (from_vendor, to_vendor) = tokio::io::split(TokioIo::new(vendor));
        let mut upwards = pin!(up.pass(from_caller, to_vendor));
        let mut downwards = pin!(down.pass(from_vendor, to_caller));
        let silence = async {
            loop {
                let last = begun + Duration::from_millis(last_ms.load(Ordering::Relaxed));
                let due = (last + limits.idle).min(deadline);
                if Instant::now() >= due {
                    return;
                }
                sleep_until(due).await;
            }
        };
        tokio::select! {
            _end = &mut upwards => {
                // What the vendor still says, its goodbye above all, may come through.
                let _rest = timeout(limits.grace, downwards).await;
                Over::Caller
            }
            _end = &mut downwards => {
                let _rest = timeout(limits.grace, upwards).await;
                Over::Vendor
            }
            () = silence => Over::Late,
            trouble = poll_fn(|cx| halting.poll_halted(cx)) => Over::Halted(trouble),
        }
    };
    let closed = up.frames.is_closed() || down.frames.is_closed();
    if let Over::Halted(trouble) = over {
        guard.ends(End::Halted);
        guard.fails(trouble, None);
    }
    guard.ends(match over {
        Over::Late | Over::Halted(_) => End::TimedOut,
        _ if closed => End::Complete,
        Over::Caller => End::ClientGone,
        Over::Vendor => End::UpstreamCut,
    });
    guard.upload.sent_bytes.store(up.passed, Ordering::Relaxed);
    let tokens = down.sum.tokens();
    guard.note(|row| {
        row.received_bytes = down.passed;
        row.first_event_ms = down.first.map(|first| millis(before + first));
        row.counted = tokens.is_some();
        row.tokens = tokens.unwrap_or_default();
    });
}
