//! Making a bot: a name and a model are enough, everything else has a sane default.

use super::{
    fns::{BotsCreate, bots_options},
    limits::LimitFields,
    model::{ModelField, Picked},
    state::{profile_name, runtime_name, runtime_word},
    text, unisolated,
};
use crate::parts::{Failure, Heading, Unloaded, failure_of, field_error};
use api::{
    ApiError,
    bots::{BotChoices, BotLimits, Profile, RuntimeChoice},
    validate,
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_query_map, lazy_route};
use ui::{Button, Card, EmptyState, Field, Glyph, IntoWhole, Kind, Within};

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
                            Ok(choices) => view! { <Create choices typed again/> }.whole(),
                            Err(error) => view! { <Unloaded error/> }.whole(),
                        }
                    })
                }}
            </Suspense>
        }
        .whole()
    }
}

/// What has been filled in so far, for the summary.
#[derive(Clone, Copy)]
struct Draft {
    name: RwSignal<String>,
    picked: Picked,
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
        return view! { <NeedsKey/> }.whole();
    }
    if unisolated::must_be_accepted(&choices) {
        return view! { <unisolated::Accept runtimes=choices.runtimes done=again/> }.whole();
    }
    let accepted = choices.unisolated.as_ref().is_some_and(|it| it.by.is_some());
    let create = ServerAction::<BotsCreate>::new();
    let value = create.value();
    let error = failure_of(move || value.get());
    let runtime = choices.runtimes.iter().find(|choice| choice.default).map(|choice| choice.kind);
    let first = choices.models.first().filter(|_| !typed).map(|choice| choice.model.clone());
    let draft = Draft {
        name: RwSignal::new(String::new()),
        picked: Picked { model: RwSignal::new(first.unwrap_or_default()), typed: RwSignal::new(typed) },
        prompt: RwSignal::new(false),
        runtime: RwSignal::new(runtime.map(|kind| runtime_name(kind, t)).unwrap_or_default()),
        profile: RwSignal::new(Profile::default()),
    };
    let model_error = field_error(error, "/model");
    view! {
        <div class="stack">
            <Failure error/>
            <ActionForm action=create>
                <div class="grid-main">
                    <div class="stack">
                        <Card title=t.part_basics>
                            <div class="fields-2">
                                <NameField draft error/>
                                <ModelField
                                    id="bot-model"
                                    models=choices.models
                                    picked=draft.picked
                                    page="/bots/new".to_owned()
                                    error=model_error
                                />
                            </div>
                        </Card>
                        <Card title=t.part_manner>
                            <PromptField draft error/>
                        </Card>
                        <Places draft runtimes=choices.runtimes error/>
                    </div>
                    <Summary draft>
                        <Button kind=Kind::Primary glyph=Glyph::Plus busy=create.pending()>
                            {t.create}
                        </Button>
                    </Summary>
                </div>
            </ActionForm>
            {accepted.then(|| view! { <unisolated::Accepted done=again/> })}
        </div>
    }
    .whole()
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
                <a class="link-quiet" href="/bots/new?model=type">
                    {t.model_type}
                </a>
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

#[component]
fn PromptField(draft: Draft, error: Signal<Option<ApiError>>) -> impl IntoView {
    let t = text::text();
    view! {
        <Field id="bot-prompt" label=t.step_prompt hint=t.prompt_hint error=field_error(error, "/prompt")>
            <textarea
                id="bot-prompt"
                name="cmd[prompt]"
                class="input"
                rows="6"
                placeholder=t.prompt_example
                aria-describedby="bot-prompt-note"
                on:input:target=move |event| draft.prompt.set(!event.target().value().trim().is_empty())
            ></textarea>
        </Field>
    }
}

/// Where it runs and whom it serves: both have a default that is seldom changed.
#[component]
fn Places(draft: Draft, runtimes: Vec<RuntimeChoice>, error: Signal<Option<ApiError>>) -> impl IntoView {
    let t = text::text();
    view! {
        <details class="card fold">
            <summary>{t.more}</summary>
            <fieldset class="choices">
                <legend>{t.step_runtime}</legend>
                {runtimes.into_iter().map(|choice| view! { <RuntimeOption draft choice/> }).collect_view()}
            </fieldset>
            <ProfileField draft/>
            <LimitFields limits=BotLimits::default() error/>
        </details>
    }
}

/// What the engine itself says stands folded below a plain sentence.
#[component]
fn RuntimeOption(draft: Draft, choice: RuntimeChoice) -> impl IntoView {
    let t = text::text();
    let name = runtime_name(choice.kind, t);
    let (note, why) = if choice.available { (choice.note, None) } else { (None, choice.note) };
    // The default is chosen unasked: a bot can be made for it, and waits.
    let away = if choice.default { t.away } else { t.unavailable };
    let note = note.or_else(|| (!choice.available).then(|| away.to_owned()));
    view! {
        <div>
            <label class="choice">
                <input
                    type="radio"
                    name="cmd[runtime]"
                    value=runtime_word(choice.kind)
                    checked=choice.default
                    disabled=!choice.available && !choice.default
                    on:change=move |_| draft.runtime.set(name)
                />
                <span>
                    <span class="choice-name">{name}</span>
                    {note.map(|note| view! { <span class="choice-note">{note}</span> })}
                </span>
            </label>
            {why.map(|why| view! { <unisolated::Why notes=vec![why]/> })}
        </div>
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

/// What will be made, as it stands, and the button that makes it.
#[component]
fn Summary(draft: Draft, children: Within) -> impl IntoView {
    let t = text::text();
    let named = Memo::new(move |_| draft.name.with(|name| name.trim().to_owned()));
    let name = move || if named.with(String::is_empty) { t.summary_unnamed.to_owned() } else { named.get() };
    let address = move || {
        let name = Some(named.get()).filter(|name| !name.is_empty())?;
        Some(view! { <span class="hint mono">{format!("/bots/{}", validate::slug_of(&name))}</span> })
    };
    let model = move || draft.picked.model.with(|model| model.trim().to_owned());
    let prompt = move || if draft.prompt.get() { t.summary_prompt_own } else { t.summary_prompt_default };
    view! {
        <Card title=t.summary class="summary">
            <dl class="facts">
                <dt>{t.step_name}</dt>
                <dd class:unset=move || named.with(String::is_empty)>{name} {address}</dd>
                <dt>{t.step_model}</dt>
                <dd class:unset=move || model().is_empty()>
                    {move || {
                        let model = model();
                        if model.is_empty() {
                            view! { <span>{t.summary_unset}</span> }.whole()
                        } else {
                            view! { <span class="mono">{model}</span> }.whole()
                        }
                    }}
                </dd>
                <dt>{t.step_prompt}</dt>
                <dd>{prompt}</dd>
                <dt>{t.step_runtime}</dt>
                <dd>{move || draft.runtime.get()}</dd>
                <dt>{t.step_profile}</dt>
                <dd>{move || profile_name(draft.profile.get(), t)}</dd>
            </dl>
            <div class="summary-act">{children.view()} <p class="hint">{t.summary_next}</p></div>
        </Card>
    }
}
