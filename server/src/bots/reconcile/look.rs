//! How a bot stands: the runtime's view, its gateway's, and the row's.

use super::{BACK_READY_MS, FIRST_READY_MS, is_parked};
use crate::{
    bots::{
        Bots, idle,
        lifecycle::{Gateway, Seen, Standing},
        runtimes::Exit,
        upgrade,
    },
    platform::{error::OpError, jobs::LONGEST_WAIT_MS},
};
use entity::bots::bot;

impl Bots {
    /// Looks. The exit tells why a process ended, where it did.
    pub(super) async fn look_at(
        &self,
        row: &bot::Model,
        prepared: bool,
    ) -> Result<(Standing, Option<Exit>), OpError> {
        let (seen, exit) = self.runtimes.inspect(row).await?;
        let standing = Standing {
            desired: idle::wanted(row)?,
            seen,
            gateway: self.gateway_state(row, seen),
            generation: row.generation,
            config_current: self.is_as_written(row),
            keep: upgrade::keep(row)?,
            must_wait: is_parked(row)
                || row.next_try_at_ms.is_some_and(|at| is_ahead(at, self.platform.clock.now_ms())),
            prepared,
        };
        Ok((standing, exit))
    }

    pub(super) fn gateway_state(&self, row: &bot::Model, seen: Seen) -> Gateway {
        if !matches!(seen, Seen::Running { generation } if generation == row.generation) {
            return Gateway::Waiting;
        }
        let now = self.platform.clock.now_ms();
        if self.links.gateway(row.id).is_some() {
            self.memory(row.id, |m| {
                m.awaiting = None;
                m.was_ready = Some(row.generation);
            });
            return Gateway::Ready;
        }
        let deadline = self.memory(row.id, |m| {
            let since = match m.awaiting {
                Some((generation, since)) if generation == row.generation && since <= now => since,
                _ => {
                    m.awaiting = Some((row.generation, now));
                    now
                }
            };
            since + if m.was_ready == Some(row.generation) { BACK_READY_MS } else { FIRST_READY_MS }
        });
        if now >= deadline { Gateway::Overdue } else { Gateway::Waiting }
    }
}

/// Whether a pause goes on. One that would last longer than any pause does was noted by a clock that has been set back
/// since.
fn is_ahead(at_ms: i64, now_ms: i64) -> bool {
    (1..=LONGEST_WAIT_MS).contains(&(at_ms - now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_in_time_and_when_the_clock_was_set_back() {
        let at = 10_000_000;
        assert!(is_ahead(at, at - 1) && is_ahead(at, at - LONGEST_WAIT_MS));
        assert!(!is_ahead(at, at) && !is_ahead(at, at + 1));
        assert!(!is_ahead(at, at - 3_600_000));
    }
}
