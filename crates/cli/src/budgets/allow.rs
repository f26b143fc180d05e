//! `chela budget allow`: the way back from `chela budget stop`.

use super::{Of, in_words, stops};
use crate::{
    failure::Failure,
    options::Paging,
    output::{plain, text},
    session::Session,
    vendors::Vendors,
    virtual_keys,
};
use api::{budgets::*, ids::BudgetId};
use serde_json::Value;

impl Of {
    /// Whether a budget is for just these calls; `bot` is the id of the bot that was named, `model` the model or vendor by the
    /// vendor's own id.
    fn is_of(&self, budget: &Value, bot: Option<&str>, of: Option<&str>) -> bool {
        let is = |wanted: Option<&str>, keys: [&str; 2]| match wanted.map(str::trim) {
            Some(wanted) => keys.iter().any(|key| text(budget, key) == wanted),
            None => keys.iter().all(|key| text(budget, key).is_empty()),
        };
        let model = text(budget, "model");
        let of_model = match of {
            // A vendor alone means all of its models.
            Some(wanted) => model == wanted || model.strip_suffix("/*") == Some(wanted),
            None => model.is_empty(),
        };
        is(bot, ["bot", "bot"])
            && is(self.virtual_key.as_deref(), ["virtual_key", "virtual_key"])
            && is(self.tag.as_deref(), ["tag", "tag"])
            && of_model
    }
}

/// Deletes what stops these calls: every budget of 0 for them.
pub(super) async fn allow(session: &Session, of: &Of) -> Result<(), Failure> {
    let bot = match &of.bot {
        Some(bot) => Some(session.bot_called(bot).await?),
        None => None,
    };
    let model = match &of.model {
        Some(model) => Some(Vendors::read(session).await?.of_model(model)),
        None => None,
    };
    let virtual_key = match &of.virtual_key {
        Some(key) => Some(virtual_keys::named(session, key).await?.0.to_string()),
        None => None,
    };
    let of = &Of { virtual_key, ..of.clone() };
    let all = Paging { limit: 0, all: true };
    let all = session.list(&all, |limit, cursor| ListBudgets { limit, cursor }).await?;
    let stopping = all.as_array().into_iter().flatten().filter(|budget| stops(budget));
    let (these, others): (Vec<&Value>, Vec<&Value>) =
        stopping.partition(|budget| of.is_of(budget, bot.as_deref(), model.as_deref()));
    if these.is_empty() {
        let mut words = "no budget of 0 stops these calls.".to_owned();
        for other in &others {
            words.push_str(&format!("\n  {} {}", text(other, "id"), plain(&in_words(other))));
        }
        words.push_str("\n  What you can do: ");
        if !others.is_empty() {
            words.push_str("`chela budget rm ID` takes one of these away; ");
        }
        words.push_str("`chela spending list` shows what was stopped by `chela spending stop`.");
        return Err(Failure::Missing(words));
    }
    for one in these {
        let id = text(one, "id");
        let budget: BudgetId = id.parse().map_err(|_bad| Failure::Missing(format!("'{id}' is no budget")))?;
        session.call(&DeleteBudget { budget }).await?;
        session.screen.remark(format!("The budget {budget} is deleted: what it stopped goes on."));
    }
    Ok(())
}
