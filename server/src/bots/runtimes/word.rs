//! The owner's word that bots may run although nothing keeps them apart from this machine. One workspace's
//! word is good for that workspace alone: such bots could reach each other.

use super::Runtimes;
use api::ids::WorkspaceId;
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

/// What a person can do who has not accepted it.
pub(super) const HINT: &str =
    "An owner accepts that once, on the page for new bots. Better: use Docker, or run Chela as root.";

/// Who accepted it, where and when. Kept as a setting of the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bots) struct Word {
    pub workspace: WorkspaceId,
    pub by: String,
    pub at_ms: i64,
}

impl Runtimes {
    /// The word that is in force.
    pub(in crate::bots) fn word(&self) -> Option<Word> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes by this word from now on.
    pub(in crate::bots) fn take_word(&self, word: Option<Word>) {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner) = word;
    }

    /// Why bots that nothing keeps apart are refused, if so: nobody accepted them, or another workspace did.
    pub(in crate::bots) fn unaccepted(&self, workspace: Option<WorkspaceId>) -> Option<String> {
        match self.word() {
            _ if self.by_setting() => None,
            Some(word) if workspace.is_none_or(|asking| asking == word.workspace) => None,
            Some(_) => Some(
                "nothing would keep its bots apart from those of another workspace of this machine"
                    .to_owned(),
            ),
            None => Some(
                "nothing would keep a bot apart from this machine, and no owner has accepted that".to_owned(),
            ),
        }
    }
}
