//! One connection's bytes: watched on the way in, given up on when the other side stops reading.

use relay::framing::Framing;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};

/// A connection with its guards.
pub(super) struct IoGuard<Io> {
    io: Io,
    framing: Framing,
    framed_twice: Arc<AtomicBool>,
    stall: Duration,
    /// Runs while a write makes no progress.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The connection's place among all; held as long as its bytes, upgraded or not.
    _permit: OwnedSemaphorePermit,
}

impl<Io> IoGuard<Io> {
    pub(super) fn new(io: Io, stall: Duration, permit: OwnedSemaphorePermit) -> Self {
        Self {
            io,
            framing: Framing::new(),
            framed_twice: Arc::default(),
            stall,
            stalled: None,
            _permit: permit,
        }
    }

    /// Becomes true once a request framed its body twice.
    pub(super) fn framed_twice(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.framed_twice)
    }

    /// Passes progress on; without any for too long the connection is broken.
    fn progress<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let deadline = Instant::now() + self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side stopped reading")))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for IoGuard<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        this.framing.feed(buf.filled().get(before..).unwrap_or_default());
        if this.framing.framed_twice() {
            this.framed_twice.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for IoGuard<Io> {
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
        let poll = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.progress(cx, poll)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_flush(cx);
        this.progress(cx, poll)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncWriteExt, sync::Semaphore};

    #[tokio::test]
    async fn who_stops_reading_is_given_up_on() {
        let (near, far) = tokio::io::duplex(64);
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.expect("a place");
        let mut guarded = IoGuard::new(near, Duration::from_millis(50), permit);
        let error = guarded.write_all(&[0; 1024]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }
}
