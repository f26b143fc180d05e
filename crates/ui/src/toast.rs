//! Toasts: short confirmations that go by themselves. Errors never come as toasts.

use crate::{Glyph, Icon};
use leptos::prelude::*;
use std::time::Duration;

const STAYS: Duration = Duration::from_secs(4);
/// More than these at once would hide the page; the oldest goes.
const MOST: usize = 3;

/// The toasts in sight.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<(u32, String)>>,
    next: StoredValue<u32>,
}

/// Makes toasts possible below here.
pub fn provide_toasts() {
    provide_context(Toasts { shown: RwSignal::new(Vec::new()), next: StoredValue::new(0) });
}

impl Toasts {
    /// Confirms something. Called in the browser only.
    pub fn say(self, text: impl Into<String>) {
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1));
        self.shown.update(|shown| {
            if shown.len() >= MOST {
                shown.remove(0);
            }
            shown.push((id, text.into()));
        });
        let shown = self.shown;
        set_timeout(move || shown.update(|all| all.retain(|(other, _)| *other != id)), STAYS);
    }
}

/// Where toasts appear; one per document.
#[component]
pub fn ToastHost() -> impl IntoView {
    let toasts = use_context::<Toasts>();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            {move || {
                let shown = toasts.map(|toasts| toasts.shown.get()).unwrap_or_default();
                shown
                    .into_iter()
                    .map(|(_, text)| view! { <p class="toast"><Icon glyph=Glyph::Check/>{text}</p> })
                    .collect_view()
            }}
        </div>
    }
}
