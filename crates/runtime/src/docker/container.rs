//! Containers: making, starting, stopping, removing, seeing. Each act looks first whether the thing is ours.

use super::{
    DockerRuntime,
    spec::{self, LABEL_BOT, LABEL_GENERATION, LABEL_INSTANCE},
    time,
};
use crate::{
    BotSpec, Foreign, Found, Observation, RuntimeError, RuntimeInfo,
    blocking::blocking,
    home::Part,
    notes::{self, ASKED, Asked},
};
use api::ids::BotId;
use bollard::{
    models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, ContainerSummary},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
        RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    },
};
use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

/// One of our containers, as just seen.
pub(super) struct Seen {
    pub(super) id: String,
    generation: i64,
    details: ContainerInspectResponse,
}

impl Seen {
    fn status(&self) -> Option<Status> {
        self.details.state.as_ref().and_then(|s| s.status)
    }

    fn observation(&self, asked: bool) -> Observation {
        let generation = self.generation;
        let state = self.details.state.clone().unwrap_or_default();
        match self.status() {
            Some(Status::CREATED) => Observation::Created { generation },
            Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING) => Observation::Running {
                generation,
                handle: self.id.chars().take(12).collect(),
                started_at_ms: state.started_at.as_deref().and_then(time::parse_ms).unwrap_or(0),
            },
            _ => Observation::Exited {
                generation,
                code: state.exit_code.and_then(|code| i32::try_from(code).ok()),
                out_of_memory: state.oom_killed.unwrap_or(false),
                asked,
                at_ms: state.finished_at.as_deref().and_then(time::parse_ms),
            },
        }
    }
}

impl DockerRuntime {
    pub(super) async fn check_engine(&self) -> Result<RuntimeInfo, RuntimeError> {
        let client = &self.inner.client;
        let version = client.call("say its version", |d| async move { d.version().await }).await?;
        let info = client.call("describe itself", |d| async move { d.info().await }).await?;
        let processors = info.ncpu.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        self.inner.processors.store(processors, Ordering::Relaxed);
        let options = info.security_options.unwrap_or_default();
        if options.iter().any(|o| o.contains("rootless") || o.contains("userns")) {
            return Err(RuntimeError::Refused(
                "this engine maps user ids (rootless or userns-remap), so bots could not read their own files".to_owned(),
            ));
        }
        let mut notes = Vec::new();
        if !options.iter().any(|o| o.contains("seccomp")) {
            notes.push(
                "The engine has no seccomp profile: its containers are less closed than usual.".to_owned(),
            );
        }
        let word = |w: Option<String>| w.unwrap_or_else(|| "?".to_owned());
        let summary = format!("Docker {} (API {})", word(version.version), word(version.api_version));
        Ok(RuntimeInfo { summary, notes, isolated: true })
    }

