//! How much a bot keeps, counted without following anything and without being kept busy by it.

use super::{BotHome, HomeError, Part, dir};
use cap_std::fs::{Dir, MetadataExt};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// When counting stops.
#[derive(Clone, Copy, Debug)]
pub struct SurveyLimits {
    /// Entries looked at.
    pub entries: u64,
    /// Directories within directories.
    pub depth: usize,
    /// Time.
    pub time: Duration,
}

impl Default for SurveyLimits {
    fn default() -> Self {
        Self { entries: 200_000, depth: 64, time: Duration::from_secs(3) }
    }
}

/// What a bot keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Plain files.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// Symlinks; none was followed.
    pub links: u64,
    /// Sockets, pipes and devices; none was opened.
    pub specials: u64,
    /// Sizes as the files state them (a sparse file counts in full).
    pub bytes: u64,
    /// What they take on the disk.
    pub disk_bytes: u64,
    /// Directories that were too deep or closed, and not looked into.
    pub skipped: u64,
    /// A limit was reached: there is more than counted.
    pub more: bool,
}

impl Survey {
    /// Whether there is more than was counted: a limit was reached, or something could not be looked into.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.more || self.skipped > 0
    }
}

/// For people: "more than 200000 files, 3 directories; 12 bytes; 2 links, not followed".
impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.is_partial() { "more than " } else { "" };
        let some = |count: u64, one: &'static str, many: &'static str| if count == 1 { one } else { many };
        let (files, dirs) = (some(self.files, "file", "files"), some(self.dirs, "directory", "directories"));
        write!(f, "{more}{} {files}, {} {dirs}; {} bytes", self.files, self.dirs, self.bytes)?;
        if self.links > 0 {
            write!(f, "; {} {}, not followed", self.links, some(self.links, "link", "links"))?;
        }
        if self.specials > 0 {
            let word = some(self.specials, "pipe, socket or device", "pipes, sockets or devices");
            write!(f, "; {} {word}, not opened", self.specials)?;
        }
        if self.skipped > 0 {
            let word = some(self.skipped, "directory", "directories");
            write!(f, "; {} {word} not looked into", self.skipped)?;
        }
        Ok(())
    }
}

impl BotHome {
    /// Counts what lies in one part. Blocking, at most for the given time.
    ///
    /// # Errors
    /// The part itself cannot be opened.
    pub fn survey(&self, part: Part, limits: SurveyLimits) -> Result<Survey, HomeError> {
        let root = self.part(part)?;
        let mut survey = Survey::default();
        let deadline = Instant::now().checked_add(limits.time);
        let mut seen = 0u64;
        // One open handle per level, never more than `depth`.
        let mut stack: Vec<(Dir, cap_std::fs::ReadDir)> = Vec::new();
        enter(root, &mut stack, &mut survey);
        while let Some((here, entries)) = stack.last_mut() {
            let Some(entry) = entries.next() else {
                stack.pop();
                continue;
            };
            seen += 1;
            if seen > limits.entries || deadline.is_some_and(|d| Instant::now() > d) {
                survey.more = true;
                break;
            }
            let Ok(entry) = entry else { continue };
            // Of the entry itself: a link is not followed.
            let Ok(meta) = entry.metadata() else { continue };
            let kind = meta.file_type();
            survey.disk_bytes = survey.disk_bytes.saturating_add(meta.blocks().saturating_mul(512));
            if kind.is_dir() {
                survey.dirs += 1;
                let sub = dir::open(here, entry.file_name());
                match sub {
                    Ok(sub) if stack.len() < limits.depth => enter(sub, &mut stack, &mut survey),
                    _ => survey.skipped += 1,
                }
            } else if kind.is_file() {
                survey.files += 1;
                survey.bytes = survey.bytes.saturating_add(meta.len());
            } else if kind.is_symlink() {
                survey.links += 1;
            } else {
                survey.specials += 1;
            }
        }
        Ok(survey)
    }
}

fn enter(dir: Dir, stack: &mut Vec<(Dir, cap_std::fs::ReadDir)>, survey: &mut Survey) {
    match dir.entries() {
        Ok(entries) => stack.push((dir, entries)),
        Err(_) => survey.skipped += 1,
    }
}
