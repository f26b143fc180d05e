//! Carrying out one step. Each is idempotent: a crash after it repeats it without harm.

use super::{
    Fault, Next, Step,
    failures::{self, Death},
};
use crate::{
    bots::{Bots, RECONCILE_AGAIN_MS, runtimes::Exit, store, upgrade},
    platform::{
        error::OpError,
        ids::{random_token, token_hash},
        jobs::JobEnd,
        text::from_json,
    },
};
use api::bots::BotSettings;
use entity::bots::{bot, bot_token};
use openclaw::ConnectOptions;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// How long a bot may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

impl Bots {
    /// Does `step` to a bot.
    pub(super) async fn act(
        self: &Arc<Self>,
        row: &bot::Model,
        step: Step,
        exit: Option<Exit>,
        cancel: &CancellationToken,
    ) -> Result<Next, Fault> {
        let now = self.platform.clock.now_ms();
        match step {
            Step::Settle => {
                if row.observed == "stopped" {
                    self.forget_tokens(row).await?;
                }
                let again = self.prove(row).await?;
                return Ok(Next::End(again.map_or(JobEnd::Done, |at_ms| JobEnd::Again { at_ms })));
            }
            // Without a next try it waits for somebody to change something.
            Step::Pause => {
                return Ok(Next::End(
                    row.next_try_at_ms.map_or(JobEnd::Done, |at_ms| JobEnd::Again { at_ms }),
                ));
            }
            Step::AwaitRuntime => return Ok(Next::End(JobEnd::Again { at_ms: now + RECONCILE_AGAIN_MS })),
            Step::Prepare => self.prepare(row, cancel).await?,
            Step::Keep => self.keep_state(row).await?,
            Step::Create => self.create_shell(row).await?,
            Step::Start => {
                self.open_wire(row)?;
                self.runtimes.of(row)?.start(row.id, row.generation).await?;
                self.note_started(row).await?;
            }
            Step::AwaitGateway => {
                self.open_wire(row)?;
                self.connect(row)?;
                return Ok(Next::End(JobEnd::Again { at_ms: now + RECONCILE_AGAIN_MS }));
            }
            Step::Configure => self.configure(row).await?,
            Step::NoteDeath => {
                self.links.close(row.id);
                let exit = exit.unwrap_or(Exit { code: None, out_of_memory: false });
                self.note_death(row, Death::Ended(exit)).await?;
            }
            Step::NoteHang => {
                let silent_ms = failures::silent_ms(self.memory(row.id, |m| m.awaiting), row.generation, now);
                self.note_death(row, Death::Hung { silent_ms }).await?;
                self.memory(row.id, |m| m.hung = Some(row.generation));
            }
            Step::Stop => {
                self.links.close(row.id);
                // What hangs does not hear that it is asked to end.
                let hangs = self.memory(row.id, |m| m.hung.take()).is_some();
                let grace = if hangs { Duration::ZERO } else { GRACE };
                self.runtimes.of(row)?.stop(row.id, grace).await?;
            }
            Step::Remove => {
                self.links.close(row.id);
                self.runtimes.of(row)?.remove(row.id).await?;
                self.wires.close(row.id);
            }
            Step::Purge => {
                self.purge(row).await?;
                return Ok(Next::End(JobEnd::Done));
            }
        }
        Ok(Next::Go)
    }

    async fn prepare(&self, row: &bot::Model, cancel: &CancellationToken) -> Result<(), Fault> {
        let runtime = self.runtimes.of(row)?;
        let progress = super::wakers::Telling { bots: self, row, furthest: AtomicU64::new(0) };
        Ok(runtime.prepare(&self.openclaw_of(row), &progress, cancel).await?)
    }

    /// Tokens of this generation, files, shell.
    async fn create_shell(&self, row: &bot::Model) -> Result<(), Fault> {
        let (relay, tool) = (random_token("chela_bot_"), random_token("chela_tool_"));
        let granted = self.may_run()?;
        let token = bot_token::Model {
            bot_id: row.id,
            workspace_id: row.workspace_id,
            generation: row.generation,
            relay_hash: token_hash(&relay).to_vec(),
            tool_hash: token_hash(&tool).to_vec(),
            created_at_ms: self.platform.clock.now_ms(),
        };
        // A process bot's gateway needs a port of this host that nobody has.
        let mut next = row.clone();
        next.gateway_port = self.runtimes.free_port(row).await?;
        next.ready_at_ms = None;
        next.well_config_id = self.well_with(row, self.platform.clock.now_ms());
        next.running_config_id = Some(row.config_id);
        let settings: BotSettings = from_json(&row.settings)?;
        let gateway = self.gateway_token(row)?;
        let dialect = self.dialect_of(row.workspace_id, &settings.model);
        let said = (&settings, dialect);
        self.runtimes.lay_out(&next, said, &relay, &gateway, &tool).await?;
        self.platform.db.write(async |tx| store::put_token(tx, &granted, token).await).await?;
        self.refresh_wires().await?;
        // The port is known before anything is made with it: a crash in between makes it anew.
        self.write_row(next.clone()).await?;
        self.memory(row.id, |m| m.dialect = Some(dialect));
        self.runtimes.create(&next, settings.limits, failures::refused_before(row)?).await?;
        Ok(())
    }

