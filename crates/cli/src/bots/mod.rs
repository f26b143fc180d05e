//! `chela bot`: the commands about bots, and how bots are written.

mod acts;
mod bundle;
mod configs;
mod create;
mod edit;
mod health;
mod logs;
mod many;
mod past;
mod shape;
mod upgrade;
mod wait;

use crate::{
    ask,
    chat::{self, ChatArgs},
    completion,
    env::Env,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::now_ms,
    session::Session,
};
use api::bots::*;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum BotVerb {
    /// The bots of the workspace.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        which: many::Which,
        #[command(flatten)]
        watch: Watch,
    },
    /// How many bots stand how, and their tags.
    Stats,
    /// Models and runtimes to choose from.
    Options,
    /// Make a bot and start it.
    Create(create::CreateArgs),
    /// One bot in full.
    Show {
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
        #[command(flatten)]
        watch: Watch,
    },
    /// What a bot writes.
    Logs(logs::LogsArgs),
    /// What was done to a bot and what became of it, newest first.
    Events(past::EventsArgs),
    /// How long a bot was up of the time it was wanted running.
    Uptime(past::UptimeArgs),
    /// What a bot used of its machine, the last hour if nothing is said.
    Metrics(past::UptimeArgs),
    /// Whether a bot lives and whether it works, and how that changed.
    Health(health::HealthArgs),
    /// Look at everything a bot needs: what fails, and what to do. Exits 1 if a check failed.
    Diagnose {
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
    },
    /// What a bot left when it died: its deaths, or one of them in full.
    Postmortem(health::PostmortemArgs),
    /// What a bot keeps on disk.
    Storage {
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
    },
    /// Accept bots that nothing keeps apart from the server machine, for this workspace.
    AllowUnisolated {
        #[command(flatten)]
        yes: Yes,
    },
    /// Take that back.
    ForbidUnisolated,
    /// Start bots.
    Start(Several),
    /// Stop bots; also cancels a start in progress.
    Stop(Several),
    /// Give bots a fresh run.
    Restart(Several),
    /// Stop bots and keep them in the trash for seven days.
    Trash(Several),
    /// Take bots out of the trash.
    Restore(Several),
    /// Give bots another OpenClaw: rehearsed first, undone if it is not well.
    Upgrade(upgrade::UpgradeArgs),
    /// Make another bot with the settings and tags of one.
    Clone {
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
        /// What to call the new one.
        name: String,
        #[command(flatten)]
        once: Once,
    },
    /// Delete bots with their state, threads and tokens. This cannot be undone.
    Rm {
        #[arg(required = true, add = ArgValueCandidates::new(completion::bots))]
        bots: Vec<String>,
        #[command(flatten)]
        yes: Yes,
    },
    /// Talk to a bot: one message and its answer, or a conversation at a terminal.
    Chat(ChatArgs),
    /// Change a bot's settings, by options or in an editor. The change is pending until it is applied.
    Edit(edit::EditArgs),
    /// Apply pending changes.
    Apply(Several),
    /// Drop pending changes.
    Discard(Several),
    /// Versions of a bot's settings, newest first, with what each changed.
    Configs(configs::ConfigsArgs),
    /// Change what a bot may use, at once; a running bot is restarted.
    Limits(configs::LimitsArgs),
    /// Write a bot, with its workspace and without Chela's secrets, into one signed file.
    Export(bundle::ExportArgs),
    /// Make a stopped bot from such a file.
    Import(bundle::ImportArgs),
    /// Go back to older settings, as a new version that equals the old one.
    Rollback(configs::RollbackArgs),
}

/// Several bots, and whether to wait for them.
#[derive(Args, Clone, Debug)]
pub struct Several {
    #[arg(required = true, add = ArgValueCandidates::new(completion::bots))]
    bots: Vec<String>,
    /// Wait until they are as wanted, at most --timeout (10m).
    #[arg(long)]
    wait: bool,
}

