//! Which user ids the bots of which Chela hold. Several Chelas of one host draw from the same numbers; without
//! a word between them two bots could be the same user and read each other's files.
//!
//! One small file per user id, in a directory of the host, names the data dir whose bot holds it. A claim whose
//! data dir is gone is nobody's any more.

use rustix::fs::FlockOperation;
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// Where Chelas of one host note the user ids of their bots.
pub const UID_CLAIMS: &str = "/var/lib/chela-uids";
/// More than any path has.
const MOST: u64 = 8 << 10;

/// The claims of one data dir's bots.
#[derive(Clone, Debug)]
pub struct UidClaims {
    dir: PathBuf,
    owner: PathBuf,
}

impl UidClaims {
    /// Claims noted in `dir`, which is made, for the bots of `data_dir`.
    ///
    /// # Errors
    /// No access.
    pub fn open(dir: &Path, data_dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.canonicalize()?, owner: data_dir.canonicalize()? })
    }

    /// Where the claims are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Claims a user id, or says whose data dir holds it. Again: nothing happens.
    ///
    /// # Errors
    /// The claims cannot be read or written.
    pub fn claim(&self, uid: u32) -> io::Result<Result<(), PathBuf>> {
        let _alone = self.lock()?;
        match self.holder(uid)? {
            Some(other) if other != self.owner => Ok(Err(other)),
            Some(_ours) => Ok(Ok(())),
            None => {
                let (path, partial) = (self.place(uid), self.dir.join(".new"));
                let mut file =
                    File::options().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
                file.write_all(self.owner.as_os_str().as_bytes())?;
                file.sync_all()?;
                fs::rename(partial, path)?;
                Ok(Ok(()))
            }
        }
    }

    /// Gives a user id back; another's claim is left alone.
    ///
    /// # Errors
    /// The claims cannot be read or written.
    pub fn release(&self, uid: u32) -> io::Result<()> {
        let _alone = self.lock()?;
        if self.holder(uid)?.is_some_and(|holder| holder == self.owner) {
            fs::remove_file(self.place(uid))?;
        }
        Ok(())
    }

    fn place(&self, uid: u32) -> PathBuf {
        self.dir.join(uid.to_string())
    }

    /// Held while the value lives.
    fn lock(&self) -> io::Result<File> {
        let mut options = File::options();
        let file =
            options.write(true).create(true).truncate(false).mode(0o600).open(self.dir.join(".lock"))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// The data dir that holds a user id, if it is still there.
    fn holder(&self, uid: u32) -> io::Result<Option<PathBuf>> {
        let file = match File::open(self.place(uid)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, MOST), &mut text)?;
        let holder = PathBuf::from(std::ffi::OsString::from_vec(text));
        Ok(holder.is_dir().then_some(holder))
    }
}
