//! A bot's configuration: edit, save as pending, apply or discard; a stale save shows both versions.

use super::{
    detail::OneBot,
    fns::{BotsUpdate, bots_get, bots_options},
    idle::IdleStop,
    limits::LimitFields,
    model::{ModelField, Picked},
    openclaw::OpenClaw,
    pending::{Pending, PromptText},
    tags::Tags,
    text,
};
use crate::{
    i18n::fill,
    parts::{Failure, failure_of, field_error},
};
use api::{
    ApiError, Code,
    bots::{BotChoices, BotDetail, BotSettings, GetBot, ModelChoice, Profile},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{LazyRoute, hooks::use_query_map, lazy_route};
use ui::{Banner, Button, Card, Field, IntoWhole, Kind, Toasts, Tone};

/// The settings a person edits: the saved ones, or those that run.
fn editable(bot: &BotDetail) -> BotSettings {
    bot.pending.clone().unwrap_or_else(|| bot.settings.clone())
}

/// `/bots/{bot}/config`
#[derive(Debug)]
pub struct ConfigPage {
    choices: Resource<Result<BotChoices, ApiError>>,
}

#[lazy_route]
impl LazyRoute for ConfigPage {
    fn data() -> Self {
        ConfigPage { choices: Resource::new_blocking(|| (), |()| bots_options()) }
    }

    fn view(this: ConfigPage) -> AnyView {
        OneBot::here().map(|one| view! { <Config one choices=this.choices/> }).whole()
    }
}

#[component]
fn Config(one: OneBot, choices: Resource<Result<BotChoices, ApiError>>) -> impl IntoView {
    // The form is built anew only when its content was replaced on purpose, never under somebody's fingers.
    let round = RwSignal::new(0_u32);
    view! {
        <div class="stack narrow">
            <Pending one round/>
            <Suspense>
                {move || Suspend::new(async move {
                    // Without a list the model is typed.
                    let models = choices.await.map(|choices| choices.models).unwrap_or_default();
                    let models = StoredValue::new(models);
                    view! {
                        <For each=move || [round.get()] key=|round| *round let:_round>
                            <Editor one bot=one.detail.get_untracked() round models/>
                        </For>
                    }
                })}
            </Suspense>
            <Tags one/>
            <OpenClaw one/>
            <IdleStop one/>
        </div>
    }
}

#[component]
fn Editor(
    one: OneBot,
    bot: BotDetail,
    round: RwSignal<u32>,
    models: StoredValue<Vec<ModelChoice>>,
) -> impl IntoView {
    let t = text::text();
    let toasts = use_context::<Toasts>();
    let save = ServerAction::<BotsUpdate>::new();
    let value = save.value();
    let error = failure_of(move || value.get());
    let expected = RwSignal::new(bot.summary.version);
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(bot)) = value.get() {
            expected.set(bot.summary.version);
            one.detail.set(bot);
            if let Some(toasts) = toasts {
                toasts.say(t.saved);
            }
        }
    });
    let stale = Memo::new(move |_| error.get().filter(|error| error.code == Code::Stale));
    let other = Signal::derive(move || error.get().filter(|error| error.code != Code::Stale));
    let settings = editable(&bot);
    let form = NodeRef::<leptos::html::Form>::new();
    view! {
        <Card>
            <p class="hint">{t.config_intro}</p>
            <Failure error=other/>
            {move || stale.get().map(|error| view! { <Stale one error expected round form/> })}
            <ActionForm action=save node_ref=form>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                <input type="hidden" name="cmd[expected_version]" prop:value=move || expected.get().to_string()
                    value=bot.summary.version.to_string()/>
                <SettingsFields one settings error models=models.get_value()/>
                <div class="form-acts">
                    <Button kind=Kind::Primary busy=save.pending()>{t.save_change}</Button>
                </div>
            </ActionForm>
        </Card>
    }
}

