//! A bot's files: `bots/<id>/{config,state,workspace,run,logs}`.
//!
//! Everything Chela does with files that a bot can write happens here, through directory handles: no
//! symlink is followed, no path is joined below a directory that a bot could replace, every count and size
//! has a limit. A bot is taken to plant whatever it can. Not responsible for what the files say.
//!
//! Under root `bots/<id>` belongs to root and lets only the bot's group pass, so that a bot cannot swap the
//! directories in it (and so not its configuration); `state`, `workspace` and `run` belong to the bot,
//! `config` is readable and `logs` closed to it. Not under root all belong to Chela's own user.

mod bundle;
mod copies;
mod dir;
mod error;
mod files;
mod layout;
mod sockets;
mod survey;
mod trash;

pub use bundle::{TakeLimits, Taken, is_bundle_path};
pub use error::HomeError;
pub use files::{CELL_FILE, CONFIG_FILE, Tokens};
pub use layout::{BotHome, Homes, Part};
pub use survey::{Survey, SurveyLimits};
