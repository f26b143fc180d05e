//! Keys of AWS that are a pair: an id that may be known, and a secret that signs and never leaves Chela.

/// `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` behind it where they are for a while only.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The access key's id.
    pub id: &'a str,
    /// What signs.
    pub secret: &'a str,
    /// Sent with every call, where there is one.
    pub token: Option<&'a str>,
}

impl<'a> Pair<'a> {
    /// Reads a key; nothing where it is one that is sent as it is.
    ///
    /// # Errors
    /// It begins as a pair does and is none, in words for who typed it.
    pub fn read(text: &'a str) -> Result<Option<Self>, &'static str> {
        let Some((id, rest)) = text.split_once(':') else {
            return if is_id(text) {
                Err("is an access key id alone: write ACCESS_KEY_ID:SECRET_ACCESS_KEY")
            } else {
                Ok(None)
            };
        };
        let (secret, token) =
            rest.split_once(':').map_or((rest, None), |(secret, token)| (secret, Some(token)));
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
        if !is_id(id) {
            return Err(
                "must be ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN behind it if there is one; an access key \
                 id has 16 to 128 capital letters and digits",
            );
        }
        if !(16..=128).contains(&secret.len()) || !plain(secret) {
            return Err("has a secret access key that is none: 16 to 128 letters, digits, + and /");
        }
        match token {
            Some(token) if token.is_empty() || !plain(token) => Err("has a session token that is none"),
            None if id.starts_with("ASIA") => {
                Err("is a temporary pair: write its session token behind it, ID:SECRET:SESSION_TOKEN")
            }
            _ => Ok(Some(Self { id, secret, token })),
        }
    }
}

fn is_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Pair;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn a_pair_is_told_from_a_key_that_is_sent() {
        let (long, short) =
            (format!("AKIAIOSFODNN7EXAMPLE:{SECRET}"), format!("ASIAIOSFODNN7EXAMPLE:{SECRET}:IQoJb3==/+"));
        let pair = Pair::read(&long).unwrap().unwrap();
        assert_eq!((pair.id, pair.secret, pair.token), ("AKIAIOSFODNN7EXAMPLE", SECRET, None));
        assert_eq!(Pair::read(&short).unwrap().unwrap().token, Some("IQoJb3==/+"));
        for sent in ["ABSKQmVkcm9ja0FQSUtleS1hYmNk", "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t", ""] {
            assert!(Pair::read(sent).unwrap().is_none(), "{sent}");
        }
    }

    #[test]
    fn what_begins_as_a_pair_and_is_none_is_told_why() {
        for (text, word) in [
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "alone"),
            (format!("akiaiosfodnn7example:{SECRET}"), "capital letters"),
            (format!("AKIA:{SECRET}"), "16 to 128"),
            ("AKIAIOSFODNN7EXAMPLE:".to_owned(), "secret access key"),
            ("AKIAIOSFODNN7EXAMPLE:short".to_owned(), "secret access key"),
            (format!("AKIAIOSFODNN7EXAMPLE:{SECRET}:"), "session token"),
            (format!("AKIAIOSFODNN7EXAMPLE:{SECRET}:a:b"), "session token"),
            (format!("ASIAIOSFODNN7EXAMPLE:{SECRET}"), "temporary"),
        ] {
            let flaw = Pair::read(&text).err().unwrap();
            assert!(flaw.contains(word), "{flaw}");
            assert!(!flaw.contains("wJalr") && !flaw.contains("IOSFODNN7"), "no word of the key itself");
        }
    }
}
