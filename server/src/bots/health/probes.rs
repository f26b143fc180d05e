//! Whether bots' models can be reached: each key is asked for its vendor's list of models, once for all bots that use it.

use crate::{bots::Bots, bots::store, platform::error::OpError, platform::text::from_json};
use api::{
    bots::{ModelProbe, Reason},
    ids::{KeyId, WorkspaceId},
};
use entity::bots::bot;
use futures::StreamExt;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// How often it is looked whether a key is to be asked.
const SWEEP_MS: i64 = 60_000;
/// A key that works is asked this often; one that is refused, with every sweep; one whose vendor is silent, less
/// and less often down to this.
const WORKING_MS: i64 = 5 * 60_000;
/// Keys asked at the same time.
const AT_ONCE: usize = 4;
/// A vendor that did not answer once may answer the next time.
const SILENT: u32 = 2;

/// A vendor's answer to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// It lists these models, as `vendor/model`; nothing where it keeps no list.
    Works { models: Vec<String> },
    /// It refuses the key, in its own words.
    Refused(String),
    /// It said nothing of the key; why.
    Silent(String),
}

/// What asking with a key gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAnswer {
    pub verdict: KeyVerdict,
    pub latency_ms: i64,
}

/// A fallback chain as bots ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedChain {
    /// None where no link speaks one that bots do.
    pub dialect: Option<openclaw::config::Dialect>,
    /// Those of its links that speak it, as `vendor/model`, in their order.
    pub links: Vec<String>,
}

/// Asks vendors; the relay's side provides it, with the very keys that calls are made with.
#[async_trait::async_trait]
pub trait ModelCheck: Send + Sync {
    /// The keys that calls of a bot with these tags to this vendor are made with.
    fn keys(&self, workspace: WorkspaceId, vendor: &str, tags: Vec<String>) -> Vec<KeyId>;
    /// Whether a key is for a model, as `vendor/model`; of one that is gone nothing is against it.
    fn serves(&self, key: KeyId, model: &str) -> bool;
    /// A chain of a name as bots of this workspace ask it.
    fn chain(&self, workspace: WorkspaceId, name: &str) -> Option<AskedChain>;
    /// Names of the chains that a key of the workspace can begin to serve, in order.
    fn chains(&self, workspace: WorkspaceId) -> Vec<String>;
    /// Asks with one of them; nothing where it is gone.
    async fn ask(&self, workspace: WorkspaceId, vendor: &str, key: KeyId) -> Option<KeyAnswer>;
}

/// The last answer to a key.
#[derive(Clone, Debug)]
struct Asked {
    at_ms: i64,
    answer: KeyAnswer,
    /// How often in a row nobody answered.
    silent: u32,
}

/// The answers to all keys in use.
#[derive(Default)]
pub(in crate::bots) struct Probes(Mutex<HashMap<KeyId, Asked>>);

/// Whether a model can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bots) enum Reach {
    /// Nobody has asked yet.
    Unknown,
    Yes,
    No(Reason),
}

impl Probes {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<KeyId, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an answer.
    pub(in crate::bots) fn keep(&self, key: KeyId, at_ms: i64, answer: KeyAnswer) {
        let mut all = self.all();
        let before = all.get(&key).map_or(0, |asked| asked.silent);
        let silent = if matches!(answer.verdict, KeyVerdict::Silent(_)) { before + 1 } else { 0 };
        all.insert(key, Asked { at_ms, answer, silent });
    }

    fn is_due(&self, key: KeyId, now_ms: i64) -> bool {
        self.all().get(&key).is_none_or(|asked| {
            let rests_ms = match asked.answer.verdict {
                KeyVerdict::Works { .. } => WORKING_MS,
                KeyVerdict::Refused(_) => 0,
                // Waiting for one that does not answer keeps those of others waiting.
                KeyVerdict::Silent(_) => match asked.silent.checked_sub(SILENT) {
                    None => 0,
                    Some(more) => SWEEP_MS.saturating_mul(1 << more.min(8)).min(WORKING_MS),
                },
            };
            !(0..rests_ms).contains(&(now_ms - asked.at_ms))
        })
    }

