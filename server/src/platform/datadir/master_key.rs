//! The master key file: 32 bytes as 64 hex digits, readable by its owner only.

use super::{DataDirError, io};
use crate::platform::ids::random_32;
use std::{
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// Reads the master key, or makes one where the data dir is new.
///
/// `has_secrets` says that something was sealed before: then a missing key is an error, never replaced.
///
/// # Errors
/// Missing, malformed or readable by others; the text says what to do. Nothing is overwritten.
pub fn load_or_create(path: &Path, has_secrets: bool) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !has_secrets => return create(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DataDirError::MasterKey(format!(
                "the master key {} is missing, and this database holds secrets sealed with it. Put the key back \
                 (it is in your backup), or run `chela backup restore`; nothing was changed",
                path.display()
            )));
        }
        Err(source) => return Err(DataDirError::Io { path: path.to_owned(), source }),
    };
    check_mode(path)?;
    let mut key = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(text.trim(), key.as_mut()).map_err(|_malformed| {
        DataDirError::MasterKey(format!(
            "{} does not hold a master key (64 hex digits). Put the right file back; nothing was changed",
            path.display()
        ))
    })?;
    Ok(key)
}

/// Others must not read it. Orchestrators mount secrets 0444 beneath /run/secrets, in the container's own
/// mount: there, and only there, that is accepted.
fn check_mode(path: &Path) -> Result<(), DataDirError> {
    let real = path.canonicalize().map_err(io(path))?;
    let mode = std::fs::metadata(&real).map_err(io(path))?.permissions().mode() & 0o777;
    let mounted = real.starts_with("/run/secrets") && mode & 0o333 == 0;
    if mode & 0o077 != 0 && !mounted {
        return Err(DataDirError::MasterKey(format!(
            "{} can be read by others (mode {mode:04o}). Close it with `chmod 600 {}` and consider the key known",
            path.display(),
            path.display()
        )));
    }
    Ok(())
}

fn create(path: &Path) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
    let key = random_32();
    let text = Zeroizing::new(format!("{}\n", hex::encode(key.as_ref())));
    // Written beside and renamed: a half-written key is never seen. create_new: an existing one never lost.
    let partial = path.with_extension("new");
    let _ = std::fs::remove_file(&partial);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(io(&partial))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io(&partial))?;
    std::fs::hard_link(&partial, path).map_err(io(path))?;
    std::fs::remove_file(&partial).map_err(io(&partial))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_then_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let made = load_or_create(&path, false).unwrap();
        assert_eq!(*load_or_create(&path, true).unwrap(), *made);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_missing_key_is_never_replaced_where_secrets_exist() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        assert!(load_or_create(&path, true).unwrap_err().to_string().contains("backup"));
        assert!(!path.exists());
    }

    #[test]
    fn a_key_others_can_read_or_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        std::fs::write(&path, "nonsense").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(load_or_create(&path, true).unwrap_err().to_string().contains("64 hex digits"));
        std::fs::write(&path, "00".repeat(32)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_create(&path, true).unwrap_err().to_string().contains("chmod 600"));
    }
}
