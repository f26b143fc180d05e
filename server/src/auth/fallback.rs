//! What people do while the database cannot be written: logins and logouts go on in memory, bounded, and
//! are written down as soon as it works again.

use super::journal::{Entry, Journal};
use api::ids::{CeremonyId, SessionId};
use entity::auth::{ceremony, session};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The most of each kind held in memory.
const MOST: usize = 1_000;

#[derive(Default)]
struct Held {
    sessions: HashMap<Vec<u8>, session::Model>,
    ended: HashSet<SessionId>,
    ceremonies: HashMap<CeremonyId, ceremony::Model>,
    /// Ceremonies whose row could not be marked as used, until they expire.
    spent: HashMap<CeremonyId, i64>,
}

/// Memory and journal.
pub(super) struct Fallback {
    held: Mutex<Held>,
    journal: Option<Arc<Mutex<Journal>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fallback {
    /// Takes in what the journal remembers. Without a journal acts still go on, unwritten.
    pub(super) fn new(journal: Option<Journal>) -> Self {
        let ended = journal.as_ref().map(|j| j.entries().iter().filter_map(|e| e.ended).collect());
        let held = Held { ended: ended.unwrap_or_default(), ..Held::default() };
        Self { held: Mutex::new(held), journal: journal.map(|j| Arc::new(Mutex::new(j))) }
    }

    /// Keeps a session in memory; false when there is no room.
    pub(super) fn keep_session(&self, row: session::Model) -> bool {
        let mut held = lock(&self.held);
        let room = held.sessions.len() < MOST;
        if room {
            held.sessions.insert(row.token_hash.clone(), row);
        }
        room
    }

    pub(super) fn find_session(&self, hash: &[u8]) -> Option<session::Model> {
        lock(&self.held).sessions.get(hash).cloned()
    }

    /// Ends a session here and now.
    pub(super) fn end(&self, id: SessionId) {
        let mut held = lock(&self.held);
        held.sessions.retain(|_, row| row.id != id);
        if held.ended.len() < MOST {
            held.ended.insert(id);
        }
    }

    /// Drops a session that lives in memory only.
    pub(super) fn forget_session(&self, id: SessionId) {
        lock(&self.held).sessions.retain(|_, row| row.id != id);
    }

    pub(super) fn is_ended(&self, id: SessionId) -> bool {
        lock(&self.held).ended.contains(&id)
    }

    /// Keeps a ceremony in memory; where there is no room, the oldest makes some.
    pub(super) fn keep_ceremony(&self, row: ceremony::Model, now_ms: i64) {
        let mut held = lock(&self.held);
        held.ceremonies.retain(|_, row| row.expires_at_ms > now_ms);
        if held.ceremonies.len() >= MOST
            && let Some(oldest) = held.ceremonies.keys().min().copied()
        {
            held.ceremonies.remove(&oldest);
        }
        held.ceremonies.insert(row.id, row);
    }

    /// Takes a ceremony out: it can be taken once.
    pub(super) fn take_ceremony(&self, id: CeremonyId) -> Option<ceremony::Model> {
        lock(&self.held).ceremonies.remove(&id)
    }

    /// Marks a ceremony of the database as used; false when it was, or when there is no room to remember.
    pub(super) fn spend(&self, id: CeremonyId, expires_at_ms: i64, now_ms: i64) -> bool {
        let mut held = lock(&self.held);
        held.spent.retain(|_, expires| *expires > now_ms);
        if held.spent.len() >= MOST || held.spent.contains_key(&id) {
            return false;
        }
        held.spent.insert(id, expires_at_ms);
        true
    }

    pub(super) fn is_spent(&self, id: CeremonyId) -> bool {
        lock(&self.held).spent.contains_key(&id)
    }

    /// Writes an act to the journal. A full journal is said in the log; the act goes on.
    pub(super) async fn journal(&self, entry: Entry) {
        let Some(journal) = self.journal.clone() else { return };
        let act = entry.act.clone();
        let written = tokio::task::spawn_blocking(move || lock(&journal).append(entry)).await;
        match written {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => tracing::error!(act, "the audit journal is full; an act is not written down"),
            Ok(Err(error)) => tracing::error!(act, %error, "the audit journal cannot be written"),
            Err(error) => tracing::error!(act, %error, "the audit journal task failed"),
        }
    }

    /// Whether anything waits to be written down.
    pub(super) fn waits(&self) -> bool {
        let held = lock(&self.held);
        !held.sessions.is_empty() || !held.ended.is_empty() || !self.entries().is_empty()
    }

    fn entries(&self) -> Vec<Entry> {
        self.journal.as_ref().map(|journal| lock(journal).entries().to_vec()).unwrap_or_default()
    }

    /// What waits: sessions, ended sessions, journal entries.
    pub(super) fn waiting(&self) -> (Vec<session::Model>, Vec<SessionId>, Vec<Entry>) {
        let held = lock(&self.held);
        let (sessions, ended) =
            (held.sessions.values().cloned().collect(), held.ended.iter().copied().collect());
        drop(held);
        (sessions, ended, self.entries())
    }

    /// Forgets what has been written down.
    pub(super) fn written(&self, sessions: &[session::Model], ended: &[SessionId], entries: usize) {
        let mut held = lock(&self.held);
        for row in sessions {
            held.sessions.remove(&row.token_hash);
        }
        for id in ended {
            held.ended.remove(id);
        }
        drop(held);
        if entries > 0
            && let Some(journal) = &self.journal
            && let Err(error) = lock(journal).forget(entries)
        {
            // Merged again later: harmless.
            tracing::warn!(%error, "the audit journal could not be emptied");
        }
    }
}
