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
    let models =
        (!key.allowed_models.is_empty()).then(|| fill(t.only_models, &key.allowed_models.join(", ")));
    let rate = key.requests_per_minute.map(|most| fill(t.rate_of, &most.to_string()));
    let month = key.month_micro_usd.map(|most| fill(t.month_of, &money::amount(most)));
    let words: Vec<String> = [models, rate, month].into_iter().flatten().collect();
    let ends = key
        .expires_at_ms
        .map(|ms| view! { <p class="hint">{t.ends} " " <Moment ms=Signal::stored(ms)/></p> });
    view! {
        {(!words.is_empty()).then(|| view! { <p class="hint as-typed">{words.join(" · ")}</p> })}
        {ends}
    }
}

/// The dialog.
#[component]
pub(super) fn ChangeDialog(dialog: String, key: KeySummary, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.change.value();
    let error = failure_of(move || value.get());
    let month = key.month_micro_usd.map(money::amount).unwrap_or_default();
    let fields = [
        ("label", "text", "cmd[label]", (t.label_plain, None), key.label.clone()),
        ("tags", "text", "cmd[tags][]", (t.tags, Some(t.tags_hint)), key.tags.join(", ")),
        (
            "allowed_models",
            "text",
            "cmd[allowed_models][]",
            (t.allowed, Some(t.allowed_hint)),
            key.allowed_models.join(", "),
        ),
        (
            "requests_per_minute",
            "number",
            "cmd[requests_per_minute]",
            (t.rate, Some(t.rate_hint)),
            key.requests_per_minute.unwrap_or_default().to_string(),
        ),
        ("month_amount", "text", "cmd[month_amount]", (t.month, Some(t.month_hint)), month),
        (
            "expires_on",
            "date",
            "cmd[expires_on]",
            (t.ends, Some(t.ends_hint)),
            key.expires_on.unwrap_or_default(),
        ),
    ];
    let fields = fields.map(|(field, kind, name, (label, hint), value)| {
        let id = format!("{dialog}-{field}");
        let pointer: &'static str = match field {
            "label" => "/label",
            "tags" => "/tags",
            "allowed_models" => "/allowed_models",
            "requests_per_minute" => "/requests_per_minute",
            "month_amount" => "/month_amount",
            _ => "/expires_on",
        };
        // What is left empty means something, but for the name and the number.
        let required = matches!(field, "label" | "requests_per_minute");
        view! {
            <Field id=id.clone() label hint=hint.unwrap_or_default() error=field_error(error, pointer)>
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
        <Dialog id=dialog.clone() title=t.change_title close=t.close done=success_of(move || value.get())>
            <Failure error/>
            <ActionForm action=acts.change>
                <input type="hidden" name="cmd[key]" value=key.id.to_string()/>
                <input type="hidden" name="cmd[expected_version]" value=key.version.to_string()/>
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
