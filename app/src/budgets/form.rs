//! The form of a new budget, and the time zone.

use super::{page::Acts, row::shares, text};
use crate::parts::{Failure, failure_of, field_error};
use api::{budgets::Zone, virtual_keys::VirtualKey};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use ui::{Button, Card, Field, Glyph, Kind};

/// A field of words to choose from.
fn choice(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    options: Vec<(String, String)>,
) -> impl IntoView {
    let options = options.into_iter().map(|(value, word)| view! { <option value=value>{word}</option> });
    let options = options.collect_view();
    view! {
        <Field id label>
            <select id=id name=name class="input">
                {options}
            </select>
        </Field>
    }
}

fn words<const N: usize>(of: [(&str, &str); N]) -> Vec<(String, String)> {
    of.map(|(value, word)| (value.to_owned(), word.to_owned())).into()
}

/// The form.
#[component]
pub(super) fn AddForm(keys: Vec<VirtualKey>, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.create.value();
    let error = failure_of(move || value.get());
    // The bot whose spending somebody came to end.
    let bot = use_query_map().with_untracked(|query| query.get("bot"));
    let text_field = move |id: &'static str,
                           name: &'static str,
                           words: (&'static str, &'static str),
                           pointer| {
        let (label, hint) = words;
        let filled = bot.clone().filter(|_| pointer == "/bot");
        view! {
            <Field id label hint error=field_error(error, pointer)>
                <input id=id name=name class="input" autocomplete="off" aria-describedby=format!("{id}-note") value=filled/>
            </Field>
        }
    };
    let keys: Vec<_> = words([("", t.anyone)])
        .into_iter()
        .chain(keys.into_iter().map(|key| (key.id.to_string(), key.name)))
        .collect();
    view! {
        <Card title=t.add_title class="key-form">
            <Failure error/>
            <ActionForm action=acts.create>
                {text_field("budget-bot", "cmd[bot]", (t.bot, t.bot_hint), "/bot")}
                {(keys.len() > 1).then(|| choice("budget-key", "cmd[virtual_key]", t.virtual_key, keys))}
                {text_field("budget-tag", "cmd[tag]", (t.tag, t.tag_hint), "/tag")}
                {text_field("budget-model", "cmd[model]", (t.model, t.model_hint), "/model")}
                {choice(
                    "budget-unit",
                    "cmd[unit]",
                    t.counts,
                    words([("money", t.money), ("tokens", t.tokens), ("requests", t.requests)]),
                )}
                {text_field("budget-amount", "cmd[amount]", (t.amount, t.amount_hint), "/amount")}
                {choice(
                    "budget-period",
                    "cmd[period]",
                    t.per,
                    words([("month", t.month), ("day", t.day), ("minute", t.minute)]),
                )} {choice("budget-hard", "cmd[hard]", t.hard, words([("true", t.refuses), ("false", t.tells)]))}
                {text_field("budget-instead", "cmd[instead]", (t.instead, t.instead_hint), "/instead")}
                <Field id="budget-from" label=t.instead_from>
                    <select id="budget-from" name="cmd[instead_from]" class="input">
                        {shares(None)}
                    </select>
                </Field>
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::Plus busy=acts.create.pending()>
                        {t.add}
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
}

/// Where days and months begin.
#[component]
pub(super) fn ZoneForm(zone: Zone, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.zone.value();
    let error = failure_of(move || value.get());
    view! {
        <ActionForm action=acts.zone>
            <Field id="budget-zone" label=t.zone error=field_error(error, "/time_zone")>
                <input
                    id="budget-zone"
                    name="cmd[time_zone]"
                    class="input mono"
                    autocomplete="off"
                    required
                    value=zone.time_zone
                    aria-describedby="budget-zone-note"
                />
            </Field>
            <Button busy=acts.zone.pending()>{t.set_zone}</Button>
        </ActionForm>
    }
}
