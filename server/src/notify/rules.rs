//! What a change of a bot makes of the trouble it was in. Pure.
//!
//! One trouble is one notification, however often it comes back: it is over when the bot is ready again (after a crash
//! loop: when it has been well), or is not wanted running any more.

use api::{bots::Reason, notify::NotificationKind as Kind};

/// Deaths in a row that make a crash loop.
const LOOP: i64 = 3;
/// A trouble that comes back this soon after it was over is the same one.
pub(super) const SAME_MS: i64 = 10 * 60_000;

/// What a failure is told as. `row` of failures includes this one.
pub(super) fn kind_of(reason: &Reason, died: bool, failures: i64) -> Kind {
    match reason.code.as_str() {
        "upgrade_failed" | "upgrade_undone" => Kind::UpgradeUndone,
        _ if !died => Kind::Failed,
        // Chela does not mend it by trying: more telling than a loop, as often as it happens.
        "config_refused" => Kind::ConfigRefused,
        "crash_loop" => Kind::CrashLoop,
        _ if failures >= LOOP => Kind::CrashLoop,
        "out_of_memory" => Kind::OutOfMemory,
        "gateway_timeout" => Kind::Hung,
        _ => Kind::Died,
    }
}

/// What an open trouble is told as once `next` happens too. A crash loop stays one.
pub(super) fn merged(known: Kind, next: Kind) -> Kind {
    match known {
        Kind::CrashLoop if next != Kind::ConfigRefused => Kind::CrashLoop,
        _ => next,
    }
}

/// Whether a trouble of this kind is over for a bot that stands so.
pub(super) fn is_over(kind: Kind, desired: &str, observed: &str, failures: i64) -> bool {
    match observed {
        _ if desired == "deleted" => true,
        "stopped" => true,
        "running" => kind != Kind::CrashLoop || failures == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> Reason {
        Reason { code: code.to_owned(), message: String::new(), hint: None }
    }

    #[test]
    fn deaths_are_told_by_their_cause_until_they_make_a_loop() {
        assert_eq!(kind_of(&reason("exited"), true, 1), Kind::Died);
        assert_eq!(kind_of(&reason("out_of_memory"), true, 2), Kind::OutOfMemory);
        assert_eq!(kind_of(&reason("gateway_timeout"), true, 1), Kind::Hung);
        assert_eq!(kind_of(&reason("out_of_memory"), true, 3), Kind::CrashLoop);
        assert_eq!(kind_of(&reason("crash_loop"), true, 1), Kind::CrashLoop);
        assert_eq!(kind_of(&reason("config_refused"), true, 9), Kind::ConfigRefused);
        assert_eq!(kind_of(&reason("no_image"), false, 9), Kind::Failed);
        assert_eq!(kind_of(&reason("upgrade_failed"), false, 0), Kind::UpgradeUndone);
        assert_eq!(kind_of(&reason("upgrade_undone"), true, 1), Kind::UpgradeUndone);
    }

    #[test]
    fn a_loop_stays_one_until_the_bot_has_been_well() {
        assert_eq!(merged(Kind::CrashLoop, Kind::Died), Kind::CrashLoop);
        assert_eq!(merged(Kind::Died, Kind::OutOfMemory), Kind::OutOfMemory);
        assert!(!is_over(Kind::CrashLoop, "running", "running", 3), "ready is not well");
        assert!(is_over(Kind::CrashLoop, "running", "running", 0));
        assert!(is_over(Kind::Died, "running", "running", 1));
        assert!(!is_over(Kind::Died, "running", "starting", 0));
        assert!(is_over(Kind::CrashLoop, "stopped", "stopped", 3), "nobody wants it running");
        assert!(is_over(Kind::Failed, "deleted", "stopping", 3));
    }
}
