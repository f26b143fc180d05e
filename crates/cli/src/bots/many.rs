//! `chela bot list` narrowed, `stats`, `clone`.

use super::{create::Runs, shape};
use crate::{failure::Failure, options::Once, output::text, session::Session};
use api::bots::*;
use clap::{Args, ValueEnum};

/// How a bot stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stands {
    /// The state `running`, whatever its health.
    Running,
    /// On its way up or down: the states `absent`, `creating`, `starting` and `stopping`.
    Changing,
    /// The state `stopped`; `asleep` too.
    Stopped,
    /// The states `failed` and `unknown`, a health that is `degraded` or `unhealthy`, and failing again and again.
    Attention,
}

/// Which bots, in which order.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// `created`, `name` or `since`; with `-` before it the other way round.
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Only those with this in their name.
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only those that stand so; each word is a group of the states that the table shows.
    #[arg(long, value_enum)]
    state: Option<Stands>,
    /// Only those with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those that run there.
    #[arg(long, value_enum)]
    runtime: Option<Runs>,
    /// What is in the trash.
    #[arg(long)]
    pub(super) trash: bool,
}

impl Which {
    /// What to ask for.
    pub(super) fn page(&self, limit: Option<u32>, cursor: Option<String>) -> ListBots {
        ListBots {
            limit,
            cursor,
            sort: self.sort.clone(),
            q: self.search.clone(),
            state: self.state.map(|state| match state {
                Stands::Running => BotState::Running,
                Stands::Changing => BotState::Changing,
                Stands::Stopped => BotState::Stopped,
                Stands::Attention => BotState::Attention,
            }),
            tag: self.tag.clone(),
            runtime: self.runtime.map(Into::into),
            trashed: self.trash.then_some(true),
        }
    }
}

/// How many stand how.
pub(super) async fn stats(session: &Session) -> Result<(), Failure> {
    let counted = session.call(&ReadBotStats::default()).await?;
    session.screen.data(&shape::stats(session, &counted)?);
    Ok(())
}

/// Makes one like another, and shows it.
pub(super) async fn clone(session: &Session, bot: String, name: String, once: &Once) -> Result<(), Failure> {
    let made = match session.call_once(&CloneBot { bot: bot.clone(), name }, Some(once)).await {
        Ok(made) => made,
        Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
    };
    let one = session.call(&GetBot { bot: text(&made, "id").to_owned() }).await?;
    session.screen.data(&shape::one(session, &one)?);
    Ok(())
}
