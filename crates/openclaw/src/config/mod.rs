//! A bot's configuration: what goes into `openclaw.json`, which files lie in its workspace, and the
//! environment of its process. Pure: nothing here touches a disk.
//!
//! The file holds no secret: it names the files in which the tokens lie ([`cell`] says where).

mod bot;
pub mod cell;
mod profile;
mod render;
mod workspace;

pub use bot::{BotConfig, Dialect, Isolation, Model, ModelError, Profile};
pub use render::render;
pub use workspace::{WorkspaceFile, workspace_files};
