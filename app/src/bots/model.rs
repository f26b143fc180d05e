//! Choosing a model: a list where the keys say what there is, a text where a person knows better.

use super::text;
use api::bots::ModelChoice;
use leptos::prelude::*;
use ui::IntoWhole;

/// The model as it stands, and whether it is typed instead of chosen.
#[derive(Clone, Copy)]
pub(super) struct Picked {
    pub(super) model: RwSignal<String>,
    pub(super) typed: RwSignal<bool>,
}

/// The field `cmd[model]`. Where scripts do not run, the way between list and text is a page of its own.
#[component]
pub(super) fn ModelField(
    /// The control's id.
    id: &'static str,
    models: Vec<ModelChoice>,
    picked: Picked,
    /// This page, without its query.
    page: String,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let t = text::text();
    let listed = !models.is_empty();
    let models = StoredValue::new(by_vendor(models));
    let turn = move |event: leptos::ev::MouseEvent, typed: bool| {
        event.prevent_default();
        picked.typed.set(typed);
    };
    let note = format!("{id}-note");
    let (note_too, to_text, to_list) = (note.clone(), format!("{page}?model=type"), page);
    let hint = move || if picked.typed.get() { t.model_typed_hint } else { t.model_hint };
    let control = move || {
        if picked.typed.get() {
            view! { <Typed id note=note.clone() picked/> }.whole()
        } else {
            view! { <Chosen id note=note.clone() picked models/> }.whole()
        }
    };
    view! {
        <div class="field" class:field-bad=move || error.with(Option::is_some)>
            <label for=id>{t.step_model}</label>
            {control}
            <p class="field-note" id=note_too>
                {move || error.get().unwrap_or_else(|| hint().to_owned())}
            </p>
            <p class="hint" class:hidden=move || picked.typed.get()>
                <a class="link-quiet" href=to_text on:click=move |event| turn(event, true)>
                    {t.model_type}
                </a>
            </p>
            <p class="hint" class:hidden=move || !listed || !picked.typed.get()>
                <a class="link-quiet" href=to_list on:click=move |event| turn(event, false)>
                    {t.model_pick}
                </a>
            </p>
        </div>
    }
}

#[component]
fn Typed(id: &'static str, note: String, picked: Picked) -> impl IntoView {
    view! {
        <input
            id=id
            name="cmd[model]"
            class="input mono"
            required
            maxlength="200"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            pattern="[^\\s/]+/\\S+"
            placeholder="vendor/model"
            aria-describedby=note
            value=picked.model.get_untracked()
            on:input:target=move |event| picked.model.set(event.target().value())
        />
    }
}

#[component]
fn Chosen(
    id: &'static str,
    note: String,
    picked: Picked,
    models: StoredValue<Vec<(String, Vec<String>)>>,
) -> impl IntoView {
    let now = picked.model.get_untracked();
    let groups = models.get_value();
    // What was typed and is not in the list gives way to the first that is.
    if let Some(first) = groups.first().and_then(|(_, models)| models.first())
        && !groups.iter().any(|(_, models)| models.contains(&now))
    {
        picked.model.set(first.clone());
    }
    let now = picked.model.get_untracked();
    view! {
        <select
            id=id
            name="cmd[model]"
            class="input mono"
            required
            aria-describedby=note
            on:change:target=move |event| picked.model.set(event.target().value())
        >
            {groups
                .into_iter()
                .map(|(vendor, models)| {
                    let options = models
                        .into_iter()
                        .map(|model| {
                            view! {
                                <option value=model.clone() selected=model == now>
                                    {model.clone()}
                                </option>
                            }
                        })
                        .collect_view();
                    view! { <optgroup label=vendor>{options}</optgroup> }
                })
                .collect_view()}
        </select>
    }
}

/// The models under their vendors, in the order they came.
fn by_vendor(models: Vec<ModelChoice>) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for ModelChoice { model, vendor } in models {
        match groups.iter_mut().find(|(name, _)| *name == vendor) {
            Some((_, group)) => group.push(model),
            None => groups.push((vendor, vec![model])),
        }
    }
    groups
}
