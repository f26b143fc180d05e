//! The WebSocket itself: opening, noticing that it died, trying again.

use super::{Link, hub::Hub};
use api::{Code, live::ClientFrame};
use leptos::{prelude::*, task::spawn_local};
use std::{
    cell::Cell,
    rc::{Rc, Weak},
    time::Duration,
};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Event, MessageEvent, WebSocket};

/// How often a silent line is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Pings without any answer before the line counts as dead.
const PINGS_UNANSWERED: u32 = 2;
/// Longest pause between attempts.
const LONGEST_PAUSE_MS: u64 = 15_000;

/// One connection with what listens to it. Dropping it closes the connection.
pub(super) struct Socket {
    socket: WebSocket,
    unanswered: Rc<Cell<u32>>,
    pinger: Option<IntervalHandle>,
    listeners: [(&'static str, Closure<dyn FnMut(Event)>); 3],
}

impl Socket {
    pub(super) fn send(&self, text: &str) {
        if self.socket.ready_state() == WebSocket::OPEN {
            _ = self.socket.send_with_str(text);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        for (name, listener) in &self.listeners {
            _ = self.socket.remove_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        }
        if let Some(pinger) = self.pinger.take() {
            pinger.clear();
        }
        _ = self.socket.close();
    }
}

/// Opens the line if it is wanted and there is none; not before the page is hydrated, as news would change it
/// under our hands.
pub(super) fn open(hub: &Rc<Hub>) {
    if hub.socket.borrow().is_some() || !hub.wanted.get() || !crate::hydration::is_done() {
        return;
    }
    if hub.failures.get() == 0 {
        hub.link.set(Link::Connecting);
    }
    match connect(hub) {
        Some(socket) => *hub.socket.borrow_mut() = Some(socket),
        None => lost(hub),
    }
}

fn address() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/live", location.host().ok()?))
}

fn connect(hub: &Rc<Hub>) -> Option<Socket> {
    let socket = WebSocket::new(&address()?).ok()?;
    let unanswered = Rc::new(Cell::new(0));
    let heard = {
        let (hub, unanswered) = (Rc::downgrade(hub), Rc::clone(&unanswered));
        move |event: Event| {
            unanswered.set(0);
            let text = event.unchecked_ref::<MessageEvent>().data().as_string();
            if let (Some(hub), Some(text)) = (hub.upgrade(), text) {
                hub.receive(&text);
            }
        }
    };
    let opened = {
        let hub = Rc::downgrade(hub);
        move |_: Event| {
            if let Some(hub) = hub.upgrade() {
                hub.failures.set(0);
                hub.link.set(Link::Open);
                hub.resume_all();
            }
        }
    };
    let closed = {
        let hub = Rc::downgrade(hub);
        move |_: Event| later(&hub, Duration::ZERO, lost)
    };
    let listeners: [(&'static str, Closure<dyn FnMut(Event)>); 3] =
        [("message", Closure::new(heard)), ("open", Closure::new(opened)), ("close", Closure::new(closed))];
    for (name, listener) in &listeners {
        _ = socket.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
    }
    let pinger = ping(hub, &unanswered);
    Some(Socket { socket, unanswered, pinger, listeners })
}

/// A line that died in silence (a laptop asleep, a network changed) shows no event: it is asked.
fn ping(hub: &Rc<Hub>, unanswered: &Rc<Cell<u32>>) -> Option<IntervalHandle> {
    let (hub, unanswered) = (Rc::downgrade(hub), Rc::clone(unanswered));
    let ask = move || {
        let Some(hub) = hub.upgrade() else { return };
        if unanswered.get() >= PINGS_UNANSWERED {
            later(&Rc::downgrade(&hub), Duration::ZERO, lost);
        }
        unanswered.set(unanswered.get() + 1);
        hub.send(&ClientFrame::Ping {});
    };
    set_interval_with_handle(ask, PING_EVERY).ok()
}

/// Runs `act` on a fresh stack: a listener must not drop the socket that is calling it.
fn later(hub: &Weak<Hub>, after: Duration, act: fn(&Rc<Hub>)) {
    let hub = Weak::clone(hub);
    set_timeout(
        move || {
            if let Some(hub) = hub.upgrade() {
                act(&hub);
            }
        },
        after,
    );
}

/// The line is down: say so, look whether the session is the reason, try again after a growing pause.
fn lost(hub: &Rc<Hub>) {
    drop(hub.socket.borrow_mut().take());
    let failures = hub.failures.get();
    hub.failures.set(failures.saturating_add(1));
    hub.link.set(Link::Lost);
    if failures < 3 {
        leave_if_nobody();
    }
    let pause = 500_u64.saturating_mul(1 << failures.min(5)).min(LONGEST_PAUSE_MS);
    later(&Rc::downgrade(hub), Duration::from_millis(pause), open);
}

/// A session that has ended closes the line; then the page is not ours to show any more.
fn leave_if_nobody() {
    spawn_local(async {
        if crate::auth::fns::auth_me().await.is_err_and(|error| error.code == Code::Unauthenticated) {
            _ = window().location().set_href("/login");
        }
    });
}

/// Back online, or back in sight: try now instead of after the pause.
pub(super) fn wake(hub: &Rc<Hub>) {
    let again = |hub: &Weak<Hub>| {
        let hub = Weak::clone(hub);
        move |_: Event| {
            if let Some(hub) = hub.upgrade() {
                let open_now = hub.socket.borrow().as_ref().is_none_or(|socket| socket.unanswered.get() > 0);
                if open_now && window().document().is_none_or(|document| !document.hidden()) {
                    drop(hub.socket.borrow_mut().take());
                    open(&hub);
                }
            }
        }
    };
    let hub = Rc::downgrade(hub);
    for event in ["online", "visibilitychange"] {
        _ = window_event_listener_untyped(event, again(&hub));
    }
}
