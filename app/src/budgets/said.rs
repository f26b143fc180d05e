//! A budget or a stop in one line, where other pages speak of it.

use super::text;
use crate::i18n::fill;
use api::{budgets::Stop, usage::StoppedBy};

/// Whose it is, of which model, and how much.
pub(crate) fn line(by: &StoppedBy) -> String {
    let t = text::text();
    let whose = by.of.clone().or_else(|| Some(fill(t.tagged, by.tag.as_deref()?)));
    let whose = [Some(whose.unwrap_or_else(|| t.workspace.to_owned())), by.model.clone()];
    let whose: Vec<_> = whose.into_iter().flatten().collect();
    let much = if by.most == 0 {
        t.all_refused.to_owned()
    } else {
        fill(t.a_window, &text::amount(by.unit, by.most, t)).replacen("{}", text::period(by.period, t), 1)
    };
    format!("{}: {much}", whose.join(" · "))
}

/// What is stopped.
pub(crate) fn stopped(stop: &Stop) -> String {
    let t = text::text();
    let whose = stop.bot_name.clone().or_else(|| Some(stop.bot?.to_string()));
    match (whose, &stop.vendor) {
        (Some(bot), _) => fill(t.stopped_bot, &bot),
        (None, Some(vendor)) => fill(t.stopped_vendor, vendor),
        (None, None) => t.stopped_all.to_owned(),
    }
}

/// Who did, and why.
pub(crate) fn stopped_by(stop: &Stop) -> String {
    let who = fill(text::text().stopped_who, stop.by_name.as_ref().unwrap_or(&stop.by));
    stop.why.iter().fold(who, |who, why| format!("{who} · {why}"))
}
