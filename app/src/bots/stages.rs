//! The stages on the way to ready, with how long each took.

use super::{detail::OneBot, state, text};
use crate::time;
use api::bots::{BotDetail, Observed, Stage, StageMark};
use leptos::prelude::*;
use ui::{Step, StepState, Stepper};

/// The stages on the way, as far as they are worth a line. Getting an image is part of preparing the runtime.
const WAY: [Stage; 6] =
    [Stage::Queued, Stage::Runtime, Stage::Create, Stage::Start, Stage::Gateway, Stage::Ready];

/// What a stage's line says at `now`.
fn step(bot: &BotDetail, stage: Stage, now: Option<i64>, t: &'static text::Text) -> Step {
    let mark: Option<&StageMark> = bot.stages.iter().rev().find(|mark| mark.stage == stage);
    let ready = stage == Stage::Ready;
    let failed = bot.summary.observed == Observed::Failed;
    let last = bot.stages.last().is_some_and(|mark| mark.stage == stage);
    let place = |stage| WAY.iter().position(|step| *step == stage);
    let passed = bot.stages.iter().any(|mark| place(mark.stage) > place(stage));
    let state = match mark {
        // Nothing fails by waiting for its turn: why it failed stands above.
        Some(_) if failed && last && stage != Stage::Queued => StepState::Failed,
        None if ready && bot.summary.observed == Observed::Running => StepState::Done,
        None if passed => StepState::Done,
        None => StepState::Waiting,
        Some(mark) if mark.ended_at_ms.is_some() || ready => StepState::Done,
        Some(_) => StepState::Running,
    };
    let until =
        mark.and_then(|mark| mark.ended_at_ms.or(if state == StepState::Running { now } else { None }));
    let took = mark.zip(until).map(|(mark, until)| time::duration(until - mark.started_at_ms));
    let word = match state {
        StepState::Waiting => t.w_waiting,
        StepState::Running => t.w_running,
        StepState::Done => t.w_done,
        StepState::Failed => t.w_failed,
    };
    Step {
        name: state::stage_name(stage, t),
        state,
        word,
        took: took.filter(|_| !ready),
        note: mark.and_then(|mark| mark.note.clone()),
    }
}

/// Every stage of `bot`; ones that came although nobody expected them are in their place too.
fn steps(bot: &BotDetail, now: Option<i64>, t: &'static text::Text) -> Vec<Step> {
    let paired = bot.stages.iter().any(|mark| mark.stage == Stage::Pairing);
    WAY.into_iter()
        .flat_map(|stage| {
            let pairing = (stage == Stage::Ready && paired).then_some(Stage::Pairing);
            pairing.into_iter().chain([stage])
        })
        .map(|stage| step(bot, stage, now, t))
        .collect()
}

/// The stages of this page's bot, live.
#[component]
pub(crate) fn Stages(one: OneBot) -> impl IntoView {
    let t = text::text();
    let steps = Memo::new(move |_| {
        let now = time::now();
        one.detail.with(|bot| steps(bot, now, t))
    });
    view! { <Stepper steps label=t.stages/> }
}

/// From the first stage's start to the last one's end, in ms, once it is ready.
pub(crate) fn total_ms(bot: &BotDetail) -> Option<i64> {
    let start = bot.stages.iter().map(|mark| mark.started_at_ms).min()?;
    let end = bot.stages.iter().filter_map(|mark| mark.ended_at_ms).max()?;
    (bot.summary.observed == Observed::Running).then_some(end - start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// How each stage of a failed bot is shown that went through these.
    fn shown(stages: &[&str]) -> Vec<StepState> {
        let marks: Vec<_> = stages
            .iter()
            .map(|stage| json!({ "stage": stage, "started_at_ms": 1, "ended_at_ms": 2, "note": null }))
            .collect();
        let bot = json!({
            "id": "bot_00000000000000000000000001", "slug": "b", "name": "B", "model": "openai/m",
            "runtime": "process", "profile": "shared", "desired": "running", "observed": "failed",
            "stage": null, "health": "unhealthy", "reason": null, "since_ms": 1, "created_at_ms": 1, "version": 1,
            "settings": { "name": "B", "model": "openai/m", "prompt": "", "profile": "shared" },
            "pending": null, "restart_needed": false, "stages": marks, "restarts": 1, "started_at_ms": null,
            "next_try_at_ms": null,
        });
        let bot: BotDetail = serde_json::from_value(bot).unwrap();
        steps(&bot, None, text::text()).into_iter().map(|step| step.state).collect()
    }

    #[test]
    fn the_stage_that_failed_is_marked_and_never_the_queue() {
        use StepState::{Done as D, Failed as F, Waiting as W};
        let owner = Owner::new();
        owner.set();
        assert_eq!(shown(&["queued", "runtime", "create"]), [D, D, F, W, W, W]);
        assert_eq!(shown(&["queued"]), [D, W, W, W, W, W], "it died elsewhere and waits for its turn");
        assert_eq!(shown(&["runtime", "create", "start"]), [D, D, D, F, W, W], "tried anew, past the queue");
    }
}
