//! What the binary's commands do: through the running server where there is one, else on the data dir itself.

mod admin;
mod backup;
mod doctor;
mod healthz;
mod keep;
mod run;
mod say;

pub use admin::{admin_move, admin_token, enrol_link, setup};
pub use backup::{backup_create, backup_restore, backup_verify};
pub use doctor::doctor;
pub use healthz::healthz;
pub use keep::keep;
pub use run::{migrate, serve};
pub use say::{refuse, warn};
