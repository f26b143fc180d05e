//! Writing what a bot reads: configuration, persona, tokens, its entry script.

use super::{
    BotHome, HomeError, Part,
    dir::{self, Access, Owner},
};
use rustix::fs::FileType;
use std::ffi::OsStr;

/// The configuration inside `config`.
pub const CONFIG_FILE: &str = "openclaw.json";
/// The bot's entry inside `config`.
pub const CELL_FILE: &str = "cell.mjs";
const CELL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/cell.mjs"));

const MOST_CONFIG: usize = 1 << 20;
const MOST_FILE: usize = 256 << 10;
const MOST_FILES: usize = 32;

/// Tokens of one generation.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    /// For model calls, on the bot's own wire.
    pub relay: &'a str,
    /// With which Chela opens the bot's gateway.
    pub gateway: &'a str,
    /// For tool calls.
    pub tool: &'a str,
}

impl BotHome {
    /// Writes the configuration; a running gateway sees the old or the new, never a part.
    ///
    /// # Errors
    /// No access, no space, more than 1 MiB.
    pub fn write_config(&self, json: &str) -> Result<(), HomeError> {
        within("the configuration", json.len(), MOST_CONFIG)?;
        self.write_read_only(CONFIG_FILE, json)
    }

    /// Writes the entry script of this version of Chela.
    pub(crate) fn write_cell(&self) -> Result<(), HomeError> {
        self.write_read_only(CELL_FILE, CELL)
    }

    fn write_read_only(&self, name: &str, text: &str) -> Result<(), HomeError> {
        let user = self.user()?;
        let config = self.part(Part::Config)?;
        let access = Access { mode: 0o640, owner: Owner::Shared(user) };
        dir::replace(&config, name, text.as_bytes(), access)
            .map_err(HomeError::io("writing a bot's configuration"))
    }

    /// Writes persona files into the workspace, each as a whole; other files there stay.
    ///
    /// # Errors
    /// A name that is a path or hidden, more than 32 files or 256 KiB each, no access, no space.
    pub fn write_workspace_files<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), HomeError> {
        let user = self.user()?;
        let workspace = self.part(Part::Workspace)?;
        for (count, (name, text)) in files.into_iter().enumerate() {
            within("the number of workspace files", count + 1, MOST_FILES)?;
            within("a workspace file", text.len(), MOST_FILE)?;
            if !dir::is_plain(OsStr::new(name)) || name.starts_with('.') {
                return Err(HomeError::BadName(name.to_owned()));
            }
            self.make_way(&workspace, name)?;
            let access = Access { mode: 0o600, owner: Owner::Bot(user) };
            dir::replace(&workspace, name, text.as_bytes(), access)
                .map_err(HomeError::io("writing a bot's workspace"))?;
        }
        Ok(())
    }

    /// Writes `run/tokens/{relay,gateway,tool}`, readable by the bot alone.
    ///
    /// # Errors
    /// No access, no space.
    pub fn write_tokens(&self, tokens: &Tokens<'_>) -> Result<(), HomeError> {
        let user = self.user()?;
        let run = self.part(Part::Run)?;
        // `run` is the bot's: what it put under our name goes to the trash.
        if !matches!(kind(&run, "tokens")?, None | Some(FileType::Directory)) {
            self.discard(&run, "tokens")?;
        }
        let owner = Owner::Bot(user);
        let dir = dir::ensure(&run, "tokens", Access { mode: 0o700, owner })?;
        for (name, token) in [("relay", tokens.relay), ("gateway", tokens.gateway), ("tool", tokens.tool)] {
            self.make_way(&dir, name)?;
            dir::replace(&dir, name, token.as_bytes(), Access { mode: 0o400, owner })
                .map_err(HomeError::io("writing a bot's tokens"))?;
        }
        Ok(())
    }

    /// Takes the tokens away, after a stop.
    ///
    /// # Errors
    /// No access.
    pub fn clear_tokens(&self) -> Result<(), HomeError> {
        let run = self.part(Part::Run)?;
        if kind(&run, "tokens")?.is_some() {
            self.discard(&run, "tokens")?;
        }
        Ok(())
    }

    /// Removes one file below a part, e.g. a transcript that was to be forgotten. No link is followed on the
    /// way; nothing there: nothing happens.
    ///
    /// # Errors
    /// A path that does not lead below the part, or no access.
    pub fn remove_file(&self, part: Part, below: &std::path::Path) -> Result<(), HomeError> {
        use std::path::Component;
        let mut names = Vec::new();
        for component in below.components() {
            let Component::Normal(name) = component else {
                return Err(HomeError::BadName(below.display().to_string()));
            };
            names.push(name);
        }
        let Some((leaf, way)) = names.split_last() else {
            return Err(HomeError::BadName(below.display().to_string()));
        };
        let mut at = self.part(part)?;
        let gone = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
        for name in way {
            at = match dir::open(&at, name) {
                Ok(next) => next,
                Err(error) if gone(&error) => return Ok(()),
                Err(error) => return Err(HomeError::io("opening a bot's directory")(error)),
            };
        }
        match at.remove_file(std::path::Path::new(leaf)) {
            Err(error) if !gone(&error) => Err(HomeError::io("removing a bot's file")(error)),
            _ => Ok(()),
        }
    }

    /// A directory cannot be replaced by a file: one planted under our name goes to the trash.
    pub(super) fn make_way(&self, at: &cap_std::fs::Dir, name: &str) -> Result<(), HomeError> {
        if kind(at, name)? == Some(FileType::Directory) {
            self.discard(at, name)?;
        }
        Ok(())
    }
}

fn kind(at: &cap_std::fs::Dir, name: &str) -> Result<Option<FileType>, HomeError> {
    dir::kind(at, name).map_err(HomeError::io("looking at a bot's file"))
}

fn within(what: &'static str, bytes: usize, limit: usize) -> Result<(), HomeError> {
    if bytes > limit { Err(HomeError::TooLarge { what, bytes, limit }) } else { Ok(()) }
}
