//! Splits AWS's `application/vnd.amazon.eventstream` into its messages: a head of twelve bytes that says both lengths,
//! header lines, a payload, a checksum. A message whose checksums are wrong, or that says impossible lengths, ends the
//! reading: nothing behind it can be trusted.

use super::sieve::Ends;
use bytes::Bytes;
use crc32fast::Hasher;

/// The longest payload that is looked at; longer ones pass unread.
const MAX_PAYLOAD: usize = 256 * 1024;
/// The longest header lines that are looked at.
const MAX_HEADERS: usize = 8 * 1024;
/// No message is longer.
const MAX_MESSAGE: usize = 24 * 1024 * 1024;
/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// Behind the payload.
const CHECKSUM: usize = 4;

/// One message, as far as it is looked at.
pub(crate) struct Message<'a> {
    /// What kind of event or exception it is.
    pub(crate) name: &'a str,
    /// Whether it says that something went wrong.
    pub(crate) is_exception: bool,
    /// `None` if it was too long to look at.
    pub(crate) payload: Option<&'a [u8]>,
    /// Where it ends in the bytes that were fed.
    pub(crate) end: usize,
}

/// The splitter.
#[derive(Debug, Default)]
pub(crate) struct MessageReader {
    prelude: Vec<u8>,
    headers: Vec<u8>,
    payload: Vec<u8>,
    checksum: Vec<u8>,
    crc: Hasher,
    /// How long the header lines of this message are, and its payload.
    lengths: (usize, usize),
    /// So much of it has come behind the prelude.
    at: usize,
    broken: bool,
    ends: Option<Ends>,
}

impl MessageReader {
    /// Where messages ended in the piece that was fed last.
    pub(crate) fn ends(&self) -> Option<Ends> {
        self.ends
    }

    /// Whether the bytes so far end between two messages.
    pub(crate) fn is_between(&self) -> bool {
        !self.broken && self.prelude.is_empty()
    }

    /// Reads on; calls `on` for every message that ended.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Message<'_>)) {
        self.ends = None;
        let mut rest = bytes;
        while !rest.is_empty() && !self.broken {
            if self.prelude.len() < PRELUDE {
                rest = take(&mut self.prelude, PRELUDE, rest);
                if self.prelude.len() == PRELUDE {
                    self.begin();
                }
                continue;
            }
            let (headers, payload) = self.lengths;
            let left = headers + payload - self.at.min(headers + payload);
            if left == 0 {
                rest = take(&mut self.checksum, CHECKSUM, rest);
                if self.checksum.len() == CHECKSUM {
                    self.end(bytes.len() - rest.len(), &mut on);
                }
                continue;
            }
            // The header lines, then the payload.
            let (left, kept) = match headers.checked_sub(self.at) {
                Some(left) if left > 0 => (left, (headers <= MAX_HEADERS).then_some(&mut self.headers)),
                _ => (left, (payload <= MAX_PAYLOAD).then_some(&mut self.payload)),
            };
            let (now, after) = rest.split_at(left.min(rest.len()));
            self.crc.update(now);
            self.at += now.len();
            if let Some(kept) = kept {
                kept.extend_from_slice(now);
            }
            rest = after;
        }
    }

    /// The prelude is whole.
    fn begin(&mut self) {
        let number = |from: usize| number(self.prelude.get(from..from + 4).unwrap_or_default());
        let (all, headers, crc) = (number(0), number(4), number(8));
        let all = usize::try_from(all).ok().filter(|all| *all <= MAX_MESSAGE);
        let payload =
            all.and_then(|all| all.checked_sub(PRELUDE + CHECKSUM)).zip(usize::try_from(headers).ok());
        let lengths = payload.and_then(|(both, headers)| Some((headers, both.checked_sub(headers)?)));
        let whole = crc32fast::hash(self.prelude.get(..8).unwrap_or_default()) == crc;
        match lengths.filter(|_| whole) {
            Some(lengths) => {
                (self.lengths, self.at) = (lengths, 0);
                self.crc.reset();
                self.crc.update(&self.prelude);
            }
            None => self.broken = true,
        }
    }

    /// The message is whole.
    fn end(&mut self, end: usize, on: &mut impl FnMut(Message<'_>)) {
        if number(&self.checksum) != self.crc.clone().finalize() {
            self.broken = true;
            return;
        }
        let (kind, name) = named(&self.headers);
        let is_exception = matches!(kind, "exception" | "error");
        let payload = (self.lengths.1 <= MAX_PAYLOAD).then_some(self.payload.as_slice());
        // What opens the exchange says nothing yet.
        if name != "initial-response" {
            on(Message { name, is_exception, payload, end });
        }
        self.ends = Some(Ends { first: self.ends.map_or(end, |ends| ends.first), last: end });
        for part in [&mut self.prelude, &mut self.headers, &mut self.payload, &mut self.checksum] {
            part.clear();
        }
    }
}

