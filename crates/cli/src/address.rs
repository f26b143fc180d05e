//! The address of a panel: an origin, and never one over which a token would travel in the open.

use crate::failure::Failure;
use std::fmt;
use url::{Host, Url};

/// The origin of a panel, e.g. `https://chela.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// Reads what a person typed; a name without a scheme means https, or http for this machine.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: &str| Failure::Usage(format!("'{}' {why}", crate::output::plain(text)));
        let form = "is not an address like https://chela.example.org";
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            let guess = Url::parse(&format!("http://{text}")).map_err(|_bad| bad(form))?;
            format!("{}://{text}", if is_here(&guess) { "http" } else { "https" })
        };
        let url = Url::parse(&whole).map_err(|_bad| bad(form))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::Usage(
                "the address holds a user name or password; Chela wants a token".to_owned(),
            ));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("must end after the host: Chela is not served beneath a path"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_here(&url) => {}
            "http" => {
                return Err(bad(
                    "is plain http to another machine: everybody on the way could read your token. \
                     Use https, or `ssh -L 3000:localhost:3000` and http://localhost:3000",
                ));
            }
            _ => return Err(bad(form)),
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin() {
        for (text, origin) in [
            ("https://Chela.example.org/", "https://chela.example.org"),
            ("https://chela.example.org:443", "https://chela.example.org"),
            ("chela.example.org", "https://chela.example.org"),
            ("localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(Address::parse(text).map(|a| a.to_string()), Ok(origin.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_token_never_travels_in_the_open() {
        for text in ["http://chela.example.org", "http://10.0.0.1:3000", "http://localhost.example.org"] {
            let said = Address::parse(text).unwrap_err();
            assert_eq!(said.exit(), 2);
            assert!(said.to_string().contains("could read your token"), "{said}");
        }
        for text in
            ["ftp://localhost", "https://a:b@chela.example.org", "https://x.example/chela", "", "https://"]
        {
            assert_eq!(Address::parse(text).unwrap_err().exit(), 2, "{text}");
        }
    }
}