    /// The newest answer to any of these keys; one that works before one that fails, as calls go on with it.
    pub(super) fn newest(&self, keys: &[KeyId]) -> Option<ModelProbe> {
        let all = self.all();
        let word = |key: &KeyId| {
            let asked = all.get(key)?;
            let error = match &asked.answer.verdict {
                KeyVerdict::Works { .. } => None,
                KeyVerdict::Refused(words) | KeyVerdict::Silent(words) => Some(words.clone()),
            };
            Some(ModelProbe { key: *key, at_ms: asked.at_ms, latency_ms: asked.answer.latency_ms, error })
        };
        keys.iter().filter_map(word).max_by_key(|probe| (probe.error.is_none(), probe.at_ms))
    }

    /// What the answers to a vendor's keys come to. One that works is enough: calls go on with it.
    pub(super) fn reach(&self, keys: &[KeyId], vendor: &str) -> Reach {
        if keys.is_empty() {
            return Reach::No(Reason {
                code: "no_key".to_owned(),
                message: format!("The workspace has no key for {vendor}, so the bot cannot answer."),
                hint: Some("Add a provider key.".to_owned()),
            });
        }
        let all = self.all();
        let asked: Vec<&Asked> = keys.iter().filter_map(|key| all.get(key)).collect();
        if asked.iter().any(|asked| matches!(asked.answer.verdict, KeyVerdict::Works { .. })) {
            return Reach::Yes;
        }
        let refused = asked.iter().find_map(|asked| match &asked.answer.verdict {
            KeyVerdict::Refused(words) => Some(words),
            _ => None,
        });
        let silent = asked.iter().find_map(|asked| match &asked.answer.verdict {
            KeyVerdict::Silent(why) if asked.silent >= SILENT => Some(why),
            _ => None,
        });
        let surely = asked.len() == keys.len();
        match (refused, silent) {
            (Some(words), _) if surely => Reach::No(Reason {
                code: "key_refused".to_owned(),
                message: format!("{vendor} does not accept the key: {words}"),
                hint: Some("Replace the key.".to_owned()),
            }),
            (None, Some(why)) if surely => Reach::No(Reason {
                code: "vendor_silent".to_owned(),
                message: format!("{vendor} cannot be reached: {why}"),
                hint: Some(
                    "Chela asks again, at least every five minutes. Look at the network, or choose another model."
                        .to_owned(),
                ),
            }),
            _ => Reach::Unknown,
        }
    }
}

/// The vendor in a model's name.
pub(in crate::bots) fn vendor_of(model: &str) -> &str {
    model.split_once('/').map_or(model, |(vendor, _)| vendor)
}

/// A bot's model. Every bot is looked at several times a minute: nothing else of its settings is read.
pub(in crate::bots) fn model_in(row: &bot::Model) -> Result<String, OpError> {
    #[derive(serde::Deserialize)]
    struct Model {
        model: String,
    }
    let Model { model } = from_json(&row.settings)?;
    Ok(model)
}

impl Bots {
    /// The keys that its calls to a vendor are made with.
    pub(in crate::bots) fn keys_of(&self, row: &bot::Model, vendor: &str) -> Result<Vec<KeyId>, OpError> {
        Ok(self.vendors.keys(row.workspace_id, vendor, from_json(&row.tags)?))
    }

    /// Whether a key is for a model.
    pub(in crate::bots) fn serves(&self, key: KeyId, model: &str) -> bool {
        self.vendors.serves(key, model)
    }

    /// Asks with a key and keeps the answer.
    pub(in crate::bots) async fn ask_key(
        &self,
        workspace: WorkspaceId,
        vendor: &str,
        key: KeyId,
    ) -> Option<KeyAnswer> {
        let answer = self.vendors.ask(workspace, vendor, key).await?;
        self.probes.keep(key, self.platform.clock.now_ms(), answer.clone());
        Some(answer)
    }

