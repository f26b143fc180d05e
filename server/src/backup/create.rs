//! Writing a backup, also beside a running server: the database is copied by SQLite itself.

use super::{BOT_PARTS, BackupError, DATABASE, MASTER_KEY, io};
use crate::platform::config::Config;
use cap_fs_ext::DirExt;
use cap_std::{ambient_authority, fs::Dir};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use std::{
    fs::File,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Files taken from one bot at the most; what is beyond is left out and said.
const MOST_FILES: usize = 100_000;
/// The largest single file taken.
const LARGEST: u64 = 1 << 30;

/// What was written.
#[derive(Debug)]
pub struct Created {
    pub file: PathBuf,
    /// Things left out, in words.
    pub left_out: Vec<String>,
}

/// Writes a backup to `file`, which must not exist.
///
/// # Errors
/// PostgreSQL, or what the disk says. A half-written file is removed.
pub async fn create(config: &Config, file: &Path) -> Result<Created, BackupError> {
    if config.database_url.is_some() {
        return Err(BackupError::Postgres);
    }
    let written = write(config, file).await;
    if written.is_err() {
        // What was there before stays: create_new failed then and nothing was written.
        let _ = std::fs::remove_file(partial(file));
    }
    written
}

fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

async fn write(config: &Config, file: &Path) -> Result<Created, BackupError> {
    if file.exists() {
        return Err(BackupError::Io {
            path: file.to_owned(),
            source: std::io::ErrorKind::AlreadyExists.into(),
        });
    }
    let scratch = tempfile::tempdir_in(&config.data_dir).map_err(io(&config.data_dir))?;
    let copy = scratch.path().join(DATABASE);
    copy_database(&config.data_dir.join(DATABASE), &copy).await?;
    let partial = partial(file);
    let out =
        File::options().write(true).create_new(true).mode(0o600).open(&partial).map_err(io(&partial))?;
    let mut tar = tar::Builder::new(out);
    tar.follow_symlinks(false);
    tar.append_path_with_name(&copy, DATABASE).map_err(io(&copy))?;
    let key = config.master_key_file.clone().unwrap_or_else(|| config.data_dir.join(MASTER_KEY));
    tar.append_path_with_name(&key, MASTER_KEY).map_err(io(&key))?;
    let settings = config.data_dir.join("chela.toml");
    if settings.exists() {
        tar.append_path_with_name(&settings, "chela.toml").map_err(io(&settings))?;
    }
    let mut left_out = Vec::new();
    append_bots(&mut tar, &config.data_dir, &mut left_out)?;
    let out = tar.into_inner().map_err(io(&partial))?;
    out.sync_all().map_err(io(&partial))?;
    std::fs::rename(&partial, file).map_err(io(file))?;
    Ok(Created { file: file.to_owned(), left_out })
}

async fn copy_database(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=ro", from.display()));
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    let target = to.display().to_string().replace('\'', "''");
    db.execute_unprepared(&format!("vacuum into '{target}'")).await?;
    db.close().await?;
    Ok(())
}

/// Bots write these directories: they are walked by handles, links are kept as none, devices never read.
fn append_bots(
    tar: &mut tar::Builder<File>,
    data_dir: &Path,
    left_out: &mut Vec<String>,
) -> Result<(), BackupError> {
    let root = data_dir.join("bots");
    let bots = match Dir::open_ambient_dir(&root, ambient_authority()) {
        Ok(bots) => bots,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(root)(error)),
    };
    for bot in bots.entries().map_err(io(&root))?.flatten() {
        let Ok(name) = bot.file_name().into_string() else { continue };
        let Ok(dir) = bot.open_dir() else { continue };
        let mut budget = MOST_FILES;
        for part in BOT_PARTS {
            if let Ok(dir) = dir.open_dir_nofollow(part) {
                append_dir(tar, &dir, &format!("bots/{name}/{part}"), &mut budget, left_out)?;
            }
        }
        if budget == 0 {
            left_out.push(format!("files of {name} beyond {MOST_FILES}"));
        }
    }
    Ok(())
}

fn append_dir(
    tar: &mut tar::Builder<File>,
    dir: &Dir,
    name: &str,
    budget: &mut usize,
    left_out: &mut Vec<String>,
) -> Result<(), BackupError> {
    for entry in dir.entries().map_err(io(name))?.flatten() {
        let (Ok(leaf), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
        let path = format!("{name}/{leaf}");
        if *budget == 0 {
            return Ok(());
        }
        *budget -= 1;
        if kind.is_dir() {
            if let Ok(inner) = dir.open_dir_nofollow(&leaf) {
                let about = inner.dir_metadata().map_err(io(&path))?;
                let mut header = header_of(&about, 0o700);
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                tar.append_data(&mut header, format!("{path}/"), std::io::empty()).map_err(io(&path))?;
                append_dir(tar, &inner, &path, budget, left_out)?;
            }
        } else if kind.is_file() {
            let Ok(file) = entry.open() else { continue };
            let about = file.metadata().map_err(io(&path))?;
            let length = about.len();
            if length > LARGEST {
                left_out.push(format!("{path} ({length} bytes)"));
                continue;
            }
            let mut header = header_of(&about, 0o600);
            header.set_size(length);
            // A file that grows or shrinks meanwhile must not break the archive: exactly `length` bytes.
            let exact = std::io::Read::take(std::io::Read::chain(file, std::io::repeat(0)), length);
            tar.append_data(&mut header, &path, exact).map_err(io(&path))?;
        } else {
            left_out.push(format!("{path} (neither file nor directory)"));
        }
    }
    Ok(())
}

/// Owner kept: a restored bot must be able to read its own files. The mode is the closed one.
fn header_of(about: &cap_std::fs::Metadata, mode: u32) -> tar::Header {
    use cap_std::fs::MetadataExt;
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(u64::from(about.uid()));
    header.set_gid(u64::from(about.gid()));
    header
}
