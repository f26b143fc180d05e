//! Finds the model in a request body on its way up, and cuts `vendor/` from its front where that is ours or
//! chooses the vendor. The rest of the body is never parsed, copied or changed.

use crate::{
    scan::TopFields,
    vendors::{self, Vendor},
};
use bytes::Bytes;
use std::{borrow::Cow, collections::VecDeque};

/// How much of a body may wait until its model is found. Afterwards it flows on unseen lengths.
pub(super) const HOLD_BYTES: u64 = 256 * 1024;
/// The same where the model chooses the vendor: nothing can flow on before.
pub(super) const CHOICE_BYTES: u64 = 8 * 1024 * 1024;
/// The longest value that can be a model's name.
const MAX_MODEL: usize = 512;
/// Its field.
const MODEL: &[&str] = &["model"];

/// Where the pieces wait.
#[derive(Debug)]
pub(super) struct Splicer {
    fields: TopFields,
    /// The vendor as the model names it, cut with its slash; none where the vendor's own names have slashes.
    cut: Option<Cow<'static, str>>,
    /// Whether what stands before the model's first slash chooses the vendor.
    choosing: bool,
    held: VecDeque<Bytes>,
    held_bytes: u64,
    /// The offset of the first held byte in the body.
    held_at: u64,
    decided: bool,
    /// Whether the rest is looked through for more models, and how many came.
    pub(super) counts: bool,
    pub(super) models: u32,
    /// The model as it is sent on.
    pub(super) model: Option<String>,
    /// The vendor it chose.
    pub(super) vendor: Option<&'static Vendor>,
    /// Where its value stands in what is sent on.
    pub(super) place: Option<(u64, u64)>,
    /// How many bytes were cut.
    pub(super) removed: u64,
}

impl Splicer {
    pub(super) fn new(cut: Option<&'static str>) -> Self {
        Self {
            fields: TopFields::new(MODEL, MAX_MODEL),
            cut: cut.map(Cow::Borrowed),
            choosing: false,
            held: VecDeque::new(),
            held_bytes: 0,
            held_at: 0,
            decided: false,
            counts: false,
            models: 0,
            model: None,
            vendor: None,
            place: None,
            removed: 0,
        }
    }

    /// One that looks for nothing.
    pub(super) fn idle() -> Self {
        Self { decided: true, ..Self::new(None) }
    }

    /// One that holds everything back until the model has chosen its vendor.
    pub(super) fn choosing() -> Self {
        Self { choosing: true, ..Self::new(None) }
    }

    /// How much may wait.
    pub(super) fn most(&self) -> u64 {
        if self.choosing { CHOICE_BYTES } else { HOLD_BYTES }
    }

    /// Whether nothing more will be cut.
    pub(super) fn is_decided(&self) -> bool {
        self.decided
    }

    /// Takes a piece; puts what may go on into `out`.
    pub(super) fn push(&mut self, piece: Bytes, out: &mut VecDeque<Bytes>) {
        let (mut found, models) = (None, &mut self.models);
        if self.decided {
            if self.counts {
                self.fields.feed(&piece, |_| *models += 1);
            }
            out.push_back(piece);
            return;
        }
        self.fields.feed(&piece, |f| {
            *models += 1;
            found = found.take().or(Some(f));
        });
        self.held_bytes += length(&piece);
        self.held.push_back(piece.clone());
        if let Some(found) = found {
            let raw = found.raw.unwrap_or_default();
            self.model = serde_json::from_slice(&raw).ok();
            self.choose();
            self.cut(found.start, &raw);
            let length = length_of(raw.trim_ascii_end()).saturating_sub(self.removed);
            self.place = Some((found.start, found.start + length));
            self.decided = true;
        }
        let over = self.held_bytes > self.most();
        let hopeless = self.held_bytes > 2 * HOLD_BYTES;
        if self.fields.is_done() || if self.choosing { over } else { hopeless } {
            self.decided = true;
        }
        if self.decided || (over && !self.fields.is_inside()) {
            self.flush(out);
        }
    }

