//! Every door of the panel as a list, for the test that walks through all of them as everybody.

use super::pages;
use crate::platform::{
    live::{Live, TopicKind},
    verbs::Verbs,
};
use http::Method;
use policy::ActionInfo;

/// One way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// A verb's REST address; `{name}` stands for a path parameter.
    Rest { method: Method, path: &'static str, verb: &'static str, action: ActionInfo },
    /// A server function.
    ServerFn { path: &'static str },
    /// A page.
    Page { path: String },
    /// A topic of the live socket.
    Topic { kind: TopicKind },
}

/// All of them. Routes that are neither verbs nor pages (passkey ceremonies, health, docs) are not known
/// here: their slices list them.
pub fn doors(verbs: &Verbs, live: &Live) -> Vec<Door> {
    let rest = verbs.all().map(|entry| Door::Rest {
        method: entry.rest.method.clone(),
        path: entry.rest.path,
        verb: entry.name,
        action: entry.action,
    });
    let functions = pages::paths().map(|path| Door::ServerFn { path });
    let pages = leptos_axum::generate_route_list(app::App);
    let pages = pages.into_iter().map(|route| Door::Page { path: route.path().to_owned() });
    let topics = live.kinds().into_iter().map(|kind| Door::Topic { kind });
    rest.chain(functions).chain(pages).chain(topics).collect()
}
