//! The tree of remote commands, and running one.

use crate::{
    audit, bots, budgets, chains,
    completion::{self, Completion},
    env::Env,
    failure::Failure,
    instance, jobs, keys, login, models, notifications,
    options::{Noun, Plain},
    orphans, output, prices, spending, threads, tokens, usage, virtual_keys,
};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Commands that reach a panel over REST.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Log in to a Chela, here or elsewhere, with an API token.
    #[command(display_order = 20)]
    Login(Plain<login::LoginArgs>),
    /// Forget a login on this machine.
    #[command(display_order = 20)]
    Logout(Plain<login::LogoutArgs>),
    /// Logins on this machine: list them, choose one.
    #[command(display_order = 20)]
    Context(Noun<login::ContextVerb>),
    /// Who I am to the panel.
    #[command(display_order = 20)]
    Whoami(Plain<Nothing>),
    /// Bots: list, make, start, stop, change, talk to.
    #[command(display_order = 10, visible_alias = "bots")]
    Bot(Noun<bots::BotVerb>),
    /// Threads of a bot and their messages.
    #[command(display_order = 10, visible_alias = "threads")]
    Thread(Noun<threads::ThreadVerb>),
    /// Provider keys.
    #[command(display_order = 10, visible_alias = "keys")]
    Key(Noun<keys::KeyVerb>),
    /// How much model calls may use: requests, tokens or money.
    #[command(display_order = 10, visible_alias = "budgets")]
    Budget(Noun<budgets::BudgetVerb>),
    /// Stop model calls at once, also those that run, and allow them again.
    #[command(display_order = 10)]
    Spending(Noun<spending::SpendingVerb>),
    /// Virtual keys: what people and programs call models with.
    #[command(display_order = 10, visible_alias = "virtual-keys")]
    VirtualKey(Noun<virtual_keys::VirtualKeyVerb>),
    /// Models: what is known of them.
    #[command(display_order = 10, visible_alias = "models")]
    Model(Noun<models::ModelVerb>),
    /// What models cost.
    #[command(display_order = 10, visible_alias = "prices")]
    Price(Noun<prices::PriceVerb>),
    /// Fallback chains: models under one name, asked in their order.
    #[command(display_order = 10, visible_alias = "chains")]
    Chain(Noun<chains::ChainVerb>),
    /// API tokens.
    #[command(display_order = 10, visible_alias = "tokens")]
    Token(Noun<tokens::TokenVerb>),
    /// What happened to bots: see it, mark it as read.
    #[command(display_order = 10, visible_alias = "notifications")]
    Notification(Noun<notifications::NotificationVerb>),
    /// Work that goes on by itself, for administrators of the instance.
    #[command(display_order = 10, visible_alias = "jobs")]
    Job(Noun<jobs::JobVerb>),
    /// What belongs to no bot any more, for administrators of the instance; removed with --remove only.
    #[command(display_order = 10)]
    Orphans(Plain<orphans::OrphansArgs>),
    /// Model calls and their tokens.
    #[command(display_order = 10)]
    Usage(Box<Plain<usage::UsageArgs>>),
    /// Who did what.
    #[command(display_order = 10)]
    Audit(Plain<audit::AuditArgs>),
    /// What the panel runs, and what its operator must know now.
    #[command(display_order = 10)]
    Instance(Plain<Nothing>),
    /// Print a script that completes commands and names in a shell.
    #[command(display_order = 30)]
    Completion(Completion),
}

/// No options of its own.
#[derive(Args, Clone, Copy, Debug)]
pub struct Nothing {}

/// Runs one command to its end.
pub fn run(command: Command) -> ExitCode {
    // One thread: a command asks one thing at a time, and must start at once.
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(dispatch(command, &Env::read()));
            // Nobody waits for a read of the terminal or a name's resolution that goes on.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::Other(format!("cannot start: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(&failure)
        }
    }
}

async fn dispatch(command: Command, env: &Env) -> Result<(), Failure> {
    use crate::session::Session;
    match command {
        Command::Login(given) => login::login(given, env).await,
        Command::Logout(given) => login::logout(&given, env),
        Command::Context(noun) => login::context(&noun, env),
        Command::Completion(wanted) => completion::print(wanted),
        Command::Whoami(given) => instance::whoami(&Session::open(given.common, env)?).await,
        Command::Bot(noun) => bots::run(&Session::open(noun.common, env)?, noun.verb, env).await,
        Command::Thread(noun) => threads::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Key(noun) => keys::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Budget(noun) => budgets::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Spending(noun) => spending::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::VirtualKey(noun) => virtual_keys::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Model(noun) => models::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Price(noun) => prices::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Chain(noun) => chains::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Token(noun) => tokens::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Notification(noun) => notifications::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Job(noun) => jobs::run(&Session::open(noun.common, env)?, noun.verb).await,
        Command::Orphans(given) => orphans::run(&Session::open(given.common, env)?, given.args).await,
        Command::Usage(given) => {
            let given = *given;
            usage::run(&Session::open(given.common, env)?, given.args).await
        }
        Command::Audit(given) => audit::run(&Session::open(given.common, env)?, given.args).await,
        Command::Instance(given) => instance::instance(&Session::open(given.common, env)?).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no option below may be called, and what is.
    fn shadowed(at: &clap::Command, path: &str, globals: &[clap::Arg], found: &mut Vec<String>) {
        let mut globals = globals.to_vec();
        globals.extend(at.get_arguments().filter(|arg| arg.is_global_set()).cloned());
        for arg in at.get_arguments().filter(|arg| !arg.is_global_set()) {
            let clashes = |global: &clap::Arg| {
                let both = |a: Option<String>, b: Option<String>| a.is_some() && a == b;
                let long = |arg: &clap::Arg| arg.get_long().map(str::to_owned);
                let short = |arg: &clap::Arg| arg.get_short().map(String::from);
                arg.get_id() == global.get_id()
                    || both(long(arg), long(global))
                    || both(short(arg), short(global))
            };
            if globals.iter().any(clashes) {
                found.push(format!("{path}: {}", arg.get_id()));
            }
        }
        for sub in at.get_subcommands() {
            shadowed(sub, &format!("{path} {}", sub.get_name()), &globals, found);
        }
    }

    #[test]
    fn no_commands_option_is_called_as_one_of_all_commands() {
        let tree = Command::augment_subcommands(clap::Command::new("chela"));
        let mut found = Vec::new();
        shadowed(&tree, "chela", &[], &mut found);
        assert_eq!(found, [""; 0], "reading it would panic, or be another one's value");
    }
}
