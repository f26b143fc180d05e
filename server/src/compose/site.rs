//! How leptos finds the site: settings carried in the binary, `LEPTOS_*` from the environment on top.

use super::StartError;
use crate::platform::{config::Config, http::site};
use leptos::config::{LeptosOptions, get_config_from_str};

/// The run-time copy of the leptos section; a repository test keeps it equal to Cargo.toml's.
const LEPTOS_TOML: &str = include_str!("../../../Leptos.toml");

/// Options for rendering and serving pages. A binary that carries its site writes the few files leptos
/// reads from disk below the data dir.
///
/// # Errors
/// The environment overrides them with nonsense, or the data dir cannot be written.
pub fn leptos_options(config: &Config) -> Result<LeptosOptions, StartError> {
    let mut options =
        get_config_from_str(LEPTOS_TOML).map_err(|e| StartError::Other(format!("leptos settings: {e}")))?;
    options.site_addr = config.listen;
    let dir = config.data_dir.join("site");
    site::unpack(&dir, options).map_err(|e| StartError::Other(format!("{}: {e}", dir.display())))
}
