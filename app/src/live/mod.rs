//! The page's end of `/api/live`: one socket for the whole document, any number of followers.
//!
//! Responsible for who follows what and for whether the line is up. What news means is the follower's
//! matter. On the server all of this stands still.

#[cfg(feature = "hydrate")]
mod hub;
#[cfg(feature = "hydrate")]
mod socket;

use api::{
    ApiError,
    live::{LiveEvent, Snapshot, Topic},
};
use leptos::prelude::*;
use serde::de::DeserializeOwned;

/// Whether the line is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Open,
    /// Down; it is tried again by itself.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "a line is lost in the browser only"))]
    Lost,
}

/// What a follower hears, in the words that it reads: a list needs to know less than a bot's page.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "news arrives in the browser only"))]
pub enum News<S = Snapshot, E = LiveEvent> {
    /// The state of the topic; replaces what was known.
    Snapshot(S),
    /// One change to it.
    Event(E),
    /// The topic cannot be followed.
    Refused(ApiError),
}

/// Whether news fitted what the follower knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Yes,
    /// Something is missing: a fresh snapshot is needed.
    No,
}

/// The document's line to the server.
#[derive(Clone, Copy)]
pub struct Live {
    link: RwSignal<Link>,
    #[cfg(feature = "hydrate")]
    hub: StoredValue<std::rc::Rc<hub::Hub>, LocalStorage>,
}

/// Makes the line available below here. It is opened by the first page that asks.
pub fn provide_live() {
    let link = RwSignal::new(Link::Connecting);
    #[cfg(feature = "hydrate")]
    let hub = {
        let hub = hub::Hub::new(link);
        socket::wake(&hub);
        let line = std::rc::Rc::clone(&hub);
        crate::hydration::after(move || socket::open(&line));
        StoredValue::new_local(hub)
    };
    provide_context(Live {
        link,
        #[cfg(feature = "hydrate")]
        hub,
    });
}

/// The document's line.
pub fn live() -> Option<Live> {
    use_context()
}

impl Live {
    /// Whether the line is up.
    pub fn link(self) -> Signal<Link> {
        self.link.into()
    }

    /// Opens the line if it is not, and keeps it open.
    #[cfg_attr(
        not(feature = "hydrate"),
        expect(clippy::unused_self, reason = "there is no line on the server")
    )]
    pub fn open(self) {
        #[cfg(feature = "hydrate")]
        self.hub.get_value().want();
    }

    /// Hears of `topic` until the current reactive owner is disposed of. Call it inside an effect.
    #[cfg(feature = "hydrate")]
    pub fn follow<S, E>(self, topic: Topic, mut hear: impl FnMut(News<S, E>) -> Fit + 'static)
    where
        S: DeserializeOwned,
        E: DeserializeOwned,
    {
        let hub = self.hub.get_value();
        let id = hub.add(topic, move |raw| match raw.read() {
            Ok(news) => hear(news),
            Err(fit) => fit,
        });
        let leave = StoredValue::new_local(move || hub.remove(topic, id));
        on_cleanup(move || leave.with_value(|leave| leave()));
    }

    /// Nothing is heard on the server.
    #[cfg(not(feature = "hydrate"))]
    pub fn follow<S, E>(self, _topic: Topic, _hear: impl FnMut(News<S, E>) -> Fit + 'static)
    where
        S: DeserializeOwned,
        E: DeserializeOwned,
    {
    }
}
