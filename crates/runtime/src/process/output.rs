//! A bot's output on disk: a few files of bounded size, each line with its time. The keeper writes, Chela reads.

use crate::{LogLine, LogTail, notes::now_ms};
use cap_std::fs::{Dir, OpenOptions};
use std::{
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    sync::atomic::{AtomicBool, Ordering},
};

const NAMES: [&str; 3] = ["output.log", "output.1.log", "output.2.log"];
/// Size at which a file is put aside: at most three times this is kept.
pub(super) const MOST_BYTES: u64 = 10 << 20;
const MOST_LINE: u64 = 16 << 10;

/// Writes what comes out of `pipe` until its end. A full disk loses lines, never blocks the bot.
/// `out_of_heap` is set when V8 says that it is.
pub(super) fn keep(logs: &Dir, pipe: impl Read, most_bytes: u64, out_of_heap: &AtomicBool) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    let mut file = open(logs).ok();
    loop {
        line.clear();
        match reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        while line.last().is_some_and(|b| *b == b'\n' || *b == b'\r') {
            line.pop();
        }
        if line.windows(18).any(|w| w == b"heap out of memory") {
            out_of_heap.store(true, Ordering::Relaxed);
        }
        let mut entry = format!("{} ", now_ms()).into_bytes();
        entry.extend(line.iter().map(|b| if *b == b'\n' { b' ' } else { *b }));
        entry.push(b'\n');
        let size = file.as_mut().and_then(|f| f.write_all(&entry).and_then(|()| f.stream_position()).ok());
        if size.is_none_or(|size| size >= most_bytes) {
            if size.is_some() {
                rotate(logs);
            }
            file = open(logs).ok();
        }
    }
}

fn open(logs: &Dir) -> io::Result<cap_std::fs::File> {
    let mut file = logs.open_with(NAMES[0], OpenOptions::new().create(true).append(true))?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

fn rotate(logs: &Dir) {
    for pair in NAMES.windows(2).rev() {
        if let [newer, older] = pair {
            // A name that is missing is fine, any other trouble shows at the next write.
            let _ = logs.rename(newer, logs, older);
        }
    }
}

/// The newest lines, oldest first.
pub(super) fn tail(logs: &Dir, tail: LogTail) -> io::Result<Vec<LogLine>> {
    let mut newest_first = Vec::new();
    let mut bytes_left = tail.bytes;
    for name in NAMES {
        let mut file = match logs.open(name) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        let size = file.seek(SeekFrom::End(0))?;
        // Every line carries its time on top of its text.
        let wanted =
            u64::try_from(bytes_left.saturating_add(tail.lines.saturating_mul(16))).unwrap_or(u64::MAX);
        let from = size.saturating_sub(wanted.min(MOST_BYTES));
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        for (at, line) in bytes.split(|b| *b == b'\n').enumerate().collect::<Vec<_>>().into_iter().rev() {
            // The first may be a part of a line.
            let Some(line) = (at > 0 || from == 0).then(|| parse(line)).flatten() else { continue };
            if newest_first.len() == tail.lines || line.text.len() > bytes_left {
                newest_first.reverse();
                return Ok(newest_first);
            }
            bytes_left -= line.text.len();
            newest_first.push(line);
        }
    }
    newest_first.reverse();
    Ok(newest_first)
}

fn parse(line: &[u8]) -> Option<LogLine> {
    let text = String::from_utf8_lossy(line);
    let (at, text) = text.split_once(' ')?;
    Some(LogLine { at_ms: at.parse().ok()?, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    fn logs() -> (tempfile::TempDir, Dir) {
        let dir = tempfile::tempdir().unwrap();
        let logs = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
        (dir, logs)
    }

    #[test]
    fn output_keeps_the_newest_and_never_grows_past_its_bound() {
        let (_dir, logs) = logs();
        let text: String = (0..5_000).map(|n| format!("line {n}\n")).collect();
        keep(&logs, text.as_bytes(), 10_000, &AtomicBool::new(false));
        let total: u64 = NAMES.iter().filter_map(|n| logs.metadata(n).ok()).map(|m| m.len()).sum();
        assert!(total < 31_000, "{total}");
        let lines = tail(&logs, LogTail { lines: 400, bytes: 100_000 }).unwrap();
        assert_eq!(lines.len(), 400);
        assert_eq!(lines.last().unwrap().text, "line 4999");
        assert_eq!(lines.first().unwrap().text, "line 4600");
        assert_eq!(tail(&logs, LogTail { lines: 400, bytes: 25 }).unwrap().len(), 2);
    }

    #[test]
    fn a_line_without_an_end_and_bytes_that_are_no_text_do_no_harm() {
        let (_dir, logs) = logs();
        let mut bytes = vec![b'x'; 40_000];
        bytes.extend([0xff, 0xfe, b'\n', b'a']);
        let heap = AtomicBool::new(false);
        keep(&logs, &bytes[..], MOST_BYTES, &heap);
        let lines = tail(&logs, LogTail::default()).unwrap();
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|l| l.text.len() <= 16 << 10));
        keep(&logs, &b"FATAL ERROR: JavaScript heap out of memory\n"[..], MOST_BYTES, &heap);
        assert!(heap.load(Ordering::Relaxed));
    }
}
