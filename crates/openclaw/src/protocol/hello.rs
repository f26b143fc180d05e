//! What a gateway says about itself when it lets us in.

use serde::Deserialize;

/// The payload of `hello-ok`, as far as Chela uses it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// The protocol version agreed on.
    pub protocol: u64,
    /// The gateway process.
    pub server: Server,
    /// What it can do.
    #[serde(default)]
    pub features: Features,
    /// What it allows us.
    #[serde(default)]
    pub auth: Granted,
    /// Its limits.
    #[serde(default)]
    pub policy: Policy,
}

/// The gateway process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// OpenClaw's version.
    pub version: String,
    /// Changes when the process restarts.
    #[serde(default)]
    pub boot_id: String,
    /// This connection.
    #[serde(default)]
    pub conn_id: String,
}

/// What the gateway can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Features {
    /// Its methods.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Its events.
    #[serde(default)]
    pub events: Vec<String>,
}

/// What the gateway allows us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Granted {
    /// `operator.admin` implies the rest.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// The gateway's limits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// Largest frame it sends or takes.
    pub max_payload: usize,
    /// How often it says `tick`; twice as long without a sign of life means it is dead.
    pub tick_interval_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_payload: 26_214_400, tick_interval_ms: 30_000 }
    }
}
