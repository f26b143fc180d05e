//! Watches the bytes of an HTTP/1 connection for a request that frames its body twice.
//!
//! hyper obeys `Transfer-Encoding` and quietly drops `Content-Length` when both are there; a proxy in front
//! may obey the other, and then the two disagree where the next request begins. This reader follows the
//! framing beside hyper and only says that it happened. It holds a few bytes per connection, no request.

/// Longest part of a line that matters: a header's name and a number.
const KEPT: usize = 64;

enum Place {
    /// In the request line or the headers.
    Head {
        length: Option<u64>,
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
    /// Another protocol speaks now, or the framing is beyond reading (hyper refuses that itself).
    Blind,
}

const START: Place = Place::Head { length: None, chunked: false, upgrade: false, started: false };

/// The reader. Feed it what comes in.
pub struct Framing {
    place: Place,
    line: Vec<u8>,
    twice: bool,
}

impl Framing {
    /// At the beginning of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self { place: START, line: Vec::with_capacity(KEPT), twice: false }
    }

    /// Whether a request came that carried both headers.
    #[must_use]
    pub fn framed_twice(&self) -> bool {
        self.twice
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
                    let room = KEPT.saturating_sub(self.line.len());
                    self.line.extend_from_slice(line.get(..room.min(line.len())).unwrap_or_default());
                    bytes = rest.get(1..).unwrap_or_default();
                    if end.is_some() {
                        self.end_of_line();
                        self.line.clear();
                    }
                }
            }
        }
    }

    fn end_of_line(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        match &mut self.place {
            Place::Head { length, chunked, upgrade, started } => {
                if line.is_empty() {
                    if *started {
                        self.twice |= *chunked && length.is_some();
                        self.place = match (*upgrade, *chunked, *length) {
                            (true, ..) => Place::Blind,
                            (_, true, _) => Place::ChunkSize,
                            (_, _, Some(length)) => Place::Body(length),
                            _ => START,
                        };
                    }
                    return;
                }
                *started = true;
                // Every call of the hot path comes by here: most lines end at their first letter.
                if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T' | b'u' | b'U')) {
                    return;
                }
                let Some(colon) = memchr::memchr(b':', line) else { return };
                let (name, value) = line.split_at(colon);
                if name.eq_ignore_ascii_case(b"content-length") {
                    match number(value.get(1..).unwrap_or_default(), 10) {
                        Some(number) => *length = Some(number),
                        None => self.place = Place::Blind,
                    }
                } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                    *chunked = true;
                } else if name.eq_ignore_ascii_case(b"upgrade") {
                    *upgrade = true;
                }
            }
            Place::ChunkSize => {
                let digits = line.split(|b| *b == b';').next().unwrap_or_default();
                self.place = match number(digits, 16) {
                    Some(0) => Place::Trailers,
                    Some(size) => Place::Chunk(size.saturating_add(2)),
                    None => Place::Blind,
                };
            }
            Place::Trailers if line.is_empty() => self.place = START,
            _ => {}
        }
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?.trim();
    u64::from_str_radix(digits, radix).ok()
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
        framing.framed_twice()
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
