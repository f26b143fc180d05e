//! `/virtual-keys`: the list, the form that makes one, and what can be done.

use super::{
    fns::{VirtualKeysChange, VirtualKeysCreate, VirtualKeysDelete, VirtualKeysRotate},
    page::KEYS,
    text,
};
use crate::{
    i18n::fill,
    parts::{self, Failure, Heading, Pager, Unloaded, failure_of, field_error, success_of},
    time::{Moment, here_ms},
};
use api::{
    ApiError, Page,
    virtual_keys::{NewSecret, VirtualKey},
};
use leptos::prelude::*;
use ui::{
    Badge, Banner, Button, Card, CopyText, Dialog, EmptyState, Field, Glyph, IntoWhole, Kind, Opener,
    StatePill, Toasts, Tone,
};

#[derive(Clone, Copy)]
struct Acts {
    create: ServerAction<VirtualKeysCreate>,
    change: ServerAction<VirtualKeysChange>,
    rotate: ServerAction<VirtualKeysRotate>,
    delete: ServerAction<VirtualKeysDelete>,
}

impl Acts {
    fn new(reload: Callback<()>) -> Self {
        let t = text::text();
        let acts = Self {
            create: ServerAction::new(),
            change: ServerAction::new(),
            rotate: ServerAction::new(),
            delete: ServerAction::new(),
        };
        let toasts = use_context::<Toasts>();
        // What was made is shown where it was asked for.
        let done = move |ok: bool, word: Option<&'static str>| {
            if ok {
                reload.run(());
                if let (Some(toasts), Some(word)) = (toasts, word) {
                    toasts.say(word);
                }
            }
        };
        let (create, change, rotate, delete) =
            (acts.create.value(), acts.change.value(), acts.rotate.value(), acts.delete.value());
        Effect::new(move |_: Option<()>| done(create.with(|v| matches!(v, Some(Ok(_)))), None));
        Effect::new(move |_: Option<()>| done(rotate.with(|v| matches!(v, Some(Ok(_)))), None));
        Effect::new(move |_: Option<()>| done(change.with(|v| matches!(v, Some(Ok(_)))), Some(t.k_changed)));
        Effect::new(move |_: Option<()>| done(delete.with(|v| matches!(v, Some(Ok(_)))), Some(t.k_deleted)));
        acts
    }

    /// The failure of the last act on a key.
    fn failed(self) -> Signal<Option<ApiError>> {
        Signal::derive(move || {
            let change = self.change.value().get().and_then(Result::err);
            change
                .or_else(|| self.delete.value().get().and_then(Result::err))
                .or_else(|| self.rotate.value().get().and_then(Result::err))
        })
    }
}

/// The page below its tabs.
#[component]
pub(super) fn Keys(
    keys: Resource<Result<Page<VirtualKey>, ApiError>>,
    cursor: Memo<Option<String>>,
) -> impl IntoView {
    let t = text::text();
    let acts = Acts::new(Callback::new(move |()| keys.refetch()));
    let rotated = move || acts.rotate.value().get().and_then(Result::ok).map(|made| view! { <Made made/> });
    view! {
        <Heading title=t.virtual_keys/>
        <p class="lead">{t.k_lead}</p>
        <div class="grid-main">
            <div class="stack">
                <Failure error=acts.failed()/>
                {rotated}
                <Transition>
                    {move || Suspend::new(async move {
                        match keys.await {
                            Ok(page) => view! { <List page acts later=cursor.get_untracked().is_some()/> }.whole(),
                            Err(error) => view! { <Unloaded error/> }.whole(),
                        }
                    })}
                </Transition>
            </div>
            <AddForm acts/>
        </div>
    }
}

/// A secret, shown once.
#[component]
fn Made(made: NewSecret) -> impl IntoView {
    let t = text::text();
    view! {
        <Banner tone=Tone::Ok title=t.k_made>
            {made
                .secret
                .map(|secret| {
                    view! {
                        <p>
                            <CopyText text=secret label=t.k_copy/>
                        </p>
                    }
                })}
        </Banner>
    }
}

