//! The panel's router, put together.

use super::{
    client::Proxies,
    docs,
    gate::{self, Gate},
    headers::Policy,
    health,
    identify::Identify,
    pages::{self, Explain, Pages},
    rest::{self, Rest},
    site::Site,
};
use crate::platform::{Platform, disk, idempotency::Idempotency, live, verbs::Verbs};
use api::{ApiError, Code};
use axum::{Router, extract::DefaultBodyLimit, middleware};
use leptos::prelude::LeptosOptions;
use leptos_axum::generate_route_list;
use std::sync::Arc;

/// What the panel is made of.
pub struct PanelParts {
    pub platform: Arc<Platform>,
    pub verbs: Arc<Verbs>,
    pub identify: Arc<dyn Identify>,
    pub leptos: LeptosOptions,
    /// Routes of the passkey ceremonies; full paths below `/api/auth`.
    pub auth_routes: Router,
    /// Routes of slices that are no verbs; full paths.
    pub more: Router,
    /// The relay's tree, which stands beside the gate; full paths.
    pub relay: Router,
}

/// Everything that answers on the panel's listener. Call it within the runtime: it starts a small task.
pub fn panel(parts: PanelParts) -> Router {
    let PanelParts { platform, verbs, identify, leptos, auth_routes, more, relay } = parts;
    let config = &platform.config;
    health::keep_small(&platform);
    let explain = explain(&platform);
    let rest = Rest {
        verbs: Arc::clone(&verbs),
        idempotency: Idempotency::new(platform.db.clone(), Arc::clone(&platform.clock)),
        tasks: platform.tasks.clone(),
        events: live::EventDoor::new(Arc::clone(&platform), Arc::clone(&identify)),
        explain: Arc::clone(&explain),
    };
    let pages = Pages {
        verbs: Arc::clone(&verbs),
        identify: Arc::clone(&identify),
        listing: generate_route_list(app::App).into(),
        site: Site::new(&leptos),
        leptos: leptos.clone(),
        explain,
    };
    let policy = Policy { https: config.public_url.is_secure(), reload_socket: reload_socket(&leptos) };
    let gate = Gate {
        platform: Arc::clone(&platform),
        identify: Arc::clone(&identify),
        proxies: Proxies(config.trusted_proxies.clone()),
        policy,
    };
    let door = live::LiveDoor::new(Arc::clone(&platform), Arc::clone(&identify));
    let gated = Router::new()
        .merge(pages::routes(pages))
        .merge(rest::routes(&rest))
        .merge(docs::routes(&verbs))
        .merge(live::routes(door))
        .merge(health::routes(Arc::clone(&platform)))
        .merge(auth_routes)
        .merge(more)
        .layer(DefaultBodyLimit::max(super::body::BODY_LIMIT))
        .layer(middleware::from_fn_with_state(Arc::new(gate), gate::pass));
    relay.fallback_service(gated)
}

/// A full disk is named with its path and what is left, so that the person knows where to look.
fn explain(platform: &Arc<Platform>) -> Explain {
    let dir = platform.config.data_dir.clone();
    Arc::new(move |error: ApiError| {
        if error.code != Code::StorageFull {
            return error;
        }
        let left = disk::free_bytes(&dir).map_or_else(|| "unknown".to_owned(), disk::in_words);
        let hint = format!("Free some space below {} ({left} left); Chela goes on by itself.", dir.display());
        error.with_hint(hint)
    })
}

/// Where the page's reload script listens while cargo-leptos watches; nowhere otherwise.
fn reload_socket(leptos: &LeptosOptions) -> Option<String> {
    // Set by cargo-leptos for its own child, and read by the page's reload script likewise: no setting.
    std::env::var_os("LEPTOS_WATCH")?;
    let port = leptos.reload_external_port.unwrap_or(leptos.reload_port);
    Some(format!("ws://localhost:{port} ws://127.0.0.1:{port}"))
}
