//! The data dir: its permissions, its lock, its master key.

mod master_key;

pub use master_key::load_or_create as master_key;

use rustix::fs::FlockOperation;
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long what a dead owner left may go on to hold its lock.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why Chela cannot use its data dir. The text is what the operator sees before exit 78.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "{path} is in use by another Chela (pid {pid}). One data dir has one server: stop that one first, \
         or give this one another CHELA_DATA_DIR"
    )]
    Locked { path: PathBuf, pid: String },
    #[error("{0}")]
    MasterKey(String),
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DataDirError + '_ {
    move |source| DataDirError::Io { path: path.to_owned(), source }
}

/// A data dir nobody else works on; the lock ends with this value.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
    unclean: bool,
}

impl DataDir {
    /// Makes (mode 0700) and locks the data dir.
    ///
    /// # Errors
    /// No access, or another Chela holds it (its pid is named).
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        let path = path.canonicalize().map_err(io(path))?;
        let mode = std::fs::metadata(&path).map_err(io(&path))?.permissions().mode() & 0o777;
        // 0711 is what process bots under uids of their own need; anything wider is closed.
        if mode & 0o066 != 0 {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).map_err(io(&path))?;
        }
        let (lock, unclean) = take_lock(&path)?;
        Ok(Self { path, lock, unclean })
    }

    /// Absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last owner went away without saying so.
    pub const fn was_unclean(&self) -> bool {
        self.unclean
    }

    /// Lets bots under other uids pass through (not list) the data dir.
    ///
    /// # Errors
    /// No access.
    pub fn allow_traverse(&self) -> Result<(), DataDirError> {
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o711)).map_err(io(&self.path))
    }

    /// Notes a clean end: the next start skips the deep check.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn close(mut self) -> Result<(), DataDirError> {
        let path = self.path.join("lock");
        self.lock
            .set_len(0)
            .and_then(|()| self.lock.rewind())
            .and_then(|()| self.lock.write_all(b"clean\n"))
            .map_err(io(&path))
    }
}

/// Takes the lock file; its text is the owner's pid while it runs, `clean` after.
fn take_lock(dir: &Path) -> Result<(File, bool), DataDirError> {
    let path = dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io(&path))?;
    if !try_lock(&file).map_err(io(&path))? {
        // Read after the failure: who holds it now has written who it is, or is about to.
        let owner = text_of(&mut file).map_err(io(&path))?;
        if lives(&owner) || !is_let_go(&file).map_err(io(&path))? {
            let owner = text_of(&mut file).map_err(io(&path))?;
            return Err(DataDirError::Locked { path: dir.to_owned(), pid: owner });
        }
    }
    let unclean = !matches!(text_of(&mut file).map_err(io(&path))?.as_str(), "" | "clean");
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
        .map_err(io(&path))?;
    Ok((file, unclean))
}

/// What a lock file says now.
fn text_of(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

fn try_lock(file: &File) -> std::io::Result<bool> {
    use rustix::io::Errno;
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the process of a lock file's text is there, and another one: our own number is left by who died before us, or by
/// ourselves a moment ago.
fn lives(owner: &str) -> bool {
    let pid = owner.parse().ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.filter(|pid| *pid != rustix::process::getpid());
    // One that may not be asked is there.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Takes the lock of an owner that died while it started a program: until that one is loaded, the lock is its, too.
fn is_let_go(file: &File) -> std::io::Result<bool> {
    let (file, (told, heard)) = (file.try_clone()?, std::sync::mpsc::channel());
    std::thread::spawn(move || {
        // Nobody hears it who has given up.
        let _ = told.send(rustix::fs::flock(&file, FlockOperation::LockExclusive).is_ok());
    });
    Ok(heard.recv_timeout(PATIENCE).unwrap_or(false))
}

/// Files are made 0600 and directories 0700 from here on, whatever the caller's umask was.
pub fn close_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_second_owner_is_told_the_pid_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path()).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
        first.close().unwrap();
        assert!(!DataDir::open(dir.path()).unwrap().was_unclean());
    }

    #[test]
    fn an_owner_that_vanished_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        drop(DataDir::open(dir.path()).unwrap());
        assert!(DataDir::open(dir.path()).unwrap().was_unclean());
    }

    #[test]
    fn what_a_dead_owner_had_started_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let mut held = File::create(dir.path().join("lock")).unwrap();
        writeln!(held, "{}", gone.id()).unwrap();
        rustix::fs::flock(&held, FlockOperation::LockExclusive).unwrap();
        let waits = format!(":{} ", held.metadata().unwrap().ino());
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| DataDir::open(dir.path()));
            let is_waiting = || {
                let locks = std::fs::read_to_string("/proc/locks").unwrap();
                locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&waits))
            };
            while !is_waiting() && !opening.is_finished() {
                std::thread::yield_now();
            }
            drop(held);
            assert!(opening.join().unwrap().unwrap().was_unclean());
        });
    }

    #[test]
    fn others_cannot_look_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let opened = DataDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(opened.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