    /// Container bots call the relay over a socket of their own; it must listen before they start.
    fn open_wire(&self, row: &bot::Model) -> Result<(), Fault> {
        if self.runtimes.has_sockets(row) && !self.wires.is_open(row.id) {
            let listener = self.runtimes.relay_socket(row)?;
            self.wires.open(row.id, listener)?;
        }
        Ok(())
    }

    fn connect(&self, row: &bot::Model) -> Result<(), Fault> {
        let token = self.gateway_token(row)?;
        let endpoint = self.runtimes.endpoint(row)?;
        let options = ConnectOptions::new(endpoint, openclaw::Token::new(token.as_str()));
        self.links.open(row.id, row.generation, options);
        Ok(())
    }

    async fn configure(&self, row: &bot::Model) -> Result<(), Fault> {
        let settings: BotSettings = from_json(&row.settings)?;
        let dialect = self.dialect_of(row.workspace_id, &settings.model);
        self.runtimes.write_settings(row, (&settings, dialect)).await?;
        let mut next = row.clone();
        let now = self.platform.clock.now_ms();
        next.well_config_id = self.well_with(row, now);
        next.running_config_id = Some(row.config_id);
        self.write_row(next).await?;
        self.memory(row.id, |m| {
            // The same settings in another dialect are as well as they were.
            if row.running_config_id != Some(row.config_id) {
                m.configured = Some((row.config_id, now));
            }
            m.dialect = Some(dialect);
        });
        Ok(())
    }

    async fn note_started(&self, row: &bot::Model) -> Result<(), OpError> {
        let mut next = row.clone();
        next.started_at_ms = Some(self.platform.clock.now_ms());
        next.ready_at_ms = None;
        self.memory(row.id, |m| m.awaiting = None);
        self.write_row(next).await.map(|_| ())
    }

    /// The tokens of a stopped bot are good for nothing.
    async fn forget_tokens(&self, row: &bot::Model) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let had = self.platform.db.write(async |tx| store::drop_tokens(tx, &granted, row.id).await).await?;
        // Told again where an earlier try was lost: the rows are gone by then.
        if had || self.wires_stale.load(Ordering::SeqCst) { self.refresh_wires().await } else { Ok(()) }
    }

    /// Makes the relay know the tokens and keys of this moment.
    pub(super) async fn refresh_wires(&self) -> Result<(), OpError> {
        self.wires_stale.store(false, Ordering::SeqCst);
        let done = self.wires.refresh().await;
        if done.is_err() {
            self.wires_stale.store(true, Ordering::SeqCst);
        }
        done
    }

    async fn purge(&self, row: &bot::Model) -> Result<(), Fault> {
        let granted = self.may_run()?;
        self.links.close(row.id);
        self.wires.close(row.id);
        if let Some(plan) = upgrade::Plan::of(row)?.filter(upgrade::Plan::may_have_trial)
            && !self.is_cleared(row, &plan).await
        {
            return Err(Fault::new(
                "rehearsal_left",
                "What an upgrade rehearsed cannot be taken away yet.",
                None,
            ));
        }
        self.runtimes.delete_files(row).await?;
        self.platform.db.write(async |tx| store::purge(tx, &granted, row.id).await).await?;
        if let Err(error) = self.refresh_wires().await {
            tracing::warn!(bot.id = %row.id, error = %error, "the relay is told of a deletion by the next resync");
        }
        self.publish_gone(row);
        if let Some(hears) = self.hears.get() {
            hears.tell(row.workspace_id);
        }
        self.memory(row.id, |m| *m = super::Memory::default());
        Ok(())
    }

    fn gateway_token(&self, row: &bot::Model) -> Result<Zeroizing<String>, OpError> {
        let aad = vault::Aad::new("bots", "gateway_token", row.id.0.as_bytes());
        let bytes = self
            .platform
            .vault
            .open(&aad, &row.gateway_token)
            .map_err(|e| OpError::internal("opening a gateway token", e))?;
        let text =
            std::str::from_utf8(&bytes).map_err(|e| OpError::internal("opening a gateway token", e))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl From<runtime::RuntimeError> for Fault {
    fn from(error: runtime::RuntimeError) -> Self {
        match error {
            runtime::RuntimeError::Cancelled => Self::cancelled(),
            other => Self::new(other.code(), other.to_string(), other.hint()),
        }
    }
}
