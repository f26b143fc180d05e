//! One key in the list: vendor, last four, what its last test said, and what can be done.

use super::{
    choice::{ChangeDialog, Holds, Tags},
    page::Acts,
    text,
};
use crate::{
    i18n::fill,
    parts::{self, Failure, failure_of, field_error, success_of},
    time::{Moment, duration},
};
use api::{
    ApiError, Code,
    keys::{KeyRest, KeyRestWhy, KeyStatus, KeySummary},
};
use leptos::prelude::*;
use ui::{Badge, Button, Dialog, Field, Glyph, Kind, Opener, SecretField, StatePill, Tone};

/// The pill of a status.
fn shown(status: KeyStatus, t: &'static text::Text) -> (Tone, Glyph, &'static str) {
    match status {
        KeyStatus::Working => (Tone::Ok, Glyph::CircleCheck, t.working),
        KeyStatus::Failing => (Tone::Bad, Glyph::CircleX, t.failing),
        KeyStatus::Untested => (Tone::Idle, Glyph::CircleDashed, t.untested),
    }
}

/// One key.
#[component]
pub(super) fn KeyRow(key: KeySummary, acts: Acts) -> impl IntoView {
    let t = text::text();
    let id = key.id;
    let (tone, glyph, word) = shown(key.status, t);
    let (label, vendor) = (key.label.clone(), key.vendor.clone());
    let test = if key.rests.is_empty() { t.test } else { t.probe };
    let (change, replace, delete) = (format!("change-{id}"), format!("replace-{id}"), format!("delete-{id}"));
    let testing = Signal::derive(move || {
        acts.test.input().with(|now| now.as_ref().is_some_and(|now| now.cmd.key == id))
    });
    view! {
        <article class="card key">
            <header class="key-head">
                <h2>
                    {label} " " <Badge>{vendor}</Badge> <Tags tags=key.tags.clone()/>
                </h2>
                <StatePill tone glyph word/>
            </header>
            <p class="key-facts">
                <code>
                    {if key.last_four.is_empty() { t.no_secret.to_owned() } else { format!("…{}", key.last_four) }}
                </code>
                <span class="mono">{key.base_url.clone()}</span>
            </p>
            <Holds key=key.clone()/>
            <TestResult key=key.clone()/>
            <div class="acts">
                <ActionForm action=acts.test>
                    <input type="hidden" name="cmd[key]" value=id.to_string()/>
                    <Button glyph=Glyph::RefreshCw busy=testing>{test}</Button>
                </ActionForm>
                <Opener dialog=change.clone() class="btn">
                    {t.change}
                </Opener>
                <Opener dialog=replace.clone() class="btn">
                    {t.replace}
                </Opener>
                <Opener dialog=delete.clone() class="btn btn-quiet">
                    {t.delete}
                </Opener>
                <a class="btn btn-quiet" href=format!("/usage?range=7d&by=bot&key={id}")>
                    {t.last_uses}
                </a>
            </div>
            <ChangeDialog dialog=change key=key.clone() acts/>
            <ReplaceDialog dialog=replace key=key.clone() acts/>
            <DeleteDialog dialog=delete key acts/>
        </article>
    }
}

/// Why calls leave it alone just now.
#[component]
fn Rests(rests: Vec<KeyRest>) -> impl IntoView {
    let t = text::text();
    let line = |rest: KeyRest| {
        let why = match rest.why {
            KeyRestWhy::SlowDown => t.rest_slow.to_owned(),
            KeyRestWhy::Refused => t.rest_refused.to_owned(),
            KeyRestWhy::OverLimit => t.rest_full.to_owned(),
            KeyRestWhy::Failing => fill(t.rest_failing, rest.model.as_deref().unwrap_or_default()),
        };
        let said =
            rest.status.map_or(t.rest_heard.to_owned(), |status| fill(t.rest_said, &status.to_string()));
        let since = match rest.streak {
            0 | 1 => t.rest_since.to_owned(),
            streak => fill(t.rest_streak, &streak.to_string()),
        };
        let words = rest.message.map(|words| view! { " · " {said} " " {words} });
        view! {
            <p class=format!("ending {}", Tone::Warn.class())>{why} " " <Moment ms=Signal::stored(rest.until_ms)/></p>
            <p class="hint as-typed">
                {since} " "
                <Moment ms=Signal::stored(rest.since_ms)/> {words}
            </p>
        }
    };
    rests.into_iter().map(line).collect_view()
}

