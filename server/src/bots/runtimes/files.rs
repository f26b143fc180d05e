//! A bot's files and wires: laying them out before it starts, changing its settings, taking them away.

use super::{Runtimes, memory_bytes};
use crate::{bots::bundle::LIMITS, platform::error::OpError};
use api::{
    ApiError, Code,
    bots::{BotLimits, BotSettings, Profile, RuntimeKind, StoragePart},
    ids::BotId,
};
use entity::bots::bot;
use openclaw::{
    BotConfig, Endpoint,
    config::{Dialect, Model, cell},
};
use runtime::{
    BotSpec, Limits, Runtime, RuntimeError, Wires,
    home::{BotHome, HomeError, Part, SurveyLimits, Taken, Tokens},
};
use std::{collections::BTreeMap, os::unix::net::UnixListener, path::Path, sync::Arc, time::Duration};

/// Where counting a bot's files ends.
const COUNTED: SurveyLimits = SurveyLimits { entries: 200_000, depth: 64, time: Duration::from_secs(2) };

/// A bot's settings, and the dialect in which it asks for its model where that is a chain.
type Said<'a> = (&'a BotSettings, Dialect);

type Done<T = ()> = Result<T, RuntimeError>;

impl Runtimes {
    fn home(&self, row: &bot::Model) -> BotHome {
        self.homes.of(row.id)
    }

    /// The runtime of a bot.
    pub(in crate::bots) fn of(&self, row: &bot::Model) -> Done<&Arc<dyn Runtime>> {
        self.of_row(row)
    }

    /// Whether a bot is reached by sockets of its own.
    pub(in crate::bots) fn has_sockets(&self, row: &bot::Model) -> bool {
        self.of_row(row).is_ok_and(|runtime| runtime.wires() == Wires::Sockets)
    }

    /// A free port of this host for a process bot's gateway; none for a container.
    pub(in crate::bots) async fn free_port(&self, row: &bot::Model) -> Done<Option<i64>> {
        if self.has_sockets(row) {
            return Ok(None);
        }
        let io = |source| RuntimeError::Io { what: "finding a free port", source };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(io)?;
        Ok(Some(i64::from(listener.local_addr().map_err(io)?.port())))
    }

    fn gateway_port(&self, row: &bot::Model) -> u16 {
        row.gateway_port.and_then(|p| u16::try_from(p).ok()).unwrap_or(cell::CELL_GATEWAY_PORT)
    }

    fn config(&self, row: &bot::Model, (settings, dialect): Said<'_>) -> Done<BotConfig> {
        let runtime = self.of_row(row)?;
        let paths = runtime.paths(row.id, &self.openclaw_of(row));
        let (isolation, relay_port) = match (runtime.kind(), self.isolation(runtime.kind())) {
            (RuntimeKind::Docker, _) => (openclaw::Isolation::Confined, cell::CELL_RELAY_PORT),
            (RuntimeKind::Process, runtime::Isolation::Isolated) => {
                (openclaw::Isolation::Confined, self.relay_port)
            }
            (RuntimeKind::Process, runtime::Isolation::Unisolated) => {
                (openclaw::Isolation::None, self.relay_port)
            }
        };
        let refused = |e: &dyn std::fmt::Display| RuntimeError::Refused(e.to_string());
        Ok(BotConfig {
            profile: match settings.profile {
                Profile::Shared => openclaw::Profile::Shared,
                Profile::Own => openclaw::Profile::Own,
            },
            isolation,
            gateway_port: self.gateway_port(row),
            model: settings.model.parse::<Model>().map_err(|e| refused(&e))?.spoken_in(dialect),
            relay_base_url: format!("http://127.0.0.1:{relay_port}"),
            prompt: settings.prompt.clone(),
            name: settings.name.clone(),
            workspace: paths.workspace,
            state: paths.state,
            run: paths.run,
            plugin_tools: Vec::new(),
        })
    }

    /// Bots that have files, and since when.
    pub(in crate::bots) async fn files(&self) -> Result<Vec<(BotId, Option<i64>)>, OpError> {
        let homes = self.homes.clone();
        let look = blocking(move || {
            Ok(homes.list()?.into_iter().map(|bot| (bot, homes.of(bot).changed_ms())).collect())
        });
        look.await.map_err(|e| OpError::internal("listing the bots' files", e))
    }

    /// Deletes the files of a bot that is no more.
    pub(in crate::bots) async fn remove_files(&self, bot: BotId) -> Done {
        let home = self.homes.of(bot);
        blocking(move || Ok(home.remove()?)).await
    }