#[component]
fn List(page: Page<VirtualKey>, acts: Acts, later: bool) -> impl IntoView {
    let t = text::text();
    let none = page.items.is_empty();
    view! {
        {none.then(|| view! { <EmptyState glyph=Glyph::KeyRound title=t.k_none_title text=t.k_none_text/> })}
        {page.items.into_iter().map(|key| view! { <KeyRow key acts/> }).collect_view()}
        <Pager base=KEYS later next=page.next/>
    }
}

#[component]
fn KeyRow(key: VirtualKey, acts: Acts) -> impl IntoView {
    let t = text::text();
    let id = key.id.to_string();
    let expired = key.expires_at_ms.is_some_and(|end| end <= here_ms());
    let (tone, glyph, word) = match (key.blocked, expired) {
        (true, _) => (Tone::Bad, Glyph::CircleX, t.k_blocked),
        (_, true) => (Tone::Idle, Glyph::CircleDashed, t.k_expired),
        _ => (Tone::Ok, Glyph::CircleCheck, t.k_open),
    };
    let (rotate, delete, to_rotate, to_block) =
        (format!("rotate-{id}"), format!("delete-{id}"), id.clone(), id.clone());
    let change = format!("change-{id}");
    let dialog = view! { <ChangeDialog dialog=change.clone() key=key.clone() acts/> };
    let models = if key.models.is_empty() { t.k_all.to_owned() } else { key.models.join(", ") };
    let block = if key.blocked { t.k_unblock } else { t.k_block };
    let moment = |word: &'static str, ms: i64| view! { " · " {word} " " <Moment ms=Signal::stored(ms)/> };
    let used = if key.last_used_at_ms.is_some() { t.k_used } else { t.k_unused };
    view! {
        <article class="card key">
            <header class="key-head">
                <h2>
                    {key.name.clone()} " " <Badge>{models}</Badge>
                    {key.tags.into_iter().map(|tag| view! { " " <Badge>{tag}</Badge> }).collect_view()}
                </h2>
                <StatePill tone glyph word/>
            </header>
            <p class="key-facts">
                <code>{format!("chela_vk_…{}", key.last_four)}</code>
            </p>
            <p class="hint">
                {used} " " {key.last_used_at_ms.map(|ms| view! { <Moment ms=Signal::stored(ms)/> })}
                {key.expires_at_ms.map(|ms| moment(t.k_expires, ms))}
                {key.former_until_ms.map(|ms| moment(t.k_former, ms))}
            </p>
            <div class="acts">
                <Opener dialog=rotate.clone() class="btn">
                    {t.k_rotate}
                </Opener>
                <Opener dialog=change class="btn">
                    {t.change}
                </Opener>
                <ActionForm action=acts.change>
                    <input type="hidden" name="cmd[virtual_key]" value=to_block/>
                    <input type="hidden" name="cmd[blocked]" value=(!key.blocked).to_string()/>
                    <Button>{block}</Button>
                </ActionForm>
                <Opener dialog=delete.clone() class="btn btn-quiet">
                    {t.delete}
                </Opener>
            </div>
            {dialog} <RotateDialog dialog=rotate id=to_rotate acts/>
            <DeleteDialog dialog=delete id name=key.name acts/>
        </article>
    }
}

/// One line of words of a key.
fn line(
    error: Signal<Option<ApiError>>,
    of: &str,
    (name, pointer): (&'static str, &'static str),
    (label, hint): (&'static str, &'static str),
    value: Option<String>,
) -> AnyView {
    let id = format!("{of}{pointer}").replace('/', "-");
    let input = id.clone();
    let (named, note) = (pointer == "/name", format!("{id}-note"));
    view! {
        <Field id label hint error=field_error(error, pointer)>
            <input
                id=input
                name=name
                class="input"
                autocomplete="off"
                autocapitalize="none"
                maxlength=named.then_some("80")
                required=named
                aria-describedby=note
                value=value
            />
        </Field>
    }
    .whole()
}

