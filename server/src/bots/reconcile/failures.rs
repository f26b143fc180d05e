//! Naming how a bot failed, with figures; and whether it is worth trying again.

use super::BACK_READY_MS;
use crate::{
    bots::{lifecycle, runtimes::Exit},
    platform::{error::OpError, text::from_json},
};
use api::bots::Reason;
use entity::bots::bot;

/// Deaths in a row that make a loop.
const LOOP: usize = 3;
/// What OpenClaw says of a configuration that it does not start with.
const REFUSED: &str = "config_refused";

/// How a bot failed.
#[derive(Clone, Debug)]
pub(super) enum Death {
    /// Its process ended, where somebody saw how.
    Ended(Exit),
    /// It lives, and its gateway has not answered for so long.
    Hung { silent_ms: i64 },
}

/// Deaths in a row, this one too.
#[derive(Clone, Copy, Debug)]
pub(super) struct InARow {
    pub count: usize,
    /// Since the first of them.
    pub within_ms: i64,
}

/// Whether a bot waits for somebody to change something: OpenClaw refused the very settings that it would be started
/// with again.
pub(in crate::bots) fn is_parked(row: &bot::Model) -> bool {
    row.failures > 0
        && row.next_try_at_ms.is_none()
        && row.running_config_id == Some(row.config_id)
        && refused_before(row).unwrap_or(false)
}

/// Whether its last failure was a refused configuration.
pub(super) fn refused_before(row: &bot::Model) -> Result<bool, OpError> {
    was_for(row, REFUSED)
}

/// Whether this is the reason that its row tells.
pub(super) fn was_for(row: &bot::Model, code: &str) -> Result<bool, OpError> {
    let reason = row.reason.as_deref().map(from_json::<Reason>).transpose()?;
    Ok(reason.is_some_and(|reason| reason.code == code))
}

impl Death {
    /// Whether starting again can help. Files are written anew for each start, and after a refusal
    /// OpenClaw's doctor looks at the state: it gets a second try.
    pub(super) fn is_final(&self, refused_before: bool) -> bool {
        refused_before && matches!(self, Self::Ended(exit) if exit.code == Some(78) && !exit.out_of_memory)
    }

    /// In words for people.
    pub(super) fn reason(&self, limit_bytes: u64, row: InARow, next_try_at_ms: Option<i64>) -> Reason {
        let repeated = if row.count >= 2 {
            format!(" It died {} times in {}.", row.count, span(row.within_ms))
        } else {
            String::new()
        };
        let (code, message, hint) = match self {
            Self::Hung { silent_ms } => (
                "gateway_timeout",
                format!(
                    "The bot's process lives, but its gateway has not answered for {}: it is killed.{repeated}",
                    span(*silent_ms)
                ),
                "Chela starts it again. What it wrote last is in the post-mortem.",
            ),
            Self::Ended(exit) if exit.out_of_memory => (
                "out_of_memory",
                format!("The bot used up its {} of memory and was ended.{repeated}", gib(limit_bytes)),
                "Chela starts it again. If it happens often, raise its limit: the post-mortem has a button for that.",
            ),
            Self::Ended(Exit { code: Some(78), .. }) if next_try_at_ms.is_none() => (
                REFUSED,
                "OpenClaw refused its configuration again (exit 78), also after Chela wrote it anew and had \
                 OpenClaw's doctor mend the state: the bot is not started again by itself."
                    .to_owned(),
                "The post-mortem shows which setting, and what was changed. Change it, or start the bot again.",
            ),
            Self::Ended(Exit { code: Some(78), .. }) => (
                REFUSED,
                "OpenClaw refused its configuration (exit 78).".to_owned(),
                "Chela writes the configuration anew, has OpenClaw's own doctor mend the bot's state, and tries once more.",
            ),
            Self::Ended(exit) if row.count >= LOOP => (
                "crash_loop",
                format!(
                    "The bot died {} times in {}, the last time {}.",
                    row.count,
                    span(row.within_ms),
                    ended(exit)
                ),
                "The post-mortem shows what it wrote last and what was changed since it was well.",
            ),
            Self::Ended(exit @ Exit { code: Some(_), .. }) => (
                "exited",
                format!("The bot's process ended {}.{repeated}", ended(exit)),
                "Chela starts it again.",
            ),
            Self::Ended(_) => {
                ("vanished", format!("The bot's process is gone.{repeated}"), "Chela starts it again.")
            }
        };
        Reason { code: code.to_owned(), message, hint: Some(hint.to_owned()) }
    }
}

/// When a bot that failed is tried again.
pub(super) fn next_try(now_ms: i64, failures: i64) -> i64 {
    now_ms + lifecycle::pause_ms(failures)
}

/// How long a gateway that was connected may be silent, where nobody counted.
pub(super) const fn silent_ms(since: Option<(i64, i64)>, generation: i64, now_ms: i64) -> i64 {
    match since {
        Some((of, since)) if of == generation && since <= now_ms => now_ms - since,
        _ => BACK_READY_MS,
    }
}

fn ended(exit: &Exit) -> String {
    match exit.code {
        Some(code @ 129..=192) => format!("by signal {}", code - 128),
        Some(code) => format!("with code {code}"),
        None => "unseen".to_owned(),
    }
}

fn span(ms: i64) -> String {
    match ms / 1000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn gib(bytes: u64) -> String {
    format!("{}.{} GiB", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: Option<i32>, out_of_memory: bool) -> Death {
        Death::Ended(Exit { code, out_of_memory })
    }

    fn told(death: &Death, count: usize) -> (String, String) {
        let row = InARow { count, within_ms: 185_000 };
        let reason = death.reason(2 << 30, row, Some(3_661_000));
        (reason.code, reason.message)
    }

    #[test]
    fn every_failure_has_a_name_and_figures() {
        for (death, count, code, figures) in [
            (ended(Some(1), false), 1, "exited", &["code 1"][..]),
            (ended(Some(137), false), 2, "exited", &["signal 9", "2 times in 3 min"]),
            (ended(Some(1), false), 3, "crash_loop", &["3 times in 3 min", "code 1"]),
            (ended(None, false), 1, "vanished", &["gone"]),
            (ended(Some(137), true), 4, "out_of_memory", &["2.0 GiB", "4 times"]),
            (ended(Some(78), false), 1, "config_refused", &["exit 78"]),
            (Death::Hung { silent_ms: 60_000 }, 1, "gateway_timeout", &["for 60 s"]),
        ] {
            let (named, message) = told(&death, count);
            assert_eq!(named, code);
            assert!(figures.iter().all(|figure| message.contains(figure)), "{message}");
        }
    }

    #[test]
    fn only_a_configuration_that_was_refused_twice_is_final() {
        assert!(ended(Some(78), false).is_final(true));
        assert!(!ended(Some(78), false).is_final(false), "its files are written anew first");
        assert!(!ended(Some(1), false).is_final(true));
        assert!(!Death::Hung { silent_ms: 1 }.is_final(true));
    }
}
