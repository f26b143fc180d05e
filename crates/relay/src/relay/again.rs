//! A request body that can be sent again: what has gone up is kept while another key may have to be asked.

use crate::{BoxError, egress::OutBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// Kept of one body; a longer one is sent once.
const MOST_KEPT: usize = 32 * 1024 * 1024;
/// Kept of all bodies together.
const MOST_KEPT_IN_ALL: usize = 128 * 1024 * 1024;
/// A body that is longer leaves half of that to the others.
const LONG: usize = 4 * 1024 * 1024;

/// What a piece weighs besides its bytes: many small ones are many.
const OF_A_PIECE: usize = 64;

/// What all calls keep together, in bytes.
pub(super) type Kept = Arc<AtomicUsize>;

/// A body that is sent, and sent again.
pub(super) struct Again(Option<Arc<dyn Source>>);

/// What stands in the place of a part of a body.
#[derive(Clone, Debug)]
pub(super) struct Swap {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) with: Bytes,
}

impl Swap {
    /// What becomes of a piece that begins at `at`, in up to three parts.
    fn apply(&self, piece: &Bytes, at: u64) -> [Bytes; 3] {
        let end = at + length(piece);
        let within = |n: u64| usize::try_from(n.clamp(at, end) - at).unwrap_or(0);
        let with = if (at..end).contains(&self.from) { self.with.clone() } else { Bytes::new() };
        [piece.slice(..within(self.from)), with, piece.slice(within(self.to)..)]
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

trait Source: Send + Sync {
    fn send(self: Arc<Self>, swap: Option<Swap>) -> Option<OutBody>;
    fn release(&self);
}

impl Again {
    /// No body at all.
    pub(super) const fn empty() -> Self {
        Self(None)
    }

    /// Keeps what `body` gives out.
    pub(super) fn keeping<B>(body: B, all: &Kept) -> Self
    where
        B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
    {
        let length = body.size_hint().exact();
        let state = State { body, pieces: Vec::new(), bytes: 0, whole: true, turn: 0, waker: None };
        Self(Some(Arc::new(Keeping { state: Mutex::new(state), length, all: Arc::clone(all) })))
    }

    /// The body from its beginning, unless too much has gone up to be kept. Who was sending it before gets no more
    /// of it.
    pub(super) fn send(&self, swap: Option<Swap>) -> Option<OutBody> {
        match &self.0 {
            Some(source) => Arc::clone(source).send(swap),
            None => Some(OutBody::new(Empty::new().map_err(|never| match never {}))),
        }
    }
}

impl Again {
    /// Nobody asks again: what is still on its way is not kept any more.
    pub(super) fn release(&self) {
        if let Some(source) = &self.0 {
            source.release();
        }
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        self.release();
    }
}

struct State<B> {
    body: B,
    pieces: Vec<Bytes>,
    bytes: usize,
    whole: bool,
    /// Which sending may go on.
    turn: usize,
    /// Who is told that another one has its turn.
    waker: Option<Waker>,
}

struct Keeping<B> {
    state: Mutex<State<B>>,
    length: Option<u64>,
    all: Kept,
}

impl<B> Keeping<B> {
    fn state(&self) -> std::sync::MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, state: &mut State<B>) {
        state.whole = false;
        state.pieces = Vec::new();
        self.all.fetch_sub(std::mem::take(&mut state.bytes), Ordering::Relaxed);
    }

    fn keep(&self, state: &mut State<B>, piece: &Bytes) {
        if !state.whole {
            return;
        }
        let weight = piece.len() + OF_A_PIECE;
        let all = self.all.fetch_add(weight, Ordering::Relaxed) + weight;
        state.bytes += weight;
        let most = if state.bytes > LONG { MOST_KEPT_IN_ALL / 2 } else { MOST_KEPT_IN_ALL };
        if state.bytes > MOST_KEPT || all > most {
            return self.forget(state);
        }
        state.pieces.push(piece.clone());
    }
}

impl<B> Drop for Keeping<B> {
    fn drop(&mut self) {
        let bytes = self.state.get_mut().unwrap_or_else(PoisonError::into_inner).bytes;
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl<B> Source for Keeping<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    fn send(self: Arc<Self>, swap: Option<Swap>) -> Option<OutBody> {
        let (turn, kept) = {
            let mut state = self.state();
            // Who sends what cannot be sent again goes on with it.
            if !state.whole {
                return None;
            }
            state.turn += 1;
            if let Some(former) = state.waker.take() {
                former.wake();
            }
            (state.turn, state.pieces.iter().cloned().collect())
        };
        let swapped =
            |whole: u64, swap: &Swap| whole.saturating_sub(swap.to - swap.from) + length(&swap.with);
        let left = self.length.map(|whole| swap.as_ref().map_or(whole, |swap| swapped(whole, swap)));
        let swapping = Swapping { swap, ..Swapping::default() };
        Some(OutBody::new(Sending { source: self, turn, kept, swapping, left }))
    }

    fn release(&self) {
        self.forget(&mut self.state());
    }
}

/// Puts something in the place of a part, piece by piece.
#[derive(Debug, Default)]
struct Swapping {
    swap: Option<Swap>,
    /// Where the next piece of the body begins; not counted where nothing is swapped.
    at: u64,
    /// Of the piece in which something was swapped.
    parts: VecDeque<Bytes>,
}

impl Swapping {
    /// A piece with what is swapped in it: its first part, the others wait.
    fn push(&mut self, piece: Bytes) -> Bytes {
        let Some(swap) = &self.swap else { return piece };
        let parts = swap.apply(&piece, self.at);
        self.at += length(&piece);
        self.parts.extend(parts.into_iter().filter(|part| !part.is_empty()));
        self.parts.pop_front().unwrap_or_default()
    }
}

struct Sending<B> {
    source: Arc<Keeping<B>>,
    turn: usize,
    /// What went up before, to be sent first.
    kept: VecDeque<Bytes>,
    swapping: Swapping,
    left: Option<u64>,
}

impl<B> Body for Sending<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let mut state = this.source.state();
        if state.turn != this.turn {
            return Poll::Ready(Some(Err("another key is asked".into())));
        }
        let piece = match (this.swapping.parts.pop_front(), this.kept.is_empty()) {
            (Some(part), _) => part,
            (None, false) => this.swapping.push(this.kept.pop_front().unwrap_or_default()),
            (None, true) => loop {
                let Poll::Ready(next) = Pin::new(&mut state.body).poll_frame(cx) else {
                    state.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                };
                match next {
                    None => return Poll::Ready(None),
                    Some(Err(error)) => {
                        // Half a body is not sent again as if it were whole.
                        this.source.forget(&mut state);
                        return Poll::Ready(Some(Err(error)));
                    }
                    Some(Ok(frame)) => {
                        let Ok(piece) = frame.into_data() else { continue };
                        this.source.keep(&mut state, &piece);
                        break this.swapping.push(piece);
                    }
                }
            },
        };
        let given = length(&piece);
        this.left = this.left.map(|left| left.saturating_sub(given));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        let state = self.source.state();
        let given_out = self.swapping.parts.is_empty() && self.kept.is_empty();
        state.turn == self.turn && given_out && state.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};

