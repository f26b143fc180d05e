//! Samples of one bot in a row: a stretch of at most an hour, 16 bytes a sample.

/// How much time one segment may hold.
pub(super) const LONGEST_MS: i64 = 3_600_000;
const RECORD: usize = 16;
/// The disk was not counted yet.
const UNKNOWN: u32 = u32::MAX;

/// What a bot used at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Thousandths of a processor since the sample before.
    pub cpu_milli: u32,
    pub memory_kib: u32,
    pub disk_kib: Option<u32>,
    pub processes: u16,
}

/// Samples from a time on, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub from_ms: i64,
    pub bytes: Vec<u8>,
}

impl Segment {
    pub(super) fn new(from_ms: i64) -> Self {
        Self { from_ms, bytes: Vec::new() }
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
        for word in [sample.cpu_milli, sample.memory_kib, sample.disk_kib.unwrap_or(UNKNOWN)] {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        true
    }

    /// Its samples with their times.
    pub(super) fn samples(&self) -> impl Iterator<Item = (i64, Sample)> {
        let (records, _half) = self.bytes.as_chunks::<RECORD>();
        records.iter().map(|&[s0, s1, p0, p1, c0, c1, c2, c3, m0, m1, m2, m3, d0, d1, d2, d3]| {
            let disk = u32::from_le_bytes([d0, d1, d2, d3]);
            let sample = Sample {
                cpu_milli: u32::from_le_bytes([c0, c1, c2, c3]),
                memory_kib: u32::from_le_bytes([m0, m1, m2, m3]),
                disk_kib: (disk != UNKNOWN).then_some(disk),
                processes: u16::from_le_bytes([p0, p1]),
            };
            (self.from_ms + i64::from(u16::from_le_bytes([s0, s1])) * 1000, sample)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_an_hour_is_full() {
        let sample = Sample { cpu_milli: 1500, memory_kib: 800_000, disk_kib: None, processes: 34 };
        let mut segment = Segment::new(1_000);
        assert!(segment.push(1_000, sample));
        assert!(segment.push(31_000, Sample { disk_kib: Some(7), ..sample }));
        assert!(!segment.push(1_000 + LONGEST_MS, sample), "the next stretch");
        assert!(!segment.push(0, sample), "the clock was set back");
        let mut kept = segment.bytes.clone();
        kept.extend_from_slice(&[1, 2, 3]);
        let read: Vec<_> = Segment::read(1_000, kept).samples().collect();
        assert_eq!(read, [(1_000, sample), (31_000, Sample { disk_kib: Some(7), ..sample })]);
    }
}
