//! Dialogs: the browser's own `<dialog>`. `public/page.js` opens the one that a `data-open` button names,
//! so that they work before and without wasm.

use crate::{Glyph, Icon, Within};
use leptos::{html, prelude::*};

/// A dialog that a button with `data-open=<id>` shows.
#[component]
pub fn Dialog(
    #[prop(into)] id: String,
    #[prop(into)] title: String,
    /// Name of the button that closes it.
    close: &'static str,
    /// Whether its work succeeded; every time it says so, the dialog closes.
    #[prop(optional, into)]
    done: Option<Signal<bool>>,
    children: Within,
) -> impl IntoView {
    let heading = format!("{id}-title");
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_: Option<()>| {
        if let (true, Some(dialog)) = (done.is_some_and(|done| done.get()), dialog.get_untracked()) {
            dialog.close();
        }
    });
    view! {
        <dialog id=id class="dialog" aria-labelledby=heading node_ref=dialog>
            <header>
                <h2 id=heading.clone()>{title}</h2>
                <form method="dialog">
                    <button class="btn btn-quiet btn-icon" aria-label=close title=close>
                        <Icon glyph=Glyph::X/>
                    </button>
                </form>
            </header>
            {children.view()}
        </dialog>
    }
}

/// A button that opens a dialog.
#[component]
pub fn Opener(
    /// The dialog's id.
    #[prop(into)]
    dialog: String,
    #[prop(optional)] class: &'static str,
    children: Within,
) -> impl IntoView {
    view! {
        <button type="button" class=class data-open=dialog aria-haspopup="dialog">
            {children.view()}
        </button>
    }
}
