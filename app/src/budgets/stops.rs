//! Spending stopped at once, and allowed again: on the page of budgets for all calls or a vendor's, on a bot's tab for the bot.

use super::{
    fns::{BudgetsAllow, BudgetsStop},
    said, text,
};
use crate::{
    frame::Person,
    i18n::fill,
    parts::{self, Failure, failure_of, field_error, success_of},
    time::Moment,
};
use api::{auth::Role, budgets::Stop};
use leptos::prelude::*;
use ui::{Banner, Button, Dialog, Field, Glyph, Kind, Opener, Toasts, Tone};

/// What can be done: one set for a page, so that a failure is said once.
#[derive(Clone, Copy)]
pub(crate) struct Switch {
    stop: ServerAction<BudgetsStop>,
    allow: ServerAction<BudgetsAllow>,
    owner: bool,
}

impl Switch {
    pub(crate) fn new(reload: Callback<()>) -> Self {
        let (t, toasts) = (text::text(), use_context::<Toasts>());
        let owner = use_context::<Person>().is_some_and(|Person(me)| me.role == Role::Owner);
        let switch = Self { stop: ServerAction::new(), allow: ServerAction::new(), owner };
        let done = move |ok: bool, word: &'static str| {
            if ok {
                reload.run(());
                if let Some(toasts) = toasts {
                    toasts.say(word);
                }
            }
        };
        let (stop, allow) = (switch.stop.value(), switch.allow.value());
        Effect::new(move |_: Option<()>| done(stop.with(|v| matches!(v, Some(Ok(_)))), t.is_stopped));
        Effect::new(move |_: Option<()>| done(allow.with(|v| matches!(v, Some(Ok(_)))), t.is_allowed));
        switch
    }
}

/// What is stopped, each with the way back.
#[component]
pub(crate) fn Stopped(stops: Vec<Stop>, switch: Switch) -> impl IntoView {
    let failed = Signal::derive(move || switch.allow.value().get().and_then(Result::err));
    view! {
        <Failure error=failed/>
        {stops.into_iter().map(|stop| view! { <Line stop switch/> }).collect_view()}
    }
}

#[component]
fn Line(stop: Stop, switch: Switch) -> impl IntoView {
    let t = text::text();
    let title = said::stopped(&stop);
    let (id, why, since) = (stop.id.to_string(), stop.why.clone(), stop.since_ms);
    let by = stop.by_name.clone().unwrap_or(stop.by);
    view! {
        <Banner tone=Tone::Bad title>
            {why.map(|why| view! { <p>{why}</p> })}
            <p class="hint">
                {fill(t.stopped_who, &by)} " "
                <Moment ms=Signal::stored(since)/>
            </p>
            {switch
                .owner
                .then(|| {
                    view! {
                        <ActionForm action=switch.allow>
                            <input type="hidden" name="cmd[stop]" value=id/>
                            <Button glyph=Glyph::Play busy=switch.allow.pending()>{t.allow}</Button>
                        </ActionForm>
                    }
                })}
        </Banner>
    }
}

/// Stops all calls of the workspace, or those to a vendor.
#[component]
pub(super) fn StopButtons(switch: Switch) -> impl IntoView {
    let t = text::text();
    switch.owner.then(|| {
        view! {
            <Opener dialog="stop-all" class="btn btn-danger">
                {t.stop}
            </Opener>
            <Opener dialog="stop-vendor" class="btn">
                {t.stop_vendor}
            </Opener>
            <StopDialog dialog="stop-all" title=t.stop_title words=t.stop_text switch name="cmd[everything]" value="true".to_owned()/>
            <StopDialog dialog="stop-vendor" title=t.stop_vendor words=t.stop_vendor_text switch name="cmd[vendor]" value=String::new()/>
        }
    })
}

/// Stops a bot's calls.
#[component]
pub(crate) fn StopBot(bot: String, switch: Switch) -> impl IntoView {
    let t = text::text();
    switch.owner.then(|| {
        view! {
            <p>
                <Opener dialog="stop-bot" class="btn">
                    {t.stop_bot}
                </Opener>
            </p>
            <StopDialog dialog="stop-bot" title=t.stop_bot_title words=t.stop_bot_text switch name="cmd[bot]" value=bot/>
        }
    })
}

/// What a bot that spends for nobody is answered with, at once.
#[component]
pub(crate) fn Answers(bot: String, stop: ServerAction<BudgetsStop>) -> impl IntoView {
    let t = text::text();
    let budget = format!("/budgets?bot={bot}");
    view! {
        <ActionForm action=stop>
            <input type="hidden" name="cmd[bot]" value=bot/>
            <Button kind=Kind::Danger busy=stop.pending()>{t.stop_bot}</Button>
        </ActionForm>
        <a class="btn" href=budget>
            {t.set_budget}
        </a>
    }
}

/// Asks once more, and why. What it is for is hidden where it is known.
#[component]
fn StopDialog(
    dialog: &'static str,
    title: &'static str,
    words: &'static str,
    switch: Switch,
    name: &'static str,
    value: String,
) -> impl IntoView {
    let t = text::text();
    let done = switch.stop.value();
    let error = failure_of(move || done.get());
    let (vendor, why) = (format!("{dialog}-vendor"), format!("{dialog}-why"));
    let (vendor_input, why_input) = (vendor.clone(), why.clone());
    let asks = value.is_empty();
    view! {
        <Dialog id=dialog title close=t.close done=success_of(move || done.get())>
            <p>{words}</p>
            <Failure error/>
            <ActionForm action=switch.stop>
                {(!asks).then(|| view! { <input type="hidden" name=name value=value/> })}
                {asks
                    .then(|| {
                        view! {
                            <Field id=vendor label=t.vendor error=field_error(error, "/vendor")>
                                <input id=vendor_input name=name class="input mono" autocomplete="off" required placeholder="openai"/>
                            </Field>
                        }
                    })}
                <Field id=why label=t.why error=field_error(error, "/why")>
                    <input id=why_input name="cmd[why]" class="input" autocomplete="off" maxlength="200"/>
                </Field>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Danger busy=switch.stop.pending()>{t.stop_now}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
