//! Addresses as people write them, normalised: `http://0x7f.1` and `http://127.0.0.1` are one host here.

use super::EgressError;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use url::{Host, Url};

/// Where an upstream lives: scheme, host, port and a path without its last slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    https: bool,
    host: Host<String>,
    port: u16,
    authority: Authority,
    path: String,
}

impl BaseUrl {
    /// Reads an address. Only http and https; no credentials, query, fragment, odd slashes or blanks.
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        let bad = EgressError::Url;
        if text.len() > 2000 {
            return Err(bad("is too long"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(bad("has characters that no address has"));
        }
        let url = Url::parse(text).map_err(|_gone| bad("is not a URL such as https://api.example.com/v1"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(bad("must begin with https:// (or http:// for a listed private upstream)")),
        };
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(bad("must not carry a name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("must not have a query or a fragment"));
        }
        let host = tidy(url.host().ok_or(bad("has no host"))?.to_owned())?;
        let port = url.port_or_known_default().unwrap_or(if https { 443 } else { 80 });
        let shown = url.port().map_or_else(|| host.to_string(), |p| format!("{host}:{p}"));
        let authority = shown.parse().map_err(|_gone| bad("has a host that no address has"))?;
        Ok(Self { https, host, port, authority, path: url.path().trim_end_matches('/').to_owned() })
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The normalised host.
    #[must_use]
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The port, also where the address does not name it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, empty or beginning with a slash, never ending with one.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The address of something below it; `rest` has no leading slash and may have a query.
    pub fn join(&self, rest: &str) -> Result<Uri, EgressError> {
        self.at(format!("{}/{rest}", self.path))
    }

    /// The address of a path from the host's root, which may have a query.
    pub(crate) fn at(&self, path: String) -> Result<Uri, EgressError> {
        let path = PathAndQuery::try_from(path);
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.https { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(self.authority.clone());
        parts.path_and_query =
            Some(path.map_err(|_gone| EgressError::Url("has a path that no address has"))?);
        Uri::from_parts(parts).map_err(|_gone| EgressError::Url("has a path that no address has"))
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority, self.path)
    }
}

/// A private upstream the operator listed: `host:port`, that exact host and port and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Allowed {
    pub(super) host: Host<String>,
    pub(super) port: u16,
}

impl Allowed {
    /// Reads `host:port` (`[::1]:8000` for IPv6).
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        let bad = EgressError::Url("must be host:port");
        let Some((host, port)) = text.rsplit_once(':') else { return Err(bad) };
        let (Ok(host), Ok(port)) = (Host::parse(host), port.parse()) else { return Err(bad) };
        Ok(Self { host: tidy(host)?, port })
    }
}

/// One form per name: lower case is the parser's work, the dot of a rooted name is taken off here.
pub(super) fn tidy(host: Host<String>) -> Result<Host<String>, EgressError> {
    let Host::Domain(name) = host else { return Ok(host) };
    let name = name.trim_end_matches('.').to_owned();
    if name.is_empty() {
        return Err(EgressError::Url("has no host"));
    }
    // Without its dot a name can turn out to be an address.
    Host::parse(&name).map_err(|_gone| EgressError::Url("has a host that no address has"))
}