    /// Asks with the keys in use, until Chela stops.
    pub(in crate::bots) async fn watch_models(self: Arc<Self>) {
        loop {
            let sweep = async {
                if let Err(error) = self.ask_all().await {
                    tracing::warn!(error = %error, "cannot tell whether models can be reached");
                }
            };
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = sweep => {}
            }
            let next = self.platform.clock.now_ms() + SWEEP_MS;
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = self.platform.clock.wait_until(next) => {}
            }
        }
    }

    async fn ask_all(&self) -> Result<(), OpError> {
        let due = self.due_keys().await?;
        if due.is_empty() {
            return Ok(());
        }
        let asking = due.into_iter().map(|(key, (workspace, vendor))| async move {
            self.ask_key(workspace, &vendor, key).await;
        });
        futures::stream::iter(asking).buffer_unordered(AT_ONCE).collect::<()>().await;
        // Whose health is another now gets a turn.
        self.sweep().await
    }

    /// Keys of running bots that are to be asked, each once.
    async fn due_keys(&self) -> Result<HashMap<KeyId, (WorkspaceId, String)>, OpError> {
        let granted = self.may_run()?;
        let now = self.platform.clock.now_ms();
        let (mut used, mut seen, mut after) = (HashMap::new(), HashSet::new(), None);
        loop {
            let rows = store::rows_after(self.platform.db.read(), &granted, after).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            for row in rows.iter().filter(|row| row.desired == "running" && row.observed == "running") {
                let model = match model_in(row) {
                    Ok(model) => model,
                    // One that cannot be read must not end the asking for all.
                    Err(error) => {
                        tracing::warn!(bot.id = %row.id, error = %error, "cannot read which model a bot has");
                        continue;
                    }
                };
                // Bots of one model and the same tags ask with the same keys.
                if !seen.insert((row.workspace_id, model.clone(), row.tags.clone())) {
                    continue;
                }
                for link in self.links_of(row.workspace_id, &model) {
                    let vendor = vendor_of(&link);
                    for key in self.keys_of(row, vendor)? {
                        used.insert(key, (row.workspace_id, vendor.to_owned()));
                    }
                }
            }
        }
        self.probes.all().retain(|key, _| used.contains_key(key));
        used.retain(|key, _| self.probes.is_due(*key, now));
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn answer(verdict: KeyVerdict) -> KeyAnswer {
        KeyAnswer { verdict, latency_ms: 1 }
    }

    fn code(reach: &Reach) -> &str {
        match reach {
            Reach::No(reason) => &reason.code,
            Reach::Yes => "yes",
            Reach::Unknown => "unknown",
        }
    }

    #[test]
    fn one_key_that_works_is_enough_and_none_must_be_unasked_for_a_no() {
        let (a, b) = (KeyId(Uuid::from_u128(1)), KeyId(Uuid::from_u128(2)));
        let probes = Probes::default();
        let said = |keys: &[KeyId]| code(&probes.reach(keys, "openai")).to_owned();
        assert_eq!(said(&[]), "no_key");
        assert_eq!(said(&[a, b]), "unknown");
        probes.keep(a, 0, answer(KeyVerdict::Refused("no".to_owned())));
        assert_eq!((said(&[a]), said(&[a, b])), ("key_refused".to_owned(), "unknown".to_owned()));
        probes.keep(b, 0, answer(KeyVerdict::Works { models: Vec::new() }));
        assert_eq!(said(&[a, b]), "yes");
    }

    #[test]
    fn a_vendor_is_silent_when_it_was_silent_twice_and_is_asked_less_often_the_longer_it_is() {
        let a = KeyId(Uuid::from_u128(1));
        let probes = Probes::default();
        let silent = || answer(KeyVerdict::Silent("gone".to_owned()));
        probes.keep(a, 0, silent());
        assert_eq!(code(&probes.reach(&[a], "openai")), "unknown");
        probes.keep(a, 1, silent());
        assert_eq!(code(&probes.reach(&[a], "openai")), "vendor_silent");
        assert!(probes.is_due(a, 1 + SWEEP_MS), "with the next sweep");
        probes.keep(a, 2, answer(KeyVerdict::Works { models: Vec::new() }));
        assert!(!probes.is_due(a, 2 + WORKING_MS - 1) && probes.is_due(a, 2 + WORKING_MS));
        let silent = |times: u32| {
            let probes = Probes::default();
            (0..times).for_each(|_| probes.keep(a, 0, answer(KeyVerdict::Silent("nobody".to_owned()))));
            [1, 2, 3, 4, 5].map(|minutes| probes.is_due(a, minutes * SWEEP_MS))
        };
        assert_eq!(silent(1), [true; 5]);
        assert_eq!(silent(3), [false, true, true, true, true], "one that stays silent is asked less often");
        assert_eq!(silent(100), [false, false, false, false, true]);
        assert!(probes.is_due(a, -5), "asked by a clock that was set back since");
    }
}
