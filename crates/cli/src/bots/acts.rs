//! Acts on one bot or several: each is tried, and the end says how many were done.

use super::{Several, shape, wait::Before};
use crate::{
    ask,
    failure::Failure,
    options::{Format, Yes},
    output::{as_is, complain, number, plain, text},
    session::Session,
};
use api::{
    Verb,
    bots::{DeleteBot, ListBots, RestartBot},
};
use serde_json::{Value, json};

/// Acts on each, and waits for each to be `until` if that was asked.
pub(super) async fn each<V: Verb>(
    session: &Session,
    several: &Several,
    until: Option<&str>,
    act: impl Fn(String) -> V,
) -> Result<(), Failure> {
    each_told(session, several, until, act, |_told| None).await
}

/// The same, with a word for the person about what came back of a bot.
pub(super) async fn each_told<V: Verb>(
    session: &Session,
    several: &Several,
    until: Option<&str>,
    act: impl Fn(String) -> V,
    word: impl Fn(&Value) -> Option<String>,
) -> Result<(), Failure> {
    let mut tally = Tally::default();
    for bot in &several.bots {
        let done = match session.call(&act(bot.clone())).await {
            Ok(told) => {
                if let Some(said) = word(&told) {
                    session.screen.remark(plain(&said));
                }
                Ok(told)
            }
            Err(failure) => Err(session.nearest_bot(failure, bot).await),
        };
        tally.add(bot, done, several.bots.len());
    }
    if let (true, Some(until)) = (several.wait, until) {
        let begun = std::mem::take(&mut tally.done);
        for told in begun {
            let bot = text(&told, "id").to_owned();
            let before = Before { since_ms: number(&told, "since_ms"), anew: V::NAME == RestartBot::NAME };
            let settled = session.settled(&bot, until, Some(&before)).await;
            tally.add(text(&told, "slug"), settled, several.bots.len());
        }
    }
    // One that was asked for is one; several are a list, as `list` writes it.
    let alone = several.bots.len() == 1 && matches!(session.common.output, Format::Json | Format::Yaml);
    match (alone, tally.done.as_slice()) {
        (true, [one]) => session.screen.data(&as_is(one, session.common.output)?),
        (_, []) => {}
        _ => session.screen.data(&shape::list(session, &Value::Array(tally.done.clone()))?),
    }
    tally.end()
}

/// Deletes each, after one question about all.
pub(super) async fn remove(session: &Session, bots: &[String], yes: Yes) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut tally = Tally::default();
    for bot in bots {
        match session.bot(bot).await {
            Ok(one) => found.push(one),
            Err(failure) => match trashed(session, bot).await {
                Some(one) => found.push(one),
                None => tally.add(bot, Err(failure), bots.len()),
            },
        }
    }
    let names: Vec<String> = found.iter().map(|bot| plain(text(bot, "slug"))).collect();
    if !names.is_empty() {
        let what = names.join(", ");
        ask::sure(&format!("Delete {what} with state, threads and tokens? This cannot be undone."), yes)?;
    }
    for bot in found {
        let (id, slug) = (text(&bot, "id").to_owned(), text(&bot, "slug").to_owned());
        let done = session.call(&DeleteBot { bot: id, confirm: None }).await;
        if done.is_ok() {
            session.screen.remark(format!("Deleted {}.", plain(&slug)));
            if text(&bot, "observed") == "unknown" {
                session.screen.remark(
                    "What it runs in does not answer: it stays in `chela bot list --trash` until that does.",
                );
            }
        }
        tally.add(&slug, done.map(|_nothing| json!(slug)), bots.len());
    }
    match session.common.output {
        Format::Json | Format::Yaml => {
            let deleted = json!({ "deleted": tally.done });
            session.screen.data(&as_is(&deleted, session.common.output)?);
        }
        Format::Name => {
            tally.done.iter().filter_map(Value::as_str).for_each(|slug| session.screen.data(&plain(slug)));
        }
        Format::Table | Format::Wide => {}
    }
    tally.end()
}

/// A bot in the trash, by id or slug.
async fn trashed(session: &Session, bot: &str) -> Option<Value> {
    let put_away = ListBots { limit: Some(api::page::MAX_LIMIT), trashed: Some(true), ..ListBots::default() };
    let page = session.call(&put_away).await.ok()?;
    let items = page.get("items")?.as_array()?;
    items.iter().find(|one| text(one, "id") == bot || text(one, "slug") == bot).cloned()
}

/// What was done and what was not.
#[derive(Default)]
struct Tally {
    done: Vec<Value>,
    failed: Vec<Failure>,
    alone: bool,
}

impl Tally {
    fn add(&mut self, bot: &str, done: Result<Value, Failure>, of: usize) {
        self.alone = of == 1;
        match done {
            Ok(told) => self.done.push(told),
            Err(failure) => {
                if !self.alone {
                    complain(&format!("{bot}: {failure}"));
                }
                self.failed.push(failure);
            }
        }
    }

    fn end(self) -> Result<(), Failure> {
        let Some(first) = self.failed.first() else { return Ok(()) };
        match (self.alone, self.done.len()) {
            (true, _) => Err(first.clone()),
            (false, 0) => {
                let same = self.failed.iter().all(|failure| failure.exit() == first.exit());
                Err(Failure::All { exit: if same { first.exit() } else { 1 } })
            }
            (false, done) => Err(Failure::Partial { done, failed: self.failed.len() }),
        }
    }
}
