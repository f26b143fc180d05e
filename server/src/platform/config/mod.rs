//! Typed settings: environment first, then `chela.toml` in the data dir, then the default.
//!
//! Nothing else reads the environment. A malformed value or an unknown key stops the start with a text
//! that names it.

mod parse;
mod public_url;
mod source;

pub use parse::ConfigError;
pub use public_url::PublicUrl;
pub use source::{Source, Warning};

use super::secret::Secret;
use ::runtime::docker::EngineAddress;
use api::bots::RuntimeKind;
use parse::{addr, addresses, flag, networks, range, upstreams};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// Names of all settings, without `CHELA_`, in lower case.
pub const NAMES: &[&str] = &[
    "data_dir",
    "host_data_dir",
    "database_url",
    "listen",
    "relay_listen",
    "metrics_listen",
    "public_url",
    "runtime",
    "docker_host",
    "bot_image",
    "bot_subnets",
    "bot_uids",
    "uid_claims",
    "allow_unisolated",
    "openclaw",
    "openclaw_versions",
    "master_key_file",
    "private_upstreams",
    "trusted_proxies",
    "bots_domain",
    "log",
    "tools",
];

/// Which runtime new bots get when nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// Docker where an engine answers, else processes.
    Auto,
    Only(RuntimeKind),
}

/// A private address that model upstreams may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateUpstream {
    /// `host:port`.
    pub authority: String,
    /// For one workspace (its slug) only.
    pub workspace: Option<String>,
}

/// All settings of a running Chela.
#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    /// The data dir as the container engine sees it, where Chela itself runs in a container.
    pub host_data_dir: Option<PathBuf>,
    /// PostgreSQL; SQLite in the data dir when absent. May hold a password.
    pub database_url: Option<Secret>,
    pub listen: SocketAddr,
    pub relay_listen: SocketAddr,
    pub metrics_listen: SocketAddr,
    pub public_url: PublicUrl,
    pub runtime: RuntimeChoice,
    /// Where the container engine listens.
    pub engine: EngineAddress,
    pub bot_image: Option<String>,
    /// Uids of process bots, first and last.
    pub bot_uids: (u32, u32),
    /// Where the Chelas of this host note which of them holds which user id.
    pub uid_claims: PathBuf,
    pub allow_unisolated: bool,
    /// Command that takes OpenClaw's place in the process runtime.
    pub openclaw: Option<String>,
    /// Versions of OpenClaw that bots may be given besides the one this Chela pins.
    pub openclaw_versions: Vec<String>,
    pub master_key_file: Option<PathBuf>,
    pub private_upstreams: Vec<PrivateUpstream>,
    /// Proxies whose `X-Forwarded-For` counts: network address and prefix length.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Directory with Node and OpenClaw ready to use, shared between data dirs.
    pub tools: Option<PathBuf>,
    pub log: String,
}

impl Config {
    /// Whether keys of a workspace may use the private upstream at `base`: its very host and port must be listed,
    /// for everybody or for that workspace.
    pub fn may_reach_private(&self, base: &relay::egress::BaseUrl, workspace: Option<&str>) -> bool {
        let authority = format!("{}:{}", base.host(), base.port());
        self.private_upstreams.iter().any(|listed| {
            listed.authority.eq_ignore_ascii_case(&authority)
                && listed.workspace.as_deref().is_none_or(|only| Some(only) == workspace)
        })
    }

    /// Reads the settings of this process.
    ///
    /// # Errors
    /// The first setting that cannot be understood, by name.
    pub fn load(source: &Source) -> Result<Self, ConfigError> {
        let get = |name: &'static str| source.get(name);
        let or = |name: &'static str, default: &str| source.get(name).unwrap_or_else(|| default.to_owned());
        let listen = addr("listen", &or("listen", "127.0.0.1:3000"))?;
        let default_url = format!("http://localhost:{}", listen.port());
        Ok(Self {
            data_dir: source.data_dir().to_owned(),
            host_data_dir: get("host_data_dir").map(PathBuf::from),
            database_url: parse::database_url(get("database_url"))?.map(Secret::new),
            listen,
            relay_listen: parse::not_everywhere(
                "relay_listen",
                addr("relay_listen", &or("relay_listen", "127.0.0.1:3100"))?,
            )?,
            metrics_listen: addr("metrics_listen", &or("metrics_listen", "127.0.0.1:3101"))?,
            public_url: PublicUrl::parse(&or("public_url", &default_url))?,
            runtime: parse::runtime(&or("runtime", "auto"))?,
            engine: match get("docker_host") {
                None => EngineAddress::default(),
                Some(said) => said.parse().map_err(|why: String| parse::bad("docker_host", why))?,
            },
            bot_image: get("bot_image"),
            bot_uids: range("bot_uids", &or("bot_uids", "200000-265535"))?,
            uid_claims: PathBuf::from(or("uid_claims", runtime::process::UID_CLAIMS)),
            allow_unisolated: flag("allow_unisolated", get("allow_unisolated").as_deref())?,
            openclaw: get("openclaw"),
            openclaw_versions: parse::versions(get("openclaw_versions"))?,
            master_key_file: get("master_key_file").map(PathBuf::from),
            private_upstreams: upstreams(&addresses(get("private_upstreams")))?,
            trusted_proxies: networks(&addresses(get("trusted_proxies")))?,
            tools: get("tools").map(PathBuf::from),
            log: or("log", "info"),
        })
    }
}
