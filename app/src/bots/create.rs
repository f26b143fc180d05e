//! Making a bot: a name and a model are enough, everything else has a sane default.

use super::{
    fns::{BotsCreate, bots_options},
    state::{profile_name, runtime_name, runtime_word},
    text, unisolated,
};
use crate::parts::{Failure, Heading, Unloaded, failure_of, field_error};
use api::{
    ApiError,
    bots::{BotChoices, ModelChoice, Profile, RuntimeChoice},
    validate,
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_query_map, lazy_route};
use ui::{Button, Card, EmptyState, Field, Glyph, Kind};

/// `/bots/new`
#[derive(Debug)]
pub struct CreatePage {
    choices: Resource<Result<BotChoices, ApiError>>,
}

#[lazy_route]
impl LazyRoute for CreatePage {
    fn data() -> Self {
        CreatePage { choices: Resource::new_blocking(|| (), |()| bots_options()) }
    }

    fn view(this: CreatePage) -> AnyView {
        let t = text::text();
        let choices = this.choices;
        let again = Callback::new(move |()| choices.refetch());
        let query = use_query_map();
        let typed = Memo::new(move |_| query.with(|query| query.get("model").as_deref() == Some("type")));
        view! {
            <Heading title=t.new_bot/>
            <Suspense>
                {move || {
                    let typed = typed.get();
                    Suspend::new(async move {
                        match choices.await {
                            Ok(choices) => view! { <Create choices typed again/> }.into_any(),
                            Err(error) => view! { <Unloaded error/> }.into_any(),
                        }
                    })
                }}
            </Suspense>
        }
        .into_any()
    }
}

/// What has been filled in so far, for the summary.
#[derive(Clone, Copy)]
struct Draft {
    name: RwSignal<String>,
    model: RwSignal<String>,
    prompt: RwSignal<bool>,
    runtime: RwSignal<&'static str>,
    profile: RwSignal<Profile>,
}

#[component]
fn Create(
    choices: BotChoices,
    /// The model is typed instead of chosen.
    typed: bool,
    /// Asks for the choices again.
    again: Callback<()>,
) -> impl IntoView {
    let t = text::text();
    if choices.models.is_empty() && !typed {
        return view! { <NeedsKey/> }.into_any();
    }
    if unisolated::must_be_accepted(&choices) {
        return view! { <unisolated::Accept runtimes=choices.runtimes done=again/> }.into_any();
    }
    let accepted = choices.unisolated.as_ref().is_some_and(|it| it.by.is_some());
    let create = ServerAction::<BotsCreate>::new();
    let value = create.value();
    let error = failure_of(move || value.get());
    let runtime = choices.runtimes.iter().find(|choice| choice.default).map(|choice| choice.kind);
    let draft = Draft {
        name: RwSignal::new(String::new()),
        model: RwSignal::new(choices.models.first().map(|choice| choice.model.clone()).unwrap_or_default()),
        prompt: RwSignal::new(false),
        runtime: RwSignal::new(runtime.map(|kind| runtime_name(kind, t)).unwrap_or_default()),
        profile: RwSignal::new(Profile::default()),
    };
    view! {
        <div class="grid-main">
            <div class="stack">
                <Failure error/>
                <ActionForm action=create>
                    <div class="stack">
                        <Card>
                            <NameField draft error/>
                            <ModelField draft models=choices.models typed error/>
                        </Card>
                        <More draft runtimes=choices.runtimes error/>
                        <div class="form-acts">
                            <Button kind=Kind::Primary glyph=Glyph::Plus busy=create.pending()>
                                {t.create}
                            </Button>
                        </div>
                    </div>
                </ActionForm>
                {accepted.then(|| view! { <unisolated::Accepted done=again/> })}
            </div>
            <Summary draft/>
        </div>
    }
    .into_any()
}

#[component]
fn NeedsKey() -> impl IntoView {
    let t = text::text();
    view! {
        <EmptyState glyph=Glyph::KeyRound title=t.need_key_title text=t.need_key_text>
            <a class="btn btn-primary" href="/keys">
                {t.need_key_do}
            </a>
            <p class="hint">
                <a href="/bots/new?model=type">{t.model_type}</a>
            </p>
        </EmptyState>
    }
}

#[component]
fn NameField(draft: Draft, error: Signal<Option<ApiError>>) -> impl IntoView {
    let t = text::text();
    view! {
        <Field id="bot-name" label=t.step_name hint=t.name_hint error=field_error(error, "/name")>
            <input
                id="bot-name"
                name="cmd[name]"
                class="input"
                required
                maxlength="80"
                autocomplete="off"
                autofocus
                placeholder=t.name_example
                aria-describedby="bot-name-note"
                on:input:target=move |event| draft.name.set(event.target().value())
            />
        </Field>
    }
}

