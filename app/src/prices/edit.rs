//! One model: its prices, a price of one's own, and what one says of it oneself. The forms work as plain ones, too.

use super::{
    page::{Acts, BASE},
    table::{day, family, figure, source, tokens},
    text,
};
use crate::{
    i18n::fill,
    parts::{Failure, failure_of, field_error},
};
use api::{
    ApiError,
    money::amount,
    prices::{ModelEntry, ModelFacts, ModelPrice},
};
use leptos::prelude::*;
use ui::{Badge, Button, Card, Field, Glyph, IntoWhole, Kind, Tone};

/// The forms, filled with what is known.
pub(super) fn edit(name: &str, known: Option<&ModelEntry>, acts: Acts) -> AnyView {
    let t = text::text();
    let (vendor, model) = name.split_once('/').unwrap_or_default();
    let named = (vendor.to_owned(), model.to_owned());
    let title = if model.is_empty() { t.add.to_owned() } else { name.to_owned() };
    let prices: Vec<ModelPrice> =
        known.iter().flat_map(|entry| entry.price.iter().chain(&entry.more)).cloned().collect();
    let own = known.and_then(|entry| entry.price.clone());
    let facts = known.map(|entry| (entry.own_facts.clone(), entry.facts.clone()));
    let listed = !model.is_empty();
    let label = title.clone();
    view! {
        <section class="stack" aria-label=label id="edit">
            <header class="page-head">
                <h2 class="mono">{title}</h2>
                <div class="page-acts">
                    <a class="btn" href=BASE>{t.close}</a>
                </div>
            </header>
            {listed.then(|| view! { <Prices prices name=name.to_owned() acts/> })}
            <div class="models-edit">
                <PriceForm named=named.clone() own acts/>
                {listed.then(|| view! { <FactsForm named facts acts/> })}
            </div>
        </section>
    }
    .whole()
}

/// Every price that holds or will.
#[component]
fn Prices(prices: Vec<ModelPrice>, name: String, acts: Acts) -> impl IntoView {
    let t = text::text();
    let none = prices.is_empty();
    let rows = prices.into_iter().map(move |price| {
        let since = day(price.since_ms);
        let cached = price.cache_read_price.or(price.cache_write_price).is_some();
        let line = fill(&fill(t.line, &figure(price.input_price)), &figure(price.output_price));
        let cached = cached.then(|| {
            let words = fill(t.line_cached, &figure(price.cache_read_price));
            format!(" · {}", fill(&words, &figure(price.cache_write_price)))
        });
        let family = family(&price, &name).map(|words| format!(" · {words}"));
        let thinking = price.thinking_price.is_some();
        let thinking =
            thinking.then(|| format!(" · {}", fill(t.line_thinking, &figure(price.thinking_price))));
        // A family's price is deleted where it stands.
        let own = price.id.filter(|_| family.is_none());
        let most = price.up_to_input.map(|most| format!(" · {}", fill(t.up_to, &tokens(most))));
        view! {
            <li class="row">
                <div class="row-what">
                    <p class="row-name">
                        {t.since} " " {since.clone()} " "
                        {own.map(|_| view! { <Badge tone=Tone::Info>{t.own}</Badge> })}
                    </p>
                    <p class="hint">{line} {cached} {thinking} {most} {family} " · " {source(price.source, &name)}</p>
                </div>
                {own
                    .map(|id| {
                        view! {
                            <ActionForm action=acts.delete>
                                <input type="hidden" name="cmd[price]" value=id.to_string()/>
                                <button class="btn btn-quiet" aria-label=fill(t.delete_of, &since)>{t.delete}</button>
                            </ActionForm>
                        }
                    })}
            </li>
        }
    });
    view! {
        <Card title=t.prices>
            {none.then(|| view! { <p class="hint">{t.no_prices}</p> })} <ol class="rows">{rows.collect_view()}</ol>
        </Card>
    }
}

