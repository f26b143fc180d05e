//! Chela answers under its own name only: another host is redirected or refused.
//!
//! This is what stops DNS rebinding, and what keeps people on the address their passkeys belong to.

use crate::platform::config::PublicUrl;
use api::{ApiError, Code};
use http::{HeaderMap, Method, Uri, header};
use std::net::IpAddr;

/// What to do with a request for a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Serve,
    /// To the same page at the public address.
    Redirect(String),
}

/// Compares the host asked for with the public address.
///
/// # Errors
/// `malformed` without a host, `forbidden` for another host where a redirect would not help.
pub(super) fn check(
    public: &PublicUrl,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    forwarded: bool,
) -> Result<Verdict, ApiError> {
    let host = asked(uri, headers, forwarded)
        .ok_or_else(|| ApiError::new(Code::Malformed, "Which host? Send exactly one."))?;
    let own = public.origin().split_once("://").map_or("", |(_, authority)| authority);
    let default_port = if public.is_secure() { ":443" } else { ":80" };
    let bare = host.strip_suffix(default_port).unwrap_or(&host);
    if bare == own {
        return Ok(Verdict::Serve);
    }
    let page = (*method == Method::GET || *method == Method::HEAD) && !uri.path().starts_with("/api/");
    // A person at 127.0.0.1 is led to localhost, where the passkey works; a program may stay.
    let navigates =
        headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    if public.is_local() && is_loopback(&host) && !(page && navigates) {
        return Ok(Verdict::Serve);
    }
    if page {
        let rest = uri.path_and_query().map_or("/", |p| p.as_str());
        return Ok(Verdict::Redirect(format!("{}{rest}", public.origin())));
    }
    Err(ApiError::new(Code::Forbidden, "Chela does not answer under this host name.")
        .with_hint(format!("Use {public}, or change CHELA_PUBLIC_URL.")))
}

/// The one host a request names, in lower case.
fn asked(uri: &Uri, headers: &HeaderMap, forwarded: bool) -> Option<String> {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().map(str::to_ascii_lowercase),
            _ => None,
        }
    };
    let host = only(header::HOST.as_str())?;
    if uri.authority().is_some_and(|authority| authority.as_str().to_ascii_lowercase() != host) {
        return None;
    }
    let original = if forwarded { only("x-forwarded-host") } else { None };
    Some(original.unwrap_or(host)).filter(|host| !host.is_empty())
}

/// Whether `host` (with or without port) names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _port)| name),
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(public: &str, method: &Method, path: &str, host: &str, accept: &str) -> Option<Verdict> {
        let public = PublicUrl::parse(public).expect("public url");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("host"));
        headers.insert(header::ACCEPT, accept.parse().expect("accept"));
        check(&public, method, &path.parse().expect("path"), &headers, false).ok()
    }

    #[test]
    fn its_own_name_is_served_whatever_its_case_or_default_port() {
        for host in ["chela.example", "CHELA.example", "chela.example:443"] {
            assert_eq!(
                ask("https://chela.example", &Method::POST, "/api/bots", host, "*/*"),
                Some(Verdict::Serve),
                "{host}"
            );
        }
    }

    #[test]
    fn another_name_is_led_to_the_public_address_or_refused() {
        let to = |path: &str| Some(Verdict::Redirect(format!("https://chela.example{path}")));
        assert_eq!(
            ask("https://chela.example", &Method::GET, "/bots?a=1", "evil.example", "*/*"),
            to("/bots?a=1")
        );
        assert_eq!(ask("https://chela.example", &Method::GET, "/", "localhost:3000", "*/*"), to("/"));
        for (method, path) in
            [(&Method::POST, "/login"), (&Method::GET, "/api/bots"), (&Method::GET, "/api/live")]
        {
            assert_eq!(ask("https://chela.example", method, path, "evil.example", "*/*"), None);
        }
    }

    #[test]
    fn on_localhost_programs_may_use_the_address_and_people_are_led_to_the_name() {
        let public = "http://localhost:3000";
        assert_eq!(ask(public, &Method::POST, "/api/bots", "127.0.0.1:3000", "*/*"), Some(Verdict::Serve));
        assert_eq!(ask(public, &Method::GET, "/", "[::1]:3000", "*/*"), Some(Verdict::Serve));
        assert_eq!(
            ask(public, &Method::GET, "/", "127.0.0.1:3000", "text/html,*/*"),
            Some(Verdict::Redirect("http://localhost:3000/".into()))
        );
        assert_eq!(ask(public, &Method::GET, "/api/bots", "127.0.0.1.evil.example", "*/*"), None);
    }
}
