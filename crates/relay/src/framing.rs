//! Watches the bytes of an HTTP/1 connection for a request that frames its body twice.
//!
//! hyper obeys `Transfer-Encoding` and quietly drops `Content-Length` when both are there; a proxy in front
//! may obey the other, and then the two disagree where the next request begins. This reader follows the
//! framing beside hyper and only says that it happened, or that it can follow no more. It holds a few bytes
//! per connection, no request.

/// Longest part of a line that matters: a header's name and a number. Blanks around the number are not counted.
const KEPT: usize = 64;

#[derive(Debug)]
enum Place {
    /// In the request line or the headers.
    Head {
        length: Length,
        chunked: bool,
        upgrade: bool,
        started: bool,
    },
    /// So many bytes of the body are left.
    Body(u64),
    ChunkSize,
    /// So many bytes of the chunk, with its line end, are left.
    Chunk(u64),
    Trailers,
    /// Another protocol may speak now, or the framing is beyond reading.
    Blind,
}

/// What the head said of the body's length.
#[derive(Clone, Copy, Debug)]
enum Length {
    None,
    Bytes(u64),
    /// It is none of ours to guess.
    Unreadable,
}

const START: Place = Place::Head { length: Length::None, chunked: false, upgrade: false, started: false };

/// The reader. Feed it what comes in.
#[derive(Debug)]
pub struct Framing {
    place: Place,
    line: Vec<u8>,
    /// The line is longer than what was kept of it.
    long: bool,
    bad: bool,
    upgradable: bool,
}

impl Framing {
    /// At the beginning of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self { place: START, line: Vec::with_capacity(KEPT), long: false, bad: false, upgradable: false }
    }

    /// The same where a request may ask for another protocol: after that nothing is looked at any more.
    #[must_use]
    pub fn upgradable() -> Self {
        Self { upgradable: true, ..Self::new() }
    }

    /// Whether a request came that carried both headers, or one whose framing cannot be followed.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.bad
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Blind => return,
                Place::Body(left) | Place::Chunk(left) if *left > 0 => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= take as u64;
                    bytes = bytes.get(take..).unwrap_or_default();
                    if matches!(self.place, Place::Body(0)) {
                        self.place = START;
                    }
                }
                Place::Body(_) => self.place = START,
                Place::Chunk(_) => self.place = Place::ChunkSize,
                Place::Head { .. } | Place::ChunkSize | Place::Trailers => {
                    let end = memchr::memchr(b'\n', bytes);
                    let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                    self.keep(line);
                    bytes = rest.get(1..).unwrap_or_default();
                    if end.is_some() {
                        self.end_of_line();
                        self.line.clear();
                        self.long = false;
                    }
                }
            }
        }
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, text: &[u8]) {
        let room = KEPT.saturating_sub(self.line.len());
        if text.len() <= room {
            self.line.extend_from_slice(text);
            return;
        }
        let first = self.line.first().or(text.first());
        if matches!(self.place, Place::Head { .. }) && !first.is_some_and(matters) {
            self.line.extend_from_slice(text.get(..room).unwrap_or_default());
            self.long = true;
            return;
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let mut kept = std::mem::take(&mut self.line);
        kept.retain(|byte| !blank(byte));
        for byte in text.iter().filter(|byte| !blank(byte)) {
            if kept.len() >= KEPT {
                self.long = true;
                break;
            }
            kept.push(*byte);
        }
        self.line = kept;
    }

    fn lose(&mut self) {
        self.bad = true;
        self.place = Place::Blind;
    }

    fn end_of_line(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        match &mut self.place {
            Place::Head { length, chunked, upgrade, started } => {
                if line.is_empty() {
                    if *started {
                        self.bad |= *chunked && !matches!(length, Length::None);
                        self.place = match (*upgrade && self.upgradable, *chunked, *length) {
                            (true, ..) => Place::Blind,
                            (_, true, _) => Place::ChunkSize,
                            (_, _, Length::Bytes(length)) => Place::Body(length),
                            (_, _, Length::Unreadable) => return self.lose(),
                            (_, _, Length::None) => START,
                        };
                    }
                    return;
                }
                *started = true;
                // Every call of the hot path comes by here: most lines end at their first letter.
                if !line.first().is_some_and(matters) {
                    return;
                }
                let Some(colon) = memchr::memchr(b':', line) else { return };
                let (name, value) = line.split_at(colon);
                if name.eq_ignore_ascii_case(b"content-length") {
                    let said = number(value.get(1..).unwrap_or_default(), 10).filter(|_| !self.long);
                    *length = match (said, *length) {
                        (Some(said), Length::None) => Length::Bytes(said),
                        (Some(said), Length::Bytes(before)) if said == before => Length::Bytes(said),
                        _ => Length::Unreadable,
                    };
                } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                    *chunked = true;
                } else if name.eq_ignore_ascii_case(b"upgrade") {
                    *upgrade = true;
                }
            }
            Place::ChunkSize => {
                let mut parts = line.split(|b| *b == b';');
                let digits = parts.next().unwrap_or_default();
                // Digits without end: what was kept of them says nothing.
                let whole = !self.long || parts.next().is_some();
                self.place = match number(digits, 16).filter(|_| whole) {
                    Some(0) => Place::Trailers,
                    Some(size) => Place::Chunk(size.saturating_add(2)),
                    None => return self.lose(),
                };
            }
            Place::Trailers if line.is_empty() => self.place = START,
            _ => {}
        }
    }
}

