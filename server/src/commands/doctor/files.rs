//! The data dir, the disk it lies on, the master key, the tools.

use super::{Finding, Patient};
use crate::platform::{config::RuntimeChoice, datadir, disk};
use api::bots::RuntimeKind;
use runtime::install::Tools;
use std::{os::unix::fs::PermissionsExt, path::Path};

/// Below this a disk is soon full: one bot's tools alone take 0.9 GB.
const LITTLE: u64 = 1 << 30;

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let dir = &patient.config.data_dir;
    if !dir.exists() {
        return vec![Finding::ok(
            "data dir",
            format!("{} is not there yet; the first start makes it", dir.display()),
        )];
    }
    vec![data_dir(dir), room(dir, disk::free_bytes(dir)), master_key(patient), tools(patient)]
}

fn data_dir(dir: &Path) -> Finding {
    match std::fs::metadata(dir) {
        Err(error) => Finding::fail(
            "data dir",
            format!("{}: {error}", dir.display()),
            "Nothing of this instance can be read.",
            "Run the doctor as the user who runs Chela, or set CHELA_DATA_DIR to the right place.",
        ),
        Ok(about) => {
            let mode = about.permissions().mode() & 0o777;
            if mode & 0o066 == 0 {
                return Finding::ok("data dir", format!("{} (mode {mode:04o})", dir.display()));
            }
            Finding::warn(
                "data dir",
                format!("{} is open to others (mode {mode:04o})", dir.display()),
                "Others can list what lies in it.",
                format!(
                    "`chmod 700 {0}`, or 711 where Chela is root; the next start does it too.",
                    dir.display()
                ),
            )
        }
    }
}

fn room(dir: &Path, free: Option<u64>) -> Finding {
    let Some(free) = free else {
        return Finding::warn(
            "disk",
            format!("the file system of {} does not say how much is free", dir.display()),
            "Chela cannot stop writing in time.",
            "Use a local file system.",
        );
    };
    let found = format!("{} free in {}", disk::in_words(free), dir.display());
    let remedy = "Free some space: old backups in backups/, stopped bots, unused images of the engine.";
    if free < disk::FULL_BELOW {
        Finding::fail("disk", found, "The disk counts as full: Chela writes nothing more.", remedy)
    } else if free < LITTLE {
        Finding::warn("disk", found, "A bot more, or a backup, may fill it.", remedy)
    } else {
        Finding::ok("disk", found)
    }
}

fn master_key(patient: &Patient) -> Finding {
    let usual = patient.config.data_dir.join("master.key");
    let path = patient.config.master_key_file.as_ref().unwrap_or(&usual);
    let has_database =
        patient.config.data_dir.join("chela.db").exists() || patient.config.database_url.is_some();
    if !path.exists() && !has_database {
        return Finding::ok("master key", "is made at the first start");
    }
    // With "secrets are there" the reader never makes a key.
    match datadir::master_key(path, true) {
        Ok(_key) => Finding::ok("master key", format!("{} is whole and closed to others", path.display())),
        Err(error) => Finding::fail(
            "master key",
            error.to_string(),
            "Without the right key nothing sealed can be opened: provider keys, bots' tokens.",
            "Put back the file from your backup, owned by Chela's user, mode 0600.",
        ),
    }
}

fn tools(patient: &Patient) -> Finding {
    let config = &patient.config;
    if let Some(command) = &config.openclaw {
        return Finding::ok("tools", format!("{command} stands in for OpenClaw (CHELA_OPENCLAW)"));
    }
    // Where an engine is not demanded, bots may be processes, which are made of what is installed.
    let in_engine = config.runtime == RuntimeChoice::Only(RuntimeKind::Docker);
    if let Some(image) = config.bot_image.as_ref().filter(|_| in_engine) {
        return Finding::ok("tools", format!("bots in the engine are made of {image} (CHELA_BOT_IMAGE)"));
    }
    if Tools::new(&config.data_dir, config.tools.iter().cloned().collect()).are_installed() {
        return Finding::ok(
            "tools",
            format!("Node and OpenClaw {} are installed", openclaw::OPENCLAW_VERSION),
        );
    }
    let on_path = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
    };
    if config.tools.is_some() || on_path("npm") || on_path("python3") {
        return Finding::ok("tools", "Node and OpenClaw are put in place with the first bot");
    }
    Finding::warn(
        "tools",
        "Node and OpenClaw are not installed, and neither npm nor python3 is on PATH",
        "The first bot cannot be made.",
        "Install npm or python3 with pip, or point CHELA_TOOLS to a directory that has the tools.",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    #[test]
    fn a_disk_is_told_full_before_it_is() {
        let dir = Path::new("/");
        assert_eq!(room(dir, Some(1 << 40)).level, Level::Ok);
        assert_eq!(room(dir, Some(LITTLE - 1)).level, Level::Warn);
        assert_eq!(room(dir, Some(disk::FULL_BELOW - 1)).level, Level::Fail);
        assert_eq!(room(dir, None).level, Level::Warn);
    }

    #[test]
    fn a_data_dir_open_to_others_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let with = |mode| {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            data_dir(dir.path()).level
        };
        assert_eq!((with(0o700), with(0o711), with(0o755)), (Level::Ok, Level::Ok, Level::Warn));
    }
}
