//! Where the socket lies. A socket's path ends at 107 bytes, a data dir's may not: then it is reached
//! through a handle of the directory.

use rustix::fs::{Mode, OFlags};
use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

/// Name of the socket in the data dir.
const NAME: &str = "control.sock";
/// Longest path the kernel takes, less its closing NUL.
const LONGEST: usize = 107;

/// A path to bind or connect to, good as long as this value lives.
pub(super) struct Place {
    path: PathBuf,
    _dir: Option<OwnedFd>,
}

impl Place {
    pub(super) fn of(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self { path, _dir: None });
        }
        let dir =
            rustix::fs::open(data_dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(NAME);
        Ok(Self { path, _dir: Some(dir) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
