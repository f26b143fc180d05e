//! Surfaces: cards, figures, badges, empty and waiting places.

use crate::{Glyph, Icon, Tone, Within};
use leptos::prelude::*;

/// A titled surface.
#[component]
pub fn Card(
    #[prop(optional, into)] title: Option<String>,
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
    children: Within,
) -> impl IntoView {
    view! {
        <section class=format!("card {class}")>
            {title.map(|title| view! { <h2 class="card-title">{title}</h2> })}
            {children.view()}
        </section>
    }
}

/// One figure with its name.
#[component]
pub fn Stat(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    /// What the figure says beyond itself.
    #[prop(optional, into)]
    note: Option<String>,
) -> impl IntoView {
    view! {
        <div class="stat">
            <dt>{label}</dt>
            <dd>{move || value.get()}</dd>
            {note.map(|note| view! { <dd class="stat-note">{note}</dd> })}
        </div>
    }
}

/// A short word about a thing.
#[component]
pub fn Badge(#[prop(optional)] tone: Option<Tone>, children: Within) -> impl IntoView {
    view! { <span class=format!("badge {}", tone.unwrap_or(Tone::Idle).class())>{children.view()}</span> }
}

/// What stands where nothing is yet: one sentence and the next step.
#[component]
pub fn EmptyState(
    glyph: Glyph,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    /// The next step.
    #[prop(optional)]
    children: Option<Within>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty-mark"><Icon glyph/></span>
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| view! { <div class="empty-next">{children.view()}</div> })}
        </div>
    }
}

/// Rows of the shape to come; they stay invisible for the first 150 ms.
#[component]
pub fn Skeleton(#[prop(default = 3)] rows: usize) -> impl IntoView {
    view! {
        <div class="skeleton" aria-hidden="true">
            {(0..rows).map(|_| view! { <span></span> }).collect_view()}
        </div>
    }
}
