//! A bot's output on disk: a few files of bounded size, each line with its time. The keeper writes, Chela reads.

use crate::{LogLine, logs::Collector, notes::now_ms};
use cap_std::fs::{Dir, OpenOptions};
use std::{
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    sync::atomic::{AtomicBool, Ordering},
};

const NAMES: [&str; 3] = ["output.log", "output.1.log", "output.2.log"];
/// Size at which a file is put aside: at most three times this is kept.
pub(crate) const MOST_BYTES: u64 = 10 << 20;
const MOST_LINE: u64 = 16 << 10;

/// Writes what comes out of `pipe` until its end. A full disk loses lines, never blocks the bot.
/// `out_of_heap` is set when V8 says that it is.
pub(crate) fn keep(logs: &Dir, pipe: impl Read, most_bytes: u64, out_of_heap: &AtomicBool) {
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

/// Adds lines of an output that will be gone from where it was kept.
pub(crate) fn append(logs: &Dir, lines: &[LogLine], most_bytes: u64) -> io::Result<()> {
    let mut file = open(logs)?;
    let mut text = Vec::new();
    for line in lines {
        text.extend(format!("{} {}\n", line.at_ms, line.text.replace('\n', " ")).into_bytes());
    }
    file.write_all(&text)?;
    if file.stream_position()? >= most_bytes {
        rotate(logs);
    }
    Ok(())
}

/// Gives the lines that may answer the query to `collector`, oldest first.
pub(crate) fn read(logs: &Dir, collector: &mut Collector) -> io::Result<()> {
    let mut files = Vec::new();
    // What is asked for without a filter or a place stands at the end.
    let mut budget = collector.query().budget();
    for name in NAMES {
        let mut file = match logs.open(name) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        let size = file.seek(SeekFrom::End(0))?;
        let from = match (collector.query().after, &mut budget) {
            (Some(place), _) => first_since(&mut file, size, place.at_ms)?,
            (None, Some(budget)) => {
                let taken = size.min(*budget);
                *budget -= taken;
                size - taken
            }
            (None, None) => 0,
        };
        files.push((file, from, size));
    }
    for (mut file, from, size) in files.into_iter().rev() {
        if from == size {
            continue;
        }
        // A byte earlier, the first piece is what ends the line before.
        file.seek(SeekFrom::Start(from.saturating_sub(1)))?;
        let mut reader = BufReader::new(file.take(size - from.saturating_sub(1)));
        let mut line = Vec::new();
        let mut first = from > 0;
        while reader.read_until(b'\n', &mut line)? > 0 {
            if !std::mem::take(&mut first)
                && line.pop() == Some(b'\n')
                && let Some(line) = parse(&line)
            {
                collector.take(line);
            }
            line.clear();
        }
    }
    Ok(())
}

/// Where the first line of this time or later begins: lines stand in the order of their times.
fn first_since(file: &mut cap_std::fs::File, size: u64, at_ms: i64) -> io::Result<u64> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        let (begin, end, time) = line_at(file, middle)?;
        if time.is_some_and(|time| time < at_ms) {
            low = end.max(low + 1);
        } else if begin >= high {
            high = middle;
        } else {
            high = begin.min(middle);
        }
    }
    Ok(low.min(size))
}

/// The line that `place` lies in: its begin, the begin of the next, its time.
fn line_at(file: &mut cap_std::fs::File, place: u64) -> io::Result<(u64, u64, Option<i64>)> {
    let from = place.saturating_sub(MOST_LINE + 32);
    file.seek(SeekFrom::Start(from))?;
    let mut around = Vec::new();
    Read::by_ref(file).take(2 * (MOST_LINE + 32)).read_to_end(&mut around)?;
    let at = usize::try_from(place - from).unwrap_or(usize::MAX).min(around.len());
    let (before, after) = around.split_at(at);
    let begin = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = after.iter().position(|b| *b == b'\n').map_or(around.len(), |i| at + i + 1);
    let time = around.get(begin..end).and_then(parse).map(|line| line.at_ms);
    let offset = |i: usize| from + u64::try_from(i).unwrap_or(0);
    Ok((offset(begin), offset(end), time))
}

fn parse(line: &[u8]) -> Option<LogLine> {
    let text = String::from_utf8_lossy(line);
    let (at, text) = text.split_once(' ')?;
    Some(LogLine { at_ms: at.parse().ok()?, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogPlace, LogQuery};
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
        let lines = newest(&logs, &LogQuery { lines: 400, bytes: 100_000, ..LogQuery::default() });
        assert_eq!(lines.len(), 400);
        assert_eq!(lines.last().unwrap().text, "line 4999");
        assert_eq!(lines.first().unwrap().text, "line 4600");
        assert_eq!(newest(&logs, &LogQuery { lines: 400, bytes: 25, ..LogQuery::default() }).len(), 2);
    }

    fn newest(logs: &Dir, query: &LogQuery) -> Vec<LogLine> {
        let mut collector = Collector::new(query);
        read(logs, &mut collector).unwrap();
        collector.end().lines
    }

    #[test]
    fn what_was_written_since_a_place_is_found_and_nothing_twice() {
        let (_dir, logs) = logs();
        let line =
            |n: i64| LogLine { at_ms: n / 3, text: format!("line {n} {}", "x".repeat(n as usize % 90)) };
        // Two parts fill a file each, the third stays below the bound.
        for part in [0..900, 900..1800, 1800..2000] {
            append(&logs, &part.map(line).collect::<Vec<_>>(), 20_000).unwrap();
        }
        let all = newest(&logs, &LogQuery { lines: 5_000, bytes: 1 << 20, ..LogQuery::default() });
        assert!(all == (0..2000).map(line).collect::<Vec<_>>(), "{} lines", all.len());
        let mut query = LogQuery { lines: 5_000, bytes: 1 << 20, ..LogQuery::default() };
        for n in [0_i64, 1, 2, 3, 898, 899, 900, 1799, 1800, 1998, 1999] {
            query.after = Some(LogPlace { at_ms: n / 3, seen: u32::try_from(n % 3 + 1).unwrap() });
            let rest = newest(&logs, &query);
            let count = rest.len();
            assert!(rest == (n + 1..2000).map(line).collect::<Vec<_>>(), "{count} after line {n}");
        }
    }

    #[test]
    fn a_line_without_an_end_and_bytes_that_are_no_text_do_no_harm() {
        let (_dir, logs) = logs();
        let mut bytes = vec![b'x'; 40_000];
        bytes.extend([0xff, 0xfe, b'\n', b'a']);
        let heap = AtomicBool::new(false);
        keep(&logs, &bytes[..], MOST_BYTES, &heap);
        let lines = newest(&logs, &LogQuery::default());
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|l| l.text.len() <= 16 << 10));
        keep(&logs, &b"FATAL ERROR: JavaScript heap out of memory\n"[..], MOST_BYTES, &heap);
        assert!(heap.load(Ordering::Relaxed));
    }
}