#[component]
fn SettingsFields(
    one: OneBot,
    settings: BotSettings,
    error: Signal<Option<ApiError>>,
    models: Vec<ModelChoice>,
) -> impl IntoView {
    let t = text::text();
    let asked = use_query_map().with_untracked(|query| query.get("model").as_deref() == Some("type"));
    // What runs now may be none of the list: then it stands there as it was typed.
    let typed = asked || !models.iter().any(|choice| choice.model == settings.model);
    let picked = Picked { model: RwSignal::new(settings.model), typed: RwSignal::new(typed) };
    view! {
        <div class="fields-2">
        <Field id="set-name" label=t.step_name error=field_error(error, "/name")>
            <input id="set-name" name="cmd[name]" class="input" required maxlength="80" autocomplete="off"
                value=settings.name aria-describedby="set-name-note"/>
        </Field>
        <ModelField id="set-model" models picked page=format!("/bots/{}/config", one.slug()) error=field_error(error, "/model")/>
        </div>
        <Field id="set-prompt" label=t.step_prompt hint=t.prompt_hint error=field_error(error, "/prompt")>
            <textarea id="set-prompt" name="cmd[prompt]" class="input" rows="8" aria-describedby="set-prompt-note">
                {settings.prompt}
            </textarea>
        </Field>
        <Field id="set-profile" label=t.step_profile error=field_error(error, "/profile")>
            <select id="set-profile" name="cmd[profile]" class="input" aria-describedby="set-profile-note">
                <option value="shared" selected=settings.profile == Profile::Shared>
                    {t.pf_shared}
                </option>
                <option value="own" selected=settings.profile == Profile::Own>
                    {t.pf_own}
                </option>
            </select>
        </Field>
        <LimitFields limits=settings.limits error/>
    }
}

/// Somebody else saved first: what is stored now, and the two ways on.
#[component]
fn Stale(
    one: OneBot,
    error: ApiError,
    expected: RwSignal<i64>,
    round: RwSignal<u32>,
    form: NodeRef<leptos::html::Form>,
) -> impl IntoView {
    let t = text::text();
    let versions = error.versions;
    let words = versions.map_or_else(
        || error.message.clone(),
        |both| fill(&fill(t.stale_text, &both.expected.to_string()), &both.actual.to_string()),
    );
    let stored = RwSignal::new(None::<BotDetail>);
    Effect::new(move |_: Option<()>| {
        let bot = one.slug();
        spawn_local(async move { stored.set(bots_get(GetBot { bot }).await.ok()) });
    });
    let take = move |_| {
        if let Some(bot) = stored.get_untracked() {
            one.detail.set(bot);
            round.update(|round| *round += 1);
        }
    };
    let keep = move |_| {
        let actual = stored.with_untracked(|bot| bot.as_ref().map(|bot| bot.summary.version));
        if let Some(version) = actual.or(versions.map(|both| both.actual)) {
            expected.set(version);
            // Once the hidden field says the new version, the form goes out again as it stands.
            request_animation_frame(move || {
                if let Some(form) = form.get_untracked() {
                    _ = form.request_submit();
                }
            });
        }
    };
    view! {
        <Banner tone=Tone::Warn title=t.stale_title>
            <p>{words}</p>
            {move || stored.get().map(|bot| view! { <Stored settings=editable(&bot)/> })}
            <p class="acts">
                <button type="button" class="btn" on:click=keep>
                    {t.stale_keep}
                </button>
                <button type="button" class="btn" on:click=take>
                    {t.stale_take}
                </button>
            </p>
        </Banner>
    }
}

#[component]
fn Stored(settings: BotSettings) -> impl IntoView {
    let t = text::text();
    view! {
        <p class="field-label">{t.stale_theirs}</p>
        <dl class="facts">
            <dt>{t.step_name}</dt>
            <dd>{settings.name}</dd>
            <dt>{t.step_model}</dt>
            <dd class="mono">{settings.model}</dd>
            <dt>{t.step_prompt}</dt>
            <dd><PromptText text=settings.prompt/></dd>
        </dl>
    }
}
