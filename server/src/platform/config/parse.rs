//! One small reader per kind of setting; every refusal names the setting and the form it wants.

use super::{PrivateUpstream, RuntimeChoice};
use api::bots::RuntimeKind;
use std::net::{IpAddr, SocketAddr};

/// A setting that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("CHELA_{}: {why}", name.to_uppercase())]
    Bad { name: &'static str, why: String },
    #[error("{file}: {why}")]
    File { file: String, why: String },
    #[error("{given} is not a setting; did you mean {nearest}?")]
    Misspelt { given: String, nearest: String },
}

pub(super) fn bad(name: &'static str, why: impl Into<String>) -> ConfigError {
    ConfigError::Bad { name, why: why.into() }
}

pub(super) fn addr(name: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_bad| bad(name, format!("'{text}' is not an address like 127.0.0.1:3000")))
}

/// The relay speaks to programs on this machine; bots have wires of their own.
pub(super) fn not_everywhere(name: &'static str, addr: SocketAddr) -> Result<SocketAddr, ConfigError> {
    if addr.ip().is_unspecified() {
        return Err(bad(
            name,
            "must be one address, never 0.0.0.0 or [::]: whoever reaches the relay may try tokens",
        ));
    }
    Ok(addr)
}

pub(super) fn flag(name: &'static str, text: Option<&str>) -> Result<bool, ConfigError> {
    match text {
        None | Some("" | "0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => Err(bad(name, format!("'{other}' is neither 1 nor 0"))),
    }
}

pub(super) fn range(name: &'static str, text: &str) -> Result<(u32, u32), ConfigError> {
    let parsed =
        text.split_once('-').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    match parsed {
        Some((first, last)) if first >= 1000 && first < last => Ok((first, last)),
        _ => Err(bad(name, format!("'{text}' is not a range of uids like 200000-265535, from 1000 up"))),
    }
}

pub(super) fn runtime(text: &str) -> Result<RuntimeChoice, ConfigError> {
    match text {
        "auto" => Ok(RuntimeChoice::Auto),
        "process" => Ok(RuntimeChoice::Only(RuntimeKind::Process)),
        "docker" => Ok(RuntimeChoice::Only(RuntimeKind::Docker)),
        other => Err(bad("runtime", format!("'{other}' is none of auto, process, docker"))),
    }
}

pub(super) fn database_url(text: Option<String>) -> Result<Option<String>, ConfigError> {
    match text {
        None => Ok(None),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(Some(url)),
        // The value may hold a password: it is not repeated.
        Some(_) => {
            Err(bad("database_url", "must start with postgres:// (leave it out for SQLite in the data dir)"))
        }
    }
}

/// A comma-separated list.
pub(super) fn addresses(text: Option<String>) -> Vec<String> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

pub(super) fn upstreams(list: &[String]) -> Result<Vec<PrivateUpstream>, ConfigError> {
    list.iter()
        .map(|item| {
            let (authority, workspace) =
                item.split_once('=').map_or((item.as_str(), None), |(a, w)| (a, Some(w.to_owned())));
            let port = authority
                .rsplit_once(':')
                .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
            match port {
                Some(port) if port > 0 => Ok(PrivateUpstream { authority: authority.to_owned(), workspace }),
                _ => Err(bad(
                    "private_upstreams",
                    format!("'{item}' is not host:port or host:port=workspace-slug"),
                )),
            }
        })
        .collect()
}

/// Exact versions of OpenClaw, comma-separated.
pub(super) fn versions(list: Option<String>) -> Result<Vec<String>, ConfigError> {
    let list = list.unwrap_or_default();
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| match runtime::is_version(item) {
            true => Ok(item.to_owned()),
            false => Err(bad("openclaw_versions", format!("'{item}' is no exact version such as 2026.9.6"))),
        })
        .collect()
}

pub(super) fn networks(list: &[String]) -> Result<Vec<(IpAddr, u8)>, ConfigError> {
    list.iter()
        .map(|item| {
            let (ip, prefix) = item.split_once('/').map_or((item.as_str(), None), |(ip, p)| (ip, Some(p)));
            let ip: IpAddr = ip
                .parse()
                .map_err(|_bad| bad("trusted_proxies", format!("'{item}' is not an address or network")))?;
            let most = if ip.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Ok(most), |p| {
                p.parse::<u8>()
                    .map_err(|_bad| bad("trusted_proxies", format!("'{item}' has no valid prefix length")))
            })?;
            if prefix > most {
                return Err(bad("trusted_proxies", format!("'{item}' has a prefix longer than {most}")));
            }
            Ok((ip, prefix))
        })
        .collect()
}