/// The error of an act, where it belongs.
type Wrong = Signal<Option<ApiError>>;
/// The field whose words are a list.
const SCENARIOS: &str = "recommended_scenarios";
/// Name of the field, its label and its hint.
type Words = (&'static str, &'static str, &'static str);

/// One line of a form.
fn line(
    error: Wrong,
    form: &'static str,
    words: Words,
    kind: &'static str,
    value: Option<String>,
) -> AnyView {
    let (name, label, hint) = words;
    let id = format!("{form}-{name}");
    // The API says what is wrong with a figure, in whichever way it was written.
    let pointer: &'static str = match name {
        "input_usd" => "/input_price",
        "output_usd" => "/output_price",
        "cache_read_usd" => "/cache_read_price",
        "cache_write_usd" => "/cache_write_price",
        "thinking_usd" => "/thinking_price",
        "display_name" => "/display_name",
        SCENARIOS => "/recommended_scenarios",
        "vendor" => "/vendor",
        "model" => "/model",
        "up_to_input" => "/up_to_input",
        "since" => "/since",
        "source" => "/source",
        "context_length" => "/context_length",
        "max_output_tokens" => "/max_output_tokens",
        _ => "/notes",
    };
    let number = kind == "number";
    let list = if name == SCENARIOS { "[]" } else { "" };
    let needed = matches!(name, "vendor" | "model" | "input_usd" | "output_usd");
    view! {
        <Field id=id.clone() label hint error=field_error(error, pointer)>
            <input
                id=id.clone()
                name=format!("cmd[{name}]{list}")
                class="input"
                type=kind
                inputmode=name.ends_with("_usd").then_some("decimal")
                min=number.then_some("1")
                required=needed
                autocomplete="off"
                spellcheck="false"
                aria-describedby=format!("{id}-note")
                value=value
            />
        </Field>
    }
    .whole()
}

/// Vendor and model of a form that is about them.
fn hidden((vendor, model): (String, String)) -> impl IntoView {
    view! {
        <input type="hidden" name="cmd[vendor]" value=vendor/>
        <input type="hidden" name="cmd[model]" value=model/>
    }
}

#[component]
fn PriceForm(named: (String, String), own: Option<ModelPrice>, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.set.value();
    let error = failure_of(move || value.get());
    let usd = |of: fn(&ModelPrice) -> Option<i64>| own.as_ref().and_then(of).map(amount);
    let (input, output) = (usd(|p| p.input_price), usd(|p| p.output_price));
    let (read, write) = (usd(|p| p.cache_read_price), usd(|p| p.cache_write_price));
    let thinking = usd(|p| p.thinking_price);
    let field = move |words: Words, kind, value| line(error, "price", words, kind, value);
    let new = named.1.is_empty();
    let names = if new {
        let vendor = field(("vendor", t.vendor, t.vendor_hint), "text", None);
        view! { {vendor} {field(("model", t.model, t.model_hint), "text", None)} }.whole()
    } else {
        hidden(named).whole()
    };
    let up_to = own.as_ref().and_then(|price| price.up_to_input);
    let said = own.as_ref().filter(|price| price.id.is_some()).and_then(|price| price.source.clone());
    view! {
        <Card title=t.new_price>
            <Failure error/>
            <ActionForm action=acts.set>
                {names}
                {field(("input_usd", t.input, ""), "text", input)}
                {field(("output_usd", t.output, ""), "text", output)}
                {field(("cache_read_usd", t.cache_read, t.cache_hint), "text", read)}
                {field(("cache_write_usd", t.cache_write, ""), "text", write)}
                {field(("thinking_usd", t.thinking, t.thinking_hint), "text", thinking)}
                {field(("up_to_input", t.longest, t.longest_hint), "number", number(up_to))}
                {field(("since", t.begins, t.begins_hint), "date", None)}
                {field(("source", t.source, t.source_hint), "text", said)}
                <div class="form-acts">
                    <Button kind=Kind::Primary glyph=Glyph::Check busy=acts.set.pending()>
                        {t.save_price}
                    </Button>
                </div>
            </ActionForm>
        </Card>
    }
}

