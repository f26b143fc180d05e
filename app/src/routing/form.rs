//! The form of a chain of one's own. It works as a plain form, too.

use super::{page::Acts, text};
use crate::{
    i18n::fill,
    parts::{Failure, failure_of, field_error},
};
use api::routing::{Chain, MAX_LINKS, MAX_TIMEOUT_S, MAX_TRIES};
use leptos::prelude::*;
use ui::{Button, Card, Field, Glyph, Kind};

/// Fields for links that a new chain begins with.
const FIELDS: usize = 6;

/// A form, filled with a chain that is known.
#[expect(clippy::too_many_lines, reason = "one form, its fields in a row")]
#[component]
pub(super) fn ChainForm(known: Option<Chain>, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.set.value();
    let error = failure_of(move || value.get());
    let (mut links, name, timeout_s, tries, on) = match known {
        Some(chain) => {
            let links: Vec<String> = chain.links.into_iter().map(|link| link.model).collect();
            (links, chain.name, chain.timeout_s, chain.tries, chain.triggers)
        }
        None => (Vec::new(), String::new(), 60, 3, Vec::new()),
    };
    // A new one begins with what usually leads on.
    let ticked = move |at: usize, trigger| if on.is_empty() { at < 4 } else { on.contains(&trigger) };
    let empty = name.is_empty();
    links.resize((links.len() + 2).clamp(FIELDS, MAX_LINKS), String::new());
    let link = move |(at, link): (usize, String)| {
        let label = fill(t.link, &(at + 1).to_string());
        view! {
            <input
                name="cmd[links][]"
                class="input mono"
                autocomplete="off"
                spellcheck="false"
                aria-label=label
                placeholder=(at == 0).then_some("openai/gpt-5-mini")
                value=link
            />
        }
    };
    let tick = move |(at, (trigger, name, word)): (usize, (_, &'static str, &'static str))| {
        view! {
            <label class="tag-tick">
                <input type="checkbox" name="cmd[triggers][]" value=name checked=ticked(at, trigger)/>
                <span>{word}</span>
            </label>
        }
    };
    view! {
        <Card title=t.form_title>
            <Failure error/>
            <ActionForm action=acts.set>
                <Field id="chain-name" label=t.name hint=t.name_hint error=field_error(error, "/name")>
                    <input
                        id="chain-name"
                        name="cmd[name]"
                        class="input mono"
                        required
                        maxlength="40"
                        pattern="[a-z0-9\\-]+"
                        autocomplete="off"
                        aria-describedby="chain-name-note"
                        value=name
                    />
                </Field>
                <fieldset class="field">
                    <legend>{t.links}</legend>
                    {links.into_iter().enumerate().map(link).collect_view()}
                    <p class="hint">{t.links_hint}</p>
                </fieldset>
                <fieldset class="field">
                    <legend>{t.leads_on}</legend>
                    <div class="tag-ticks">{text::triggers(t).into_iter().enumerate().map(tick).collect_view()}</div>
                </fieldset>
                <Field id="chain-timeout" label=t.seconds error=field_error(error, "/timeout_s")>
                    <input
                        id="chain-timeout"
                        name="cmd[timeout_s]"
                        class="input"
                        type="number"
                        min="1"
                        max=MAX_TIMEOUT_S.to_string()
                        required
                        aria-describedby="chain-timeout-note"
                        value=timeout_s.to_string()
                    />
                </Field>
                <Field id="chain-tries" label=t.keys error=field_error(error, "/tries")>
                    <input
                        id="chain-tries"
                        name="cmd[tries]"
                        class="input"
                        type="number"
                        min="1"
                        max=MAX_TRIES.to_string()
                        required
                        aria-describedby="chain-tries-note"
                        value=tries.to_string()
                    />
                </Field>
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::Check busy=acts.set.pending()>
                        {t.save}
                    </Button>
                    {(!empty).then(|| view! { <a class="btn btn-quiet" href=super::page::BASE>{t.new}</a> })}
                </div>
            </ActionForm>
        </Card>
    }
}
