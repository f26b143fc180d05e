//! `chela serve` and `chela migrate`.

use super::say::{out, refuse, warn};
use crate::{
    auth::admin,
    compose::{self, Overrides, Server, StartError},
    platform::{
        config::{Config, Source},
        datadir::DataDir,
        telemetry,
    },
};
use std::{process::ExitCode, sync::Arc};
use tokio::signal::unix::{SignalKind, signal};

/// Enough for the panel's and the relay's connections at their limits.
const OPEN_FILES: u64 = 65_536;

/// A runtime for one command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|e| StartError::Other(format!("cannot start threads: {e}")))
}

/// Opens everything a server is made of.
pub(super) async fn open(config: &Config) -> Result<(DataDir, Arc<Server>), StartError> {
    let dir = DataDir::open(&config.data_dir)?;
    let server =
        compose::build(config.clone(), &dir, compose::leptos_options(config)?, Overrides::default()).await?;
    Ok((dir, server))
}

/// Runs the server until SIGTERM or SIGINT.
pub fn serve(source: &Source) -> ExitCode {
    let ended = Config::load(source).map_err(StartError::from).and_then(|config| {
        telemetry::init(&config.log).map_err(|e| StartError::Other(e.to_string()))?;
        runtime()?.block_on(serve_until_told(config))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

/// Many systems begin with 1,024 open files, and let a program take more.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    if now.current.is_some_and(|current| current < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum });
        if let Err(error) = raised {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
    }
}

async fn serve_until_told(config: Config) -> Result<(), StartError> {
    raise_open_files();
    let (dir, server) = open(&config).await?;
    let listeners = server.bind().await?;
    let stop = server.platform.shutdown.clone();
    server.platform.tasks.spawn({
        let stop = stop.clone();
        async move {
            tokio::select! {
                () = told_to_stop() => stop.cancel(),
                () = stop.cancelled() => {}
            }
        }
    });
    greet(&server).await?;
    server.serve(listeners).await?;
    dir.close()?;
    Ok(())
}

/// What the operator reads: where it is, and the set-up link as long as nobody has a passkey.
async fn greet(server: &Server) -> Result<(), StartError> {
    let config = &server.platform.config;
    out(format!("Chela {} is at {}", env!("CARGO_PKG_VERSION"), config.public_url));
    out(format!("Runtime: {}", server.bots.runtimes().why()));
    match admin::setup_link(&server.auth).await? {
        admin::Setup::Open(link) => {
            out(format!("\nOpen this link once to create your passkey:\n\n  {}\n", link.url));
        }
        admin::Setup::Done => {}
    }
    Ok(())
}

async fn told_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        warn("signals cannot be heard; stop Chela with `kill -9`");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Brings the schema up to date without serving.
pub fn migrate(source: &Source) -> ExitCode {
    let ended = Config::load(source).map_err(StartError::from).and_then(|config| {
        let (dir, _server) = runtime()?.block_on(open(&config))?;
        dir.close().map_err(StartError::from)
    });
    match ended {
        Ok(()) => {
            out("The database is up to date.");
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error),
    }
}