    /// The bot's container if it is ours; somebody else's under its name is an error.
    pub(super) async fn find(&self, bot: BotId) -> Result<Option<Seen>, RuntimeError> {
        let name = spec::name(&self.inner.config.instance, bot);
        let found = self
            .inner
            .client
            .call("inspect a container", |d| {
                let name = name.clone();
                async move { d.inspect_container(&name, None::<InspectContainerOptions>).await }
            })
            .await;
        let details = match found {
            Ok(details) => details,
            Err(RuntimeError::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let labels = details.config.as_ref().and_then(|c| c.labels.clone()).unwrap_or_default();
        let generation = self.mark(&labels).filter(|(of, _)| *of == bot).map(|(_, generation)| generation);
        let (Some(generation), Some(id)) = (generation, details.id.clone()) else {
            return Err(RuntimeError::Foreign(format!("the container {name}")));
        };
        Ok(Some(Seen { id, generation, details }))
    }

    /// Bot and generation, where the labels are this instance's.
    fn mark(&self, labels: &HashMap<String, String>) -> Option<(BotId, i64)> {
        let ours =
            labels.get(LABEL_INSTANCE).map(String::as_str) == Some(self.inner.config.instance.as_str());
        let bot = labels.get(LABEL_BOT)?.parse().ok()?;
        let generation = labels.get(LABEL_GENERATION)?.parse().ok()?;
        ours.then_some((bot, generation))
    }

    pub(super) async fn create_container(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        if spec.user.uid == 0 || spec.user.gid == 0 {
            return Err(RuntimeError::NotIsolated("a bot never runs as root".to_owned()));
        }
        if let Some(seen) = self.find(spec.bot).await? {
            return if seen.generation == spec.generation {
                Ok(())
            } else {
                Err(RuntimeError::Conflict { found: seen.generation })
            };
        }
        let image = self.image_id(&spec.openclaw).await?.ok_or(RuntimeError::NotFound("the bot image"))?;
        let home = self.inner.config.homes.of(spec.bot);
        let (files, user) = (home.clone(), spec.user);
        let ready = blocking("preparing the bot's files", move || {
            if files.user()? != user {
                return Ok(false);
            }
            files.write_cell()?;
            files.refresh_run()?;
            notes::remove(&files.part(Part::Logs)?, ASKED).map_err(RuntimeError::io("noting the bot"))?;
            Ok(files.leads_home()?)
        });
        if !ready.await? {
            return Err(RuntimeError::Refused("the bot's files are not as Chela made them".to_owned()));
        }
        let instance = &self.inner.config.instance;
        let mut spec = spec.clone();
        // An engine refuses more than it has: a limit from a larger machine is what there is here.
        let most = self.inner.processors.load(Ordering::Relaxed).saturating_mul(1_000);
        if most > 0 {
            spec.limits.cpu_milli = spec.limits.cpu_milli.min(most);
        }
        let spec = &spec;
        let body = spec::body(instance, spec, &home, image);
        let options = CreateContainerOptionsBuilder::new().name(&spec::name(instance, spec.bot)).build();
        let made = self
            .inner
            .client
            .call("create a container", |d| async move { d.create_container(Some(options), body).await })
            .await;
        match made {
            Ok(_) => Ok(()),
            // It came to be meanwhile, e.g. by an earlier call whose answer was lost.
            Err(error) => match self.find(spec.bot).await? {
                Some(seen) if seen.generation == spec.generation => Ok(()),
                _ => Err(unseen_mount(error)),
            },
        }
    }

    pub(super) async fn start_container(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        let seen = self.find(bot).await?.ok_or(RuntimeError::NotFound("the bot's container"))?;
        if seen.generation != generation {
            return Err(RuntimeError::Conflict { found: seen.generation });
        }
        if seen.observation(false).is_running() {
            return Ok(());
        }
        let start = |d: bollard::Docker| async move {
            d.start_container(&seen.id, None::<StartContainerOptions>).await
        };
        match self.inner.client.call("start a container", start).await {
            // An engine killed in the middle of a start has forgotten it, and the runtime below has not: under this id
            // it never starts again. The next container has another one.
            Err(error) if is_half_started(&error) => {
                self.remove_container(bot).await?;
                Err(error)
            }
            done => done,
        }
    }

    pub(super) async fn stop_container(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError> {
        let Some(seen) = self.find(bot).await? else { return Ok(()) };
        if !seen.observation(false).is_running() {
            return Ok(());
        }
        let (home, generation) = (self.inner.config.homes.of(bot), seen.generation);
        let note = blocking("noting the bot's end", move || {
            if let Ok(logs) = home.part(Part::Logs) {
                // Missing, the end would only be taken for a failure.
                let _ = notes::write(&logs, ASKED, &Asked { generation });
            }
            Ok(())
        });
        note.await?;
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let within = grace.saturating_add(self.inner.client.deadline());
        let stop = |d: bollard::Docker| async move { d.stop_container(&seen.id, Some(options)).await };
        gone_is_fine(self.inner.client.call_within("stop a container", within, stop).await)
    }

    pub(super) async fn remove_container(&self, bot: BotId) -> Result<(), RuntimeError> {
        let Some(seen) = self.find(bot).await? else { return Ok(()) };
        // Why it died is asked for when its container has long been replaced.
        if let Err(error) = self.keep_last_words(bot, &seen.id).await {
            tracing::warn!(bot.id = %bot, %error, "the output of a container that goes was not kept");
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let remove = |d: bollard::Docker| async move { d.remove_container(&seen.id, Some(options)).await };
        match gone_is_fine(self.inner.client.call("remove a container", remove).await) {
            // Somebody is removing it already: that is what we want.
            Err(RuntimeError::Engine { message, .. }) if message.contains("already in progress") => {
                self.until_gone(bot).await
            }
            done => done,
        }
    }

    async fn until_gone(&self, bot: BotId) -> Result<(), RuntimeError> {
        let after = self.inner.client.deadline();
        let gone = async {
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            while self.find(bot).await?.is_some() {
                tick.tick().await;
            }
            Ok(())
        };
        let late = |_| Err(RuntimeError::Timeout { what: "removing a container", after });
        tokio::time::timeout(after, gone).await.unwrap_or_else(late)
    }

    pub(super) async fn look(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        let Some(seen) = self.find(bot).await? else { return Ok(Observation::Absent) };
        Ok(seen.observation(self.was_asked(bot, seen.generation).await))
    }

    async fn was_asked(&self, bot: BotId, generation: i64) -> bool {
        let home = self.inner.config.homes.of(bot);
        let read = move || -> Option<Asked> { notes::read(&home.part(Part::Logs).ok()?, ASKED).ok()? };
        matches!(tokio::task::spawn_blocking(read).await, Ok(Some(asked)) if asked.generation == generation)
    }

    pub(super) async fn look_for_all(&self) -> Result<Vec<Found>, RuntimeError> {
        let mut found = Vec::new();
        for summary in self.listed(format!("{LABEL_INSTANCE}={}", self.inner.config.instance)).await? {
            let Some((bot, _)) = self.mark(&summary.labels.unwrap_or_default()) else { continue };
            match self.look(bot).await {
                Ok(Observation::Absent) | Err(RuntimeError::Foreign(_)) => {}
                seen => found.push(Found { bot, seen: seen? }),
            }
        }
        Ok(found)
    }

    pub(super) async fn look_for_foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        let marked = self.listed(LABEL_INSTANCE.to_owned()).await?;
        let foreign = marked.into_iter().filter_map(|summary| {
            let instance = summary.labels.unwrap_or_default().remove(LABEL_INSTANCE)?;
            let name = summary.names.unwrap_or_default().into_iter().next().unwrap_or_default();
            (instance != self.inner.config.instance.as_str()).then(|| Foreign {
                handle: name.trim_start_matches('/').to_owned(),
                instance,
                since_ms: summary.created.map(|seconds| seconds.saturating_mul(1_000)),
            })
        });
        Ok(foreign.collect())
    }

    /// Containers with a label, ended ones too.
    async fn listed(&self, label: String) -> Result<Vec<ContainerSummary>, RuntimeError> {
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.inner
            .client
            .call("list containers", |d| async move { d.list_containers(Some(options)).await })
            .await
    }
}

/// Whether an engine refuses to start what the runtime below it holds already.
fn is_half_started(error: &RuntimeError) -> bool {
    matches!(error, RuntimeError::Engine { message, .. } if message.contains("id already in use"))
}

fn gone_is_fine(done: Result<(), RuntimeError>) -> Result<(), RuntimeError> {
    match done {
        Err(RuntimeError::NotFound(_)) => Ok(()),
        done => done,
    }
}

/// A bind that the engine cannot see has one usual reason.
fn unseen_mount(error: RuntimeError) -> RuntimeError {
    match error {
        RuntimeError::Engine { message, .. } if message.contains("bind source path does not exist") => {
            RuntimeError::Refused(
                "the engine does not see Chela's data dir under its path: set CHELA_HOST_DATA_DIR to where the engine \
                 has it"
                    .to_owned(),
            )
        }
        error => error,
    }
}
