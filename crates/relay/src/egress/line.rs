//! One connection to a vendor, driven by the call that has it and by nobody else.
//!
//! hyper's pooled client gives every connection a task of its own, which hands each piece of an answer over a channel:
//! a wake and a write an event. Here the body that is read drives its connection, so that what is there already leaves
//! in one write, and nobody is woken but the caller's own task.

use super::{OutBody, pool::Idle, wire::Wire};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{Connection, SendRequest},
};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::task::unconstrained;

/// A connection that is open, or was.
pub(super) struct Line {
    sender: SendRequest<OutBody>,
    /// None once it has ended.
    connection: Option<Connection<Wire, OutBody>>,
}

/// Why a request has no answer.
pub(super) enum Unanswered {
    /// The connection had ended before anything was sent: here is the request again.
    Unsent(Box<Request<OutBody>>),
    /// It ended, or its vendor spoke no HTTP.
    Failed(hyper::Error),
}

impl Line {
    pub(super) fn new((sender, connection): (SendRequest<OutBody>, Connection<Wire, OutBody>)) -> Self {
        Self { sender, connection: Some(connection) }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<OutBody>) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        let answered = poll_fn(|cx| {
            if let Poll::Ready(answered) = answer.as_mut().poll(cx) {
                return Poll::Ready(answered);
            }
            drive(connection, cx);
            // What was just read may be the head; where the connection has ended, why is known now.
            answer.as_mut().poll(cx)
        });
        answered.await.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Unsent(Box::new(request)),
            None => Unanswered::Failed(error.into_error()),
        })
    }

    /// Whether another request can be sent, as far as is known without waiting.
    pub(super) fn is_free(&mut self) -> bool {
        // Nobody waits here: whatever was read or written is enough, and the next to have it asks again.
        let turn = unconstrained(poll_fn(|cx| {
            drive(&mut self.connection, cx);
            Poll::Ready(())
        }));
        let _turn = pin!(turn).poll(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }
}

/// Lets a connection read and write what it can.
fn drive(connection: &mut Option<Connection<Wire, OutBody>>, cx: &mut Context<'_>) {
    // Its error, if any, is heard by whoever reads the answer.
    if let Some(open) = connection
        && Pin::new(open).poll(cx).is_ready()
    {
        *connection = None;
    }
}

/// An answer's body, which drives the connection that it comes over and gives it back at its end.
pub(crate) struct Coming {
    body: Option<Incoming>,
    line: Option<(Box<Line>, Arc<Idle>)>,
}

impl Coming {
    pub(super) fn over(body: Incoming, line: Box<Line>, idle: Arc<Idle>) -> Self {
        Self { body: Some(body), line: Some((line, idle)) }
    }
}

impl From<Incoming> for Coming {
    /// One whose connection somebody else drives.
    fn from(body: Incoming) -> Self {
        Self { body: Some(body), line: None }
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let mut body = Pin::new(body);
        if let ready @ Poll::Ready(_) = body.as_mut().poll_frame(cx) {
            return ready;
        }
        let Some((line, _)) = &mut this.line else { return Poll::Pending };
        drive(&mut line.connection, cx);
        body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        // With nobody left to read it, what is there of the rest is drained; where there is more, the connection ends.
        self.body = None;
        if let Some((line, idle)) = self.line.take() {
            idle.keep(line);
        }
    }
}
