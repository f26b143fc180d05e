//! Text to take away. The copying itself is done by `public/page.js`, which listens for `data-copy`.

use crate::{Glyph, Icon};
use leptos::prelude::*;

/// A short text in monospace with a button that copies it.
#[component]
pub fn CopyText(
    #[prop(into)] text: String,
    /// Name of the button, e.g. "Copy".
    label: &'static str,
) -> impl IntoView {
    view! {
        <span class="copy">
            <code>{text.clone()}</code>
            <button type="button" class="copy-btn" data-copy=text title=label aria-label=label>
                <Icon glyph=Glyph::Copy/>
            </button>
        </span>
    }
}

/// A block of code or raw output that scrolls by itself and is reachable by keyboard.
#[component]
pub fn CodeBlock(
    #[prop(into)] code: String,
    /// What it is, for who cannot see it.
    label: &'static str,
) -> impl IntoView {
    view! { <pre class="code" tabindex="0" role="region" aria-label=label><code>{code}</code></pre> }
}
