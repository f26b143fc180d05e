//! Listeners and the life of a running server: bind everything first, serve, stop in order.

use super::{Server, StartError};
use crate::{control, platform::http};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// How long running work may go on after a stop was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// The listeners of a server, bound and not yet served.
pub struct Listeners {
    pub panel: TcpListener,
    pub relay: TcpListener,
    pub metrics: TcpListener,
}

async fn bind(setting: &'static str, addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError::port_taken(setting, addr),
        _ => StartError::Listen { setting, addr, why: error.to_string() },
    })
}

impl Server {
    /// Binds the panel, relay and metrics addresses.
    ///
    /// # Errors
    /// One of them is taken (by whom, where that can be told) or cannot be used.
    pub async fn bind(&self) -> Result<Listeners, StartError> {
        let config = &self.platform.config;
        Ok(Listeners {
            panel: bind("listen", config.listen).await?,
            relay: bind("relay_listen", config.relay_listen).await?,
            metrics: bind("metrics_listen", config.metrics_listen).await?,
        })
    }

    /// Serves until the platform's shutdown token is cancelled, then lets running work end.
    ///
    /// # Errors
    /// What start-up work says; afterwards nothing stops it but the token.
    pub async fn serve(self: Arc<Self>, listeners: Listeners) -> Result<(), StartError> {
        let platform = Arc::clone(&self.platform);
        let (tasks, stop) = (&platform.tasks, &platform.shutdown);
        // Before budgets begin with what the ledger says.
        if let Err(error) = self.usage.settle_lost().await {
            // A full disk, say. What is open stays noted for the next start; a panel is needed now.
            tracing::error!(error = %error, "calls that ran when Chela died could not be settled; budgets begin without them");
        }
        if let Err(error) = self.budgets.begin_counts().await {
            tracing::error!(error = %error, "what budgets begin with could not be put down; it is tried again at the next start");
        }
        if let Err(error) = self.budgets.read_lookouts().await {
            tracing::error!(error = %error, "what workspaces say of bots that spend for nobody could not be read; what Chela ships holds");
        }
        self.routing.refresh().await?;
        // Whoever listens or handles stands ready before the first job runs.
        self.chat.spawn().await?;
        self.notify.spawn();
        self.bots.spawn_wakers();
        self.usage.spawn();
        self.budgets.spawn();
        crate::keys::Watch::new(Arc::clone(&self.keys), Arc::clone(&self.notify)).spawn();
        tasks.spawn(crate::auth::tend(Arc::clone(&self.auth)));
        tasks.spawn(platform.jobs.clone().run(tasks.clone(), stop.clone()));
        tasks.spawn(crate::jobs::tell(Arc::clone(&platform)));
        tasks.spawn(super::upkeep::run(Arc::clone(&platform)));
        tasks.spawn(control::serve(Arc::clone(&platform), self.control(), stop.clone()));
        let (relay, relay_stop) = (self.routing.relay().clone(), stop.clone());
        tasks.spawn(async move { relay.serve_tcp(listeners.relay, relay_stop).await });
        tasks.spawn(http::listen::serve(
            listeners.metrics,
            http::metrics_router(),
            http::Limits::default(),
            stop.clone(),
        ));
        tasks.spawn(http::listen::serve(
            listeners.panel,
            self.panel(),
            http::Limits::default(),
            stop.clone(),
        ));

        stop.cancelled().await;
        tracing::info!("stopping");
        self.bots.wind_down();
        tasks.close();
        if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("some work did not end in time and is cut off");
            self.usage.close().await;
            return Ok(());
        }
        self.usage.close().await;
        // Folds the WAL into the file: what is copied by hand now is whole.
        platform.db.clone().close().await?;
        Ok(())
    }
}
