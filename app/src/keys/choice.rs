//! What a key is for: its tags, models, limits and end, and the dialog that changes them.

use super::{page::Acts, text};
use crate::{
    i18n::fill,
    parts::{self, Failure, failure_of, field_error, success_of},
    time::Moment,
};
use api::{keys::KeySummary, money};
use leptos::prelude::*;
use ui::{Badge, Button, Dialog, Field, Kind};

/// Its tags, as they stand behind its name.
#[component]
pub(super) fn Tags(tags: Vec<String>) -> impl IntoView {
    tags.into_iter().map(|tag| view! { " " <Badge>{tag}</Badge> }).collect_view()
}

/// What holds for it, where something does.
#[component]
pub(super) fn Holds(key: KeySummary) -> impl IntoView {
    let t = text::text();
    let KeySummary { allowed_models, requests_per_minute, month_micro_usd, expires_at_ms, .. } = key;
    let models = (!allowed_models.is_empty()).then(|| fill(t.only_models, &allowed_models.join(", ")));
    let rate = requests_per_minute.map(|most| fill(t.rate_of, &most.to_string()));
    let month = month_micro_usd.map(|most| fill(t.month_of, &money::amount(most)));
    let words: Vec<String> = [models, rate, month].into_iter().flatten().collect();
    let ends =
        expires_at_ms.map(|ms| view! { <p class="hint">{t.ends} " " <Moment ms=Signal::stored(ms)/></p> });
    view! {
        {(!words.is_empty()).then(|| view! { <p class="hint as-typed">{words.join(" · ")}</p> })}
        {ends}
    }
}

/// A field: how it is named, typed and called, what it holds.
type Input = (&'static str, &'static str, &'static str, (&'static str, &'static str), String);

fn inputs(key: KeySummary, t: &'static text::Text) -> [Input; 6] {
    let month = key.month_micro_usd.map(money::amount).unwrap_or_default();
    let rate = key.requests_per_minute.unwrap_or_default().to_string();
    let (models, ends) = (key.allowed_models.join(", "), key.expires_on.unwrap_or_default());
    [
        ("/label", "text", "cmd[label]", (t.label_plain, ""), key.label),
        ("/tags", "text", "cmd[tags][]", (t.tags, t.tags_hint), key.tags.join(", ")),
        ("/allowed_models", "text", "cmd[allowed_models][]", (t.allowed, t.allowed_hint), models),
        ("/requests_per_minute", "number", "cmd[requests_per_minute]", (t.rate, t.rate_hint), rate),
        ("/month_amount", "text", "cmd[month_amount]", (t.month, t.month_hint), month),
        ("/expires_on", "date", "cmd[expires_on]", (t.ends, t.ends_hint), ends),
    ]
}

/// The dialog.
#[component]
pub(super) fn ChangeDialog(dialog: String, key: KeySummary, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.change.value();
    let error = failure_of(move || value.get());
    let (id, version) = (key.id.to_string(), key.version.to_string());
    let fields = inputs(key, t).map(|(pointer, kind, name, (label, hint), value)| {
        let id = format!("{dialog}{}", pointer.replace('/', "-"));
        // What is left empty means something, but for the name and the number.
        let required = matches!(pointer, "/label" | "/requests_per_minute");
        view! {
            <Field id=id.clone() label hint error=field_error(error, pointer)>
                <input
                    id=id.clone()
                    type=kind
                    name=name
                    class="input"
                    autocomplete="off"
                    autocapitalize="none"
                    min=(kind == "number").then_some("0")
                    required=required
                    value=value
                    aria-describedby=format!("{id}-note")
                />
            </Field>
        }
    });
    view! {
        <Dialog id=dialog title=t.change_title close=t.close done=success_of(move || value.get())>
            <Failure error/>
            <ActionForm action=acts.change>
                <input type="hidden" name="cmd[key]" value=id/>
                <input type="hidden" name="cmd[expected_version]" value=version/>
                {fields.into_iter().collect_view()}
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary busy=acts.change.pending()>{t.save}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