/// Its name, its models and its tags.
fn lines(error: Signal<Option<ApiError>>, of: &str, key: Option<&VirtualKey>) -> AnyView {
    let t = text::text();
    let words = |of: fn(&VirtualKey) -> &Vec<String>| key.map(|key| of(key).join(", "));
    view! {
        {line(error, of, ("cmd[name]", "/name"), (t.k_name, ""), key.map(|key| key.name.clone()))}
        {line(error, of, ("cmd[models][]", "/models"), (t.k_models, t.k_models_hint), words(|key| &key.models))}
        {line(error, of, ("cmd[tags][]", "/tags"), (t.k_tags, t.k_tags_hint), words(|key| &key.tags))}
    }
    .whole()
}

#[component]
fn ChangeDialog(dialog: String, key: VirtualKey, acts: Acts) -> impl IntoView {
    let t = text::text();
    let error = failure_of(move || acts.change.value().get());
    let lines = lines(error, &dialog, Some(&key));
    view! {
        <Dialog id=dialog title=t.k_change_title close=t.close done=success_of(move || acts.change.value().get())>
            <ActionForm action=acts.change>
                <input type="hidden" name="cmd[virtual_key]" value=key.id.to_string()/>
                <input type="hidden" name="cmd[expected_version]" value=key.version.to_string()/>
                {lines}
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary busy=acts.change.pending()>{t.change}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn RotateDialog(dialog: String, id: String, acts: Acts) -> impl IntoView {
    let t = text::text();
    let (overlap, field) = (format!("overlap-{id}"), format!("overlap-{id}"));
    view! {
        <Dialog id=dialog title=t.k_rotate_title close=t.close done=success_of(move || acts.rotate.value().get())>
            <p>{t.k_rotate_text}</p>
            <ActionForm action=acts.rotate>
                <input type="hidden" name="cmd[virtual_key]" value=id/>
                <Field id=field label=t.k_overlap>
                    <select id=overlap name="cmd[overlap_minutes]" class="input">
                        <option value="60">{t.k_hour}</option>
                        <option value="1440">{t.k_whole_day}</option>
                        <option value="0">{t.k_at_once}</option>
                    </select>
                </Field>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary busy=acts.rotate.pending()>{t.k_rotate}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn DeleteDialog(dialog: String, id: String, name: String, acts: Acts) -> impl IntoView {
    let t = text::text();
    view! {
        <Dialog id=dialog title=t.k_delete_title close=t.close done=success_of(move || acts.delete.value().get())>
            <p>
                <b>{name}</b>
                ": "
                {t.k_delete_text}
            </p>
            <ActionForm action=acts.delete>
                <input type="hidden" name="cmd[virtual_key]" value=id/>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Danger glyph=Glyph::Trash2 busy=acts.delete.pending()>{t.delete}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn AddForm(acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.create.value();
    let error = failure_of(move || value.get());
    let made = move || value.get().and_then(Result::ok).map(|made| view! { <Made made/> });
    let limit = move |at: usize, unit: &'static str, period: &'static str, label: &'static str| {
        let pointer = if at == 0 { "/limits/0/amount" } else { "/limits/1/amount" };
        let (id, field) = (format!("vk-limit-{at}"), format!("cmd[limits][{at}]"));
        let input = id.clone();
        view! {
            <input type="hidden" name=format!("{field}[unit]") value=unit/>
            <input type="hidden" name=format!("{field}[period]") value=period/>
            <Field id label hint=t.k_empty error=field_error(error, pointer)>
                <input id=input name=format!("{field}[amount]") class="input" inputmode="decimal" autocomplete="off"/>
            </Field>
        }
    };
    let days = [30_u32, 90, 365]
        .map(|days| view! { <option value=days.to_string()>{fill(t.k_days, &days.to_string())}</option> });
    view! {
        <Card title=t.k_add_title class="key-form">
            {made}
            <Failure error/>
            <ActionForm action=acts.create>
                {lines(error, "vk", None)}
                <Field id="vk-expires" label=t.k_expires>
                    <select id="vk-expires" name="cmd[expires_in_days]" class="input">
                        <option value="0">{t.k_never}</option>
                        {days.into_iter().collect_view()}
                    </select>
                </Field>
                {limit(0, "money", "month", t.k_budget)} {limit(1, "requests", "minute", t.k_rate)}
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::Plus busy=acts.create.pending()>
                        {t.k_add}
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
}
