//! Did you mean …? Looks for the bot whose name is nearest to what was typed.

use crate::{completion, failure::Failure, options::Paging, output::text, session::Session};
use api::bots::{GetBot, ListBots};
use serde_json::Value;

/// Letters' distance beyond which a name is another one.
const FAR: usize = 3;

impl Session {
    /// The id of the bot of an id, slug or name.
    pub(crate) async fn bot_called(&self, name: &str) -> Result<String, Failure> {
        let failure = match self.call(&GetBot { bot: name.to_owned() }).await {
            Ok(found) => return Ok(text(&found, "id").to_owned()),
            Err(failure) if failure.is_missing() => failure,
            Err(failure) => return Err(failure),
        };
        let all = Paging { limit: 0, all: true };
        let called =
            |limit, cursor| ListBots { q: Some(name.to_owned()), limit, cursor, ..ListBots::default() };
        let all = self.list(&all, called).await?;
        match completion::only(&all, "name", name) {
            Ok((id, _)) => Ok(id),
            Err(Failure::Missing(_)) => Err(self.nearest_bot(failure, name).await),
            Err(several) => Err(several),
        }
    }

    /// Adds the nearest name to a failure that says that this bot does not exist.
    pub(crate) async fn nearest_bot(&self, failure: Failure, typed: &str) -> Failure {
        if !failure.is_missing() {
            return failure;
        }
        let page = self.call(&ListBots { limit: Some(api::page::MAX_LIMIT), ..ListBots::default() }).await;
        let page = page.unwrap_or_default();
        let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let nearest = nearest(typed, items);
        let hint = nearest.map_or_else(
            || "`chela bot list` shows those you may see.".to_owned(),
            |name| format!("Did you mean {name}?"),
        );
        Failure::Missing(format!(
            "there is no bot named '{}', or you may not see it.\n  {hint}",
            crate::output::plain(typed)
        ))
    }
}

fn nearest<'a>(typed: &str, bots: &'a [Value]) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let distance = |bot: &Value| {
        let by_name = strsim::levenshtein(&typed, &text(bot, "name").to_lowercase());
        by_name.min(strsim::levenshtein(&typed, text(bot, "slug")))
    };
    let (far, bot) = bots.iter().map(|bot| (distance(bot), bot)).min_by_key(|(far, _)| *far)?;
    (far <= FAR && far < typed.chars().count()).then(|| text(bot, "slug"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_slip_finds_its_bot_and_a_stranger_finds_none() {
        let bots =
            [json!({ "slug": "writer", "name": "Writer" }), json!({ "slug": "bot-2", "name": "Die Köchin" })];
        assert_eq!(nearest("wirter", &bots), Some("writer"));
        assert_eq!(nearest("die köchin", &bots), Some("bot-2"));
        assert_eq!(nearest("accountant", &bots), None);
        assert_eq!(nearest("x", &bots), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
