//! Samples of one bot in a row: a stretch of at most an hour, 24 bytes a sample. Stretches that were kept before traffic
//! was counted have 16 bytes a sample and no mark in front; they stay readable.

/// How much time one segment may hold.
pub(super) const LONGEST_MS: i64 = 3_600_000;
/// A record without traffic, and what traffic adds to it.
const PLAIN: usize = 16;
const RECORD: usize = 24;
/// Stands in front of records with traffic. As the seconds of a first record it would be no time of an hour.
const MARK: [u8; 2] = [0xff; 2];
/// The disk was not counted yet, or traffic not at all.
const UNKNOWN: u32 = u32::MAX;

/// What a bot used at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Thousandths of a processor since the sample before.
    pub cpu_milli: u32,
    pub memory_kib: u32,
    pub disk_kib: Option<u32>,
    pub processes: u16,
    /// What model calls moved that ended since the sample before; unknown to a Chela that did not count it.
    pub traffic: Option<Moved>,
}

/// Bytes of model calls. Four gigabytes within half a minute are told as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub sent: u32,
    pub received: u32,
}

/// Samples from a time on, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub from_ms: i64,
    pub bytes: Vec<u8>,
}

impl Segment {
    pub(super) fn new(from_ms: i64) -> Self {
        Self { from_ms, bytes: MARK.to_vec() }
    }

    /// As it was kept. A half record at the end is none.
    pub(super) fn read(from_ms: i64, bytes: Vec<u8>) -> Self {
        Self { from_ms, bytes }
    }

    /// Adds a sample, if it belongs to this stretch.
    pub(super) fn push(&mut self, at_ms: i64, sample: Sample) -> bool {
        let after = at_ms - self.from_ms;
        if !(0..LONGEST_MS).contains(&after) {
            return false;
        }
        let seconds = u16::try_from(after / 1000).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&seconds.to_le_bytes());
        self.bytes.extend_from_slice(&sample.processes.to_le_bytes());
        let (sent, received) =
            sample.traffic.map_or((UNKNOWN, UNKNOWN), |moved| (moved.sent, moved.received));
        let disk = sample.disk_kib.unwrap_or(UNKNOWN);
        for word in [sample.cpu_milli, sample.memory_kib, disk, sent, received] {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        true
    }

    /// Its samples with their times.
    pub(super) fn samples(&self) -> impl Iterator<Item = (i64, Sample)> {
        let marked = self.bytes.strip_prefix(&MARK);
        let (bytes, record) = marked.map_or((self.bytes.as_slice(), PLAIN), |rest| (rest, RECORD));
        bytes.chunks_exact(record).filter_map(|bytes| {
            let (after_ms, sample) = read(bytes)?;
            Some((self.from_ms + after_ms, sample))
        })
    }
}

/// One record of either form: how long after the beginning, and what.
fn read(record: &[u8]) -> Option<(i64, Sample)> {
    let ([s0, s1, p0, p1], words) = record.split_first_chunk()?;
    let mut words = words.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    let sample = Sample {
        cpu_milli: words.next()?,
        memory_kib: words.next()?,
        disk_kib: words.next().filter(|disk| *disk != UNKNOWN),
        processes: u16::from_le_bytes([*p0, *p1]),
        traffic: words
            .next()
            .zip(words.next())
            .filter(|(sent, _)| *sent != UNKNOWN)
            .map(|(sent, received)| Moved { sent, received }),
    };
    Some((i64::from(u16::from_le_bytes([*s0, *s1])) * 1000, sample))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_an_hour_is_full() {
        let moved = Some(Moved { sent: 70_000, received: 3 });
        let sample =
            Sample { cpu_milli: 1500, memory_kib: 800_000, disk_kib: None, processes: 34, traffic: moved };
        let mut segment = Segment::new(1_000);
        assert!(segment.push(1_000, sample));
        let other = Sample { disk_kib: Some(7), traffic: None, ..sample };
        assert!(segment.push(31_000, other));
        assert!(!segment.push(1_000 + LONGEST_MS, sample), "the next stretch");
        assert!(!segment.push(0, sample), "the clock was set back");
        let mut kept = segment.bytes.clone();
        kept.extend_from_slice(&[1, 2, 3]);
        let read: Vec<_> = Segment::read(1_000, kept).samples().collect();
        assert_eq!(read, [(1_000, sample), (31_000, other)]);
    }

    #[test]
    fn what_was_kept_before_traffic_was_counted_is_read_with_traffic_unknown() {
        let kept: Vec<u8> = [
            [0, 0, 34, 0, 0xdc, 5, 0, 0, 0, 0x35, 0x0c, 0, 0xff, 0xff, 0xff, 0xff],
            [30, 0, 1, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0],
        ]
        .concat();
        let first =
            Sample { cpu_milli: 1500, memory_kib: 800_000, disk_kib: None, processes: 34, traffic: None };
        let second = Sample { cpu_milli: 7, memory_kib: 8, disk_kib: Some(9), processes: 1, traffic: None };
        let read: Vec<_> = Segment::read(1_000, kept).samples().collect();
        assert_eq!(read, [(1_000, first), (31_000, second)]);
    }
}
