//! The audit journal: a small file, allocated ahead of need, for logins and logouts while the disk is full.
//!
//! Entries are merged into the audit table once it can be written again; merging twice is harmless, since
//! each entry carries the id of its row.

use api::ids::{AuditId, SessionId};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Size of the file: some hundred entries.
const BYTES: usize = 64 * 1024;

/// One act that went on although the audit table could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: AuditId,
    pub(super) at_ms: i64,
    pub(super) actor: String,
    pub(super) act: String,
    pub(super) target: Option<String>,
    /// A session this act ended: it stays ended even if Chela restarts before the merge.
    pub(super) ended: Option<SessionId>,
}

/// The open file and what is in it.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    used: usize,
    entries: Vec<Entry>,
}

impl Journal {
    /// Opens the journal and allocates it; what a crash left in it is read.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut text = Vec::new();
        Read::by_ref(&mut file).take(u64::try_from(BYTES).unwrap_or(u64::MAX)).read_to_end(&mut text)?;
        if text.len() < BYTES {
            // Zeros that are written hold their place on every filesystem; a hole would not.
            file.seek(SeekFrom::End(0))?;
            file.write_all(&vec![0; BYTES - text.len()])?;
            file.sync_all()?;
        }
        let used = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        let written = text.get(..used).unwrap_or_default();
        // A torn last line (power lost while writing) is no entry.
        let entries = written
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        Ok(Self { file, used, entries })
    }

    /// Adds an entry and waits until it is on disk. False when the file is full.
    pub(super) fn append(&mut self, entry: Entry) -> io::Result<bool> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        if self.used + line.len() > BYTES {
            return Ok(false);
        }
        self.file.seek(SeekFrom::Start(u64::try_from(self.used).unwrap_or(u64::MAX)))?;
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.used += line.len();
        self.entries.push(entry);
        Ok(true)
    }

    /// What waits to be merged.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Forgets the first `merged` entries; the place in the file stays allocated.
    pub(super) fn forget(&mut self, merged: usize) -> io::Result<()> {
        let rest = self.entries.split_off(merged.min(self.entries.len()));
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&vec![0; BYTES])?;
        self.used = 0;
        self.entries.clear();
        for entry in rest {
            self.append(entry)?;
        }
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn entry(n: u128) -> Entry {
        Entry {
            id: AuditId(Uuid::from_u128(n)),
            at_ms: 1,
            actor: "usr_x".into(),
            act: "auth.logout".into(),
            target: None,
            ended: Some(SessionId(Uuid::from_u128(n))),
        }
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart_and_gone_once_merged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.journal");
        let mut journal = Journal::open(&path).unwrap();
        assert!(journal.append(entry(1)).unwrap() && journal.append(entry(2)).unwrap());
        drop(journal);
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.entries(), [entry(1), entry(2)]);
        journal.forget(1).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().entries(), [entry(2)]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 64 * 1024);
    }

    #[test]
    fn a_full_journal_says_so_and_a_torn_line_is_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.journal");
        let mut journal = Journal::open(&path).unwrap();
        let mut n = 0;
        while journal.append(entry(n)).unwrap() {
            n += 1;
        }
        assert!(n > 200, "{n}");
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        let end = bytes.iter().rposition(|b| *b == b'\n').unwrap();
        bytes[end - 3..=end].fill(0);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Journal::open(&path).unwrap().entries().len(), usize::try_from(n).unwrap() - 1);
    }
}