/// What the last test said: when, how fast, which models; or the vendor's words about a failing key.
#[component]
fn TestResult(key: KeySummary) -> impl IntoView {
    let t = text::text();
    let count = match key.models.len() {
        1 => t.model_one.to_owned(),
        n => fill(t.models, &n.to_string()),
    };
    let models = key.models;
    let checked = key.checked_at_ms.map(|ms| (t.checked, ms));
    let last =
        [key.tested_at_ms.map(|ms| (t.tested, ms)), checked].into_iter().flatten().max_by_key(|(_, ms)| *ms);
    view! {
        <Rests rests=key.rests/>
        {key.status_message.map(|message| view! { <p class=format!("ending {}", Tone::Bad.class())>{message}</p> })}
        {key
            .check_message
            .map(|message| view! { <p class="hint as-typed">{t.check_silent} " " {message}</p> })}
        {last
            .map(|(word, ms)| {
                view! {
                    <p class="hint">
                        {word} " " <Moment ms=Signal::stored(ms)/>
                        {key.latency_ms.map(|ms| format!(" · {}", fill(t.latency, &duration(ms))))} " · " {count}
                    </p>
                }
            })}
        {(!models.is_empty())
            .then(|| {
                view! {
                    <details class="fold">
                        <summary>{t.models_show}</summary>
                        <ul class="models">
                            {models.into_iter().map(|model| view! { <li class="mono">{model}</li> }).collect_view()}
                        </ul>
                    </details>
                }
            })}
    }
}

#[component]
fn ReplaceDialog(dialog: String, key: KeySummary, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.replace.value();
    let error = failure_of(move || value.get());
    // Both stay once they are so: the next answer may find another fault, and what was typed for the first one must be sent again.
    let refused = Memo::new(move |before: Option<&bool>| {
        before == Some(&true) || error.with(|e| e.as_ref().is_some_and(|e| e.code == Code::KeyRejected))
    });
    let secret = format!("{dialog}-secret");
    let (own, base_url) = (key.own_base_url, key.base_url);
    // Also where the answer asks for it: a key of another kind may have to leave its region.
    let placed = Memo::new(move |before: Option<&bool>| {
        let asks = |e: &ApiError| e.fields.iter().any(|field| field.pointer == "/base_url");
        own || before == Some(&true) || error.with(|e| e.as_ref().is_some_and(asks))
    });
    let base = move || {
        let (id, value) = (format!("replace-{}-base", key.id), own.then(|| base_url.clone()));
        view! {
            <Field id=id.clone() label=t.base_url error=field_error(error, "/base_url")>
                <input id=id name="cmd[base_url]" class="input mono" type="url" autocomplete="off" value=value/>
            </Field>
        }
    };
    view! {
        <Dialog id=dialog title=t.replace_title close=t.close done=success_of(move || value.get())>
            <p>{t.replace_text}</p>
            <Failure error/>
            <ActionForm action=acts.replace>
                <input type="hidden" name="cmd[key]" value=key.id.to_string()/>
                <input type="hidden" name="cmd[expected_version]" value=key.version.to_string()/>
                <SecretField id=secret name="cmd[secret]" label=t.new_key required=!key.last_four.is_empty()/>
                {move || placed.get().then(&base)}
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    {move || {
                        refused
                            .get()
                            .then(|| {
                                view! {
                                    <button class="btn" type="submit" name="cmd[accept_failing]" value="true">
                                        {t.save_failing}
                                    </button>
                                }
                            })
                    }}
                    <Button kind=Kind::Primary busy=acts.replace.pending()>{t.replace}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn DeleteDialog(dialog: String, key: KeySummary, acts: Acts) -> impl IntoView {
    let t = text::text();
    view! {
        <Dialog id=dialog title=t.delete_title close=t.close done=success_of(move || acts.delete.value().get())>
            <p>
                <b>{key.label}</b>
                ": "
                {t.delete_text}
            </p>
            <ActionForm action=acts.delete>
                <input type="hidden" name="cmd[key]" value=key.id.to_string()/>
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