/// Whether a header with this first letter may be one that matters.
fn matters(first: &u8) -> bool {
    matches!(first, b'c' | b'C' | b't' | b'T' | b'u' | b'U')
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digits = std::str::from_utf8(digits.trim_ascii()).ok()?;
    // A sign, which Rust would read too, is no digit.
    u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}

impl Default for Framing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(stream: &str, piece: usize) -> bool {
        let mut framing = Framing::new();
        stream.as_bytes().chunks(piece).for_each(|bytes| framing.feed(bytes));
        framing.is_bad()
    }

    #[test]
    fn a_body_framed_twice_is_seen_in_any_chunking_and_any_order() {
        let both =
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let turned = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nX: y\r\nCONTENT-LENGTH: 5\r\n\r\n";
        let long = format!(
            "POST / HTTP/1.1\r\nX: {}\r\n{}",
            "y".repeat(9000),
            turned.split_once("\r\n").expect("line").1
        );
        for piece in [1, 2, 7, 4096] {
            assert!(twice(both, piece) && twice(turned, piece) && twice(&long, piece), "{piece}");
        }
    }

    #[test]
    fn blanks_and_nonsense_hide_no_second_length() {
        let blanks = " ".repeat(500);
        for lines in [
            format!("Content-Length:{blanks}5\r\nTransfer-Encoding: chunked"),
            format!("Transfer-Encoding: chunked\r\nContent-Length: {blanks}\t5{blanks}"),
            "Transfer-Encoding: chunked\r\nContent-Length: five".to_owned(),
            "Content-Length: five\r\nTransfer-Encoding: chunked".to_owned(),
            format!("Content-Length: {}5", "0".repeat(90)),
            "Content-Length: 5\r\nContent-Length: 6".to_owned(),
            "Content-Length: +5".to_owned(),
        ] {
            for piece in [1, 3, 64, 4096] {
                assert!(twice(&format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n"), piece), "{lines} {piece}");
            }
        }
    }

    #[test]
    fn a_body_of_a_padded_length_is_followed_to_its_end() {
        let inside = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let blanks = " ".repeat(500);
        let one =
            format!("POST / HTTP/1.1\r\nContent-Length:{blanks}{}{blanks}\r\n\r\n{inside}", inside.len());
        let next = "POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in [1, 3, 4096] {
            assert!(!twice(&one, piece) && twice(&format!("{one}{next}"), piece), "{piece}");
        }
    }

    #[test]
    fn a_chunk_that_cannot_be_followed_is_bad() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let long = format!("2;{}\r\nab\r\n0\r\n\r\n", "x".repeat(200));
        for piece in [1, 3, 4096] {
            assert!(twice(&format!("{head}{}5\r\n", "0".repeat(90)), piece));
            assert!(twice(&format!("{head}xyz\r\n"), piece));
            assert!(!twice(&format!("{head}{long}{head}{long}"), piece));
        }
    }

    #[test]
    fn only_where_there_are_upgrades_an_upgrade_ends_the_watch() {
        let stream = "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(twice(stream, 4096));
        let mut framing = Framing::upgradable();
        framing.feed(stream.as_bytes());
        assert!(!framing.is_bad());
    }

    #[test]
    fn what_stands_in_a_body_is_no_header() {
        let inside = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let sized = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{inside}", inside.len());
        let chunked = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{inside}\r\n0\r\n\r\n",
            inside.len()
        );
        for piece in [1, 3, 4096] {
            assert!(!twice(&format!("{sized}{chunked}{sized}"), piece), "{piece}");
            let after = "GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
            assert!(twice(&format!("{sized}{chunked}{after}"), piece), "{piece}");
        }
    }
}