/// A list where the keys say what there is, a text where a person knows better.
#[component]
fn ModelField(
    draft: Draft,
    models: Vec<ModelChoice>,
    typed: bool,
    error: Signal<Option<ApiError>>,
) -> impl IntoView {
    let t = text::text();
    let listed = !models.is_empty();
    let error = field_error(error, "/model");
    if typed {
        draft.model.set(String::new());
        return view! {
            <Field id="bot-model" label=t.step_model hint=t.model_typed_hint error>
                <input
                    id="bot-model"
                    name="cmd[model]"
                    class="input mono"
                    required
                    maxlength="200"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    pattern="[^\\s/]+/\\S+"
                    placeholder="vendor/model"
                    aria-describedby="bot-model-note"
                    on:input:target=move |event| draft.model.set(event.target().value())
                />
            </Field>
            {listed.then(|| view! { <p class="hint"><a href="/bots/new">{t.model_pick}</a></p> })}
        }
        .into_any();
    }
    view! {
        <Field id="bot-model" label=t.step_model hint=t.model_hint error>
            <select
                id="bot-model"
                name="cmd[model]"
                class="input mono"
                required
                aria-describedby="bot-model-note"
                on:change:target=move |event| draft.model.set(event.target().value())
            >
                {by_vendor(models)
                    .into_iter()
                    .map(|(vendor, models)| {
                        view! {
                            <optgroup label=vendor>
                                {models
                                    .into_iter()
                                    .map(|model| view! { <option value=model.clone()>{model.clone()}</option> })
                                    .collect_view()}
                            </optgroup>
                        }
                    })
                    .collect_view()}
            </select>
        </Field>
        <p class="hint">
            <a href="/bots/new?model=type">{t.model_type}</a>
        </p>
    }
    .into_any()
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

/// Everything with a default.
#[component]
fn More(draft: Draft, runtimes: Vec<RuntimeChoice>, error: Signal<Option<ApiError>>) -> impl IntoView {
    let t = text::text();
    view! {
        <details class="card fold">
            <summary>{t.more}</summary>
            <Field id="bot-prompt" label=t.step_prompt hint=t.prompt_hint error=field_error(error, "/prompt")>
                <textarea
                    id="bot-prompt"
                    name="cmd[prompt]"
                    class="input"
                    rows="5"
                    aria-describedby="bot-prompt-note"
                    on:input:target=move |event| draft.prompt.set(!event.target().value().trim().is_empty())
                ></textarea>
            </Field>
            <fieldset class="choices">
                <legend>{t.step_runtime}</legend>
                {runtimes.into_iter().map(|choice| view! { <RuntimeOption draft choice/> }).collect_view()}
            </fieldset>
            <ProfileField draft/>
        </details>
    }
}

#[component]
fn RuntimeOption(draft: Draft, choice: RuntimeChoice) -> impl IntoView {
    let t = text::text();
    let name = runtime_name(choice.kind, t);
    let note = choice.note.or_else(|| (!choice.available).then(|| t.unavailable.to_owned()));
    view! {
        <label class="choice">
            <input
                type="radio"
                name="cmd[runtime]"
                value=runtime_word(choice.kind)
                checked=choice.default
                disabled=!choice.available
                on:change=move |_| draft.runtime.set(name)
            />
            <span>
                <span class="choice-name">{name}</span>
                {note.map(|note| view! { <span class="choice-note">{note}</span> })}
            </span>
        </label>
    }
}

#[component]
fn ProfileField(draft: Draft) -> impl IntoView {
    let t = text::text();
    let options = [(Profile::Shared, "shared", t.pf_shared_text), (Profile::Own, "own", t.pf_own_text)];
    view! {
        <fieldset class="choices">
            <legend>{t.step_profile}</legend>
            {options
                .into_iter()
                .map(|(profile, word, note)| {
                    view! {
                        <label class="choice">
                            <input
                                type="radio"
                                name="cmd[profile]"
                                value=word
                                checked=profile == Profile::default()
                                on:change=move |_| draft.profile.set(profile)
                            />
                            <span>
                                <span class="choice-name">{profile_name(profile, t)}</span>
                                <span class="choice-note">{note}</span>
                            </span>
                        </label>
                    }
                })
                .collect_view()}
        </fieldset>
    }
}

/// What will be made, as it stands.
#[component]
fn Summary(draft: Draft) -> impl IntoView {
    let t = text::text();
    let named = Memo::new(move |_| draft.name.with(|name| name.trim().to_owned()));
    let name = move || if named.with(String::is_empty) { t.summary_unnamed.to_owned() } else { named.get() };
    let address = move || {
        named.with(|name| {
            if name.is_empty() { "—".to_owned() } else { format!("/bots/{}", validate::slug_of(name)) }
        })
    };
    let prompt = move || if draft.prompt.get() { t.summary_prompt_own } else { t.summary_prompt_default };
    view! {
        <Card title=t.summary class="summary">
            <dl class="facts">
                <dt>{t.step_name}</dt>
                <dd>{name} <span class="hint mono">{address}</span></dd>
                <dt>{t.step_model}</dt>
                <dd class="mono">{move || draft.model.get()}</dd>
                <dt>{t.step_prompt}</dt>
                <dd>{prompt}</dd>
                <dt>{t.step_runtime}</dt>
                <dd>{move || draft.runtime.get()}</dd>
                <dt>{t.step_profile}</dt>
                <dd>{move || profile_name(draft.profile.get(), t)}</dd>
            </dl>
            <p class="hint">{t.summary_next}</p>
        </Card>
    }
}
