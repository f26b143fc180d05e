//! The logins on this machine: names, addresses and tokens in one file that only its owner can read.

use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// The name a login has when none is given.
pub(crate) const DEFAULT: &str = "default";

/// One login.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) url: String,
    #[serde(with = "hidden")]
    pub(crate) token: Zeroizing<String>,
}

/// A secret in the file; wiped from memory when it is no longer needed.
mod hidden {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(secret: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// All logins, and the one taken when nothing is said.
#[derive(Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Logins {
    #[serde(default)]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Login>,
}

impl Logins {
    /// Reads the file; none is no login.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |why: &dyn std::fmt::Display| Failure::Other(format!("{}: {why}", path.display()));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(fail(&error)),
        };
        let mode = std::fs::metadata(path).map_err(|error| fail(&error))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::Login(format!(
                "{path} can be read by others (mode {mode:04o}). Close it with `chmod 600 {path}`, and end the tokens \
                 in it if somebody may have looked",
                path = path.display()
            )));
        }
        // The parser's text may quote what it read: it stays out.
        serde_json::from_str(&text).map_err(|_malformed| {
            fail(&"this is not a file of logins; run `chela logout --all`, then log in again")
        })
    }

    /// Writes the file, mode 0600, in one step.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let fail = |error: io::Error| Failure::Other(format!("{}: {error}", path.display()));
        let dir = path.parent().unwrap_or(Path::new("/"));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
        let text = serde_json::to_vec_pretty(self).map_err(|error| fail(error.into()))?;
        let text = Zeroizing::new(text);
        let mut file = tempfile::Builder::new()
            .prefix(".logins")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(dir)
            .map_err(fail)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
        file.persist(path).map_err(|error| fail(error.error))?;
        Ok(())
    }

    /// The login of that name, or the current one.
    pub(crate) fn choose(&self, name: Option<&str>) -> Result<Option<&Login>, Failure> {
        let Some(wanted) = name.or(self.current.as_deref()) else { return Ok(None) };
        match (self.contexts.get(wanted), name) {
            (None, Some(name)) => {
                let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(Failure::Login(format!("there is no login named '{name}'; known: {known}")))
            }
            (found, _) => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Logins {
        let login =
            Login { url: "https://a.example".to_owned(), token: Zeroizing::new("chela_pat_x".to_owned()) };
        Logins { current: Some("default".to_owned()), contexts: [("default".to_owned(), login)].into() }
    }

    #[test]
    fn logins_are_kept_in_a_file_only_their_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/chela/logins.json");
        one().write(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(Logins::read(&path).unwrap() == one());
        // An older file with wider rights is replaced, not written into.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        one().write(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_others_can_read_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logins.json");
        one().write(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let said = Logins::read(&path).map(|_| ()).unwrap_err();
        assert_eq!(said.exit(), 4);
        assert!(said.to_string().contains("chmod 600"), "{said}");
    }

    #[test]
    fn a_name_nobody_logged_in_under_is_refused_with_the_known_ones() {
        assert!(one().choose(None).unwrap().is_some());
        let said = one().choose(Some("work")).map(|_| ()).unwrap_err();
        assert_eq!((said.exit(), said.to_string().contains("default")), (4, true));
        assert!(Logins::default().choose(None).unwrap().is_none());
    }
}
