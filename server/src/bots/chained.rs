//! Bots whose model is a fallback chain, `chain/name`: which there are, and what one comes to.

use super::{Bots, health};
use api::{
    bots::ModelChoice,
    ids::WorkspaceId,
    validate::{CHAIN, chain_of},
};
use entity::bots::bot;
use openclaw::config::Dialect;

impl Bots {
    /// What is against a chain as the model of a workspace's bots.
    pub(super) fn against_chain(&self, workspace: WorkspaceId) -> impl Fn(&str) -> Option<&'static str> {
        move |name| match self.vendors.chain(workspace, name) {
            None => Some("must name a chain of this workspace or a shipped one: `chela chain list`"),
            Some(chain) if chain.dialect.is_none() => {
                Some("must name a chain with a link that speaks as bots do: OpenAI chat, Anthropic or Gemini")
            }
            Some(_) => None,
        }
    }

    /// The dialect in which a bot is told to ask for its model, where that is a chain.
    pub(super) fn dialect_of(&self, workspace: WorkspaceId, model: &str) -> Dialect {
        let chain = chain_of(model).and_then(|name| self.vendors.chain(workspace, name));
        chain.and_then(|chain| chain.dialect).unwrap_or_default()
    }

    /// Whether a bot's files say what is applied. Of a chain also in the dialect that most of its links speak just now: keys
    /// and links come and go.
    pub(super) fn is_as_written(&self, row: &bot::Model) -> bool {
        let spoken = || {
            // What cannot be read is not written either.
            let Ok(model) = health::model_in(row) else { return true };
            let dialect = self.dialect_of(row.workspace_id, &model);
            chain_of(&model).is_none() || self.memory(row.id, |m| m.dialect) == Some(dialect)
        };
        row.running_config_id == Some(row.config_id) && spoken()
    }

    /// The vendors' models that may answer for a bot's: itself, or the links of a chain.
    pub(super) fn links_of(&self, workspace: WorkspaceId, model: &str) -> Vec<String> {
        match chain_of(model) {
            None => vec![model.to_owned()],
            Some(name) => self.vendors.chain(workspace, name).map_or_else(Vec::new, |chain| chain.links),
        }
    }

    /// Chains to choose from.
    pub(super) fn chain_choices(&self, workspace: WorkspaceId) -> Vec<ModelChoice> {
        let choice =
            |name: String| ModelChoice { model: format!("{CHAIN}/{name}"), vendor: CHAIN.to_owned() };
        self.vendors.chains(workspace).into_iter().map(choice).collect()
    }
}
