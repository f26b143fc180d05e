//! The state of a thing: picture, word and age. Never only a colour.

use crate::{Glyph, Icon, Tone, Within};
use leptos::prelude::*;

/// A state; changes are announced politely where `live` is set.
#[component]
pub fn StatePill(
    #[prop(into)] tone: Signal<Tone>,
    #[prop(into)] glyph: Signal<Glyph>,
    #[prop(into)] word: Signal<&'static str>,
    /// Work is under way: the picture turns.
    #[prop(optional, into)]
    turning: Signal<bool>,
    /// Announce changes: for the one pill a page is about.
    #[prop(optional)]
    live: bool,
    /// Its age.
    #[prop(optional)]
    children: Option<Within>,
) -> impl IntoView {
    view! {
        <span class=move || format!("pill {}", tone.get().class()) class:pill-turning=move || turning.get()>
            <Icon glyph/>
            <span class="pill-word" role=live.then_some("status")>{move || word.get()}</span>
            {children.map(|children| view! { <span class="pill-age">{children.view()}</span> })}
        </span>
    }
}
