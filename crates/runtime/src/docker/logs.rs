//! A bot's output: what the engine keeps of its container, and what we kept of the containers before.

use super::{DockerRuntime, time};
use crate::{
    Growth, Hint, Hints, LogPlace, LogQuery, LogRead, RuntimeError, blocking::blocking, home::Part,
    logs::Collector, output,
};
use api::ids::BotId;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures::{FutureExt, StreamExt};

/// Kept of a container that goes.
const LAST_LINES: usize = 2000;
const LAST_BYTES: usize = 1 << 20;

impl DockerRuntime {
    pub(super) async fn read_logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError> {
        let mut collector = Collector::new(query);
        let home = self.inner.config.homes.of(bot);
        if home.exists() {
            let what = "reading the output of former containers";
            let kept = blocking(what, move || {
                output::read(&home.part(Part::Logs)?, &mut collector).map_err(RuntimeError::io(what))?;
                Ok(collector)
            });
            collector = kept.await?;
        }
        let Some(seen) = self.find(bot).await? else { return Ok(collector.end()) };
        let options = options(query, false);
        let read = |d: bollard::Docker| async move {
            let mut stream = d.logs(&seen.id, Some(options));
            while let Some(output) = stream.next().await {
                collector.take(time::split_line(&String::from_utf8_lossy(&output?.into_bytes())));
            }
            Ok(collector.end())
        };
        self.inner.client.call("read a container's output", read).await
    }

    /// Follows the container's output from the place on: what is beyond it has grown, however soon it came.
    pub(super) async fn grows(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        let mut hints = Hints::new(self.inner.hints.subscribe());
        let Some(seen) = self.find(bot).await? else {
            return Ok(async move { changed(&mut hints, bot).await }.boxed());
        };
        let engine = self.inner.client.engine().await?;
        let query = LogQuery { after: place, ..LogQuery::default() };
        Ok(async move {
            let mut collector = Collector::new(&query);
            let mut stream = engine.logs(&seen.id, Some(options(&query, true)));
            while let Some(Ok(output)) = stream.next().await {
                if collector.take(time::split_line(&String::from_utf8_lossy(&output.into_bytes()))) {
                    return;
                }
            }
            // It ended, or is another one now.
            changed(&mut hints, bot).await;
        }
        .boxed())
    }

    /// Keeps the end of what a container said beside the bot's files.
    pub(super) async fn keep_last_words(&self, bot: BotId, container: &str) -> Result<(), RuntimeError> {
        let home = self.inner.config.homes.of(bot);
        if !home.exists() {
            return Ok(());
        }
        let query = LogQuery { lines: LAST_LINES, bytes: LAST_BYTES, ..LogQuery::default() };
        let options = options(&query, false);
        let read = |d: bollard::Docker| async move {
            let mut collector = Collector::new(&query);
            let mut stream = d.logs(container, Some(options));
            while let Some(output) = stream.next().await {
                collector.take(time::split_line(&String::from_utf8_lossy(&output?.into_bytes())));
            }
            Ok(collector.end().lines)
        };
        let lines = self.inner.client.call("read a container's output", read).await?;
        let what = "keeping a container's output";
        blocking(what, move || {
            output::append(&home.part(Part::Logs)?, &lines, output::MOST_BYTES)
                .map_err(RuntimeError::io(what))
        })
        .await
    }
}

fn options(query: &LogQuery, follow: bool) -> LogsOptions {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(follow);
    match query.after {
        // Whole seconds; the rest is sorted out line by line.
        Some(place) => options.since(i32::try_from(place.at_ms.div_euclid(1000)).unwrap_or(i32::MAX)).build(),
        None if query.budget().is_some() && !follow => options.tail(&(query.lines + 1).to_string()).build(),
        None => options.build(),
    }
}

async fn changed(hints: &mut Hints, bot: BotId) {
    while let Some(hint) = hints.next().await {
        if matches!(hint, Hint::All) || hint == Hint::Bot(bot) {
            return;
        }
    }
}
