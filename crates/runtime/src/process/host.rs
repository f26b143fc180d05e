//! Whether this host can run bots as processes, and as whom.

use super::ProcessRuntime;
use crate::{BotSpec, BotUser, Isolation, RuntimeError, RuntimeInfo};
use std::{os::unix::fs::PermissionsExt, path::Path};

/// Under root a bot is a user of its own, else it is Chela's.
pub(super) fn user(allotted: u32) -> BotUser {
    if is_root() {
        BotUser { uid: allotted, gid: allotted }
    } else {
        BotUser { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The bot's own uid, where it has one.
pub(super) fn own_uid(uid: u32) -> Option<u32> {
    (is_root() && uid != 0).then_some(uid)
}

/// Refuses a bot that would not be kept apart as demanded.
pub(super) fn admit(spec: &BotSpec) -> Result<(), RuntimeError> {
    let BotUser { uid, gid } = spec.user;
    if is_root() {
        return match (uid, gid) {
            (0, _) | (_, 0) => Err(RuntimeError::NotIsolated("a bot never runs as root".to_owned())),
            _ => Ok(()),
        };
    }
    if spec.isolation == Isolation::Isolated {
        let text = "Chela does not run as root, so a process bot could read what your user can read";
        return Err(RuntimeError::NotIsolated(text.to_owned()));
    }
    Ok(())
}

impl ProcessRuntime {
    pub(super) fn check_host(&self) -> Result<RuntimeInfo, RuntimeError> {
        let me = rustix::process::getpid();
        rustix::process::pidfd_open(me, rustix::process::PidfdFlags::empty()).map_err(|e| {
            RuntimeError::Refused(format!("this kernel is too old for process bots (pidfd_open: {e})"))
        })?;
        if !is_root() {
            return Ok(RuntimeInfo {
                summary: "processes of your own user".to_owned(),
                notes: vec![
                    "Nothing keeps a bot away from your files: only tools without access to them are given."
                        .to_owned(),
                ],
                isolated: false,
            });
        }
        if let Some(closed) = closed_ancestor(self.inner.config.homes.path()) {
            return Err(RuntimeError::Refused(format!(
                "bots run as users of their own and cannot pass through {}. Put the data dir elsewhere \
                 (CHELA_DATA_DIR, e.g. /var/lib/chela) or let others pass: chmod o+x {}",
                closed.display(),
                closed.display()
            )));
        }
        Ok(RuntimeInfo {
            summary: "processes, each as a user of its own".to_owned(),
            notes: Vec::new(),
            isolated: true,
        })
    }
}

/// The first directory on the way that others may not pass, from the top. The data dir's own part is ours.
fn closed_ancestor(path: &Path) -> Option<&Path> {
    let mut ancestors: Vec<&Path> = path.ancestors().collect();
    ancestors.reverse();
    ancestors
        .into_iter()
        .find(|dir| std::fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o001 == 0))
}
