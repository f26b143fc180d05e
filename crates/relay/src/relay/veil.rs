//! An error answer on its way to a program: as the vendor sent it, but for the key, of which only stars are seen.
//!
//! Each star stands for a byte, so that the answer stays as long as its head says.

use crate::UpstreamKey;
use bytes::Bytes;
use memchr::memmem;
use zeroize::{Zeroize, Zeroizing};

/// Shorter ones stand in too many words.
const SHORTEST: usize = 8;

/// Takes a key out of what passes in pieces.
pub(super) struct Veil {
    hidden: Vec<Zeroizing<String>>,
    /// The end of what came, where it may be the beginning of a key.
    held: Zeroizing<Vec<u8>>,
}

impl Veil {
    pub(super) fn new(key: &UpstreamKey) -> Self {
        let hidden = key.hidden().into_iter().filter(|part| part.len() >= SHORTEST).collect();
        Self { hidden, held: Zeroizing::default() }
    }

    /// What may pass of a piece; nothing where all of it must wait for the next one.
    pub(super) fn push(&mut self, piece: &Bytes) -> Bytes {
        let mut data = std::mem::take(&mut *self.held);
        data.extend_from_slice(piece);
        for part in &self.hidden {
            let found: Vec<usize> = memmem::find_iter(&data, part.as_bytes()).collect();
            for at in found {
                if let Some(seen) = data.get_mut(at..at + part.len()) {
                    seen.fill(b'*');
                }
            }
        }
        let begun = self.hidden.iter().map(|part| begins(&data, part.as_bytes())).max().unwrap_or(0);
        self.held = Zeroizing::new(data.split_off(data.len() - begun));
        data.into()
    }

    /// What was held at the end was no key.
    pub(super) fn finish(&mut self) -> Bytes {
        let last = Bytes::copy_from_slice(&self.held);
        self.held.zeroize();
        last
    }
}

/// How many of the last bytes are the first ones of a key, but not all of it.
fn begins(data: &[u8], part: &[u8]) -> usize {
    let most = data.len().min(part.len() - 1);
    (1..=most).rev().find(|many| part.get(..*many).is_some_and(|begin| data.ends_with(begin))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{egress::BaseUrl, vendors};

    const SECRET: &str = "sk-sk-secret-0001";

    fn through(pieces: &[&str]) -> String {
        let (id, vendor) = (api::ids::KeyId(uuid::Uuid::nil()), vendors::find("openai").unwrap());
        let base = BaseUrl::parse("https://a.example").unwrap();
        let mut veil = Veil::new(&UpstreamKey::new(id, vendor, base, SECRET.to_owned().into(), false));
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&veil.push(&Bytes::copy_from_slice(piece.as_bytes())));
        }
        out.extend_from_slice(&veil.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn of_a_key_only_stars_are_seen_wherever_the_pieces_end() {
        let said = format!("no: {SECRET}, sk-sk-sk {SECRET}{SECRET} sk-");
        let want = said.replace(SECRET, &"*".repeat(SECRET.len()));
        assert_eq!(through(&[&said]), want);
        for at in 0..said.len() {
            assert_eq!(through(&[&said[..at], &said[at..]]), want, "cut at {at}");
        }
        let bytes: Vec<String> = said.chars().map(String::from).collect();
        assert_eq!(through(&bytes.iter().map(String::as_str).collect::<Vec<_>>()), want);
    }

    #[test]
    fn what_holds_no_key_passes_as_it_is() {
        for plain in ["", "{\"error\":{\"message\":\"no\"}}", "sk-sk-secret-000", "sk-sk-"] {
            assert_eq!(through(&[plain]), plain);
        }
    }
}
