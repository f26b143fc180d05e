//! What the environment says to remote commands; nothing else in this crate reads it.

use std::{
    env::var_os,
    ffi::OsString,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The environment of one run.
#[derive(Clone, Default)]
pub(crate) struct Env {
    /// `CHELA_URL`.
    pub(crate) url: Option<String>,
    /// `CHELA_TOKEN`.
    pub(crate) token: Option<Zeroizing<String>>,
    /// `CHELA_CONTEXT`.
    pub(crate) context: Option<String>,
    /// Where logins are kept; absent without a home.
    pub(crate) config_dir: Option<PathBuf>,
    /// `NO_COLOR` is set, or the terminal is a dumb one.
    pub(crate) colourless: bool,
    /// `VISUAL` or `EDITOR`.
    pub(crate) editor: Option<OsString>,
}

impl Env {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let text = |name: &str| var_os(name)?.into_string().ok().filter(|text| !text.trim().is_empty());
        let dir = |name: &str| var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || dir("HOME").map(|home| home.join(".config"));
        Self {
            url: text("CHELA_URL"),
            token: text("CHELA_TOKEN").map(Zeroizing::new),
            context: text("CHELA_CONTEXT"),
            config_dir: dir("XDG_CONFIG_HOME").or_else(home).map(|base| base.join("chela")),
            colourless: var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || var_os("TERM").is_some_and(|term| term == "dumb"),
            editor: var_os("VISUAL").or_else(|| var_os("EDITOR")).filter(|editor| !editor.is_empty()),
        }
    }

    /// The file of the logins.
    pub(crate) fn logins(&self) -> Option<PathBuf> {
        self.config_dir.as_deref().map(|dir: &Path| dir.join("logins.json"))
    }
}
