//! The request body on its way up: streamed, counted against the limit, with the model found in passing.

use super::{
    Limits,
    again::{Again, Kept},
    guess::{Field, Guess},
    splice::{HOLD_BYTES, Splicer},
    trouble::Trouble,
};
use crate::{BoxError, vendors::Vendor};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep_until},
};

/// Long bodies at once that wait for their model to choose a vendor; more of them wait unread.
pub(super) const CHOICES: usize = 16;

/// What is looked for in a body.
pub(super) enum Look<'a> {
    /// The model's name, to cut the vendor's own prefix from it.
    Model(&'static Vendor),
    /// The vendor, by the model's name. A long body needs a place.
    Vendor(&'a Arc<Semaphore>),
    /// Nothing.
    Nothing,
}

/// What else is looked for, which costs a little.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    /// What the call may use.
    pub(super) guess: bool,
    /// The field that asks for several answers.
    pub(super) many: Option<&'static Field>,
    /// That the model is named once: readers of JSON go by the last one, and a caller is held to the first.
    pub(super) one_model: bool,
}

/// What the body learns after the call has moved on.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Why the upload broke off, if it did.
    pub(super) failed: OnceLock<Trouble>,
    /// A model found late.
    pub(super) model: OnceLock<String>,
    /// What came so far.
    pub(super) sent_bytes: AtomicU64,
}

/// An upload that has begun.
pub(super) struct Begun {
    pub(super) body: Again,
    pub(super) model: Option<String>,
    /// Chosen by the model.
    pub(super) vendor: Option<&'static Vendor>,
    /// Where the model's name stands in what is sent on.
    pub(super) place: Option<(u64, u64)>,
    /// Whether the model did not come in time to choose.
    pub(super) late: bool,
    /// What the call may use.
    pub(super) guess: Guess,
}

/// Reads a body until its model is known or it is long, and hands it on as a stream.
pub(super) async fn begin<B>(
    body: B,
    notes: &Arc<Notes>,
    look: Look<'_>,
    (limits, kept, looks): (&Limits, &Kept, Looks),
) -> Result<Begun, Trouble>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return Ok(Begun {
            body: Again::empty(),
            model: None,
            vendor: None,
            place: None,
            late: false,
            guess: Guess::default(),
        });
    }
    let exact = body.size_hint().exact();
    if exact.is_some_and(|n| n > limits.request_bytes) {
        return Err(Trouble::TooLarge);
    }
    let (mut splicer, places) = match look {
        Look::Model(v) if v.strip_model_prefix => (Splicer::new(Some(v.id)), None),
        Look::Model(_) => (Splicer::new(None), None),
        Look::Vendor(places) => (Splicer::choosing(), Some(places)),
        Look::Nothing => (Splicer::idle(), None),
    };
    splicer.counts = looks.one_model;
    let most = splicer.most();
    let mut upload = Upload {
        ready: VecDeque::new(),
        rest: Some(Box::pin(body)),
        splicer,
        place: None,
        seen: 0,
        left: None,
        limit: limits.request_bytes,
        idle: limits.idle,
        timer: None,
        one_model: looks.one_model,
        notes: Arc::clone(notes),
    };
    while !upload.splicer.is_decided() && upload.seen <= most {
        if let Some(places) = places.filter(|_| upload.place.is_none() && upload.seen > HOLD_BYTES) {
            upload.place = Arc::clone(places).acquire_owned().await.ok();
        }
        if std::future::poll_fn(|cx| upload.poll_piece(cx)).await.is_err() {
            return Err(notes.failed.get().copied().unwrap_or(Trouble::SlowUpload));
        }
    }
    let model = upload.splicer.model.take();
    if upload.splicer.is_decided() {
        let total = if upload.rest.is_none() { Some(upload.seen) } else { exact };
        upload.left = total.map(|n| n.saturating_sub(upload.splicer.removed));
    }
    let length = if upload.rest.is_none() { Some(upload.seen) } else { exact };
    let guess = if looks.guess {
        Guess::of(length.unwrap_or(u64::MAX), looks.many, &upload.ready)
    } else {
        Guess::default()
    };
    let (vendor, place) = (upload.splicer.vendor, upload.splicer.place);
    let late = model.is_none() && upload.seen > most;
    Ok(Begun { body: Again::keeping(upload, kept), model, vendor, place, late, guess })
}

struct Upload<B> {
    /// May go up.
    ready: VecDeque<Bytes>,
    /// Still to come; `None` at its end.
    rest: Option<Pin<Box<B>>>,
    splicer: Splicer,
    /// Kept while what waited may still be in memory.
    place: Option<OwnedSemaphorePermit>,
    seen: u64,
    /// Bytes still to be given out, where known.
    left: Option<u64>,
    limit: u64,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether a second model is trouble.
    one_model: bool,
    notes: Arc<Notes>,
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Moves one piece from the caller to the splicer.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(Ok(())) };
        let Poll::Ready(next) = rest.as_mut().poll_frame(cx) else {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + self.idle)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Err(self.fail(Trouble::SlowUpload)));
        };
        self.timer = None;
        match next {
            None => {
                self.rest = None;
                self.splicer.finish(&mut self.ready);
            }
            Some(Err(_gone)) => return Poll::Ready(Err(self.fail(Trouble::SlowUpload))),
            Some(Ok(frame)) => {
                let Ok(piece) = frame.into_data() else { return Poll::Ready(Ok(())) };
                self.seen = self.seen.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                self.notes.sent_bytes.store(self.seen, Ordering::Relaxed);
                if self.seen > self.limit {
                    return Poll::Ready(Err(self.fail(Trouble::TooLarge)));
                }
                self.splicer.push(piece, &mut self.ready);
                if self.one_model && self.splicer.models > 1 {
                    return Poll::Ready(Err(self.fail(Trouble::TwoModels)));
                }
            }
        }
        if let Some(model) = self.splicer.model.take_if(|_| self.notes.model.get().is_none()) {
            self.splicer.model = Some(model.clone());
            let _first = self.notes.model.set(model);
        }
        Poll::Ready(Ok(()))
    }

    fn fail(&mut self, trouble: Trouble) -> BoxError {
        let _first = self.notes.failed.set(trouble);
        self.rest = None;
        trouble.words().into()
    }
}

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Some(piece) = this.ready.pop_front() {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                this.left = this.left.map(|n| n.saturating_sub(length));
                if this.ready.is_empty() {
                    // What waited is on its way.
                    this.place = None;
                }
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if this.rest.is_none() {
                return Poll::Ready(None);
            }
            if let Err(e) = ready!(this.poll_piece(cx)) {
                return Poll::Ready(Some(Err(e)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.ready.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