    /// Writes configuration and persona; a running gateway picks them up.
    pub(in crate::bots) async fn write_settings(&self, row: &bot::Model, said: Said<'_>) -> Done {
        let config = self.config(row, said)?;
        let json = serde_json::to_string_pretty(&openclaw::config::render(&config));
        let json = json.map_err(|e| RuntimeError::Refused(e.to_string()))?;
        let home = self.home(row);
        blocking(move || {
            home.write_config(&json)?;
            let files = openclaw::config::workspace_files(&config);
            home.write_workspace_files(files.iter().map(|f| (f.name, f.text.as_str())))?;
            Ok(())
        })
        .await
    }

    /// Everything a bot finds when it starts: directories, settings, tokens.
    pub(in crate::bots) async fn lay_out(
        &self,
        row: &bot::Model,
        said: Said<'_>,
        relay: &str,
        gateway: &str,
        tool: &str,
    ) -> Done {
        let user = self.of_row(row)?.user(allotted(row));
        self.hold_user(row)?;
        let home = self.home(row);
        home.ensure(user)?;
        self.write_settings(row, said).await?;
        home.write_tokens(&Tokens { relay, gateway, tool })?;
        Ok(())
    }

    /// No other Chela of this host may have a bot of the same user: each could read the other's files.
    fn hold_user(&self, row: &bot::Model) -> Done {
        let (Some(claims), Some(_own)) = (&self.claims, row.uid) else { return Ok(()) };
        let io = |source| RuntimeError::Io { what: "claiming the bot's user id", source };
        let uid = allotted(row);
        claims.claim(uid).map_err(io)?.map_err(|other| {
            RuntimeError::Refused(format!(
                "the user id {uid} of this bot is held by a bot of the Chela in {}: make this bot anew, or, if that \
                 Chela is no more, remove {}",
                other.display(),
                claims.path().join(uid.to_string()).display()
            ))
        })
    }

    /// Makes the process's or container's shell. With `mend` OpenClaw's doctor looks at its state before it starts.
    pub(in crate::bots) async fn create(&self, row: &bot::Model, limits: BotLimits, mend: bool) -> Done {
        let runtime = self.of_row(row)?;
        let openclaw = self.openclaw_of(row);
        let paths = runtime.paths(row.id, &openclaw);
        let paths = cell::CellPaths {
            openclaw: paths.openclaw,
            config_dir: paths.config_dir,
            state: paths.state,
            workspace: paths.workspace,
            run: paths.run,
            home: paths.home,
            tmp: paths.tmp,
        };
        let wires = match runtime.wires() {
            Wires::Sockets => cell::Wires::Sockets,
            Wires::Loopback => cell::Wires::Loopback,
        };
        let mut env = cell::environment(&paths, wires, self.gateway_port(row), &openclaw);
        if mend {
            env.insert(cell::DOCTOR.0.to_owned(), cell::DOCTOR.1.to_owned());
        }
        let spec = BotSpec {
            bot: row.id,
            generation: row.generation,
            openclaw: openclaw.clone(),
            user: runtime.user(allotted(row)),
            isolation: self.isolation(runtime.kind()),
            limits: Limits {
                memory_bytes: memory_bytes(limits),
                cpu_milli: limits.cpu_milli,
                pids: limits.pids,
            },
            env,
        };
        runtime.create(&spec).await
    }

    /// The socket on which a container bot calls the relay.
    pub(in crate::bots) fn relay_socket(&self, row: &bot::Model) -> Done<UnixListener> {
        let bound = self.home(row).bind_relay_socket();
        bound.map_err(|source| RuntimeError::Io { what: "listening on a bot's relay socket", source })
    }

    /// Where a bot's gateway listens.
    pub(in crate::bots) fn endpoint(&self, row: &bot::Model) -> Done<Endpoint> {
        if !self.has_sockets(row) {
            return Ok(Endpoint::Tcp(([127, 0, 0, 1], self.gateway_port(row)).into()));
        }
        Ok(Endpoint::via(Arc::new(GatewaySocket(self.home(row)))))
    }

    /// Removes files of a bot's state that it names by its own paths. What is no path below its state is left.
    pub(in crate::bots) async fn delete_state_files(&self, row: &bot::Model, named: &[String]) -> Done {
        let state = self.of_row(row)?.paths(row.id, &self.openclaw_of(row)).state;
        let below =
            named.iter().filter_map(|path| Path::new(path).strip_prefix(&state).ok().map(Path::to_owned));
        let below: Vec<_> = below.collect();
        let home = self.home(row);
        blocking(move || {
            for path in &below {
                home.remove_file(Part::State, path)?;
            }
            Ok(())
        })
        .await
    }

