//! The answer on its way down: every byte as it came, watched by the meter and the clock. An answer that
//! breaks off never looks whole: an event of the dialect says so where one can, then the connection is cut.

use super::{
    first::First,
    guard::{Guard, millis},
    neutral,
    trouble::{Trouble, excerpt},
    veil::Veil,
};
use crate::{
    BoxError, Dialect, End, UpstreamKey,
    egress::Coming,
    scan::{Meter, Shape, Sieve, Sifted},
};
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

/// How much of an error answer is kept for the row.
const EXCERPT_BYTES: usize = 4096;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Going,
    /// The answer has come to its end; its last bytes are out.
    Ending,
    /// The error event is given out; the connection is cut when it has left, however slowly it is read.
    Flushing,
    Done,
}

/// The body of a passing answer.
pub(super) struct Passing {
    /// What was read of the body before it was handed on.
    first: First,
    body: Coming,
    meter: Meter,
    guard: Guard,
    key: Arc<UpstreamKey>,
    dialect: Dialect,
    /// Whether an event can be added: a stream of events whose length was not announced.
    events: bool,
    /// Whether those are messages of AWS's.
    messages: bool,
    /// An error event in a running stream locks a bot's vendor away as an error answer does: looked for
    /// before events pass to a bot.
    sieve: Option<Sieve>,
    /// May pass next.
    next: Bytes,
    step: Step,
    /// Where nobody tells of a flush: what was given out last had a turn to leave.
    rested: bool,
    cause: Trouble,
    last: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// The beginning of an error answer.
    excerpt: Option<Vec<u8>>,
    /// What takes the key out of one.
    veil: Option<Box<Veil>>,
    /// Handed to the caller so far.
    given_bytes: u64,
}

impl Passing {
    pub(super) fn new(
        (first, body): (First, Coming),
        meter: Meter,
        guard: Guard,
        key: Arc<UpstreamKey>,
        dialect: Dialect,
    ) -> Self {
        guard.is_on_its_way(true);
        let (step, cause, last) = (Step::Going, Trouble::Cut, Instant::now());
        Self {
            first,
            body,
            meter,
            guard,
            key,
            dialect,
            events: false,
            messages: false,
            sieve: None,
            next: Bytes::new(),
            step,
            rested: false,
            cause,
            last,
            timer: None,
            excerpt: None,
            veil: None,
            given_bytes: 0,
        }
    }

    /// The answer is a stream of events.
    pub(super) fn with_events(mut self, shape: Shape) -> Self {
        (self.events, self.messages) = (true, shape == Shape::Messages);
        let sieve = if self.messages { Sieve::of_messages } else { Sieve::default };
        self.sieve = self.guard.is_bot().then(sieve);
        self
    }

    /// The answer is an error; its beginning is kept for the operator, and no key is seen in it.
    pub(super) fn with_error(mut self) -> Self {
        self.excerpt = Some(Vec::new());
        self.veil = Some(Box::new(Veil::new(&self.key)));
        self
    }

    fn passed(&mut self, piece: &Bytes) {
        self.last = Instant::now();
        let elapsed = self.guard.elapsed_at(self.last);
        self.guard.note(|row| {
            row.first_event_ms.get_or_insert(millis(elapsed));
        });
        self.meter.feed(piece);
        if let Some(kept) = &mut self.excerpt {
            let room = EXCERPT_BYTES.saturating_sub(kept.len()).min(piece.len());
            kept.extend_from_slice(piece.get(..room).unwrap_or_default());
        }
    }

    /// What may pass of a piece that came, which may be nothing yet.
    fn sift(&mut self, piece: Bytes) -> Result<Bytes, (Vec<u8>, Trouble)> {
        if let Some(veil) = &mut self.veil {
            return Ok(veil.push(&piece));
        }
        let Some(sieve) = &mut self.sieve else { return Ok(piece) };
        match sieve.push(piece, self.meter.ends(), |data| locks(data, &self.key)) {
            Sifted::Pass(first, second) if first.is_empty() => Ok(second),
            Sifted::Pass(first, second) => {
                self.next = second;
                Ok(first)
            }
            Sifted::Stop(clean, trouble) => Err((clean, trouble)),
        }
    }

    /// What was held back may pass at the end, unless it is the beginning of what must not.
    fn release(&mut self) -> Result<Bytes, Trouble> {
        if let Some(veil) = &mut self.veil {
            return Ok(veil.finish());
        }
        match &mut self.sieve {
            Some(sieve) => sieve.finish(|data| locks(data, &self.key)),
            None => Ok(Bytes::new()),
        }
    }

