//! Who follows which topic, and what the server last said about it.

use super::{Fit, Link, News, socket::Socket};
use api::{
    ApiError,
    live::{ClientFrame, Heard, HeardKind, Seen, Topic},
};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

type Hear = Rc<RefCell<dyn FnMut(Raw<'_>) -> Fit>>;

/// News as it came. The follower reads it, with code that is loaded with its page.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    Snapshot(&'a str),
    Event(&'a str),
    Refused(&'a ApiError),
}

impl Raw<'_> {
    /// The news; or, where a newer server says what this page does not know, whether a snapshot helps.
    pub(super) fn read<S: DeserializeOwned, E: DeserializeOwned>(self) -> Result<News<S, E>, Fit> {
        match self {
            Self::Snapshot(text) => serde_json::from_str(text).map(News::Snapshot).or(Err(Fit::Yes)),
            Self::Event(text) => serde_json::from_str(text).map(News::Event).or(Err(Fit::No)),
            Self::Refused(error) => Ok(News::Refused(error.clone())),
        }
    }
}

/// A topic that somebody follows.
#[derive(Default)]
struct Followed {
    /// The last frame; absent until a snapshot came.
    seen: Option<Seen>,
    followers: Vec<(u32, Hear)>,
}

/// The followers, and the socket while there is one.
pub(super) struct Hub {
    pub(super) link: RwSignal<Link>,
    pub(super) socket: RefCell<Option<Socket>>,
    /// Failed attempts since the line was last up.
    pub(super) failures: Cell<u32>,
    topics: RefCell<HashMap<Topic, Followed>>,
    next_id: Cell<u32>,
    /// Some page asked for the line.
    pub(super) wanted: Cell<bool>,
}

impl Hub {
    pub(super) fn new(link: RwSignal<Link>) -> Rc<Self> {
        Rc::new(Self {
            link,
            socket: RefCell::new(None),
            failures: Cell::new(0),
            topics: RefCell::default(),
            next_id: Cell::new(0),
            wanted: Cell::new(false),
        })
    }

    /// Opens the line, now or when the page is hydrated.
    pub(super) fn want(self: &Rc<Self>) {
        self.wanted.set(true);
        super::socket::open(self);
    }

    /// Starts following; everybody on the topic gets a fresh snapshot.
    pub(super) fn add(self: &Rc<Self>, topic: Topic, hear: impl FnMut(Raw<'_>) -> Fit + 'static) -> u32 {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        let known = {
            let mut topics = self.topics.borrow_mut();
            let followed = topics.entry(topic).or_default();
            followed.followers.push((id, Rc::new(RefCell::new(hear))));
            followed.followers.len() > 1
        };
        self.want();
        if known {
            self.refresh(topic)
        } else {
            self.subscribe(topic)
        }
        id
    }

    /// Stops following; the last one to go ends the subscription.
    pub(super) fn remove(&self, topic: Topic, id: u32) {
        let left = {
            let mut topics = self.topics.borrow_mut();
            let Some(followed) = topics.get_mut(&topic) else { return };
            followed.followers.retain(|(other, _)| *other != id);
            let empty = followed.followers.is_empty();
            if empty {
                topics.remove(&topic);
            }
            empty
        };
        if left {
            self.send(&ClientFrame::Unsubscribe { topic: topic.to_string() });
        }
    }

    /// Goes on with every topic where it stood, after the line came back.
    pub(super) fn resume_all(&self) {
        let seen: Vec<(Topic, Option<Seen>)> =
            self.topics.borrow().iter().map(|(topic, followed)| (*topic, followed.seen.clone())).collect();
        for (topic, after) in seen {
            self.send(&ClientFrame::Subscribe { topic: topic.to_string(), after });
        }
    }

    fn subscribe(&self, topic: Topic) {
        if let Some(followed) = self.topics.borrow_mut().get_mut(&topic) {
            followed.seen = None;
        }
        self.send(&ClientFrame::Subscribe { topic: topic.to_string(), after: None });
    }

    fn refresh(&self, topic: Topic) {
        self.send(&ClientFrame::Unsubscribe { topic: topic.to_string() });
        self.subscribe(topic);
    }

    /// Sends if the line is up; otherwise `resume_all` makes up for it.
    pub(super) fn send(&self, frame: &ClientFrame) {
        if let (Some(socket), Ok(text)) = (self.socket.borrow().as_ref(), serde_json::to_string(frame)) {
            socket.send(&text);
        }
    }

    /// Takes in one frame of the server. One that is not understood is of a newer server, and nothing that this page
    /// could use: a gap in the numbers that follow has the topic read anew.
    pub(super) fn receive(&self, text: &str) {
        let Ok(heard) = serde_json::from_str::<Heard<'_>>(text) else { return };
        let Some(topic) = heard.topic.and_then(|topic| topic.parse().ok()) else { return };
        match (heard.kind, heard.data, heard.error) {
            (HeardKind::Snapshot, Some(data), _) => {
                if self.put(topic, Seen { epoch: heard.epoch, seq: heard.seq }) {
                    self.tell(topic, Raw::Snapshot(data.get()));
                }
            }
            (HeardKind::Event, Some(data), _) => self.event(topic, heard.seq, Raw::Event(data.get())),
            (HeardKind::Refused, _, Some(error)) => self.tell(topic, Raw::Refused(&error)),
            _ => {}
        }
    }

    fn event(&self, topic: Topic, seq: u64, news: Raw<'_>) {
        let seen = self.topics.borrow().get(&topic).and_then(|followed| followed.seen.clone());
        match seen {
            // Before the snapshot, or already in it.
            None => {}
            Some(seen) if seq <= seen.seq => {}
            Some(seen) if seq == seen.seq + 1 => {
                self.put(topic, Seen { seq, ..seen });
                self.tell(topic, news);
            }
            Some(_) => self.refresh(topic),
        }
    }

    fn put(&self, topic: Topic, seen: Seen) -> bool {
        let mut topics = self.topics.borrow_mut();
        let Some(followed) = topics.get_mut(&topic) else { return false };
        followed.seen = Some(seen);
        true
    }

    /// Tells every follower; none of them holds a borrow of the hub meanwhile, so they may follow or leave.
    fn tell(&self, topic: Topic, news: Raw<'_>) {
        let hearers: Vec<Hear> = match self.topics.borrow().get(&topic) {
            Some(followed) => followed.followers.iter().map(|(_, hear)| Rc::clone(hear)).collect(),
            None => return,
        };
        let fits = hearers.iter().all(|hear| match hear.try_borrow_mut() {
            Ok(mut hear) => (*hear)(news) == Fit::Yes,
            Err(_) => true,
        });
        if !fits {
            self.refresh(topic);
        }
    }
}
