//! Looking at what every bot uses, twice a minute, and writing it down every five.

use super::{
    segment::{Moved, Sample, Segment},
    store,
};
use crate::{
    bots::{Bots, Traffic},
    platform::error::OpError,
};
use api::{bots::METRICS_MS, ids::BotId};
use runtime::{Used, UsedBy};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How often bots are looked at.
pub(super) const EVERY_MS: i64 = 30_000;
/// How many looks are written down together. A Chela that is killed loses that much of a chart.
const LOOKS_A_WRITE: u32 = 10;
/// A count of files says nothing of a time this long after it.
const DISK_GOOD_MS: i64 = 3_600_000;
/// Bots that have gauges of their own at most, and counters: every one makes six series.
const MOST_GAUGES: usize = 1_000;

/// What is known of a bot between two looks.
#[derive(Debug, Default)]
struct Meter {
    /// The last look: when, and how much processor time by then.
    last: Option<(i64, u64)>,
    limit: Option<u64>,
    /// When its files were counted last, and what they took.
    disk: Option<(i64, u32)>,
    /// What its calls moved and no sample tells yet; none where nobody counts.
    moved: Option<Traffic>,
    /// Full stretches that are not written yet, and the present one.
    segments: Vec<Segment>,
}

impl Meter {
    fn take(&mut self, at_ms: i64, used: &Used) -> Sample {
        // A new life counts from nothing.
        let cpu_milli = match self.last {
            Some((before, cpu)) if at_ms > before && used.cpu_us >= cpu => {
                u32::try_from((used.cpu_us - cpu) / u64::try_from(at_ms - before).unwrap_or(1))
                    .unwrap_or(u32::MAX)
            }
            _ => 0,
        };
        self.last = Some((at_ms, used.cpu_us));
        self.limit = used.memory_limit_bytes;
        let sample = Sample {
            cpu_milli,
            memory_kib: u32::try_from(used.memory_bytes / 1024).unwrap_or(u32::MAX),
            disk_kib: self.disk.filter(|(counted, _)| at_ms - counted < DISK_GOOD_MS).map(|(_, kib)| kib),
            processes: u16::try_from(used.processes).unwrap_or(u16::MAX),
            traffic: self
                .moved
                .take()
                .map(|moved| Moved { sent: short(moved.sent), received: short(moved.received) }),
        };
        if !self.segments.last_mut().is_some_and(|segment| segment.push(at_ms, sample)) {
            let mut segment = Segment::new(at_ms);
            segment.push(at_ms, sample);
            self.segments.push(segment);
        }
        sample
    }
}

/// The meters of all bots.
#[derive(Debug, Default)]
pub(in crate::bots) struct Meters {
    of: Mutex<HashMap<BotId, Meter>>,
    /// Who has counters: unlike gauges they stay for as long as Chela runs.
    counted: Mutex<HashSet<BotId>>,
}

impl Meters {
    fn all(&self) -> MutexGuard<'_, HashMap<BotId, Meter>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not written yet of a bot, and what its memory is held to.
    pub(super) fn of(&self, bot: BotId) -> (Vec<Segment>, Option<u64>) {
        self.all().get(&bot).map(|meter| (meter.segments.clone(), meter.limit)).unwrap_or_default()
    }

    fn take(&self, at_ms: i64, all: &[UsedBy], traffic: Option<HashMap<BotId, Traffic>>) {
        let mut meters = self.all();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(traffic) = traffic {
            for UsedBy { bot, .. } in all {
                meters.entry(*bot).or_default().moved.get_or_insert_default();
            }
            // One that is not seen just now, as it starts anew, tells it with its next sample.
            for (bot, moved) in traffic {
                let sum = meters.entry(bot).or_default().moved.get_or_insert_default();
                *sum = sum.and(moved);
            }
        }
        for (n, UsedBy { bot, used }) in all.iter().enumerate() {
            let sample = meters.entry(*bot).or_default().take(at_ms, used);
            if n < MOST_GAUGES {
                gauges(*bot, &sample);
            }
            if let Some(moved) = sample.traffic
                && (counted.contains(bot) || counted.len() < MOST_GAUGES && counted.insert(*bot))
            {
                counters(*bot, moved);
            }
        }
        metrics::gauge!("chela_bots_running").set(all.len() as f64);
    }
}

fn gauges(bot: BotId, sample: &Sample) {
    let bot = bot.to_string();
    metrics::gauge!("chela_bot_cpu_cores", "bot" => bot.clone()).set(f64::from(sample.cpu_milli) / 1000.0);
    metrics::gauge!("chela_bot_memory_bytes", "bot" => bot.clone())
        .set(f64::from(sample.memory_kib) * 1024.0);
    metrics::gauge!("chela_bot_processes", "bot" => bot.clone()).set(f64::from(sample.processes));
    if let Some(kib) = sample.disk_kib {
        metrics::gauge!("chela_bot_disk_bytes", "bot" => bot).set(f64::from(kib) * 1024.0);
    }
}

