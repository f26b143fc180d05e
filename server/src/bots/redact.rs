//! Takes out of text what looks like a secret, before a person sees it.

/// What stands in a secret's place.
const STARS: &str = "***";
/// Words that begin a secret, and the least letters that must follow.
const BEGINNINGS: [(&str, usize); 9] = [
    ("chela_", 8),
    ("sk-", 12),
    ("sk_", 12),
    ("xoxb-", 8),
    ("ghp_", 12),
    ("github_pat_", 12),
    ("AIza", 20),
    ("eyJ", 24),
    ("gsk_", 12),
];
/// Words after which a secret stands.
const LEADS: [&str; 6] = ["bearer ", "authorization: ", "x-api-key: ", "api_key=", "apikey=", "token="];

/// The text without tokens and keys.
pub(super) fn redacted(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        // A secret begins where a word does.
        let before = clean.chars().next_back();
        let starts = before.is_none_or(|c| !c.is_ascii_alphanumeric() && !"_-".contains(c));
        if starts && let Some((kept, taken)) = secret(rest) {
            clean.push_str(kept);
            clean.push_str(STARS);
            rest = rest.get(kept.len() + taken..).unwrap_or_default();
            continue;
        }
        clean.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    clean
}

/// What of `text` stays and how many bytes of a secret follow it, if one begins here.
fn secret(text: &str) -> Option<(&str, usize)> {
    for (beginning, least) in BEGINNINGS {
        if let Some(rest) = text.strip_prefix(beginning) {
            let length = run(rest);
            if length >= least {
                return Some((beginning, length));
            }
        }
    }
    for lead in LEADS {
        let head = text.get(..lead.len()).filter(|head| head.eq_ignore_ascii_case(lead));
        if let Some(rest) = head.and_then(|_| text.get(lead.len()..)) {
            // "Authorization: Bearer x": the next lead is met by itself.
            let length = run(rest);
            if length >= 8 {
                return Some((text.get(..lead.len())?, length));
            }
        }
    }
    None
}

fn run(text: &str) -> usize {
    text.find(|c: char| !is_secret(c)).unwrap_or(text.len())
}

fn is_secret(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./+=".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_and_everything_else_stays() {
        for (said, shown) in [
            ("token chela_bot_AbC123xyz9 used", "token chela_*** used"),
            ("key=sk-proj-abcdefghijklmnop.", "key=sk-***"),
            ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
            ("GET /?token=0123456789abcdef&x=1", "GET /?token=***&x=1"),
            ("\"chela_vk_0123456789\"", "\"chela_***\""),
            ("risk-averse task-list sk-short disk-full", "risk-averse task-list sk-short disk-full"),
            ("chela_relay", "chela_relay"),
            ("ein Schlüßel: gsk_abcdefghijkl", "ein Schlüßel: gsk_***"),
        ] {
            assert_eq!(redacted(said), shown);
        }
    }
}
