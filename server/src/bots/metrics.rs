//! What bots use of their machine: looked at twice a minute, kept for seven days, told as points over time and
//! as gauges.
//!
//! Not responsible for how a runtime counts (`runtime`), nor for what a bot keeps where (`storage`).

mod sampler;
mod segment;

use super::{
    Bots,
    past::word,
    store::{metrics as store, past},
};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    verbs::{Rest, Verbs},
};
use api::{ApiError, bots::*};
use policy::{Granted, act};
pub(super) use sampler::Meters;
use segment::{Moved, Sample, Segment};
use std::sync::Arc;

/// Over how long figures are told if nothing is said.
const SPAN_MS: i64 = 3_600_000;
/// Points told at most.
const MOST_POINTS: i64 = 240;
/// Marks told at most.
const MOST_MARKS: u64 = 100;

/// Registers the verb of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<ReadMetrics, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/metrics").says("What it used of its machine, and what was done to it."),
        bots,
        read,
    );
}

async fn read(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadMetrics,
) -> Result<BotMetrics, OpError> {
    let to_ms = q.to_ms.unwrap_or(ctx.now_ms).min(ctx.now_ms);
    let from_ms = q.from_ms.unwrap_or(to_ms - SPAN_MS);
    if from_ms >= to_ms || to_ms - from_ms > METRICS_MS {
        return Err(ApiError::field("/from_ms", "must be before to_ms, by seven days at most").into());
    }
    let row = b.find(&granted, &q.bot).await?;
    let db = b.platform.db.read();
    let kept = store::within(db, &granted, row.id, from_ms - segment::LONGEST_MS, to_ms).await?;
    // What is not written yet comes last; a segment that is both is the same twice.
    let (now, memory_limit_bytes) = b.meters.of(row.id);
    let mut samples: Vec<(i64, Sample)> = Vec::new();
    for segment in kept.into_iter().map(|row| Segment::read(row.from_ms, row.samples)).chain(now) {
        let after = samples.last().map_or(i64::MIN, |(at, _)| *at);
        samples.extend(segment.samples().filter(|(at, _)| *at > after && (from_ms..=to_ms).contains(at)));
    }
    let step_ms = ((to_ms - from_ms) / MOST_POINTS).max(sampler::EVERY_MS);
    let marks = past::between(db, &granted, row.id, from_ms, to_ms, MOST_MARKS).await?;
    Ok(BotMetrics {
        from_ms,
        to_ms,
        step_ms,
        points: points(&samples, from_ms, step_ms),
        memory_limit_bytes,
        marks: marks.into_iter().map(word).collect::<Result<_, _>>()?,
    })
}

/// Samples of one step as one point.
fn points(samples: &[(i64, Sample)], from_ms: i64, step_ms: i64) -> Vec<MetricPoint> {
    let step_of = |at_ms: i64| (at_ms - from_ms) / step_ms;
    samples
        .chunk_by(|(one, _), (other, _)| step_of(*one) == step_of(*other))
        .filter_map(|chunk| {
            let (first, _) = chunk.first()?;
            let count = u64::try_from(chunk.len()).unwrap_or(1).max(1);
            let all = || chunk.iter().map(|(_, sample)| sample);
            let moved = |bytes: fn(&Moved) -> u32| {
                let known = all().filter_map(|s| s.traffic.as_ref());
                known.map(|moved| u64::from(bytes(moved))).reduce(|sum, more| sum + more)
            };
            Some(MetricPoint {
                at_ms: from_ms + step_of(*first) * step_ms,
                cpu_milli: all().map(|s| u64::from(s.cpu_milli)).sum::<u64>() / count,
                memory_bytes: all().map(|s| u64::from(s.memory_kib)).max().unwrap_or(0) * 1024,
                disk_bytes: all().filter_map(|s| s.disk_kib).next_back().map(|kib| u64::from(kib) * 1024),
                processes: all().map(|s| u64::from(s.processes)).max().unwrap_or(0),
                sent_bytes: moved(|moved| moved.sent),
                received_bytes: moved(|moved| moved.received),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_milli: u32, memory_kib: u32) -> Sample {
        Sample { cpu_milli, memory_kib, disk_kib: None, processes: 1, traffic: None }
    }

    #[test]
    fn a_step_tells_the_average_of_work_and_the_most_of_memory_and_gaps_stay_gaps() {
        let samples = [(0, sample(100, 5)), (30, sample(300, 9)), (30_000, sample(50, 7))];
        let points = points(&samples, 0, 1_000);
        assert_eq!(
            points.iter().map(|p| (p.at_ms, p.cpu_milli, p.memory_bytes)).collect::<Vec<_>>(),
            [(0, 200, 9 * 1024), (30_000, 50, 7 * 1024)]
        );
    }

    #[test]
    fn a_step_tells_the_sum_of_what_calls_moved_and_nothing_where_nobody_counted() {
        let counted = |sent| Sample { traffic: Some(Moved { sent, received: 1 }), ..sample(0, 0) };
        let samples =
            [(0, sample(0, 0)), (1, counted(3)), (2, counted(4)), (1_000, sample(0, 0)), (2_000, counted(0))];
        let points = points(&samples, 0, 1_000);
        let moved: Vec<_> = points.iter().map(|p| (p.sent_bytes, p.received_bytes)).collect();
        assert_eq!(moved, [(Some(7), Some(2)), (None, None), (Some(0), Some(1))]);
    }
}