    /// The body ended.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        self.decided = true;
        self.flush(out);
    }

    fn flush(&mut self, out: &mut VecDeque<Bytes>) {
        self.held_at += self.held_bytes;
        self.held_bytes = 0;
        self.held.retain(|piece| !piece.is_empty());
        if out.is_empty() {
            std::mem::swap(out, &mut self.held);
        } else {
            out.append(&mut self.held);
        }
    }

    fn choose(&mut self) {
        if !self.choosing {
            return;
        }
        let named = self.model.as_deref().and_then(|m| m.split_once('/'));
        if let Some((id, vendor)) = named.and_then(|(id, _)| Some((id, vendors::find(id)?))) {
            (self.cut, self.vendor) = (Some(Cow::Owned(id.to_owned())), Some(vendor));
        }
    }

    fn cut(&mut self, start: u64, raw: &[u8]) {
        let Some(cut) = self.cut.as_deref() else { return };
        // As it is said: by one of the vendor's other names, too.
        let said =
            self.model.as_deref().and_then(|model| model.split_once('/')).map(|(name, _)| name.to_owned());
        let said = said.filter(|name| vendors::find(name).is_some_and(|vendor| vendor.id == cut));
        let id = said.as_deref().unwrap_or(cut);
        let text = raw.strip_prefix(b"\"").unwrap_or_default();
        let slash = match text.strip_prefix(id.as_bytes()) {
            Some([b'/', ..]) => 1,
            Some([b'\\', b'/', ..]) => 2,
            _ => return,
        };
        let after = |model: &String| model.strip_prefix(id)?.strip_prefix('/').map(str::len);
        if let Some(model) = &mut self.model
            && let Some(left) = after(model)
        {
            model.drain(..model.len() - left);
        }
        self.removed = length_of(id.as_bytes()) + slash;
        self.remove(start + 1, start + 1 + self.removed);
    }

    /// Takes the bytes `[from, to)` of the body out of what is held.
    fn remove(&mut self, from: u64, to: u64) {
        let mut at = self.held_at;
        let mut kept = VecDeque::with_capacity(self.held.len() + 1);
        for piece in self.held.drain(..) {
            let end = at + length(&piece);
            let within = |n: u64| usize::try_from(n.clamp(at, end) - at).unwrap_or(0);
            let (left, right) = (within(from), within(to));
            kept.push_back(piece.slice(..left));
            kept.push_back(piece.slice(right..));
            at = end;
        }
        self.held = kept;
    }
}

