//! Calls that are signed: their body is held whole first, because its digest goes before it.

use super::{Relay, guard::Guard, trouble::Trouble};
use crate::{BoxError, UpstreamKey, egress::OutBody, sign::Signer};
use bytes::{Bytes, BytesMut};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

/// The longest body that is signed.
const MOST: usize = 32 * MIB;
/// A body so short needs no place.
const SMALL: u64 = 256 * 1024;
const MIB: usize = 1024 * 1024;
/// A body goes on its way in pieces of so many bytes.
const PIECE: usize = 64 * 1024;
/// All longer bodies together, in MiB; more of them wait unread.
pub(super) const ROOM: usize = 128;

impl Relay {
    /// The same request, signed with its key's pair: the body is read to its end, then its digest is signed with the
    /// address and the headers, and these very bytes are sent.
    pub(super) async fn sign(
        &self,
        guard: &mut Guard,
        (key, signer): (&UpstreamKey, &Signer),
        request: Request<OutBody>,
    ) -> Result<Request<OutBody>, Trouble> {
        // Nobody is asked while the body comes in.
        guard.note(|row| (row.key, row.asked) = (None, row.asked.saturating_sub(1)));
        let (mut head, body) = request.into_parts();
        // It must come soon, not only steadily: its place is one that others wait for.
        let due = (Instant::now() + guard.idle()).min(guard.deadline());
        let exact = body.size_hint().exact();
        let holding = async {
            let place = self.place(exact).await;
            (whole(body, exact).await, place)
        };
        let (body, place) = tokio::select! {
            biased;
            trouble = poll_fn(|cx| guard.poll_halted(cx)) => return Err(trouble),
            held = timeout_at(due, holding) => held.map_err(|_elapsed| Trouble::TimedOut)?,
        };
        let body = body.map_err(|trouble| guard.upload.failed.get().copied().unwrap_or(trouble))?;
        let now_ms = (self.shared.config.now_ms)();
        let signed = signer.sign((&head.method, &head.uri), &mut head.headers, &body, now_ms);
        let Some(uri) = signed else {
            tracing::warn!(key.id = %key.id, "a call has header lines that cannot be signed");
            return Err(Trouble::BadPath);
        };
        guard.note(|row| (row.key, row.asked) = (Some(key.id), row.asked + 1));
        head.uri = uri;
        Ok(Request::from_parts(head, OutBody::new(Held { rest: body, _place: place })))
    }

    /// Room for a body that is not small; one of unknown length may be the longest.
    async fn place(&self, exact: Option<u64>) -> Option<OwnedSemaphorePermit> {
        if exact.is_some_and(|bytes| bytes <= SMALL) {
            return None;
        }
        let bytes = exact.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(MOST).min(MOST);
        let places = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX);
        Arc::clone(&self.shared.signing).acquire_many_owned(places).await.ok()
    }
}

/// A body with its place, which is free when the last of it is on its way.
struct Held {
    rest: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // In pieces: handed over at once it would be kept elsewhere, while its place is free.
        let piece = self.rest.len().min(PIECE);
        Poll::Ready((piece > 0).then(|| Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Reads a body to its end.
async fn whole(mut body: OutBody, exact: Option<u64>) -> Result<Bytes, Trouble> {
    let mut all = BytesMut::new();
    let bytes = exact.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0).min(MOST);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_broken| Trouble::Cut)?.into_data() else { continue };
        if all.len() + piece.len() > MOST {
            return Err(Trouble::TooLarge);
        }
        if all.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        // Once: what grows is there twice meanwhile.
        all.reserve(bytes.saturating_sub(all.len()).max(piece.len()));
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
