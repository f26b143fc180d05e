//! Splits a stream of server-sent events into events. Lines end with LF, CRLF or CR, also where a CRLF is
//! cut between two pieces.

use super::sieve::Ends;
use memchr::memchr2;

/// The longest event whose data is looked at; longer ones pass unread.
pub(crate) const MAX_EVENT: usize = 256 * 1024;
/// The longest start of a line that decides what the line is.
const MAX_FIELD: usize = 8;

/// One event, as far as it is looked at.
pub(crate) struct Event<'a> {
    /// The `event:` line, at most 64 bytes of it.
    pub(crate) name: &'a [u8],
    /// The `data:` lines, joined with LF; `None` if they were too long to look at.
    pub(crate) data: Option<&'a [u8]>,
    /// Where it ends in the bytes that were fed.
    pub(crate) end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Not yet known: its first bytes are collected in `head`.
    Unknown,
    Data,
    Name,
    Other,
}

/// The splitter.
#[derive(Debug)]
pub(crate) struct EventReader {
    line: Line,
    head: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    long: bool,
    skip_lf: bool,
    /// Whether the bytes so far end between two events.
    between: bool,
    /// Where events end in the last piece.
    ends: Option<Ends>,
}

impl EventReader {
    pub(crate) fn new() -> Self {
        Self {
            line: Line::Unknown,
            head: Vec::new(),
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            long: false,
            skip_lf: false,
            between: true,
            ends: None,
        }
    }

    /// Where events ended in the piece that was fed last.
    pub(crate) fn ends(&self) -> Option<Ends> {
        self.ends
    }

    /// What its buffers take.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.data.capacity() + self.name.capacity() + self.head.capacity()
    }

    /// Whether an event added now would not become part of one that is half there.
    pub(crate) fn is_between(&self) -> bool {
        self.between
    }

    /// Reads on; calls `on` for every event that ended.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Event<'_>)) {
        let mut rest = bytes;
        self.ends = None;
        if self.skip_lf && !rest.is_empty() {
            self.skip_lf = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (text, tail) = rest.split_at(end);
            self.text(text);
            let Some((&stop, after)) = tail.split_first() else { return };
            rest = after;
            if stop == b'\r' {
                match after.strip_prefix(b"\n") {
                    Some(after) => rest = after,
                    None => self.skip_lf = after.is_empty(),
                }
            }
            self.end_line(bytes.len() - rest.len(), &mut on);
        }
        self.text(rest);
    }

    fn text(&mut self, mut text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.between = false;
        if self.line == Line::Unknown {
            let take = (MAX_FIELD - self.head.len()).min(text.len());
            let (start, tail) = text.split_at(take);
            self.head.extend_from_slice(start);
            text = tail;
            if !self.decide(false) {
                return;
            }
        }
        self.keep(text);
    }

    /// Decides what a line is once its field name is whole (or the line is).
    fn decide(&mut self, whole: bool) -> bool {
        let head = std::mem::take(&mut self.head);
        if head.len() < MAX_FIELD && !whole {
            self.head = head;
            return false;
        }
        let (line, value) = if let Some(v) = head.strip_prefix(b"data:") {
            (Line::Data, v)
        } else if let Some(v) = head.strip_prefix(b"event:") {
            (Line::Name, v)
        } else if head == b"data" {
            (Line::Data, &b""[..])
        } else {
            (Line::Other, &b""[..])
        };
        self.line = line;
        if line == Line::Data {
            if self.has_data {
                self.push(b"\n");
            }
            self.has_data = true;
        } else if line == Line::Name {
            self.name.clear();
        }
        self.keep(value.strip_prefix(b" ").unwrap_or(value));
        self.head = head;
        self.head.clear();
        true
    }

    fn keep(&mut self, text: &[u8]) {
        match self.line {
            Line::Data => self.push(text),
            Line::Name => {
                let room = 64usize.saturating_sub(self.name.len()).min(text.len());
                self.name.extend_from_slice(text.get(..room).unwrap_or_default());
            }
            Line::Unknown | Line::Other => {}
        }
    }

    fn push(&mut self, text: &[u8]) {
        if self.long || self.data.len() + text.len() > MAX_EVENT {
            self.long = true;
            self.data = Vec::new();
        } else {
            self.data.extend_from_slice(text);
        }
    }

    /// `end` is where the line's end ends in the piece.
    fn end_line(&mut self, end: usize, on: &mut impl FnMut(Event<'_>)) {
        if self.line == Line::Unknown && self.head.is_empty() {
            if self.has_data {
                on(Event { name: &self.name, data: (!self.long).then_some(&self.data), end });
            }
            self.ends = Some(Ends { first: self.ends.map_or(end, |ends| ends.first), last: end });
            self.name.clear();
            self.data.clear();
            (self.has_data, self.long, self.between) = (false, false, true);
            return;
        }
        if self.line == Line::Unknown {
            self.decide(true);
        }
        self.line = Line::Unknown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(pieces: &[&[u8]]) -> (Vec<(String, Option<String>)>, bool) {
        let (mut reader, mut events) = (EventReader::new(), Vec::new());
        let lossy = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        for piece in pieces {
            reader.feed(piece, |e| events.push((lossy(e.name), e.data.map(lossy))));
        }
        (events, reader.is_between())
    }

    #[test]
    fn lines_may_end_in_any_way_and_data_may_be_of_many_lines() {
        let body = b": hi\r\n\r\nevent: a\r\ndata: 1\r\ndata:2\r\rdata\n\nid: 7\ndata:  x";
        let (events, between) = all(&[body]);
        let want = [("a", "1\n2"), ("", "")].map(|(n, d)| (n.to_owned(), Some(d.to_owned())));
        assert_eq!(events, want);
        assert!(!between);
    }

    #[test]
    fn an_event_too_long_is_reported_without_its_data() {
        let mut body = b"data: ".to_vec();
        body.resize(MAX_EVENT * 3, b'x');
        body.extend_from_slice(b"\n\ndata: y\n\n");
        let (events, _) = all(&[&body]);
        assert_eq!(events, [(String::new(), None), (String::new(), Some("y".to_owned()))]);
    }

    proptest! {
        #[test]
        fn any_cutting_reads_the_same(body in "(data:|event: |data| |\\r\\n|\\r|\\n|\\n\\n|a|:){0,40}", cuts in prop::collection::vec(0usize..200, 0..8)) {
            let bytes = body.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(all(&pieces).0, all(&[bytes]).0);
        }
    }
}
