//! What containers use, as the engine reads it from their control groups.

use super::DockerRuntime;
use crate::{RuntimeError, Used, UsedBy};
use bollard::{
    models::{ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt, stream};

/// Containers asked about at once.
const AT_ONCE: usize = 8;

impl DockerRuntime {
    pub(super) async fn used_by_all(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        let running = self.look_for_all().await?.into_iter().filter(|found| found.seen.is_running());
        let each = running.map(|found| async move {
            let name = super::spec::name(&self.inner.config.instance, found.bot);
            let asked = self.inner.client.call("say what a container uses", |docker| async move {
                // One look, not two a second apart: the difference is ours to make.
                let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
                docker.stats(&name, Some(options)).try_next().await
            });
            match asked.await {
                Ok(Some(stats)) => Some(UsedBy { bot: found.bot, used: used(&stats) }),
                // It ended meanwhile.
                Ok(None) | Err(RuntimeError::NotFound(_)) => None,
                // One that does not tell must not hide all others.
                Err(error) => {
                    tracing::debug!(bot.id = %found.bot, error = %error, "a container does not tell what it uses");
                    None
                }
            }
        });
        let all: Vec<Option<UsedBy>> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
        Ok(all.into_iter().flatten().collect())
    }
}

fn used(stats: &ContainerStatsResponse) -> Used {
    let cpu = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage);
    let memory = stats.memory_stats.as_ref();
    Used {
        cpu_us: cpu.unwrap_or(0) / 1000,
        memory_bytes: memory.map_or(0, held),
        memory_limit_bytes: memory.and_then(|memory| memory.limit).filter(|limit| *limit > 0),
        processes: stats.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0),
    }
}

/// As `docker stats` says it: without the files that nothing has open. cgroup v2 names them `inactive_file`,
/// v1 `total_inactive_file`.
fn held(memory: &ContainerMemoryStats) -> u64 {
    let given_up = memory
        .stats
        .as_ref()
        .and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")))
        .and_then(|value| serde_json::to_value(value).ok()?.as_u64());
    memory.usage.unwrap_or(0).saturating_sub(given_up.unwrap_or(0))
}
