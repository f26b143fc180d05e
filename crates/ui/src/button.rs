//! Buttons. A link that looks like one is a plain `<a class="btn btn-primary">`.

use crate::{Glyph, Icon, Within};
use leptos::prelude::*;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kind {
    /// The one thing to do here.
    Primary,
    #[default]
    Secondary,
    /// No border until hovered.
    Quiet,
    /// Cannot be undone.
    Danger,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "btn btn-primary",
            Self::Secondary => "btn",
            Self::Quiet => "btn btn-quiet",
            Self::Danger => "btn btn-danger",
        }
    }
}

/// A button that submits the form around it; `busy` shows that its work is under way and takes no second click.
#[component]
pub fn Button(
    #[prop(optional)] kind: Kind,
    /// `submit` unless said otherwise.
    #[prop(default = "submit")]
    kind_of: &'static str,
    #[prop(optional)] glyph: Option<Glyph>,
    /// Its work is under way.
    #[prop(optional, into)]
    busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// The accessible name where the picture stands alone.
    #[prop(optional, into)]
    label: Option<String>,
    #[prop(optional)] children: Option<Within>,
) -> impl IntoView {
    let class =
        if children.is_none() { format!("{} btn-icon", kind.class()) } else { kind.class().to_owned() };
    // Where a part of the page is read anew, what stands there lives on for a moment without what it was made from.
    let is = |signal: Signal<bool>| move || signal.try_get().unwrap_or_default();
    let (busy, disabled) = (is(busy), is(disabled));
    view! {
        <button
            type=kind_of
            class=class
            title=label.clone()
            aria-label=label
            aria-busy=move || busy().then_some("true")
            disabled=move || disabled() || busy()
        >
            {glyph.map(|glyph| view! { <Icon glyph/> })}
            {children.map(|children| view! { <span>{children.view()}</span> })}
        </button>
    }
}
