//! The stages of a bot's way up, each with its time.

use api::bots::{Stage, StageMark};

/// Ends the running mark: a failed attempt took as long as it took, the pause after it is no part of it.
pub(super) fn ended(mut marks: Vec<StageMark>, now: i64) -> Vec<StageMark> {
    if let Some(mark) = marks.last_mut() {
        mark.ended_at_ms.get_or_insert(now);
    }
    marks
}

/// Ends the running mark and begins one for `stage`. The way begins anew after ready, and at a stage that it
/// had come to before.
pub(super) fn marks(marks: Vec<StageMark>, stage: Option<Stage>, now: i64) -> Vec<StageMark> {
    let last = marks.last().map(|m| (m.stage, m.ended_at_ms));
    match (stage, last) {
        (Some(stage), Some((same, None))) if stage == same => return marks,
        (Some(Stage::Ready), Some((Stage::Ready, _))) => return marks,
        _ => {}
    }
    let mut marks = ended(marks, now);
    let Some(stage) = stage else { return marks };
    if matches!(last, Some((Stage::Ready, _))) {
        marks.clear();
    }
    if let Some(again) = marks.iter().position(|mark| mark.stage == stage) {
        marks.truncate(again);
    }
    let ended_at_ms = (stage == Stage::Ready).then_some(now);
    marks.push(StageMark { stage, started_at_ms: now, ended_at_ms, note: None });
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_each_other_and_begin_anew_after_ready() {
        let mut list = Vec::new();
        for (at, stage) in
            [Stage::Queued, Stage::Runtime, Stage::Runtime, Stage::Create, Stage::Ready].iter().enumerate()
        {
            list = marks(list, Some(*stage), i64::try_from(at).unwrap());
        }
        let names: Vec<_> = list.iter().map(|m| m.stage).collect();
        assert_eq!(names, [Stage::Queued, Stage::Runtime, Stage::Create, Stage::Ready]);
        assert!(list.iter().all(|m| m.ended_at_ms.is_some()));
        assert_eq!(marks(list, Some(Stage::Create), 9).len(), 1);
    }

    #[test]
    fn a_stage_that_is_tried_again_counts_its_own_time_only() {
        let first = marks(marks(Vec::new(), Some(Stage::Queued), 0), Some(Stage::Runtime), 10);
        let failed = ended(first, 30);
        assert_eq!(failed.last().unwrap().ended_at_ms, Some(30), "the pause is no part of it");
        let again = marks(failed, Some(Stage::Runtime), 5_000);
        let times: Vec<_> = again.iter().map(|m| (m.stage, m.started_at_ms, m.ended_at_ms)).collect();
        assert_eq!(times, [(Stage::Queued, 0, Some(10)), (Stage::Runtime, 5_000, None)]);
    }
}
