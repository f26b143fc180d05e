//! The first word of an answer, read before the caller is answered: an answer that begins with an error is none.

use crate::{
    Dialect,
    egress::Coming,
    scan::{Meter, Shape},
};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use std::{borrow::Cow, collections::VecDeque, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A first event longer than this is no error.
const MOST: usize = 64 * 1024;
/// So long the events are kept that come before any word: a vendor that is overloaded often says so right behind them. Not longer,
/// as they also keep the caller's connection alive while a model thinks.
const BEFORE_WORDS: Duration = Duration::from_secs(2);

/// What was read of a body before it was handed on.
#[derive(Debug, Default)]
pub(super) struct First {
    /// In order, as it came.
    pub(super) pieces: VecDeque<Bytes>,
    /// Whether it is an error, or nothing came where something had to.
    pub(super) failed: bool,
    /// Whether the time for it passed.
    pub(super) late: bool,
    /// Whether the body broke off behind it.
    pub(super) broken: bool,
}

/// Of an error answer so much is read before it is judged, for so long at most.
const JUDGED: usize = 16 * 1024;
const JUDGED_WITHIN: Duration = Duration::from_secs(2);

impl First {
    /// What was read, in one piece.
    pub(super) fn text(&self) -> Cow<'_, [u8]> {
        match (self.pieces.front(), self.pieces.len()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(only), 1) => Cow::Borrowed(only),
            _ => Cow::Owned(self.pieces.iter().flatten().copied().collect()),
        }
    }
}

/// Reads the beginning of an error answer, to tell what it means.
pub(super) async fn look(body: &mut Coming, due: Instant) -> First {
    let (mut first, mut bytes) = (First::default(), 0);
    let due = due.min(Instant::now() + JUDGED_WITHIN);
    while bytes < JUDGED && !body.is_end_stream() {
        match timeout_at(due, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let Ok(piece) = frame.into_data() else { continue };
                bytes += piece.len();
                first.pieces.push_back(piece);
            }
            Ok(Some(Err(_))) => {
                first.broken = true;
                return first;
            }
            Ok(None) | Err(_) => return first,
        }
    }
    first
}

/// Reads until the first event is whole, or the first piece of JSON is there.
pub(super) async fn gate(body: &mut Coming, dialect: Dialect, shape: Shape, due: Instant) -> First {
    let (mut first, mut meter, mut bytes) = (First::default(), Meter::new(dialect, shape), 0);
    let mut due = due;
    loop {
        let frame = match timeout_at(due, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            // An empty stream, or one that is cut before its first event.
            Ok(None | Some(Err(_))) => {
                first.failed = shape.is_stream() && !meter.ended() || first.pieces.is_empty();
                return first;
            }
            Err(_elapsed) if meter.saw_event() => return first,
            Err(_elapsed) => {
                (first.failed, first.late) = (true, true);
                return first;
            }
        };
        let Ok(piece) = frame.into_data() else { continue };
        bytes += piece.len();
        let over = if shape.is_stream() {
            let begun = meter.saw_event();
            meter.feed(&piece);
            first.failed = meter.saw_error();
            if !begun && meter.saw_event() {
                due = due.min(Instant::now() + BEFORE_WORDS);
            }
            // A comment that keeps the connection alive is no event.
            meter.saw_word() || first.failed
        } else {
            first.failed = is_error(&piece);
            true
        };
        first.pieces.push_back(piece);
        if over || bytes > MOST {
            return first;
        }
    }
}

/// Whether JSON that came with a 200 is an error all the same.
fn is_error(piece: &[u8]) -> bool {
    let begins = |with: &[u8]| {
        let text = piece.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
        text.take(with.len()).eq(with.iter().copied())
    };
    let words = begins(b"{\"error\":\"") && !begins(b"{\"error\":\"\"");
    words || begins(b"{\"error\":{") || begins(b"{\"type\":\"error\"")
}

#[cfg(test)]
mod tests {
    use super::is_error;

    #[test]
    fn an_error_is_told_from_an_answer_by_its_beginning() {
        assert!(is_error(b"{ \"error\" : { \"message\": \"overloaded\" } }"));
        assert!(is_error(b"{\"type\":\"error\",\"error\":{}}"));
        assert!(is_error(b"{\"error\": \"model is loading\"}"));
        assert!(!is_error(b"{\"error\":null,\"id\":\"resp_1\"}"), "as Responses says that there is none");
        assert!(!is_error(b"{\"error\":\"\",\"id\":1}"), "nor does an empty word");
        assert!(!is_error(b"{\"id\":\"x\"}") && !is_error(b""));
    }
}