fn counters(bot: BotId, moved: Moved) {
    let bot = bot.to_string();
    metrics::counter!("chela_bot_sent_bytes_total", "bot" => bot.clone()).increment(moved.sent.into());
    metrics::counter!("chela_bot_received_bytes_total", "bot" => bot).increment(moved.received.into());
}

/// As much as a record can tell; the number above it says that nothing is known.
fn short(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).min(u32::MAX - 1)
}

impl Bots {
    /// Looks until Chela stops, and writes down what is left then.
    pub(in crate::bots) async fn keep_meters(self: Arc<Self>) {
        let (mut next, mut looks) = (self.platform.clock.now_ms() + EVERY_MS, 0);
        loop {
            let stopping = tokio::select! {
                () = self.platform.shutdown.cancelled() => true,
                () = self.platform.clock.wait_until(next) => false,
            };
            if !stopping {
                next = self.platform.clock.now_ms() + EVERY_MS;
                let running = self.look_at_meters().await;
                self.count_one_disk(&running).await;
            }
            looks += 1;
            if stopping || looks >= LOOKS_A_WRITE {
                looks = 0;
                if let Err(error) = self.write_meters().await {
                    tracing::warn!(error = %error, "what bots use could not be written down; it is tried again");
                }
            }
            if stopping {
                return;
            }
        }
    }

    async fn look_at_meters(&self) -> Vec<BotId> {
        let mut all = Vec::new();
        for (kind, runtime) in self.runtimes.all() {
            match runtime.used().await {
                Ok(used) => all.extend(used),
                // The reconciler says so where that matters.
                Err(error) => tracing::debug!(runtime = ?kind, error = %error, "cannot see what bots use"),
            }
        }
        // The same ones have gauges each time.
        all.sort_by_key(|used| used.bot);
        let traffic = self.calls.get().map(|calls| calls.take_traffic());
        self.meters.take(self.platform.clock.now_ms(), &all, traffic);
        all.into_iter().map(|used| used.bot).collect()
    }

    /// Counts the files of one bot, the one that was counted longest ago: it may keep the disk busy for seconds.
    async fn count_one_disk(&self, running: &[BotId]) {
        let next = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let run: HashSet<BotId> = running.iter().copied().collect();
            counted.retain(|bot| run.contains(bot));
            let known: HashSet<BotId> = counted.iter().copied().collect();
            let next = running.iter().find(|bot| !known.contains(bot)).or_else(|| counted.first()).copied();
            if let Some(next) = next {
                counted.retain(|bot| *bot != next);
                counted.push(next);
            }
            next
        };
        let Some(bot) = next else { return };
        let counted = async {
            let granted = self.may_run()?;
            let Some(row) = crate::bots::store::load(self.platform.db.read(), &granted, bot).await? else {
                return Ok(None);
            };
            let _turn = self.counting.lock().await;
            let parts = self.runtimes.survey(&row).await;
            let parts = parts.map_err(|error| OpError::internal("counting a bot's files", error))?;
            Ok(Some(parts.iter().map(|part| part.disk_bytes).sum::<u64>()))
        };
        let counted: Result<Option<u64>, OpError> = counted.await;
        match counted {
            Ok(Some(bytes)) => {
                let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX - 1);
                if let Some(meter) = self.meters.all().get_mut(&bot) {
                    meter.disk = Some((self.platform.clock.now_ms(), kib));
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(bot.id = %bot, error = %error, "cannot count what a bot keeps"),
        }
    }

    /// Writes what every meter holds; full stretches and those of bots that are gone are then let go.
    async fn write_meters(&self) -> Result<(), OpError> {
        let now = self.platform.clock.now_ms();
        let held: Vec<(BotId, Segment)> = self
            .meters
            .all()
            .iter()
            .flat_map(|(bot, meter)| meter.segments.iter().map(|segment| (*bot, segment.clone())))
            .collect();
        let granted = self.may_run()?;
        let bots: HashSet<BotId> = held.iter().map(|(bot, _)| *bot).collect();
        self.platform
            .db
            .write(async |tx| {
                let of = store::workspaces(tx, &granted, &bots).await?;
                for (bot, segment) in &held {
                    if let Some(workspace) = of.get(bot) {
                        store::keep(tx, &granted, *bot, *workspace, segment.from_ms, &segment.bytes).await?;
                    }
                }
                store::forget_before(tx, &granted, now - METRICS_MS).await
            })
            .await?;
        self.meters.all().retain(|_, meter| {
            let last =
                meter.segments.pop().filter(|segment| segment.from_ms + super::segment::LONGEST_MS > now);
            meter.segments = last.into_iter().collect();
            meter.last.is_some_and(|(at_ms, _)| now - at_ms < super::segment::LONGEST_MS)
        });
        Ok(())
    }
}
