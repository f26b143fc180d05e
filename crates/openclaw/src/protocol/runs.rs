//! The runs under way on a gateway: how much of each answer we have already told, so that a lost,
//! late or repeated frame never shows up as a gap or a doubled piece of text. Outlives a connection:
//! the supervisor hands the same table to the next one.

use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Usage;

/// Runs remembered per gateway. A finished run is only needed until its last frames have passed.
const KEPT: usize = 128;
/// The longest text of one run; what a bot writes beyond is not told.
const MAX_TEXT: usize = 1 << 20;
/// Texts of all runs together. Beyond, the oldest are forgotten: a run of which more comes starts over.
const MAX_TEXTS: usize = 4 << 20;

/// One run.
#[derive(Debug, Default)]
struct Run {
    id: String,
    text: String,
    /// Its text was told and is not known any more.
    forgotten: bool,
    chat_seq: u64,
    tool_seq: u64,
    usage: Option<Usage>,
    model: Option<String>,
    ended: bool,
}

/// How the text changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// This was added.
    Added(String),
    /// It was replaced by this.
    Replaced(String),
}

/// The table; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Runs(Arc<Mutex<Vec<Run>>>);

impl Runs {
    /// Remembers text of a run that was told by other means (`chat.history` names what a running
    /// answer holds), so that the next delta continues there.
    pub fn adopt(&self, run_id: &str, text: &str) {
        self.keep(run_id, text);
    }

    /// False when a chat frame with this number was overtaken by a later one, or the run is over.
    /// A frame without a number is taken as it comes.
    pub(super) fn takes_chat(&self, run_id: &str, seq: Option<u64>) -> bool {
        self.with(run_id, |run| {
            let seq = seq.unwrap_or(run.chat_seq);
            // Equal is fine: the last delta and the final frame carry the same number.
            let fresh = !run.ended && seq >= run.chat_seq;
            if fresh {
                run.chat_seq = seq;
            }
            fresh
        })
    }

    /// False when this tool frame, or a later one, was seen before.
    pub(super) fn takes_tool(&self, run_id: &str, seq: Option<u64>) -> bool {
        self.with(run_id, |run| {
            let Some(seq) = seq else { return true };
            let fresh = seq > run.tool_seq;
            if fresh {
                run.tool_seq = seq;
            }
            fresh
        })
    }

    /// Moves a run's text to `whole` and says what changed.
    pub(super) fn advance(&self, run_id: &str, whole: &str) -> Option<Change> {
        let whole = clipped(whole);
        let change = self.with(run_id, |run| match whole.strip_prefix(run.text.as_str()) {
            _ if run.forgotten => Some(Change::Replaced(whole.to_owned())),
            Some("") => None,
            Some(rest) => Some(Change::Added(rest.to_owned())),
            None => Some(Change::Replaced(whole.to_owned())),
        })?;
        self.keep(run_id, whole);
        Some(change)
    }

    fn keep(&self, run_id: &str, text: &str) {
        self.with(run_id, |run| {
            run.forgotten = false;
            clipped(text).clone_into(&mut run.text);
        });
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held: usize = runs.iter().map(|run| run.text.len()).sum();
        for run in runs.iter_mut().filter(|run| run.id != run_id && !run.text.is_empty()) {
            if held <= MAX_TEXTS {
                break;
            }
            held -= run.text.len();
            run.text = String::new();
            run.forgotten = true;
        }
    }

    /// The text told so far.
    pub(super) fn text(&self, run_id: &str) -> String {
        self.with(run_id, |run| run.text.clone())
    }

    /// Adds what one of the run's model calls used.
    pub(super) fn count(&self, run_id: &str, usage: Option<Usage>, model: Option<&str>) {
        self.with(run_id, |run| {
            if let Some(usage) = usage {
                run.usage = Some(run.usage.unwrap_or_default().plus(usage));
            }
            if let Some(model) = model {
                run.model = Some(model.to_owned());
            }
        });
    }

    /// Ends a run; its usage and model, as far as known.
    pub(super) fn end(&self, run_id: &str) -> (Option<Usage>, Option<String>) {
        self.with(run_id, |run| {
            run.ended = true;
            run.text = String::new();
            (run.usage, run.model.clone())
        })
    }

    fn with<T>(&self, run_id: &str, act: impl FnOnce(&mut Run) -> T) -> T {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = runs.iter().position(|run| run.id == run_id).unwrap_or_else(|| {
            if runs.len() >= KEPT {
                // The oldest finished run, or, if all are busy, the oldest.
                let victim = runs.iter().position(|run| run.ended).unwrap_or(0);
                runs.remove(victim);
            }
            runs.push(Run { id: run_id.to_owned(), ..Run::default() });
            runs.len() - 1
        });
        act(&mut runs[at])
    }
}

/// The beginning of a text that is told of it.
fn clipped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_delta_is_made_good_by_the_next_snapshot() {
        let runs = Runs::default();
        assert_eq!(runs.advance("r", "He"), Some(Change::Added("He".into())));
        assert_eq!(runs.advance("r", "Hello wor"), Some(Change::Added("llo wor".into())));
        assert_eq!(runs.advance("r", "Hello wor"), None);
    }

    #[test]
    fn a_rewritten_text_replaces_the_old_one() {
        let runs = Runs::default();
        runs.advance("r", "Hello");
        assert_eq!(runs.advance("r", "Bye"), Some(Change::Replaced("Bye".into())));
    }

    #[test]
    fn texts_without_end_are_clipped_and_those_of_many_runs_forgotten() {
        let runs = Runs::default();
        let endless = "é".repeat(MAX_TEXT);
        let Some(Change::Added(told)) = runs.advance("r", &endless) else { panic!("text was added") };
        assert_eq!(told.len(), MAX_TEXT);
        assert_eq!(runs.advance("r", &format!("{endless}more")), None);
        for n in 0..KEPT {
            runs.advance(&n.to_string(), &"x".repeat(MAX_TEXT / 2));
        }
        let held: usize = runs.0.lock().unwrap().iter().map(|run| run.text.capacity()).sum();
        assert!(held <= MAX_TEXTS, "{held}");
        let last = (KEPT - 1).to_string();
        assert_eq!(runs.text(&last).len(), MAX_TEXT / 2);
        // One of the forgotten goes on: its reader starts over, nothing is doubled.
        let whole = "x".repeat(MAX_TEXT / 2 + 1);
        assert_eq!(runs.advance("9", &whole), Some(Change::Replaced(whole)));
    }

    #[test]
    fn the_table_stays_small_and_forgets_finished_runs_first() {
        let runs = Runs::default();
        runs.advance("busy", "text");
        for n in 0..KEPT * 3 {
            runs.end(&format!("done-{n}"));
        }
        assert_eq!(runs.text("busy"), "text");
        assert_eq!(runs.0.lock().unwrap().len(), KEPT);
    }
}
