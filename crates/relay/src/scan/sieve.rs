//! Looks at the events of a stream before they pass, for the errors among them that must not.
//!
//! Whole events pass at once and uncopied. Only an event that is not whole yet waits, up to a limit: no reader
//! of events can make use of its beginning.

use super::{
    Needle, TopFields,
    messages::MessageReader,
    sse::{Event, EventReader},
};
use bytes::Bytes;

/// The longest beginning of an event that waits for the rest. A longer event passes as it comes.
const MAX_HELD: usize = 64 * 1024;
/// No error is without this word, and few events are with it.
static ERROR: Needle = Needle::new(b"error");
/// Where an error may stand in an event.
const FIELDS: &[&str] = &["error", "type", "response"];
const NESTED: &[&str] = &["error"];

/// Where events end in a piece, as the reader beside found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// What may pass of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sifted<T> {
    /// These bytes, in this order; each may be empty.
    Pass(Bytes, Bytes),
    /// These bytes; what comes next is an error, of which the checker said this.
    Stop(Vec<u8>, T),
}

/// The sieve.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    /// The beginning of an event that is not whole.
    held: Vec<u8>,
    /// An event too long to wait for is passing.
    long: bool,
    /// The events are messages of AWS's, which are no text.
    messages: bool,
}

impl Sieve {
    /// One for a stream of AWS's messages.
    pub(crate) fn of_messages() -> Self {
        Self { messages: true, ..Self::default() }
    }

    /// Takes a piece. `check` says of an error's text whether it must not pass.
    pub(crate) fn push<T>(
        &mut self,
        piece: Bytes,
        ends: Option<Ends>,
        check: impl Fn(&[u8]) -> Option<T>,
    ) -> Sifted<T> {
        let Some(Ends { first, last }) = ends else {
            return self.hold(piece, &check);
        };
        let mut before = Bytes::new();
        let mut from = 0;
        if self.long {
            (before, from, self.long) = (piece.slice(..first), first, false);
        } else if !self.held.is_empty() {
            self.held.extend_from_slice(piece.get(..first).unwrap_or_default());
            let held = std::mem::take(&mut self.held);
            if let Some((clean, found)) = self.first_error(&held, &check) {
                return Sifted::Stop(held.get(..clean).unwrap_or_default().to_vec(), found);
            }
            (before, from) = (held.into(), first);
        }
        let whole = piece.slice(from..last);
        if let Some((clean, found)) = self.first_error(&whole, &check) {
            return Sifted::Stop([&before, whole.get(..clean).unwrap_or_default()].concat(), found);
        }
        let rest = piece.slice(last..);
        if rest.len() <= MAX_HELD {
            self.held.extend_from_slice(&rest);
            return Sifted::Pass(before, whole);
        }
        match self.hold(rest, &check) {
            Sifted::Pass(held, rest) => Sifted::Pass(before, [whole, held, rest].concat().into()),
            Sifted::Stop(_nothing, found) => Sifted::Stop([before, whole].concat(), found),
        }
    }

    /// Takes a piece in which no event ends.
    fn hold<T>(&mut self, piece: Bytes, check: &impl Fn(&[u8]) -> Option<T>) -> Sifted<T> {
        if self.long {
            return Sifted::Pass(Bytes::new(), piece);
        }
        if self.held.len() + piece.len() <= MAX_HELD {
            self.held.extend_from_slice(&piece);
            return Sifted::Pass(Bytes::new(), Bytes::new());
        }
        let room = MAX_HELD.saturating_sub(self.held.len()).min(piece.len());
        self.held.extend_from_slice(piece.get(..room).unwrap_or_default());
        match self.finish(check) {
            Ok(held) => {
                self.long = true;
                Sifted::Pass(held, piece.slice(room..))
            }
            Err(found) => Sifted::Stop(Vec::new(), found),
        }
    }

    fn first_error<T>(&self, events: &[u8], check: &impl Fn(&[u8]) -> Option<T>) -> Option<(usize, T)> {
        if self.messages { first_exception(events, check) } else { first_error(events, check) }
    }

    /// The stream ends here: what waits, unless it is the beginning of an error that must not pass.
    pub(crate) fn finish<T>(&mut self, check: impl Fn(&[u8]) -> Option<T>) -> Result<Bytes, T> {
        let held = std::mem::take(&mut self.held);
        if self.messages {
            // Nobody can read half a message.
            return Ok(held.into());
        }
        // As if it were whole: half a JSON text still shows the fields it begins with.
        let ended = [&held, &b"\n\n"[..]].concat();
        match first_error(&ended, &check) {
            Some((_clean, found)) => Err(found),
            None => Ok(held.into()),
        }
    }
}

/// The first error in whole events that must not pass, and how many bytes before it may.
fn first_error<T>(events: &[u8], check: &impl Fn(&[u8]) -> Option<T>) -> Option<(usize, T)> {
    ERROR.find(events)?;
    let (mut clean, mut found) = (0, None);
    EventReader::new().feed(events, |event| {
        if found.is_some() {
            return;
        }
        found = event.data.filter(|_| is_error(&event)).and_then(check);
        if found.is_none() {
            clean = event.end;
        }
    });
    found.map(|found| (clean, found))
}

/// The same in whole messages.
fn first_exception<T>(messages: &[u8], check: &impl Fn(&[u8]) -> Option<T>) -> Option<(usize, T)> {
    let (mut clean, mut found) = (0, None);
    MessageReader::default().feed(messages, |message| {
        if found.is_some() {
            return;
        }
        let said = message.payload.filter(|_| message.is_exception);
        found = said.and_then(|payload| check(message.name.as_bytes()).or_else(|| check(payload)));
        if found.is_none() {
            clean = message.end;
        }
    });
    found.map(|found| (clean, found))
}

