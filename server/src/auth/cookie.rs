//! The session cookie: how it is set, read and taken away.

use super::sessions::ABSOLUTE_MS;

/// Its name. The prefix makes browsers insist on Secure, Path=/ and no Domain.
const NAME: &str = "__Host-chela";

/// The `Set-Cookie` value that hands out `token`.
pub(super) fn set(token: &str) -> String {
    format!("{NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}", ABSOLUTE_MS / 1000)
}

/// The `Set-Cookie` value that takes it away.
pub(super) fn clear() -> String {
    format!("{NAME}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The token in a `Cookie` header, or in the bare value of the cookie.
pub(super) fn token(header: &str) -> Option<&str> {
    let value = if header.contains('=') {
        header.split(';').find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?
    } else {
        header
    };
    let value = value.trim();
    // 256 bits in base64 are 43 characters: nothing else is looked up.
    (value.len() == 43).then_some(value)
}

/// `Firefox on Linux`, from what the browser says of itself; for people to recognise their sessions.
pub(super) fn label(agent: Option<&str>) -> String {
    let agent = agent.unwrap_or_default();
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("Windows", "Windows"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies_and_nowhere_else() {
        let t = "x".repeat(43);
        assert_eq!(token(&format!("theme=dark; {NAME}={t}; a=b")), Some(t.as_str()));
        assert_eq!(token(&t), Some(t.as_str()));
        for bad in [format!("x{NAME}={t}"), format!("{NAME}=short"), String::new(), "theme=dark".into()] {
            assert_eq!(token(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_browser_is_named_as_people_name_it() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(label(Some(chrome)), "Chrome on Linux");
        assert_eq!(label(None), "Unknown browser");
    }
}
