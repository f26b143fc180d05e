//! Building the parts of a server and wiring them.

use super::{StartError, database};
use crate::{
    audit,
    auth::Auth,
    bots,
    bots::Bots,
    budgets,
    budgets::Budgets,
    chat,
    chat::Chat,
    control, jobs, keys,
    keys::Keys,
    notify,
    notify::Notify,
    platform::{
        Platform,
        clock::{Clock, SystemClock},
        config::Config,
        datadir::DataDir,
        http,
        ids::{IdGen, RandomIds},
        jobs::Jobs,
        live::{Live, TopicKind},
        verbs::Verbs,
    },
    prices, routing,
    routing::Routing,
    settings, usage,
    usage::Usage,
    virtual_keys,
    virtual_keys::VirtualKeys,
};
use leptos::config::LeptosOptions;
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What tests replace.
#[derive(Default)]
pub struct Overrides {
    pub clock: Option<Arc<dyn Clock>>,
    pub ids: Option<Arc<dyn IdGen>>,
    pub runtimes: Option<bots::Runtimes>,
    pub egress: Option<Arc<relay::Egress>>,
    /// How pushes leave.
    pub push: Option<Arc<relay::Egress>>,
}

/// A whole server, built and not yet serving.
pub struct Server {
    pub platform: Arc<Platform>,
    pub verbs: Arc<Verbs>,
    pub auth: Arc<Auth>,
    pub keys: Arc<Keys>,
    pub routing: Arc<Routing>,
    pub usage: Arc<Usage>,
    pub bots: Arc<Bots>,
    pub chat: Arc<Chat>,
    pub notify: Arc<Notify>,
    pub budgets: Arc<Budgets>,
    leptos: LeptosOptions,
}

/// Opens the data dir's database, unlocks the vault and builds every slice.
///
/// # Errors
/// Why this instance cannot start, for the operator.
pub async fn build(
    config: Config,
    dir: &DataDir,
    leptos: LeptosOptions,
    over: Overrides,
) -> Result<Arc<Server>, StartError> {
    let clock: Arc<dyn Clock> = over.clock.unwrap_or_else(|| Arc::new(SystemClock));
    let ids: Arc<dyn IdGen> = over.ids.unwrap_or_else(|| Arc::new(RandomIds));
    let db = database::open(&config, dir).await?;
    let (vault, instance_id) = database::unlock(&config, dir, &db, clock.as_ref()).await?;
    database::refuse_moved(&config, &db, clock.as_ref()).await?;
    let platform = Arc::new(Platform {
        jobs: Jobs::new(db.clone(), Arc::clone(&clock), Arc::clone(&ids)),
        live: Live::new(),
        tasks: TaskTracker::new(),
        shutdown: CancellationToken::new(),
        config,
        db,
        clock,
        ids,
        vault,
        instance_id,
    });
    let auth = Auth::new(Arc::clone(&platform)).map_err(|e| StartError::Other(e.to_string()))?;
    let egress = match over.egress {
        Some(egress) => egress,
        None => keys::egress(&platform.config).map_err(|e| StartError::Other(e.to_string()))?,
    };
    let (routing, usage_rows) = Routing::new(Arc::clone(&platform), Arc::clone(&egress));
    let keys = Keys::new(Arc::clone(&platform), egress, Arc::clone(&routing));
    let usage = Usage::new(Arc::clone(&platform), usage_rows);
    let runtimes = match over.runtimes {
        Some(runtimes) => runtimes,
        None => bots::Runtimes::discover(&platform, dir).await?,
    };
    let bots = Bots::new(
        Arc::clone(&platform),
        runtimes,
        Arc::clone(&routing) as _,
        Arc::clone(&keys) as _,
        Arc::clone(&routing) as _,
    );
    bots.recall().await.map_err(|e| StartError::Other(e.to_string()))?;
    let chat = Chat::new(Arc::clone(&platform), Arc::clone(&bots));
    platform.live.source(TopicKind::Bots, Arc::clone(&bots) as _);
    platform.live.source(TopicKind::Bot, Arc::clone(&bots) as _);
    platform.live.source(TopicKind::Thread, Arc::clone(&chat) as _);
    let push = over.push.map_or_else(|| notify::egress(&platform.config), Ok);
    let push = push.map_err(|e| StartError::Other(e.to_string()))?;
    let notify = Notify::new(Arc::clone(&platform), Arc::clone(&bots), push);
    let asked = bots.calls.set(Arc::clone(&usage) as _);
    let told = bots.hears.set(Arc::clone(&notify) as _);
    debug_assert!(told.is_ok() && asked.is_ok(), "bots were built a moment ago");
    platform.live.source(TopicKind::Notifications, Arc::clone(&notify) as _);
    platform.live.source(TopicKind::Jobs, Arc::new(jobs::Watcher) as _);

    let budgets =
        Budgets::new(Arc::clone(&platform), Arc::clone(&routing), Arc::clone(&notify), Arc::clone(&bots));
    usage.shows(vec![Arc::clone(&budgets) as _, Arc::clone(&keys) as _]);

    let mut verbs = Verbs::new(platform.tasks.clone());
    crate::auth::register(&mut verbs, &auth);
    audit::register(&mut verbs, &platform);
    jobs::register(&mut verbs, &platform);
    keys::register(&mut verbs, &keys);
    bots::register(&mut verbs, &bots);
    chat::register(&mut verbs, &chat);
    notify::register(&mut verbs, &notify);
    usage::register(&mut verbs, &usage);
    virtual_keys::register(&mut verbs, &VirtualKeys::new(Arc::clone(&platform), Arc::clone(&routing)));
    budgets::register(&mut verbs, &budgets);
    prices::register(&mut verbs, &platform, &routing);
    routing::register(&mut verbs, &routing);
    settings::register(&mut verbs, &platform, facts(&bots));
    let verbs = Arc::new(verbs);
    Ok(Arc::new(Server { platform, verbs, auth, keys, routing, usage, bots, chat, notify, budgets, leptos }))
}

/// What the instance page is told of the runtimes.
fn facts(bots: &Arc<Bots>) -> settings::Facts {
    let (of, whose) = (Arc::clone(bots), Arc::clone(bots));
    let silent = move || {
        let silent = whose.runtimes().silent().into_iter();
        silent.map(|one| (one.runtime.to_owned(), one.why, one.default)).collect()
    };
    settings::Facts {
        silent: Arc::new(silent),
        runtime: Arc::new(move || (of.runtimes().default_word().to_owned(), of.runtimes().why())),
        openclaw_version: openclaw::OPENCLAW_VERSION.to_owned(),
    }
}

impl Server {
    /// Everything behind the panel's listener.
    pub fn panel(&self) -> axum::Router {
        http::panel(http::PanelParts {
            platform: Arc::clone(&self.platform),
            verbs: Arc::clone(&self.verbs),
            identify: Arc::clone(&self.auth) as _,
            leptos: self.leptos.clone(),
            auth_routes: crate::auth::routes(Arc::clone(&self.auth)),
            more: bots::routes(Arc::clone(&self.bots))
                .merge(usage::routes(Arc::clone(&self.usage)))
                .merge(prices::routes(Arc::clone(&self.platform))),
            relay: routing::routes(&self.routing),
        })
    }

    /// What the control socket offers.
    pub fn control(&self) -> control::Handlers {
        control::Handlers::new(Arc::clone(&self.platform), Arc::clone(&self.auth))
    }
}