/// Whether an event tells of an error, in any of the dialects.
fn is_error(event: &Event<'_>) -> bool {
    if event.name == b"error" || event.name.ends_with(b".failed") {
        return true;
    }
    let Some(data) = event.data else { return false };
    begins_with_error(data) || has_error(data)
}

/// The same as [`has_error`] where the field comes first, also of a text that never ends.
fn begins_with_error(data: &[u8]) -> bool {
    let mut text = data.trim_ascii_start();
    for token in [&b"{"[..], b"\"error\"", b":"] {
        let Some(rest) = text.strip_prefix(token) else { return false };
        text = rest.trim_ascii_start();
    }
    !text.starts_with(b"null")
}

fn has_error(data: &[u8]) -> bool {
    let mut error = false;
    let told = |raw: &[u8]| raw != b"null";
    TopFields::new(FIELDS, data.len()).feed(data, |field| {
        let raw = field.raw.unwrap_or_default();
        match field.which {
            0 => error |= told(&raw),
            1 => error |= *raw == *b"\"error\"",
            _ => TopFields::new(NESTED, raw.len()).feed(&raw, |inner| {
                error |= told(&inner.raw.unwrap_or_default());
            }),
        }
    });
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use memchr::memmem;
    use proptest::prelude::*;

    /// What passes of a stream in these pieces, and whether it was stopped.
    fn sifted(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut reader, mut sieve, mut out) = (EventReader::new(), Sieve::default(), Vec::new());
        let check = |data: &[u8]| memmem::find(data, b"quota").map(drop);
        for piece in pieces {
            reader.feed(piece, |_| {});
            match sieve.push(Bytes::copy_from_slice(piece), reader.ends(), check) {
                Sifted::Pass(one, two) => out.extend([one, two].concat()),
                Sifted::Stop(clean, ()) => return ([out, clean].concat(), true),
            }
        }
        match sieve.finish(check) {
            Ok(rest) => ([out, rest.to_vec()].concat(), false),
            Err(()) => (out, true),
        }
    }

    const GOOD: &str = "event: a\ndata: {\"x\":\"my quota is an \\\"error\\\"\"}\n\n: ping\n\n";

    #[test]
    fn an_error_is_found_wherever_it_stands_and_however_it_is_written() {
        for error in [
            "data: {\"error\":{\"code\":\"quota\"}}\n\n",
            "data:{\"error\": \"quota\"}\r\n\r\n",
            "data:  { \"error\" : \"quota\" }\n\n",
            "data: {\"id\":1,\"error\":{\"code\":\"quota\"}}\n\n",
            "event:error\ndata: quota\n\n",
            "id: 1\nevent: error\r\ndata: {\"message\":\"quota\"}\r\n\r\n",
            "data: {\"type\":\"error\",\"message\":\"quota\"}\n\n",
            "event: response.failed\ndata: {\"response\":{\"error\":{\"code\":\"quota\"}}}\n\n",
            "data: {\"response\":{\"error\":{\"code\":\"quota\"}}}\n\n",
        ] {
            let stream = format!("{GOOD}{error}{GOOD}");
            for size in [1, 2, 7, 30, 4096] {
                let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                let (passed, stopped) = sifted(&pieces);
                assert!(stopped, "{error} {size}");
                let passed = String::from_utf8(passed).unwrap();
                assert!(GOOD.starts_with(&passed) && passed.contains("my quota"), "{passed} {size}");
            }
        }
    }

    #[test]
    fn an_error_that_never_ends_is_stopped_and_other_text_is_not() {
        assert_eq!(sifted(&[b"data: {\"error\":{\"code\":\"quota\""]), (Vec::new(), true));
        for good in
            ["data: {\"error\":null,\"x\":\"quota\"}\n\n", "data: {\"error\":\"slow down\"}\n\n", GOOD]
        {
            assert_eq!(sifted(&[good.as_bytes()]), (good.as_bytes().to_vec(), false), "{good}");
        }
    }

    #[test]
    fn a_large_piece_with_an_end_in_it_passes_whole() {
        let long = format!("{GOOD}data: {}", "x".repeat(3 * MAX_HELD));
        for pieces in [vec![long.as_bytes()], vec![b"data: y".as_slice(), long.as_bytes()]] {
            assert_eq!(sifted(&pieces), (pieces.concat(), false));
        }
    }

    #[test]
    fn an_endless_event_is_not_held() {
        let (mut reader, mut sieve) = (EventReader::new(), Sieve::default());
        let piece = Bytes::from(vec![b'x'; 16 * 1024]);
        let mut passed = 0;
        for n in 1..100 {
            reader.feed(&piece, |_| {});
            let Sifted::Pass(one, two) = sieve.push(piece.clone(), reader.ends(), |_| None::<()>) else {
                panic!("nothing to stop");
            };
            passed += one.len() + two.len();
            assert!(n * piece.len() - passed <= MAX_HELD);
        }
        assert!(sieve.long);
    }

    proptest! {
        #[test]
        fn any_cutting_passes_the_same(
            body in "(data:|data: |event: error\\n|\\{\"error\":1\\}|quota|\\r\\n|\\r|\\n|\\n\\n|a|:){0,40}",
            cuts in prop::collection::vec(0usize..200, 0..8),
        ) {
            let bytes = body.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let (whole, cut) = (sifted(&[bytes]), sifted(&pieces));
            prop_assert_eq!(whole.1, cut.1);
            if !whole.1 {
                prop_assert_eq!(&cut.0, bytes);
            }
            prop_assert!(bytes.starts_with(&cut.0));
        }
    }
}
