//! Escapes in addresses.

use std::borrow::Cow;

/// Percent-decoding; what is no escape stays as it is.
pub(crate) fn decode(text: &str) -> Cow<'_, [u8]> {
    // Nearly always there is none.
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| byte == b'%');
        let value = digits.and_then(|(hex, tail)| {
            let hex = std::str::from_utf8(hex).ok().filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
            Some((u8::from_str_radix(hex, 16).ok()?, tail))
        });
        let (byte, tail) = value.unwrap_or((byte, after));
        out.push(byte);
        rest = tail;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for (text, plain) in [
            ("a%2Fb%2fc", "a/b/c"),
            ("%6bey", "key"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%+1", "%zz%+1"),
            ("%%41", "%A"),
        ] {
            assert_eq!(*decode(text), *plain.as_bytes(), "{text}");
        }
        assert_eq!(*decode("%FF"), [0xff]);
    }
}
