//! What Chela remembers of a bot beside its database: small files in `logs`, which the bot can neither read nor
//! write. Each has one writer and is replaced as a whole.

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

pub(crate) const ASKED: &str = "asked.json";
const MOST: u64 = 1 << 20;

/// That it was we who stopped it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) generation: i64,
}

/// Reads a record; a missing or torn one is none.
pub(crate) fn read<T: DeserializeOwned>(logs: &Dir, name: &str) -> io::Result<Option<T>> {
    let file = match logs.open(name) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).ok())
}

/// Writes a record as a whole.
pub(crate) fn write(logs: &Dir, name: &str, record: &impl Serialize) -> io::Result<()> {
    let partial = format!("{name}.new");
    let mut file = logs.create(&partial)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_all()?;
    logs.rename(&partial, logs, name)
}

/// Removes a record, there or not.
pub(crate) fn remove(logs: &Dir, name: &str) -> io::Result<()> {
    match logs.remove_file(name) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