    fn pieces(list: Vec<Bytes>) -> impl Body<Data = Bytes, Error = BoxError> + Unpin {
        StreamBody::new(futures::stream::iter(list.into_iter().map(|piece| Ok(Frame::data(piece)))))
    }

    #[tokio::test]
    async fn a_body_is_sent_again_from_its_beginning_also_from_the_middle() {
        let all = Kept::default();
        let list =
            vec![Bytes::from_static(b"one "), Bytes::from_static(b"two "), Bytes::from_static(b"three")];
        let body = Again::keeping(pieces(list), &all);
        let mut first = body.send(None).unwrap();
        assert_eq!(first.frame().await.unwrap().unwrap().into_data().unwrap(), "one ");
        let second = body.send(None).unwrap();
        assert!(first.frame().await.unwrap().is_err(), "the first has lost its turn");
        assert_eq!(second.collect().await.unwrap().to_bytes(), "one two three");
        assert_eq!(body.send(None).unwrap().collect().await.unwrap().to_bytes(), "one two three");
        drop(body);
        assert_eq!(all.load(Ordering::Relaxed), 0, "and nothing is held");
    }

    #[tokio::test]
    async fn a_long_body_is_sent_once_and_not_kept() {
        let all = Kept::default();
        let piece = Bytes::from(vec![b'x'; MOST_KEPT / 2 + 1]);
        let body = Again::keeping(pieces(vec![piece.clone(), piece.clone()]), &all);
        assert_eq!(body.send(None).unwrap().collect().await.unwrap().to_bytes().len(), 2 * piece.len());
        assert!(body.send(None).is_none());
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_part_is_swapped_for_each_sending_however_the_body_is_cut() {
        let text = b"{\"model\":\"coding\",\"n\":1}";
        for cut in 1..text.len() {
            let list = text.chunks(cut).map(Bytes::from_static).collect::<Vec<_>>();
            let body = Again::keeping(pieces(list), &Kept::default());
            for with in ["\"a-longer-name\"", "\"b\""] {
                let swap = Swap { from: 9, to: 17, with: Bytes::from_static(with.as_bytes()) };
                let sent = body.send(Some(swap)).unwrap().collect().await.unwrap().to_bytes();
                assert_eq!(sent, format!("{{\"model\":{with},\"n\":1}}"), "cut to {cut}");
            }
        }
        let full = Full::new(Bytes::from_static(text)).map_err(|never| -> BoxError { match never {} });
        let swap = Swap { from: 9, to: 17, with: Bytes::from_static(b"\"b\"") };
        let sending = Again::keeping(full, &Kept::default()).send(Some(swap)).unwrap();
        assert_eq!(sending.size_hint().exact(), Some(text.len() as u64 - 5));
    }

    #[tokio::test]
    async fn a_length_that_is_known_is_told_each_time() {
        let full = Full::new(Bytes::from_static(b"12345")).map_err(|never| -> BoxError { match never {} });
        let body = Again::keeping(full, &Kept::default());
        for _ in 0..2 {
            let sending = body.send(None).unwrap();
            assert_eq!(sending.size_hint().exact(), Some(5));
            sending.collect().await.unwrap();
        }
    }
}
