//! When the page has become the browser's own. Until then nothing may differ from what the server wrote:
//! an element that is hydrated with another value than it shows would keep the old one.

#[cfg(feature = "hydrate")]
use leptos::prelude::*;

#[cfg(feature = "hydrate")]
thread_local! {
    static DONE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    static WAITING: std::cell::RefCell<Vec<Box<dyn FnOnce()>>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Runs `act` once the page is hydrated; at once if it is.
#[cfg(feature = "hydrate")]
pub(crate) fn after(act: impl FnOnce() + 'static) {
    if DONE.get() { act() } else { WAITING.with_borrow_mut(|waiting| waiting.push(Box::new(act))) }
}

/// Whether the page is hydrated.
#[cfg(feature = "hydrate")]
pub(crate) fn is_done() -> bool {
    DONE.get()
}

/// Called once, by the wasm entry, when the whole page is hydrated.
#[cfg(feature = "hydrate")]
pub fn hydrated() {
    DONE.set(true);
    for act in WAITING.take() {
        act();
    }
    // For whoever drives the page: from here on it answers to the keyboard and the mouse by itself.
    if let Some(html) = document().document_element() {
        _ = html.set_attribute("data-hydrated", "true");
    }
}
