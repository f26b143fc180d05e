//! A journal: a small file, allocated ahead of need and written in place, for what must go on while the disk
//! is full.
//!
//! Its owner writes the entries into the database once that works again, so that doing it twice is harmless.

use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Size of the file: some hundred entries.
const BYTES: usize = 64 * 1024;

/// The open file and what is in it.
#[derive(Debug)]
pub struct Journal<E> {
    file: File,
    used: usize,
    entries: Vec<E>,
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    /// Opens the journal and allocates it; what a crash left in it is read.
    ///
    /// # Errors
    /// No access, or no space to allocate it.
    pub fn open(path: &Path) -> io::Result<Self> {
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
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, entry: E) -> io::Result<bool> {
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
    pub fn entries(&self) -> &[E] {
        &self.entries
    }

    /// Forgets the first `merged` entries; the place in the file stays allocated.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&mut self, merged: usize) -> io::Result<()> {
        let rest = self.entries.split_off(merged.min(self.entries.len()));
        self.rewrite(rest)
    }

    /// Keeps only the entries that `wanted` names; the place in the file stays allocated.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&mut self, wanted: impl Fn(&E) -> bool) -> io::Result<()> {
        let mut rest = std::mem::take(&mut self.entries);
        rest.retain(wanted);
        self.rewrite(rest)
    }

    fn rewrite(&mut self, rest: Vec<E>) -> io::Result<()> {
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
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Entry {
        n: u32,
        text: String,
    }

    fn entry(n: u32) -> Entry {
        Entry { n, text: "something that was done".repeat(8) }
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
        assert!(journal.append(entry(3)).unwrap());
        journal.keep(|entry| entry.n != 3).unwrap();
        drop(journal);
        assert_eq!(Journal::<Entry>::open(&path).unwrap().entries(), [entry(2)]);
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
        assert_eq!(Journal::<Entry>::open(&path).unwrap().entries().len(), usize::try_from(n).unwrap() - 1);
    }
}
