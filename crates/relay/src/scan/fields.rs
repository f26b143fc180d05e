//! Top-level fields of a JSON object, found byte by byte: strings are skipped, depth is a counter, so text
//! that a user wrote is never taken for a field and no nesting is too deep.

use memchr::memchr2;

/// Longer keys than this are not the ones looked for.
const MAX_KEY: usize = 64;

/// A field that was found. Offsets count from the first byte fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its place in the list of wanted names.
    pub(crate) which: usize,
    /// Where its value begins.
    pub(crate) start: u64,
    /// The value as written, unless it is longer than the limit.
    pub(crate) raw: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the root's first byte.
    Start,
    /// Between strings.
    Plain,
    /// Inside a string.
    Text,
    /// Inside a string, right after a backslash.
    Escape,
    /// The root ended, or is no object.
    Done,
}

/// The scanner. Feed it pieces in order.
#[derive(Debug)]
pub(crate) struct TopFields {
    wanted: &'static [&'static str],
    limit: usize,
    state: State,
    depth: u64,
    /// At depth 1 the next string is a key.
    key_next: bool,
    in_key: bool,
    key: Vec<u8>,
    at: u64,
    capture: Option<Capture>,
}

#[derive(Debug)]
struct Capture {
    which: usize,
    start: Option<u64>,
    raw: Vec<u8>,
    long: bool,
}

