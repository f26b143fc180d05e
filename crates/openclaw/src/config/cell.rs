//! The contract between Chela and `plugin/cell.mjs`, the entry of every bot: which environment its
//! process gets, and which files lie in its run directory. `cell.mjs` is the other half.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Port on which a cell with sockets offers the relay to the gateway inside it.
pub const CELL_RELAY_PORT: u16 = 3100;
/// Port of the gateway inside a cell with sockets.
pub const CELL_GATEWAY_PORT: u16 = 18789;
/// Socket in the run directory on which Chela listens for the bot's calls.
pub const RELAY_SOCKET: &str = "relay.sock";
/// Socket in the run directory on which the bot listens for Chela.
pub const GATEWAY_SOCKET: &str = "gateway.sock";
/// File in the run directory, 0400 of the bot's uid: the relay token of this generation.
pub const RELAY_TOKEN_FILE: &str = "tokens/relay";
/// File in the run directory, 0400 of the bot's uid: the gateway token.
pub const GATEWAY_TOKEN_FILE: &str = "tokens/gateway";
/// File in the run directory, 0400 of the bot's uid: the tool token of this generation.
pub const TOOL_TOKEN_FILE: &str = "tokens/tool";

/// How a bot and Chela reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wires {
    /// Two Unix sockets in the run directory; the cell has no network.
    Sockets,
    /// Loopback ports of the host (process runtime).
    Loopback,
}

/// Paths of a bot, as its own process sees them.
#[derive(Debug, Clone)]
pub struct CellPaths {
    /// `openclaw.mjs` of the installed version.
    pub openclaw: PathBuf,
    /// Directory with `openclaw.json`, read-only to the bot.
    pub config_dir: PathBuf,
    /// The gateway's own state.
    pub state: PathBuf,
    /// The bot's workspace.
    pub workspace: PathBuf,
    /// Tokens and sockets.
    pub run: PathBuf,
    /// Home directory: somewhere it may write and nobody else reads.
    pub home: PathBuf,
    /// Directory for temporary files, private to the bot where several share a host.
    pub tmp: PathBuf,
}

/// Name of the configuration inside `config_dir`.
pub const CONFIG_FILE: &str = "openclaw.json";

/// Set for a start after a refused one (exit 78): how many seconds `openclaw doctor --fix` may take before it. It
/// took 16 s on two cores; the gateway that follows has the rest of the time until it counts as hung.
pub const DOCTOR: (&str, &str) = ("CHELA_DOCTOR", "60");

/// The environment of a bot's process: everything, so that nothing of Chela's own is inherited.
/// It holds no secret; anybody who may inspect the container may read it.
#[must_use]
pub fn environment(
    paths: &CellPaths,
    wires: Wires,
    gateway_port: u16,
    openclaw: &str,
) -> BTreeMap<String, String> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let config = paths.config_dir.join(CONFIG_FILE);
    let wires = match wires {
        Wires::Sockets => "sockets",
        Wires::Loopback => "none",
    };
    [
        ("CHELA_RUN_DIR", text(&paths.run)),
        ("CHELA_OPENCLAW", text(&paths.openclaw)),
        // What it is meant to be: for whoever stands in its place, and for those who look into the container.
        ("CHELA_OPENCLAW_VERSION", openclaw.to_owned()),
        ("CHELA_WIRES", wires.to_owned()),
        ("CHELA_RELAY_PORT", CELL_RELAY_PORT.to_string()),
        ("HOME", text(&paths.home)),
        ("TMPDIR", text(&paths.tmp)),
        ("XDG_CACHE_HOME", text(&paths.home.join(".cache"))),
        ("LANG", "C.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        // Logs are read by people in a browser, not on a terminal.
        ("NO_COLOR", "1".to_owned()),
        ("NODE_ENV", "production".to_owned()),
        ("OPENCLAW_CONFIG_PATH", text(&config)),
        // We write the configuration, the gateway never does.
        ("OPENCLAW_CONFIG_READONLY", "1".to_owned()),
        ("OPENCLAW_STATE_DIR", text(&paths.state)),
        ("OPENCLAW_HOME", text(&paths.home)),
        ("OPENCLAW_WORKSPACE_DIR", text(&paths.workspace)),
        ("OPENCLAW_GATEWAY_PORT", gateway_port.to_string()),
        // One process is one bot: the process we started stays the one we watch.
        ("OPENCLAW_NO_RESPAWN", "1".to_owned()),
        // Several bots on one host is what we are for.
        ("OPENCLAW_ALLOW_MULTI_GATEWAY", "1".to_owned()),
        ("OPENCLAW_DISABLE_BONJOUR", "1".to_owned()),
        ("OPENCLAW_NO_AUTO_UPDATE", "1".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_bot_names_no_token() {
        let paths = CellPaths {
            openclaw: "/app/openclaw.mjs".into(),
            config_dir: "/config".into(),
            state: "/state".into(),
            workspace: "/workspace".into(),
            run: "/run/chela".into(),
            home: "/home/node".into(),
            tmp: "/tmp".into(),
        };
        let environment = environment(&paths, Wires::Sockets, CELL_GATEWAY_PORT, "2026.9.6");
        assert!(environment.keys().all(|name| !name.contains("TOKEN") && !name.contains("KEY")));
        assert_eq!(environment["OPENCLAW_CONFIG_PATH"], "/config/openclaw.json");
    }
}