    /// A bot's workspace, for a bundle.
    pub(in crate::bots) async fn take_workspace(&self, row: &bot::Model) -> Result<Taken, OpError> {
        let home = self.home(row);
        let taking = tokio::task::spawn_blocking(move || {
            // One that never ran has no files.
            if home.exists() { home.take(Part::Workspace, LIMITS) } else { Ok(Taken::default()) }
        });
        let taken = taking.await.map_err(|lost| OpError::internal("reading a bot's workspace", lost))?;
        taken.map_err(|error| match error {
            HomeError::TooLarge { .. } | HomeError::TooMany { .. } => {
                let text = format!("This bot cannot be exported: {error}.");
                ApiError::new(Code::Conflict, text).with_hint("Have it tidy up its workspace first.").into()
            }
            error => OpError::internal("reading a bot's workspace", error),
        })
    }

    /// The workspace of a bot that was never started.
    pub(in crate::bots) async fn put_workspace(
        &self,
        row: &bot::Model,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Done {
        let user = self.of_row(row)?.user(allotted(row));
        self.hold_user(row)?;
        let home = self.home(row);
        blocking(move || {
            home.ensure(user)?;
            Ok(home.put(Part::Workspace, &files)?)
        })
        .await
    }

    /// Counts what a bot keeps, each part for a second or two at most.
    pub(in crate::bots) async fn survey(&self, row: &bot::Model) -> Done<Vec<StoragePart>> {
        let home = self.home(row);
        blocking(move || {
            if !home.exists() {
                return Ok(Vec::new());
            }
            let counted = [Part::State, Part::Workspace, Part::Run, Part::Logs].map(|part| {
                let seen = home.survey(part, COUNTED)?;
                Ok(StoragePart {
                    part: part.name().to_owned(),
                    says: seen.to_string(),
                    files: seen.files,
                    directories: seen.dirs,
                    links: seen.links,
                    specials: seen.specials,
                    bytes: seen.bytes,
                    disk_bytes: seen.disk_bytes,
                    more: seen.is_partial(),
                })
            });
            counted.into_iter().collect()
        })
        .await
    }

    /// Keeps a copy of a bot's state from before an upgrade, an empty one where it has none yet. It does not run.
    pub(in crate::bots) async fn keep_state(&self, row: &bot::Model) -> Done {
        let user = self.of_row(row)?.user(allotted(row));
        self.hold_user(row)?;
        let home = self.home(row);
        blocking(move || {
            home.ensure(user)?;
            Ok(home.keep_state()?)
        })
        .await
    }

    /// Puts that copy in the place of the state. It does not run.
    pub(in crate::bots) async fn bring_state_back(&self, row: &bot::Model) -> Done {
        let home = self.home(row);
        blocking(move || if home.exists() { Ok(home.bring_state_back()?) } else { Ok(()) }).await
    }

    /// Gives that copy up.
    pub(in crate::bots) async fn forget_kept_state(&self, row: &bot::Model) -> Done {
        let home = self.home(row);
        blocking(move || Ok(home.forget_kept_state()?)).await
    }

    /// Gives a rehearsal a copy of the state of its bot, which may run.
    pub(in crate::bots) async fn copy_state(&self, row: &bot::Model, trial: &bot::Model) -> Done {
        let user = self.of_row(trial)?.user(allotted(trial));
        self.hold_user(trial)?;
        let (from, to) = (self.home(row), self.home(trial));
        blocking(move || {
            to.ensure(user)?;
            if from.exists() { Ok(from.copy_state_to(&to)?) } else { Ok(()) }
        })
        .await
    }

    /// Deletes all files of a bot that does not run any more.
    pub(in crate::bots) async fn delete_files(&self, row: &bot::Model) -> Done {
        let (home, claims) = (self.home(row), self.claims.clone().filter(|_| row.uid.is_some()));
        let uid = allotted(row);
        blocking(move || {
            home.remove()?;
            // Last: nobody else is this user while it has files.
            let io = |source| RuntimeError::Io { what: "giving the bot's user id back", source };
            claims.map_or(Ok(()), |claims| claims.release(uid).map_err(io))
        })
        .await
    }
}

/// A bot's gateway socket, reached by the handle of its directory however deep that lies.
#[derive(Debug)]
struct GatewaySocket(BotHome);

impl openclaw::endpoint::Dial for GatewaySocket {
    fn dial(&self) -> std::io::Result<tokio::net::UnixStream> {
        tokio::net::UnixStream::from_std(self.0.dial_gateway()?)
    }

    fn describe(&self) -> String {
        self.0.path(Part::Run).join(cell::GATEWAY_SOCKET).display().to_string()
    }
}

fn allotted(row: &bot::Model) -> u32 {
    row.uid.and_then(|uid| u32::try_from(uid).ok()).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Done<T> + Send + 'static) -> Done<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(RuntimeError::Refused(format!("file work was cut off: {error}"))),
    }
}