impl TopFields {
    /// Looks for `wanted` names; a value longer than `limit` is reported without its text.
    pub(crate) fn new(wanted: &'static [&'static str], limit: usize) -> Self {
        let (key, capture) = (Vec::new(), None);
        Self {
            wanted,
            limit,
            state: State::Start,
            depth: 0,
            key_next: false,
            in_key: false,
            key,
            at: 0,
            capture,
        }
    }

    /// Whether the object ended (or never was one): nothing more will be found.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether a wanted value is being read right now.
    pub(crate) fn is_inside(&self) -> bool {
        self.capture.is_some()
    }

    /// Reads on; calls `on` for every wanted field that ended in these bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Found)) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.state {
                State::Done => return,
                State::Text => {
                    let len = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    let (text, tail) = rest.split_at(len);
                    self.keep(text);
                    self.at += u64::try_from(len).unwrap_or(u64::MAX);
                    let Some((&stop, tail)) = tail.split_first() else { return };
                    rest = tail;
                    self.keep(&[stop]);
                    self.at += 1;
                    self.state = if stop == b'"' { State::Plain } else { State::Escape };
                    if stop == b'"' && self.in_key {
                        self.in_key = false;
                        self.key.pop();
                    }
                }
                State::Escape => {
                    self.keep(&[byte]);
                    self.at += 1;
                    self.state = State::Text;
                    rest = after;
                }
                State::Start | State::Plain => {
                    self.plain(byte, &mut on);
                    self.at += 1;
                    rest = after;
                }
            }
        }
    }

    fn plain(&mut self, byte: u8, on: &mut impl FnMut(Found)) {
        match (byte, self.depth) {
            (b'{', 0) => {
                (self.depth, self.key_next, self.state) = (1, true, State::Plain);
                return;
            }
            (b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf, 0) => return,
            (_, 0) => {
                self.state = State::Done;
                return;
            }
            (b':', 1) if self.capture.is_none() => {
                self.key_next = false;
                self.capture =
                    self.matched().map(|which| Capture { which, start: None, raw: Vec::new(), long: false });
                return;
            }
            (b',', 1) => {
                self.key_next = true;
                self.key.clear();
                return self.end_value(on);
            }
            (b'}' | b']', 1) => {
                self.state = State::Done;
                return self.end_value(on);
            }
            (b'{' | b'[', _) => self.depth += 1,
            (b'}' | b']', _) => self.depth -= 1,
            (b'"', 1) if self.key_next => {
                (self.state, self.in_key) = (State::Text, true);
                self.key.clear();
                return;
            }
            (b'"', _) => self.state = State::Text,
            _ => {}
        }
        self.keep(&[byte]);
    }

    /// Adds bytes to the key or value that is being read.
    fn keep(&mut self, bytes: &[u8]) {
        if self.in_key {
            if self.key.len() + bytes.len() <= MAX_KEY + 1 {
                self.key.extend_from_slice(bytes);
            } else {
                // Too long to match; the marker keeps the length over the limit.
                self.key.resize(MAX_KEY + 1, 0);
            }
            return;
        }
        let (at, limit) = (self.at, self.limit);
        let Some(capture) = &mut self.capture else { return };
        if capture.start.is_none() {
            if bytes.iter().all(u8::is_ascii_whitespace) {
                return;
            }
            capture.start = Some(at);
        }
        if capture.long || capture.raw.len() + bytes.len() > limit {
            capture.long = true;
            capture.raw = Vec::new();
        } else {
            capture.raw.extend_from_slice(bytes);
        }
    }

    fn end_value(&mut self, on: &mut impl FnMut(Found)) {
        let Some(Capture { which, start: Some(start), mut raw, long }) = self.capture.take() else { return };
        raw.truncate(raw.trim_ascii_end().len());
        on(Found { which, start, raw: (!long).then_some(raw) });
    }

    fn matched(&self) -> Option<usize> {
        let place = |key: &[u8]| self.wanted.iter().position(|w| w.as_bytes() == key);
        if !self.key.contains(&b'\\') {
            return place(&self.key);
        }
        let quoted = [b"\"", self.key.as_slice(), b"\""].concat();
        serde_json::from_slice::<String>(&quoted).ok().and_then(|key| place(key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WANTED: &[&str] = &["model", "usage"];

    fn all(pieces: &[&[u8]]) -> Vec<Found> {
        let (mut scan, mut found) = (TopFields::new(WANTED, 64), Vec::new());
        pieces.iter().for_each(|p| scan.feed(p, |f| found.push(f)));
        found
    }

    fn text(found: &Found) -> (usize, u64, &str) {
        (found.which, found.start, found.raw.as_deref().map_or("<long>", |r| std::str::from_utf8(r).unwrap()))
    }

    #[test]
    fn only_fields_of_the_root_are_found() {
        let body = br#" {"a":{"model":"no"},"b":["model",{"usage":1}],"t":"\"model\":\"no\"","model" : "yes" ,"usage":{"x":[1,2]}}"#;
        let found = all(&[body]);
        let got: Vec<_> = found.iter().map(|f| (text(f).0, text(f).2)).collect();
        assert_eq!(got, [(0, "\"yes\""), (1, "{\"x\":[1,2]}")]);
        let start = usize::try_from(found[0].start).unwrap();
        assert!(body[start..].starts_with(b"\"yes\""));
    }

    #[test]
    fn an_escaped_key_is_the_same_key() {
        assert_eq!(text(&all(&[br#"{"mod\u0065l":"x"}"#])[0]), (0, 14, "\"x\""));
    }

    #[test]
    fn what_is_no_object_or_too_deep_does_no_harm() {
        assert!(all(&[b"[{\"model\":1}]"]).is_empty());
        assert!(all(&[b"nonsense"]).is_empty());
        assert!(all(&[b"{\"a\":", "[".repeat(100_000).as_bytes()]).is_empty());
        let long = format!("{{\"model\":\"{}\",\"usage\":1}}", "x".repeat(1000));
        let found = all(&[long.as_bytes()]);
        assert_eq!(found.iter().map(|f| text(f).2).collect::<Vec<_>>(), ["<long>", "1"]);
    }

    proptest! {
        #[test]
        fn any_cutting_finds_the_same(body in r#"[{}\[\]",:\\a 1]{0,60}"#, cuts in prop::collection::vec(0usize..90, 0..6)) {
            let body = format!("{{\"model\":\"a/b\",{body},\"usage\":{{}}}}");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(all(&pieces), all(&[body.as_bytes()]));
        }
    }
}