fn length(bytes: &Bytes) -> u64 {
    length_of(bytes)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spliced(cut: Option<&'static str>, pieces: &[&[u8]]) -> (Vec<u8>, Option<String>, u64) {
        let (mut splicer, mut out) = (Splicer::new(cut), VecDeque::new());
        pieces.iter().for_each(|p| splicer.push(Bytes::copy_from_slice(p), &mut out));
        splicer.finish(&mut out);
        (out.iter().flatten().copied().collect(), splicer.model, splicer.removed)
    }

    fn text(cut: Option<&'static str>, body: &str) -> (String, Option<String>) {
        let (bytes, model, removed) = spliced(cut, &[body.as_bytes()]);
        assert_eq!(bytes.len() + usize::try_from(removed).unwrap(), body.len());
        (String::from_utf8(bytes).unwrap(), model)
    }

    #[test]
    fn only_the_vendors_own_prefix_of_the_models_name_is_cut() {
        for (body, want, model) in [
            (r#"{"model":"openai/gpt-4o","n":1}"#, r#"{"model":"gpt-4o","n":1}"#, Some("gpt-4o")),
            (r#"{ "model" : "openai\/o3" }"#, r#"{ "model" : "o3" }"#, Some("o3")),
            (r#"{"model":"openai/openai/x"}"#, r#"{"model":"openai/x"}"#, Some("openai/x")),
            (r#"{"model":"anthropic/x"}"#, r#"{"model":"anthropic/x"}"#, Some("anthropic/x")),
            (r#"{"model":"openaix/x"}"#, r#"{"model":"openaix/x"}"#, Some("openaix/x")),
            (r#"{"a":{"model":"openai/x"}}"#, r#"{"a":{"model":"openai/x"}}"#, None),
            (r#"{"a":"\"model\":\"openai/x\""}"#, r#"{"a":"\"model\":\"openai/x\""}"#, None),
            (r#"{"model":17}"#, r#"{"model":17}"#, None),
            ("openai/ is no json", "openai/ is no json", None),
            ("", "", None),
        ] {
            assert_eq!(text(Some("openai"), body), (want.to_owned(), model.map(str::to_owned)), "{body}");
        }
        for (body, want) in [
            (r#"{"model":"togetherai/m"}"#, r#"{"model":"m"}"#),
            (r#"{"model":"togetherai\/m"}"#, r#"{"model":"m"}"#),
            (r#"{"model":"openai/m"}"#, r#"{"model":"openai/m"}"#),
        ] {
            assert_eq!(text(Some("together"), body).0, want, "by one of its other names");
        }
        assert_eq!(text(None, r#"{"model":"openrouter/auto"}"#).1.as_deref(), Some("openrouter/auto"));
    }

    #[test]
    fn a_model_behind_a_large_body_is_still_found_and_little_is_held() {
        let filler = format!("{{\"messages\":\"{}\",", "x".repeat(900_000));
        let (mut splicer, mut out) = (Splicer::new(Some("openai")), VecDeque::new());
        for piece in filler.as_bytes().chunks(16_384) {
            splicer.push(Bytes::copy_from_slice(piece), &mut out);
            assert!(splicer.held_bytes <= HOLD_BYTES);
        }
        for piece in [&b"\"model\":\"open"[..], b"ai/x\"", b"}"] {
            splicer.push(Bytes::copy_from_slice(piece), &mut out);
        }
        splicer.finish(&mut out);
        let body: Vec<u8> = out.iter().flatten().copied().collect();
        assert!(body.ends_with(b",\"model\":\"x\"}"));
        assert_eq!(splicer.removed, 7);
    }

    #[test]
    fn a_model_chooses_its_vendor_and_little_is_held_while_it_does_not() {
        let chosen = |body: &str| {
            let (mut splicer, mut out) = (Splicer::choosing(), VecDeque::new());
            splicer.push(Bytes::copy_from_slice(body.as_bytes()), &mut out);
            splicer.finish(&mut out);
            let body: Vec<u8> = out.iter().flatten().copied().collect();
            (splicer.vendor.map(|v| v.id), String::from_utf8(body).unwrap(), splicer.model)
        };
        for (body, vendor, want, model) in [
            (r#"{"model":"openai/gpt"}"#, Some("openai"), r#"{"model":"gpt"}"#, Some("gpt")),
            (r#"{"n":1, "model":"kimi\/k2"}"#, Some("moonshot"), r#"{"n":1, "model":"k2"}"#, Some("k2")),
            (
                r#"{"model":"openrouter/openai/gpt"}"#,
                Some("openrouter"),
                r#"{"model":"openai/gpt"}"#,
                Some("openai/gpt"),
            ),
            (r#"{"model":"gpt"}"#, None, r#"{"model":"gpt"}"#, Some("gpt")),
            (r#"{"model":"nobody/gpt"}"#, None, r#"{"model":"nobody/gpt"}"#, Some("nobody/gpt")),
            (r#"{"a":{"model":"openai/gpt"}}"#, None, r#"{"a":{"model":"openai/gpt"}}"#, None),
        ] {
            assert_eq!(chosen(body), (vendor, want.to_owned(), model.map(str::to_owned)), "{body}");
        }
        let (mut splicer, mut out) = (Splicer::choosing(), VecDeque::new());
        splicer.push(Bytes::from_static(b"{\"messages\":\""), &mut out);
        let piece = Bytes::from(vec![b'x'; 64 * 1024]);
        let mut held = 0;
        while !splicer.is_decided() {
            held += piece.len();
            splicer.push(piece.clone(), &mut out);
            assert!(splicer.is_decided() || out.is_empty(), "nothing goes on before the vendor is known");
        }
        assert!(held as u64 <= CHOICE_BYTES + piece.len() as u64 && splicer.vendor.is_none());
    }

    proptest! {
        #[test]
        fn any_cutting_splices_the_same(before in "[a-z\"{}:,/]{0,20}", cuts in prop::collection::vec(0usize..80, 0..6)) {
            let before = serde_json::to_string(&before).unwrap();
            let body = format!("{{\"a\":{before},\"model\":\"openai/gpt\",\"z\":[1]}}");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(spliced(Some("openai"), &pieces), spliced(Some("openai"), &[body.as_bytes()]));
        }
    }
}
