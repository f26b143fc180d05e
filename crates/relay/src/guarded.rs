//! One caller's connection: watched on the way in, given up on when the other side stops reading.

use crate::{framing::Framing, short};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// What a connection tells those who answer on it, and hears from them.
#[derive(Clone, Debug)]
pub struct Watch {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    badly_framed: AtomicBool,
    begun: Instant,
    /// Milliseconds after `begun` by which the answer must be written; 0: nobody said.
    due_ms: AtomicU64,
    /// Somebody waits until all that was written is out.
    flush_awaited: AtomicBool,
}

impl Watch {
    /// Becomes true once a request framed its body twice or in a way that cannot be followed: what comes
    /// after on this connection cannot be trusted.
    #[must_use]
    pub fn badly_framed(&self) -> bool {
        self.shared.badly_framed.load(Ordering::Relaxed)
    }

    /// The answer that is written now must be out by then, however slowly it is read.
    pub fn set_due(&self, due: Instant) {
        let after = due.saturating_duration_since(self.shared.begun).as_millis();
        self.shared.due_ms.store(u64::try_from(after).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// From now on [`Watch::is_flushed`] tells whether what is written is out; the task that writes the
    /// connection is woken when it is.
    pub fn await_flush(&self) {
        self.shared.flush_awaited.store(true, Ordering::Relaxed);
    }

    /// Whether all has left that was written before and after [`Watch::await_flush`].
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        !self.shared.flush_awaited.load(Ordering::Relaxed)
    }

    fn due(&self) -> Option<Instant> {
        match self.shared.due_ms.load(Ordering::Relaxed) {
            0 => None,
            ms => self.shared.begun.checked_add(Duration::from_millis(ms)),
        }
    }
}

/// A connection with its guards. `Kept` is what lives as long as its bytes, e.g. its place among all.
#[derive(Debug)]
pub struct Guarded<Io, Kept = ()> {
    io: Io,
    framing: Framing,
    watch: Watch,
    stall: Duration,
    /// Runs while a write makes no progress.
    stalled: Option<Pin<Box<Sleep>>>,
    _kept: Kept,
}

impl<Io> Guarded<Io> {
    /// A connection that speaks HTTP/1 to its end. A write may be without progress for as long as `stall`.
    pub fn new(io: Io, stall: Duration) -> Self {
        Self::with(io, stall, Framing::new(), ())
    }
}

impl<Io, Kept> Guarded<Io, Kept> {
    /// The same for a connection that may come to speak another protocol. Whoever refuses an upgrade closes
    /// it: the bytes after are not watched any more.
    pub fn upgradable(io: Io, stall: Duration, kept: Kept) -> Self {
        Self::with(io, stall, Framing::upgradable(), kept)
    }

    fn with(io: Io, stall: Duration, framing: Framing, kept: Kept) -> Self {
        let (badly_framed, due_ms, flush_awaited) = Default::default();
        let watch =
            Watch { shared: Arc::new(Shared { badly_framed, begun: Instant::now(), due_ms, flush_awaited }) };
        Self { io, framing, watch, stall, stalled: None, _kept: kept }
    }

    /// What is seen of it.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Passes progress on; without any for too long, or past the answer's time, the connection is broken.
    /// Only writes count: a socket's flush is always done at once, and says nothing of the other side.
    fn progress<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let stall = Instant::now() + self.stall;
        let due = self.watch.due().map_or(stall, |due| due.min(stall));
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side stopped reading")))
    }
}

impl<Io: AsyncRead + Unpin, Kept: Unpin> AsyncRead for Guarded<Io, Kept> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        this.framing.feed(buf.filled().get(before..).unwrap_or_default());
        if this.framing.is_bad() {
            this.watch.shared.badly_framed.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin, Kept: Unpin> AsyncWrite for Guarded<Io, Kept> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_write(cx, buf);
        this.progress(cx, poll)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let io = Pin::new(&mut this.io);
        let poll = match short::joined(bufs, &mut short::room()) {
            Some(all) => io.poll_write(cx, all),
            None => io.poll_write_vectored(cx, bufs),
        };
        this.progress(cx, poll)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        // HTTP flushes the connection when its own buffer is empty.
        if this.watch.shared.flush_awaited.swap(false, Ordering::Relaxed) {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn who_stops_reading_is_given_up_on() {
        let (near, far) = tokio::io::duplex(64);
        let mut guarded = Guarded::new(near, Duration::from_millis(50));
        let error = guarded.write_all(&[0; 1024]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test]
    async fn who_reads_byte_by_byte_is_given_up_on_when_the_answer_is_due() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut guarded = Guarded::new(near, Duration::from_secs(600));
        guarded.watch().set_due(Instant::now() + Duration::from_millis(100));
        let reading = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(2));
            while far.read_u8().await.is_ok() {
                tick.tick().await;
            }
        });
        let error = guarded.write_all(&vec![0; 1 << 20]).await.expect_err("read too slowly");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(guarded);
        reading.await.expect("the reader ends");
    }
}
