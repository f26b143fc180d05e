//! The change that is saved but does not run yet: what it would alter, apply, discard.

use super::{
    configs_text,
    detail::OneBot,
    fns::{BotsApply, BotsDiscard},
    state::profile_name,
    text,
};
use crate::parts::Failure;
use api::bots::{BotLimits, BotSettings};
use leptos::prelude::*;
use ui::{Button, Glyph, IntoWhole, Kind, Toasts};

/// One field that would change.
#[derive(Clone, PartialEq, Eq)]
struct Change {
    field: &'static str,
    from: String,
    to: String,
}

fn changes(now: &BotSettings, after: &BotSettings, t: &'static text::Text) -> Vec<Change> {
    let profile = |settings: &BotSettings| profile_name(settings.profile, t).to_owned();
    let c = configs_text::text();
    let limit = |field, of: fn(&BotLimits) -> u32| Change {
        field,
        from: of(&now.limits).to_string(),
        to: of(&after.limits).to_string(),
    };
    [
        Change { field: t.step_name, from: now.name.clone(), to: after.name.clone() },
        Change { field: t.step_model, from: now.model.clone(), to: after.model.clone() },
        Change { field: t.step_prompt, from: now.prompt.clone(), to: after.prompt.clone() },
        Change { field: t.step_profile, from: profile(now), to: profile(after) },
        limit(c.memory_mb, |limits| limits.memory_mb),
        limit(c.cpu_milli, |limits| limits.cpu_milli),
        limit(c.pids, |limits| limits.pids),
    ]
    .into_iter()
    .filter(|change| change.from != change.to)
    .collect()
}

/// The pending change of this page's bot; `round` is turned when the form should show other content.
#[component]
pub(crate) fn Pending(one: OneBot, round: RwSignal<u32>) -> impl IntoView {
    let t = text::text();
    let toasts = use_context::<Toasts>();
    let (apply, discard) = (ServerAction::<BotsApply>::new(), ServerAction::<BotsDiscard>::new());
    for (value, word) in [(apply.value(), t.applied), (discard.value(), t.discarded)] {
        Effect::new(move |_: Option<()>| {
            if let Some(Ok(bot)) = value.get() {
                one.detail.set(bot);
                round.update(|round| *round += 1);
                if let Some(toasts) = toasts {
                    toasts.say(word);
                }
            }
        });
    }
    let failed = Signal::derive(move || {
        [apply.value(), discard.value()].into_iter().find_map(|value| value.get()?.err())
    });
    let pending = Memo::new(move |_| {
        one.detail.with(|bot| bot.pending.as_ref().map(|after| changes(&bot.settings, after, t)))
    });
    let version = Memo::new(move |_| one.detail.with(|bot| bot.summary.version.to_string()));
    view! {
        <Failure error=failed/>
        <section class="card pending" class:hidden=move || pending.with(Option::is_none) aria-labelledby="pending">
            <h2 class="card-title" id="pending">
                {t.pending_title}
            </h2>
            <table class="diff">
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">{t.pending_from}</th>
                        <th scope="col">{t.pending_to}</th>
                    </tr>
                </thead>
                <tbody>
                    {move || pending.get().unwrap_or_default().into_iter().map(|change| view! { <Diff change/> }).collect_view()}
                </tbody>
            </table>
            <div class="acts">
                <ActionForm action=apply>
                    <input type="hidden" name="cmd[bot]" value=one.slug()/>
                    <input type="hidden" name="cmd[expected_version]" value=move || version.get()/>
                    <Button kind=Kind::Primary glyph=Glyph::Check busy=apply.pending()>{t.apply}</Button>
                </ActionForm>
                <ActionForm action=discard>
                    <input type="hidden" name="cmd[bot]" value=one.slug()/>
                    <input type="hidden" name="cmd[expected_version]" value=move || version.get()/>
                    <Button glyph=Glyph::Eraser busy=discard.pending()>{t.discard}</Button>
                </ActionForm>
            </div>
        </section>
    }
}

#[component]
fn Diff(change: Change) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{change.field}</th>
            <td class="diff-from"><PromptText text=change.from/></td>
            <td class="diff-to"><PromptText text=change.to/></td>
        </tr>
    }
}

/// A value as it was typed, or that there is none.
#[component]
pub(crate) fn PromptText(text: String) -> impl IntoView {
    if text.trim().is_empty() {
        view! { <em>{text::text().empty_value}</em> }.whole()
    } else {
        view! { <span class="as-typed">{text}</span> }.whole()
    }
}
