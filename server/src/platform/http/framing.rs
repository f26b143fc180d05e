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
pub(super) struct Framing {
    place: Place,
    line: Vec<u8>,
    twice: bool,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { place: START, line: Vec::with_capacity(KEPT), twice: false }
    }

    /// Whether a request came that carried both headers.
    pub(super) fn framed_twice(&self) -> bool {
        self.twice
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
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
                    bytes = rest;
                    if *first == b'\n' {
                        self.end_of_line();
                        self.line.clear();
                    } else if self.line.len() < KEPT {
                        self.line.push(*first);
                    }
                }
            }
        }
    }

    fn end_of_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).trim_end_matches('\r').to_ascii_lowercase();
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
                match line.split_once(':') {
                    Some(("content-length", number)) => match number.trim().parse() {
                        Ok(number) => *length = Some(number),
                        Err(_) => self.place = Place::Blind,
                    },
                    Some(("transfer-encoding", _)) => *chunked = true,
                    Some(("upgrade", _)) => *upgrade = true,
                    _ => {}
                }
            }
            Place::ChunkSize => {
                let digits = line.split(';').next().unwrap_or_default().trim();
                self.place = match u64::from_str_radix(digits, 16) {
                    Ok(0) => Place::Trailers,
                    Ok(size) => Place::Chunk(size.saturating_add(2)),
                    Err(_) => Place::Blind,
                };
            }
            Place::Trailers if line.is_empty() => self.place = START,
            _ => {}
        }
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
