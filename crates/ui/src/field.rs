//! Form fields: label, control, hint and error, tied together for whoever listens instead of looking.

use crate::Within;
use leptos::prelude::*;

/// Label, hint and error around one control. The control carries `id`, and `aria-describedby=<id>-note`.
#[component]
pub fn Field(
    /// The control's id.
    #[prop(into)]
    id: String,
    #[prop(into)] label: String,
    /// What to know before typing.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong with what was typed.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    children: Within,
) -> impl IntoView {
    let note = format!("{id}-note");
    view! {
        <div class="field" class:field-bad=move || error.with(Option::is_some)>
            <label for=id>{label}</label>
            {children.view()}
            <p class="field-note" id=note>
                {move || error.get().or_else(|| hint.clone())}
            </p>
        </div>
    }
}

/// A field for a secret: never filled by us, never shown again, never remembered by the browser.
#[component]
pub fn SecretField(
    #[prop(into)] id: String,
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// Whether a form without it is held back.
    #[prop(default = true)]
    required: bool,
) -> impl IntoView {
    let note = format!("{id}-note");
    view! {
        <Field id=id.clone() label hint=hint.unwrap_or_default() error>
            <input
                id=id
                name=name
                type="password"
                class="input mono"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                data-1p-ignore="true"
                data-lpignore="true"
                required=required
                aria-describedby=note
            />
        </Field>
    }
}