/// Yes, no, or as it is shipped.
fn tick(name: &'static str, label: &'static str, own: Option<bool>, now: Option<bool>) -> AnyView {
    let t = text::text();
    let id = format!("facts-{name}");
    let word = move |truth| if truth { t.yes } else { t.no };
    // What holds while nothing is said stands there in brackets.
    let shipped =
        now.filter(|_| own.is_none()).map_or_else(|| "–".to_owned(), |now| format!("– ({})", word(now)));
    let option = move |truth: bool| view! { <option value=truth.to_string() selected=own == Some(truth)>{word(truth)}</option> };
    view! {
        <Field id=id.clone() label>
            <select id=id name=format!("cmd[{name}]") class="input">
                <option value="">{shipped}</option>
                {option(true)}
                {option(false)}
            </select>
        </Field>
    }
    .whole()
}

fn number(of: Option<i64>) -> Option<String> {
    of.map(|n| n.to_string())
}

#[component]
fn FactsForm(
    named: (String, String),
    facts: Option<(Option<ModelFacts>, ModelFacts)>,
    acts: Acts,
) -> impl IntoView {
    let t = text::text();
    let value = acts.say.value();
    let error = failure_of(move || value.get());
    let (own, now) = facts.unwrap_or_default();
    let said = own.is_some();
    let own = own.unwrap_or_default();
    let again = named.clone();
    let field = move |words: Words, kind, value| line(error, "facts", words, kind, value);
    let kinds = text::KINDS.into_iter().map(|(kind, name)| {
        view! { <option value=name selected=own.kind == Some(kind)>{name}</option> }
    });
    let kinds = kinds.collect_view();
    let shipped = now
        .kind
        .filter(|_| own.kind.is_none())
        .map_or_else(|| "–".to_owned(), |k| format!("– ({})", text::kind(k)));
    let score = |(name, label, value): (&'static str, &'static str, Option<i64>)| {
        view! {
            <label class="models-score">
                <span>{label}</span>
                <input class="input" type="number" min="0" max="100" name=format!("cmd[{name}]") value=number(value)/>
            </label>
        }
    };
    let good_for = own.recommended_scenarios.as_ref().map(|words| words.join(", "));
    let scores = [
        ("reasoning_score", t.reasoning, own.reasoning_score),
        ("coding_score", t.coding, own.coding_score),
        ("creativity_score", t.creativity, own.creativity_score),
        ("speed_score", t.speed, own.speed_score),
    ];
    view! {
        <Card title=t.facts>
            <p class="hint">{t.facts_hint}</p>
            <Failure error/>
            <ActionForm action=acts.say>
                {hidden(named)}
                <Field id="facts-kind" label=t.kind>
                    <select id="facts-kind" name="cmd[kind]" class="input">
                        <option value="">{shipped}</option>
                        {kinds}
                    </select>
                </Field>
                {field(("context_length", t.context_length, ""), "number", number(own.context_length))}
                {field(("max_output_tokens", t.max_output, ""), "number", number(own.max_output_tokens))}
                {tick("vision", t.vision, own.vision, now.vision)}
                {tick("function_calling", t.function_calling, own.function_calling, now.function_calling)}
                {tick("extended_thinking", t.extended_thinking, own.extended_thinking, now.extended_thinking)}
                {tick("cache_control", t.cache_control, own.cache_control, now.cache_control)}
                {tick("streaming", t.streaming, own.streaming, now.streaming)}
                {tick("deprecated", t.retired, own.deprecated, now.deprecated)}
                <fieldset class="field">
                    <legend>{t.scores}</legend>
                    <div class="models-scores">{scores.into_iter().map(score).collect_view()}</div>
                </fieldset>
                {field(("display_name", t.called, ""), "text", own.display_name)}
                {field((SCENARIOS, t.good_for, t.good_for_hint), "text", good_for)}
                {field(("notes", t.notes, ""), "text", own.notes)}
                {field(("source", t.source, t.source_hint), "text", own.source)}
                <div class="form-acts">
                    <Button glyph=Glyph::Check busy=acts.say.pending()>{t.save_facts}</Button>
                </div>
            </ActionForm>
            {said
                .then(|| {
                    view! {
                        <ActionForm action=acts.say>
                            {hidden(again)} <button class="btn btn-quiet">{t.take_back}</button>
                        </ActionForm>
                    }
                })}
        </Card>
    }
}
