//! `/settings/notifications`: what I hear of, in the app and on my devices.

use super::{
    fns::{NotifyChoose, notify_choices},
    text,
};
use crate::{
    frame::Person,
    parts::{Failure, Unloaded, failure_of},
};
use api::notify::{Choices, NotificationKind};
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{Button, Card, IntoWhole, Kind, Toasts};

/// The page.
#[component]
pub(crate) fn ChoicesView() -> impl IntoView {
    let choices = Resource::new_blocking(|| (), |()| notify_choices());
    let t = text::text();
    view! {
        <Title text=t.title/>
        <div class="stack">
            <Suspense>
                {move || Suspend::new(async move {
                    match choices.await {
                        Ok(choices) => view! { <Form choices/> }.whole(),
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Suspense>
            <ThisDevice/>
        </div>
    }
}

/// Pushes to this device. What fits is shown by `public/push.js`.
#[component]
fn ThisDevice() -> impl IntoView {
    let t = text::text();
    let person = use_context::<Person>().map(|Person(me)| me.user.to_string());
    // A page that was led to without a new document has to say that its panel has come.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_: Option<()>| {
        if let Ok(event) = web_sys::Event::new("chela:push") {
            _ = document().dispatch_event(&event);
        }
    });
    view! {
        <Card title=t.device>
            <p class="hint">{t.device_lead}</p>
            <noscript>
                <p>{t.device_scripts}</p>
            </noscript>
            <div data-push="" data-person=person class="stack" role="status">
                <p data-push-when="unsupported" hidden>{t.device_unsupported}</p>
                <p data-push-when="insecure" hidden>{t.device_insecure}</p>
                <p data-push-when="home-screen" hidden>{t.device_home_screen}</p>
                <p data-push-when="denied" hidden>{t.device_denied}</p>
                <p data-push-when="busy" hidden>{t.device_busy}</p>
                <p data-push-when="failed" hidden>{t.device_failed} " " <span data-slot="message"></span></p>
                <div data-push-when="off" hidden>
                    <button type="button" class="btn btn-primary" data-push-turn="on">{t.device_turn_on}</button>
                </div>
                <div data-push-when="on" hidden>
                    <p>{t.device_on}</p>
                    <button type="button" class="btn" data-push-turn="off">{t.device_turn_off}</button>
                </div>
            </div>
        </Card>
    }
}

#[component]
fn Form(choices: Choices) -> impl IntoView {
    let t = text::text();
    let choose = ServerAction::<NotifyChoose>::new();
    let value = choose.value();
    let toasts = use_context::<Toasts>();
    Effect::new(move |_: Option<()>| {
        if let (Some(toasts), Some(Ok(_))) = (toasts, value.get()) {
            toasts.say(t.saved);
        }
    });
    let row = |kind| {
        let word = match kind {
            NotificationKind::Unreachable => t.unreachable_choice,
            other => text::kind(other, t),
        };
        let (name, in_app, push) = (wire(kind), choices.in_app.contains(&kind), choices.push.contains(&kind));
        view! {
            <tr>
                <th scope="row">{word}</th>
                <td><Tick field="in_app" name ticked=in_app label=format!("{word}: {}", t.in_app)/></td>
                <td><Tick field="push" name ticked=push label=format!("{word}: {}", t.push)/></td>
            </tr>
        }
    };
    let rows = NotificationKind::ALL.into_iter().map(row).collect_view();
    view! {
        <Card title=t.choices_title>
            <p class="hint">{t.choices_lead}</p>
            <Failure error=failure_of(move || value.get())/>
            <ActionForm action=choose>
                <table class="table choices">
                    <thead>
                        <tr>
                            <th scope="col">{t.kind}</th>
                            <th scope="col">{t.in_app}</th>
                            <th scope="col">{t.push}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
                <Button kind=Kind::Primary busy=choose.pending()>{t.save}</Button>
            </ActionForm>
        </Card>
    }
}

#[component]
fn Tick(field: &'static str, name: &'static str, ticked: bool, label: String) -> impl IntoView {
    view! { <input type="checkbox" name=format!("cmd[{field}][]") value=name checked=ticked aria-label=label/> }
}

/// A kind's word on the wire.
const fn wire(kind: NotificationKind) -> &'static str {
    use NotificationKind as K;
    match kind {
        K::CrashLoop => "crash_loop",
        K::Failed => "failed",
        K::OutOfMemory => "out_of_memory",
        K::ConfigRefused => "config_refused",
        K::Hung => "hung",
        K::Died => "died",
        K::UpgradeUndone => "upgrade_undone",
        K::Unreachable => "unreachable",
        K::BudgetNear => "budget_near",
        K::BudgetSpent => "budget_spent",
        K::HeartbeatLoop => "heartbeat_loop",
        K::IdleSpend => "idle_spend",
        K::KeyExpiring => "key_expiring",
        K::KeyRefused => "key_refused",
        K::Recovered => "recovered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_sends_is_what_is_chosen() {
        for kind in NotificationKind::ALL {
            assert_eq!(serde_json::to_value(kind).ok(), Some(wire(kind).into()));
        }
    }
}