/// Runs one.
pub(crate) async fn run(session: &Session, verb: BotVerb, env: &Env) -> Result<(), Failure> {
    match verb {
        BotVerb::List { paging, which, watch } => {
            let page = |limit, cursor| which.page(limit, cursor);
            let read = async || session.list(&paging, page).await;
            let show = if which.trash { shape::trash } else { shape::list };
            session.follow(watch.watch, read, |all| show(session, all)).await
        }
        BotVerb::Stats => many::stats(session).await,
        BotVerb::Trash(several) => acts::each(session, &several, None, |bot| TrashBot { bot }).await,
        BotVerb::Restore(several) => acts::each(session, &several, None, |bot| RestoreBot { bot }).await,
        BotVerb::Upgrade(args) => upgrade::upgrade(session, args).await,
        BotVerb::Clone { bot, name, once } => many::clone(session, bot, name, &once).await,
        BotVerb::Options => options(session).await,
        BotVerb::Logs(args) => logs::logs(session, &args).await,
        BotVerb::Events(args) => past::events(session, args).await,
        BotVerb::Uptime(args) => past::uptime(session, args).await,
        BotVerb::Metrics(args) => past::metrics(session, args).await,
        BotVerb::Health(args) => health::health(session, args).await,
        BotVerb::Diagnose { bot } => health::diagnose(session, bot).await,
        BotVerb::Postmortem(args) => health::postmortem(session, args).await,
        BotVerb::Storage { bot } => storage(session, bot).await,
        BotVerb::AllowUnisolated { yes } => {
            let what =
                "Bots as processes of Chela's own user can read what that user can read. Allow them here?";
            ask::sure(what, yes)?;
            session.call(&AllowUnisolated {}).await?;
            session.screen.remark("Allowed for this workspace.");
            Ok(())
        }
        BotVerb::ForbidUnisolated => {
            session.call(&ForbidUnisolated {}).await?;
            session.screen.remark("No longer allowed.");
            Ok(())
        }
        BotVerb::Create(args) => create::create(session, args).await,
        BotVerb::Show { bot, watch } => {
            let read = async || session.bot(&bot).await;
            session.follow(watch.watch, read, |one| shape::one(session, one)).await
        }
        BotVerb::Start(several) => {
            acts::each(session, &several, Some("running"), |bot| StartBot { bot }).await
        }
        BotVerb::Stop(several) => acts::each(session, &several, Some("stopped"), |bot| StopBot { bot }).await,
        BotVerb::Restart(several) => {
            acts::each(session, &several, Some("running"), |bot| RestartBot { bot }).await
        }
        BotVerb::Apply(several) => {
            acts::each(session, &several, None, |bot| ApplyBot { bot, expected_version: None }).await
        }
        BotVerb::Discard(several) => {
            acts::each(session, &several, None, |bot| DiscardBot { bot, expected_version: None }).await
        }
        BotVerb::Configs(args) => configs::configs(session, args).await,
        BotVerb::Limits(args) => configs::limits(session, args).await,
        BotVerb::Export(args) => bundle::export(session, args).await,
        BotVerb::Import(args) => bundle::import(session, args).await,
        BotVerb::Rollback(args) => configs::rollback(session, args).await,
        BotVerb::Rm { bots, yes } => acts::remove(session, &bots, yes).await,
        BotVerb::Chat(args) => chat::run(session, args).await,
        BotVerb::Edit(args) => edit::edit(session, args, env).await,
    }
}

impl Session {
    /// One bot, by id or slug; says which name is near where there is none.
    pub(crate) async fn bot(&self, bot: &str) -> Result<Value, Failure> {
        match self.call(&GetBot { bot: bot.to_owned() }).await {
            Ok(found) => Ok(found),
            Err(failure) => Err(self.nearest_bot(failure, bot).await),
        }
    }
}

async fn options(session: &Session) -> Result<(), Failure> {
    let choices = session.call(&BotOptions {}).await?;
    session.screen.data(&shape::options(session, &choices, now_ms())?);
    Ok(())
}

async fn storage(session: &Session, bot: String) -> Result<(), Failure> {
    let counted = match session.call(&ReadStorage { bot: bot.clone() }).await {
        Ok(counted) => counted,
        Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
    };
    session.screen.data(&shape::storage(session, &counted)?);
    Ok(())
}
