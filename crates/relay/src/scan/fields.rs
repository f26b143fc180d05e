//! Top-level fields of a JSON object, found byte by byte: strings are skipped, depth is a counter, so text
//! that a user wrote is never taken for a field and no nesting is too deep.

use memchr::memchr2;
use std::borrow::Cow;

/// Longer keys than this are not the ones looked for.
const MAX_KEY: usize = 64;

/// A field that was found. Offsets count from the first byte fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// Its place in the list of wanted names.
    pub(crate) which: usize,
    /// Where its value begins.
    pub(crate) start: u64,
    /// The value as written, unless it is longer than the limit. Copied only where it came in several pieces.
    pub(crate) raw: Option<Cow<'a, [u8]>>,
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
    /// What has come of a key that is cut between two pieces.
    key: Vec<u8>,
    /// The wanted name that the last key is.
    which: Option<usize>,
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

/// The piece that is being read, and where in it begins what is kept of it.
struct Run<'a> {
    bytes: &'a [u8],
    /// Where the piece begins, counted from the first byte fed.
    base: u64,
    from: usize,
}

impl<'a> Run<'a> {
    fn until(&self, end: usize) -> &'a [u8] {
        self.bytes.get(self.from..end).unwrap_or_default()
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
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
            which: None,
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
    pub(crate) fn feed<'a>(&mut self, bytes: &'a [u8], mut on: impl FnMut(Found<'a>)) {
        let (mut i, mut run) = (0, Run { bytes, base: self.at, from: 0 });
        while let Some(&byte) = bytes.get(i) {
            match self.state {
                State::Done => return,
                State::Text => {
                    let rest = bytes.get(i..).unwrap_or_default();
                    let Some(len) = memchr2(b'"', b'\\', rest) else { break };
                    i += len;
                    if bytes.get(i) == Some(&b'\\') {
                        self.state = State::Escape;
                    } else {
                        self.state = State::Plain;
                        if std::mem::take(&mut self.in_key) {
                            self.end_key(run.until(i));
                        }
                    }
                }
                State::Escape => self.state = State::Text,
                State::Start | State::Plain => self.plain(byte, i, &mut run, &mut on),
            }
            i += 1;
        }
        if self.in_key {
            self.keep_key(run.until(bytes.len()));
        } else if let Some(capture) = &mut self.capture {
            let text = capture.text(&run, bytes.len());
            capture.keep(text, self.limit);
        }
        self.at = self.at.saturating_add(length(bytes));
    }

    fn plain<'a>(&mut self, byte: u8, i: usize, run: &mut Run<'a>, on: &mut impl FnMut(Found<'a>)) {
        match (byte, self.depth) {
            (b'{', 0) => (self.depth, self.key_next, self.state) = (1, true, State::Plain),
            (b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf, 0) => {}
            (_, 0) => self.state = State::Done,
            (b':', 1) if self.capture.is_none() => {
                self.key_next = false;
                let capture = |which| Capture { which, start: None, raw: Vec::new(), long: false };
                self.capture = self.which.take().map(capture);
                run.from = i + 1;
            }
            (b',', 1) => {
                self.key_next = true;
                self.end_value(run, i, on);
            }
            (b'}' | b']', 1) => {
                self.state = State::Done;
                self.end_value(run, i, on);
            }
            (b'{' | b'[', _) => self.depth += 1,
            (b'}' | b']', _) => self.depth -= 1,
            (b'"', 1) if self.key_next => {
                (self.state, self.in_key, run.from) = (State::Text, true, i + 1);
                self.key.clear();
            }
            (b'"', _) => self.state = State::Text,
            _ => {}
        }
    }

    fn keep_key(&mut self, text: &[u8]) {
        if self.key.len() + text.len() <= MAX_KEY {
            self.key.extend_from_slice(text);
        } else {
            // Too long to match, and it stays so.
            self.key.resize(MAX_KEY + 1, 0);
        }
    }

    fn end_key(&mut self, text: &[u8]) {
        if self.key.is_empty() {
            self.which = place(self.wanted, text);
        } else {
            self.keep_key(text);
            self.which = place(self.wanted, &self.key);
        }
    }

    fn end_value<'a>(&mut self, run: &Run<'a>, end: usize, on: &mut impl FnMut(Found<'a>)) {
        self.which = None;
        let Some(mut capture) = self.capture.take() else { return };
        let text = capture.text(run, end);
        let Capture { which, start: Some(start), .. } = capture else { return };
        let raw = if capture.raw.is_empty() && !capture.long && text.len() <= self.limit {
            Some(Cow::Borrowed(text.trim_ascii_end()))
        } else {
            capture.keep(text, self.limit);
            let Capture { mut raw, long, .. } = capture;
            raw.truncate(raw.trim_ascii_end().len());
            (!long).then_some(Cow::Owned(raw))
        };
        on(Found { which, start, raw });
    }
}

impl Capture {
    /// What this piece has of the value, without the blanks before it.
    fn text<'a>(&mut self, run: &Run<'a>, end: usize) -> &'a [u8] {
        let text = run.until(end);
        if self.start.is_some() {
            return text;
        }
        let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let text = text.get(blanks..).unwrap_or_default();
        if !text.is_empty() {
            let before = u64::try_from(run.from + blanks).unwrap_or(u64::MAX);
            self.start = Some(run.base.saturating_add(before));
        }
        text
    }

    /// Keeps it for when the rest has come.
    fn keep(&mut self, text: &[u8], limit: usize) {
        if self.long || self.raw.len() + text.len() > limit {
            self.long = true;
            self.raw = Vec::new();
        } else {
            self.raw.extend_from_slice(text);
        }
    }
}

/// Where a key stands in the list of wanted names.
fn place(wanted: &[&str], key: &[u8]) -> Option<usize> {
    let place = |key: &[u8]| wanted.iter().position(|name| name.as_bytes() == key);
    if key.len() > MAX_KEY || !key.contains(&b'\\') {
        return place(key);
    }
    let quoted = [b"\"", key, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).ok().and_then(|key| place(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WANTED: &[&str] = &["model", "usage"];

    fn all<'a>(pieces: &[&'a [u8]]) -> Vec<Found<'a>> {
        let (mut scan, mut found) = (TopFields::new(WANTED, 64), Vec::new());
        pieces.iter().for_each(|p| scan.feed(p, |f| found.push(f)));
        found
    }

    fn text<'a>(found: &'a Found<'_>) -> (usize, u64, &'a str) {
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