/// Fills a buffer up to a length; what is left.
fn take<'a>(to: &mut Vec<u8>, length: usize, from: &'a [u8]) -> &'a [u8] {
    let (now, after) = from.split_at(length.saturating_sub(to.len()).min(from.len()));
    to.extend_from_slice(now);
    after
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, byte| (n << 8) | u32::from(*byte))
}

/// What header lines say of the message: its type, and which event or exception it is.
fn named(mut headers: &[u8]) -> (&str, &str) {
    let (mut kind, mut name) = ("", "");
    while let Some((line, value, rest)) = line(headers) {
        let value = std::str::from_utf8(value).unwrap_or_default();
        match line {
            b":message-type" => kind = value,
            b":event-type" | b":exception-type" | b":error-code" => name = value,
            _ => {}
        }
        headers = rest;
    }
    (kind, name)
}

/// The first header line: its name, its value where that is a text, and what comes behind.
fn line(headers: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = headers.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (kind, rest) = rest.split_first()?;
    let fixed = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        6 | 7 => {
            let (length, rest) = rest.split_at_checked(2)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(number(length)).ok()?)?;
            return Some((name, value, rest));
        }
        _ => return None,
    };
    Some((name, b"", rest.get(fixed..)?))
}

/// A message that says that something went wrong.
pub(crate) fn exception(name: &str, payload: &[u8]) -> Bytes {
    let mut headers = Vec::new();
    for (line, value) in
        [(":message-type", "exception"), (":exception-type", name), (":content-type", "application/json")]
    {
        headers.push(u8::try_from(line.len()).unwrap_or(0));
        headers.extend_from_slice(line.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let long = |n: usize| u32::try_from(n).unwrap_or(0).to_be_bytes();
    let all = PRELUDE + headers.len() + payload.len() + CHECKSUM;
    let mut message = [long(all), long(headers.len())].concat();
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Seen = Vec<(String, bool, Option<Vec<u8>>)>;

    fn all(pieces: &[&[u8]]) -> (Seen, bool) {
        let (mut reader, mut seen) = (MessageReader::default(), Vec::new());
        for piece in pieces {
            reader.feed(piece, |m| {
                seen.push((m.name.to_owned(), m.is_exception, m.payload.map(<[u8]>::to_vec)));
            });
        }
        (seen, reader.is_between())
    }

    /// The test vectors of AWS's own description of the format, by hand.
    const EMPTY: &[u8] = &[0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];

    #[test]
    fn the_formats_own_example_is_read() {
        assert_eq!(all(&[EMPTY]), (vec![(String::new(), false, Some(Vec::new()))], true));
    }

    #[test]
    fn a_wrong_bit_anywhere_ends_the_reading() {
        let whole = [exception("throttlingException", b"{}"), EMPTY.to_vec().into()].concat();
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 1;
            let (seen, between) = all(&[&bad]);
            assert!(!between && seen.len() < 2, "at {at}");
        }
    }

    #[test]
    fn a_payload_too_long_is_reported_without_its_bytes_and_not_held() {
        let long = exception("x", &vec![b'y'; MAX_PAYLOAD + 1]);
        let mut reader = MessageReader::default();
        for piece in long.chunks(1000) {
            reader.feed(piece, |m| assert!(m.payload.is_none()));
            assert!(reader.payload.is_empty());
        }
        assert!(reader.is_between());
        let endless = [u32::MAX.to_be_bytes(), [0; 4]].concat();
        let endless = [endless.clone(), crc32fast::hash(&endless).to_be_bytes().to_vec()].concat();
        assert_eq!(all(&[&endless]), (Vec::new(), false));
    }

    proptest! {
        #[test]
        fn any_cutting_reads_the_same(texts in prop::collection::vec("[a-z]{0,40}", 0..4), cuts in prop::collection::vec(0usize..400, 0..8)) {
            let bytes: Vec<u8> = texts.iter().flat_map(|t| exception(t, t.as_bytes())).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let want: Seen = texts.iter().map(|t| (t.clone(), true, Some(t.as_bytes().to_vec()))).collect();
            prop_assert_eq!(all(&pieces), (want, true));
        }

        #[test]
        fn no_bytes_make_it_stumble(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let _read = all(&[&body, EMPTY]);
        }
    }
}
