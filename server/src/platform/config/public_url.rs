//! The address people open. Passkeys are bound to its host.

use super::{ConfigError, parse::bad};
use http::Uri;

/// A checked public URL: https, or http on localhost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
    secure: bool,
}

impl PublicUrl {
    /// Reads and checks.
    ///
    /// # Errors
    /// Not a bare origin, or plain http for anything but localhost.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim_end_matches('/');
        let no_url =
            || bad("public_url", format!("'{text}' is not an address like https://chela.example.org"));
        let uri: Uri = text.parse().map_err(|_bad| no_url())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(no_url());
        };
        if uri.path() != "/" && !uri.path().is_empty()
            || uri.query().is_some()
            || authority.as_str().contains('@')
        {
            return Err(bad("public_url", "must be an origin only, without path, query or user"));
        }
        let host = authority.host().to_ascii_lowercase();
        let local = host == "localhost" || host.ends_with(".localhost");
        match scheme {
            "https" => {}
            "http" if local => {}
            "http" => {
                return Err(bad(
                    "public_url",
                    format!(
                        "passkeys need TLS, and '{text}' has none. Ways out: put a proxy with a certificate in front \
                         and set https://{host}; or open a tunnel (ssh -L 3000:localhost:3000 this-machine) and keep \
                         http://localhost:3000; or use localhost on this machine"
                    ),
                ));
            }
            other => return Err(bad("public_url", format!("'{other}' is neither https nor http"))),
        }
        let default_port = if scheme == "https" { 443 } else { 80 };
        let port =
            authority.port_u16().filter(|p| *p != default_port).map(|p| format!(":{p}")).unwrap_or_default();
        Ok(Self { origin: format!("{scheme}://{host}{port}"), host, secure: scheme == "https" })
    }

    /// `scheme://host[:port]`, as browsers send it in `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }
    /// The host, without port: the passkeys' relying party id.
    pub fn host(&self) -> &str {
        &self.host
    }
    /// Whether it is https.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }
    /// Whether it is this machine.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.ends_with(".localhost")
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_or_localhost_and_nothing_else() {
        for good in [
            "https://chela.example.org",
            "http://localhost:3000",
            "http://chela.localhost:3000/",
            "https://a.b:8443",
        ] {
            assert!(PublicUrl::parse(good).is_ok(), "{good}");
        }
        for wrong in
            ["http://10.0.0.1:3000", "http://example.org", "ftp://x", "chela", "https://a/b", "https://u@h"]
        {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
        let text =
            PublicUrl::parse("http://example.org").map_err(|e| e.to_string()).err().unwrap_or_default();
        assert!(text.contains("ssh -L") && text.contains("https://example.org"), "{text}");
    }

    #[test]
    fn a_default_port_is_dropped_as_browsers_do() {
        assert_eq!(
            PublicUrl::parse("https://Example.org:443/").map(|u| u.origin).ok().as_deref(),
            Some("https://example.org")
        );
    }
}
