//! `chela backup create|verify|restore`.

use super::{
    run::runtime,
    say::{fail, out, refuse, warn},
};
use crate::{
    backup::{self, Instance},
    compose::StartError,
    platform::config::{Config, Source},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

/// Writes a backup; works beside a running server.
pub fn backup_create(source: &Source, file: Option<&Path>) -> ExitCode {
    let config = match Config::load(source) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let file = match file {
        Some(file) => file.to_owned(),
        None => match dated(&config) {
            Ok(file) => file,
            Err(error) => return fail(&error),
        },
    };
    match runtime() {
        Err(error) => refuse(&error),
        Ok(runtime) => match runtime.block_on(backup::create(&config, &file)) {
            Ok(created) => {
                for what in &created.left_out {
                    warn(format!("left out: {what}"));
                }
                warn("the file holds the master key: whoever has it has every secret of this instance");
                out(created.file.display());
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        },
    }
}

fn dated(config: &Config) -> std::io::Result<PathBuf> {
    let dir = config.data_dir.join("backups");
    std::fs::create_dir_all(&dir)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Ok(dir.join(format!("chela-{seconds}.tar")))
}

/// Checks a backup.
pub fn backup_verify(file: &Path) -> ExitCode {
    match runtime() {
        Err(error) => refuse(&error),
        Ok(runtime) => report(runtime.block_on(backup::verify(file)), "The backup is good"),
    }
}

/// Brings a backup back.
pub fn backup_restore(source: &Source, file: &Path, new_instance: bool) -> ExitCode {
    let instance = if new_instance { Instance::New } else { Instance::Same };
    // Only the data dir's place is needed: settings inside the backup come with it.
    match runtime() {
        Err(error) => refuse(&StartError::Other(error.to_string())),
        Ok(runtime) => {
            let restored = runtime.block_on(backup::restore(file, source.data_dir(), instance));
            if restored.is_ok() && instance == Instance::Same {
                warn(
                    "this copy takes the original's bots for its own: do not run both on one engine or machine \
                     (a copy made with --new-instance may)",
                );
            }
            report(restored, "Restored")
        }
    }
}

fn report(result: Result<backup::Verified, backup::BackupError>, what: &str) -> ExitCode {
    match result {
        Ok(found) => {
            let s = |count: usize| if count == 1 { "" } else { "s" };
            let (bots, secrets) = (found.bots, found.secrets);
            out(format!("{what}: {bots} bot{}, {secrets} secret{} opened.", s(bots), s(secrets)));
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}
