//! After how long without work a bot is put to sleep. It holds at once, without a restart.

use super::{detail::OneBot, fns::BotsUpdate, idle_text};
use crate::{
    i18n::fill,
    parts::{Failure, failure_of},
};
use api::bots::{BotDetail, Desired, Observed};
use leptos::prelude::*;
use ui::{Button, Card, Field, Glyph};

/// What can be chosen, in minutes.
const CHOICES: [u32; 7] = [0, 15, 30, 60, 240, 1_440, 10_080];

/// Whether a message can be sent: to one that is awake, or that a message wakes.
pub(crate) fn takes_messages(bot: &BotDetail) -> bool {
    let summary = &bot.summary;
    let comes =
        bot.idle_stop_minutes.is_some() && !matches!(summary.observed, Observed::Failed | Observed::Unknown);
    summary.desired == Desired::Running && (summary.observed == Observed::Running || comes)
}

fn word(minutes: u32, t: &'static idle_text::Text) -> String {
    match minutes {
        0 => t.never.to_owned(),
        1_440 => t.day.to_owned(),
        n if n % 1_440 == 0 => fill(t.days, &(n / 1_440).to_string()),
        n if n % 60 == 0 => fill(t.hours, &(n / 60).to_string()),
        n => fill(t.minutes, &n.to_string()),
    }
}

/// One select; what was set elsewhere is among its choices.
#[component]
pub(super) fn IdleStop(one: OneBot) -> impl IntoView {
    let t = idle_text::text();
    let save = ServerAction::<BotsUpdate>::new();
    let value = save.value();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(bot)) = value.get() {
            one.detail.set(bot);
        }
    });
    let now = Memo::new(move |_| one.detail.with(|bot| bot.idle_stop_minutes.unwrap_or(0)));
    let options = move || {
        let now = now.get();
        let own = Some(now).filter(|now| !CHOICES.contains(now));
        let mut choices: Vec<u32> = CHOICES.into_iter().chain(own).collect();
        choices.sort_unstable();
        let option = |minutes: u32| {
            view! { <option value=minutes.to_string() selected=minutes == now>{word(minutes, t)}</option> }
        };
        choices.into_iter().map(option).collect_view()
    };
    view! {
        <Card title=t.title>
            <Failure error=failure_of(move || value.get())/>
            <ActionForm action=save>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                <Field id="idle-stop" label=t.after hint=t.hint>
                    <select id="idle-stop" name="cmd[idle_stop_minutes]" class="input" aria-describedby="idle-stop-note">
                        {options}
                    </select>
                </Field>
                <div class="form-acts">
                    <Button glyph=Glyph::Check busy=save.pending()>{t.save}</Button>
                </div>
            </ActionForm>
        </Card>
    }
}
