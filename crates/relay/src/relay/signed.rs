//! Calls that are signed: their body is held whole first, because its digest goes before it.

use super::{Relay, guard::Guard, trouble::Trouble};
use crate::{BoxError, UpstreamKey, egress::OutBody, sign::Signer};
use bytes::{Bytes, BytesMut};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout_at};

/// The longest body that is signed.
const MOST: usize = 32 * MIB;
/// A body so short needs no place.
const SMALL: u64 = 256 * 1024;
const MIB: usize = 1024 * 1024;
/// All longer bodies together, in MiB; more of them wait unread.
pub(super) const ROOM: usize = 128;

impl Relay {
    /// The same request, signed with its key's pair: the body is read to its end, then its digest is signed with the
    /// address and the headers, and these very bytes are sent.
    pub(super) async fn sign(
        &self,
        guard: &Guard,
        (key, signer): (&UpstreamKey, &Signer),
        request: Request<OutBody>,
    ) -> Result<Request<OutBody>, Trouble> {
        let (mut head, body) = request.into_parts();
        let due = guard.deadline();
        let exact = body.size_hint().exact();
        let holding = async {
            let place = self.place(exact).await;
            (whole(body).await, place)
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
        head.uri = uri;
        Ok(Request::from_parts(head, OutBody::new(Held { body: Full::new(body), _place: place })))
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
    body: Full<Bytes>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx).map_err(|never| match never {})
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a body to its end.
async fn whole(mut body: OutBody) -> Result<Bytes, Trouble> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_broken| Trouble::Cut)?.into_data() else { continue };
        if all.len() + piece.len() > MOST {
            return Err(Trouble::TooLarge);
        }
        if all.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