    /// Whether a deadline has passed; arms the timer for the next one.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let due = (self.last + self.guard.idle()).min(self.guard.deadline());
            if Instant::now() >= due {
                return true;
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            // The timer is left running while pieces come; only when it rings is it set anew.
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            timer.as_mut().reset(due);
        }
    }

    /// The answer stops here although it is not whole.
    fn cut(&mut self, trouble: Trouble) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.release() {
            Ok(held) => {
                let between = held.is_empty() && self.meter.is_between_events();
                self.cut_after(held.to_vec(), between, trouble)
            }
            // What was held was no event yet, and is none now.
            Err(worse) => self.cut_after(Vec::new(), true, worse),
        }
    }

    /// An operator stopped it.
    fn halt(&mut self, trouble: Trouble) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.guard.ends(End::Halted);
        self.cut(trouble)
    }

    /// The same after these bytes.
    fn cut_after(
        &mut self,
        mut last: Vec<u8>,
        between: bool,
        trouble: Trouble,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.guard.fails(trouble, None);
        self.cause = trouble;
        self.step = Step::Flushing;
        if let Some(watch) = &self.guard.line.watch {
            watch.await_flush();
        }
        if !self.events {
            // What was said so far leaves first, the head above all.
            return Poll::Pending;
        }
        match self.messages {
            false => last.extend_from_slice(&trouble.event(self.dialect, between)),
            true if between => last.extend_from_slice(&trouble.message()),
            // Nothing can be said in the middle of a message.
            true if last.is_empty() => return Poll::Pending,
            true => {}
        }
        Poll::Ready(Some(Ok(Frame::data(last.into()))))
    }

    /// The answer is whole; what was held back passes first.
    fn ends(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.release() {
            Ok(held) if held.is_empty() => self.whole(),
            Ok(held) => {
                self.step = Step::Ending;
                Poll::Ready(Some(Ok(Frame::data(held))))
            }
            Err(trouble) => self.cut_after(Vec::new(), true, trouble),
        }
    }

    fn whole(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.step = Step::Done;
        let failed = self.excerpt.is_some() || self.meter.saw_error();
        self.guard.ends(if failed { End::VendorError } else { End::Complete });
        Poll::Ready(None)
    }
}

/// What to say instead of an error's text, if a bot must not see it.
fn locks(data: &[u8], key: &UpstreamKey) -> Option<Trouble> {
    neutral::instead(StatusCode::BAD_REQUEST, data).or(key.is_in(data).then_some(Trouble::KeyRefused))
}

impl Passing {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.step {
            Step::Going => {}
            Step::Ending => return self.whole(),
            Step::Flushing => {
                match &self.guard.line.watch {
                    // The flush wakes this task.
                    Some(watch) if !watch.is_flushed() => return Poll::Pending,
                    Some(_) => {}
                    // An error at once would throw away what is still to be written.
                    None if !std::mem::replace(&mut self.rested, true) => return Poll::Pending,
                    None => {}
                }
                self.step = Step::Done;
                return Poll::Ready(Some(Err(BoxError::from(self.cause.words()))));
            }
            Step::Done => return Poll::Ready(None),
        }
        if !self.next.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.next)))));
        }
        if self.guard.line.is_stopping() {
            return self.cut(Trouble::Stopping);
        }
        if let Some(trouble) = self.guard.halted() {
            return self.halt(trouble);
        }
        loop {
            let polled = match self.first.pieces.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                None if self.first.late => return self.cut(Trouble::TimedOut),
                None if self.first.broken => return self.cut(Trouble::Cut),
                // Where the next piece is always there already, no timer is asked.
                None if self.last >= self.guard.deadline() => return self.cut(Trouble::TimedOut),
                None => Pin::new(&mut self.body).poll_frame(cx),
            };
            match polled {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    self.passed(&piece);
                    match self.sift(piece) {
                        // Part of an event: the rest may be there already.
                        Ok(piece) if piece.is_empty() => {}
                        Ok(piece) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                        Err((clean, trouble)) => return self.cut_after(clean, true, trouble),
                    }
                }
                // After the dialect's last word a missing end of transfer is nobody's loss.
                Poll::Ready(Some(Err(_))) if self.events && self.meter.ended() => return self.ends(),
                Poll::Ready(Some(Err(e))) if e.is_parse() => return self.cut(Trouble::BadAnswer),
                Poll::Ready(Some(Err(_))) => return self.cut(Trouble::Cut),
                Poll::Ready(None) if self.events && self.excerpt.is_none() && self.meter.is_cut() => {
                    return self.cut(Trouble::Cut);
                }
                Poll::Ready(None) => return self.ends(),
                Poll::Pending if self.poll_late(cx) => return self.cut(Trouble::TimedOut),
                Poll::Pending => {
                    return match self.guard.poll_halted(cx) {
                        Poll::Ready(trouble) => self.halt(trouble),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = this.poll_piece(cx);
        if polled.is_pending() && this.step == Step::Flushing && this.guard.line.watch.is_none() {
            // Nobody tells of a flush; whoever writes the answer does it while there is nothing to write.
            cx.waker().wake_by_ref();
        }
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let given = frame.data_ref().map_or(0, Bytes::len);
            this.given_bytes = this.given_bytes.saturating_add(u64::try_from(given).unwrap_or(u64::MAX));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.step == Step::Done
    }

    fn size_hint(&self) -> SizeHint {
        if self.events {
            return SizeHint::new();
        }
        let read: usize = self.first.pieces.iter().map(Bytes::len).sum();
        let left = self.body.size_hint().exact();
        left.map_or_else(SizeHint::new, |left| SizeHint::with_exact(left + u64::try_from(read).unwrap_or(0)))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.guard.is_on_its_way(false);
        // hyper does not ask a body of known length for its end: all bytes given out is the end.
        let given_out = !self.events && self.first.pieces.is_empty() && self.body.is_end_stream();
        // A caller that heard the dialect's last word hangs up before HTTP's own end: it has its whole answer.
        let heard_out = self.events && self.meter.ended();
        if matches!(self.step, Step::Going | Step::Ending) && (given_out || heard_out) {
            let _end = self.whole();
        }
        let (tokens, counted) = self.meter.tokens();
        let model = self.meter.take_model();
        let note = self.excerpt.take().and_then(|body| excerpt(&body, &self.key));
        let given_bytes = self.given_bytes;
        self.guard.streamed = self.meter.about();
        self.guard.said_cost = self.meter.cost().filter(|_| self.key.vendor.says_cost);
        self.guard.note(|row| {
            (row.tokens, row.counted) = (tokens, counted);
            row.received_bytes = given_bytes;
            row.model_answered = model;
            row.note = note.or(row.note.take());
        });
    }
}
