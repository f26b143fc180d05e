//! `chela login`, `logout`, `context`: which panels this machine knows, and with which token.

use crate::{
    address::Address,
    ask,
    contexts::{DEFAULT, Login, Logins},
    env::Env,
    failure::Failure,
    options::{Common, Format, Noun, Plain},
    output::{Cell, Column, Screen, Shape, Tone, flag, text},
    session::Session,
};
use api::auth::GetMe;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{io::IsTerminal, path::PathBuf};

const HOME: &str = "http://localhost:3000";

/// The token is read from standard input, or asked for without echo; CHELA_TOKEN says it too.
#[derive(Args, Clone, Debug)]
pub struct LoginArgs {
    /// Address of the panel, e.g. https://chela.example.org; CHELA_URL says it too.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub struct LogoutArgs {
    /// Forget every login.
    #[arg(long)]
    all: bool,
}

#[derive(Subcommand, Clone, Debug)]
pub enum ContextVerb {
    /// The logins on this machine.
    #[command(visible_alias = "ls")]
    List,
    /// Take another login from now on.
    Use { name: String },
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::new("URL", |v, _| Cell::from(text(v, "url"))),
        Column::new("CURRENT", |v, _| {
            if flag(v, "current") { Cell::toned("yes", Tone::Good) } else { Cell::from("-") }
        }),
    ],
    name: "name",
    none: "You are not logged in anywhere.",
};

fn place(env: &Env) -> Result<PathBuf, Failure> {
    env.logins().ok_or_else(|| {
        Failure::Usage(
            "there is no place to keep logins: set HOME or XDG_CONFIG_HOME, or use CHELA_TOKEN".to_owned(),
        )
    })
}

fn named<'a>(common: &'a Common, env: &'a Env) -> Option<&'a str> {
    common.context.as_deref().or(env.context.as_deref())
}

/// Asks the panel who the token is, then keeps both.
pub(crate) async fn login(given: Plain<LoginArgs>, env: &Env) -> Result<(), Failure> {
    let place = place(env)?;
    let mut logins = Logins::read(&place)?;
    let name = named(&given.common, env).or(logins.current.as_deref()).unwrap_or(DEFAULT).to_owned();
    if name.is_empty()
        || name.chars().count() > 40
        || name.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Failure::Usage("the name of a login has 1 to 40 letters and no space".to_owned()));
    }
    let known = logins.contexts.get(&name).map(|login| login.url.clone());
    let url = match given.args.url.or_else(|| env.url.clone()) {
        Some(url) => url,
        None if std::io::stdin().is_terminal() => {
            let usual = known.unwrap_or_else(|| HOME.to_owned());
            let typed = ask::line(&format!("Address of the panel [{usual}]: "))?;
            if typed.is_empty() { usual } else { typed }
        }
        None => known.unwrap_or_else(|| HOME.to_owned()),
    };
    let address = Address::parse(&url)?;
    let token = match &env.token {
        Some(token) => token.clone(),
        None => ask::secret("API token (chela_pat_…, not shown): ")?,
    };
    let asking = Env { url: Some(address.to_string()), token: Some(token.clone()), ..env.clone() };
    let session = Session::open(given.common, &asking)?;
    let me = session.call(&GetMe {}).await.map_err(|failure| refused(failure, &address))?;
    logins.contexts.insert(name.clone(), Login { url: address.to_string(), token });
    logins.current = Some(name.clone());
    logins.write(&place)?;
    let (who, role, workspace) = (text(&me, "name"), text(&me, "role"), text(&me, "workspace_name"));
    session.screen.remark(crate::output::plain(&format!(
        "Logged in to {address} as {who} ({role} of {workspace}). The login is named '{name}'."
    )));
    match session.common.output {
        Format::Json | Format::Yaml => {
            session.screen.data(&crate::output::as_is(&me, session.common.output)?);
        }
        _ => {}
    }
    Ok(())
}

fn refused(failure: Failure, address: &Address) -> Failure {
    match failure {
        Failure::Problem(problem) if problem.status == 401 => Failure::Login(format!(
            "{address} does not know this token.\n  What you can do: make one with `chela admin token --name NAME` on the \
             server machine."
        )),
        other => other,
    }
}

/// Forgets; the token goes on being good until `chela token rm`.
pub(crate) fn logout(given: &Plain<LogoutArgs>, env: &Env) -> Result<(), Failure> {
    let place = place(env)?;
    let screen = Screen::new(&given.common, env);
    if given.args.all {
        return match std::fs::remove_file(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::Other(format!("{}: {error}", place.display())))
            }
            _ => {
                screen.remark("Every login is forgotten.");
                Ok(())
            }
        };
    }
    let mut logins = Logins::read(&place)?;
    let name = named(&given.common, env).or(logins.current.as_deref()).map(str::to_owned);
    let gone = name.as_ref().and_then(|name| logins.contexts.remove(name));
    let (Some(name), Some(gone)) = (name, gone) else {
        return Err(Failure::Login("you are not logged in under that name".to_owned()));
    };
    if logins.current.as_ref() == Some(&name) {
        logins.current = logins.contexts.keys().next().cloned();
    }
    logins.write(&place)?;
    screen.remark(format!(
        "The login '{name}' is forgotten. Its token is still good at {}: `chela token rm` ends it.",
        gone.url
    ));
    Ok(())
}

/// Lists logins, never their tokens; takes another one.
pub(crate) fn context(noun: &Noun<ContextVerb>, env: &Env) -> Result<(), Failure> {
    let place = place(env)?;
    let screen = Screen::new(&noun.common, env);
    let mut logins = Logins::read(&place)?;
    match &noun.verb {
        ContextVerb::List => {
            let one = |(name, login): (&String, &Login)| json!({ "name": name, "url": login.url, "current": logins.current.as_ref() == Some(name) });
            let all: Value = logins.contexts.iter().map(one).collect();
            screen.data(&SHAPE.list(&all, noun.common.output, &screen, 0)?);
            Ok(())
        }
        ContextVerb::Use { name } => {
            logins.choose(Some(name))?;
            logins.current = Some(name.clone());
            logins.write(&place)?;
            screen.remark(format!("Commands now go to '{name}'."));
            Ok(())
        }
    }
}
