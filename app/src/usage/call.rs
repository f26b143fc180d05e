//! One call: what it used, what it cost, and every key it was asked with.

use super::{
    asked::Asked,
    tables::{cost_of, outcome},
    text, usd,
};
use crate::{
    budgets::said,
    i18n::fill,
    time::{self, Moment},
};
use api::{
    budgets::Stop,
    ids::{BudgetId, StopId},
    usage::{StoppedBy, UsageCall, UsageCharge, UsageRow, UsageTry},
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use ui::{Badge, Card, IntoWhole};

fn line(word: &'static str, value: Option<String>) -> Option<AnyView> {
    let value = value.filter(|value| !value.is_empty())?;
    Some(view! { <dt>{word}</dt><dd>{value}</dd> }.whole())
}

/// What stopped it, and where that can be changed; its id alone where there is no such budget any more.
fn stopped(budget: Option<BudgetId>, by: Option<&StoppedBy>) -> Option<AnyView> {
    let (t, id) = (text::text(), budget?.to_string());
    let what = match by {
        Some(by) => view! { <a href="/budgets">{said::line(by)}</a> }.whole(),
        None => view! { {fill(t.deleted_budget, &id)} }.whole(),
    };
    Some(view! { <dt>{t.stopped_by}</dt><dd>{what}</dd> }.whole())
}

/// What somebody stopped, with who, when and why, and where it is allowed again; its id alone where nobody remembers.
fn halted(stop: Option<StopId>, told: Option<Stop>) -> Option<AnyView> {
    let (t, id) = (text::text(), stop?.to_string());
    let what = told.map(|stop| {
        let words = said::stopped(&stop);
        let words = match stop.lifted_at_ms {
            None => view! { <a href="/budgets">{words}</a> }.whole(),
            Some(_) => view! { {words} }.whole(),
        };
        let lifted =
            stop.lifted_at_ms.map(|at| view! { " · " {t.allowed_again} " " <Moment ms=Signal::stored(at)/> });
        view! {
            {words} " · " {said::stopped_by(&stop)} " · " <Moment ms=Signal::stored(stop.since_ms)/> {lifted}
        }
        .whole()
    });
    let what = what.unwrap_or_else(|| view! { {id} }.whole());
    Some(view! { <dt>{t.stopped_by_stop}</dt><dd>{what}</dd> }.whole())
}

/// Whether it was not asked with a key, by what Chela knows of the key.
fn is_passed_over(tried: &UsageTry) -> bool {
    let words =
        ["other_models", "over_limit", "price_unknown", "cooling_down", "keys_refused", "breaker_open"];
    words.contains(&tried.why.as_str())
}

/// Why a key could not serve it.
fn why(tried: &UsageTry) -> String {
    let t = text::text();
    let word = match tried.why.as_str() {
        "slow_down" => t.why_slow,
        "refused" => t.why_refused,
        "forbidden" => t.why_forbidden,
        "unreachable" => t.unreachable,
        "no_model" => t.why_no_model,
        "context_length_exceeded" => t.why_too_long,
        "no_vendor" => t.why_no_vendor,
        "no_key" => t.why_no_key,
        "other_dialect" => t.why_dialect,
        "not_allowed" => t.why_not_allowed,
        "no_room" => t.why_no_room,
        "stopped" => t.why_stopped,
        "other_models" => t.why_other_models,
        "over_limit" | "keys_over_limit" => t.why_over_limit,
        "price_unknown" => t.why_price,
        "no_key_for_model" => t.why_no_key_for_model,
        "not_longer" => t.why_not_longer,
        "cooling_down" | "keys_refused" | "breaker_open" => t.why_resting,
        _ => t.why_failed,
    };
    let status = tried.status.map(|status| format!(" ({status})")).unwrap_or_default();
    // A link that was skipped took no time.
    let took = tried
        .key
        .filter(|_| !is_passed_over(tried))
        .map(|_| format!(", {}", time::duration(tried.took_ms)))
        .unwrap_or_default();
    format!("{word}{status}{took}{}", tried.charge.as_ref().map(charge).unwrap_or_default())
}

/// What it costs all the same.
fn charge(charge: &UsageCharge) -> String {
    let known = charge.cost_micro_usd.map_or_else(|| text::text().unknown.to_owned(), usd);
    if charge.estimated { format!(", ≈ {known}") } else { format!(", {known}") }
}

/// Whom it was asked of: a link of a chain, a key, or both.
fn step(tried: &UsageTry, name: Option<String>) -> String {
    let key = name.or_else(|| Some(tried.key?.to_string()));
    [tried.link.clone(), key].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What is not known of its cost and why; where its model has no price, the way to give it one.
fn doubt(call: &UsageRow) -> AnyView {
    let t = text::text();
    let counted = [call.input_tokens, call.output_tokens, call.cache_read_tokens, call.cache_write_tokens];
    let unknown = call.cost_micro_usd.is_none();
    let priceless = call.reason.as_deref() == Some("price_unknown")
        || unknown && counted.iter().any(|tokens| *tokens > 0);
    let words = match (unknown, call.estimated) {
        (true, _) if priceless => Some(t.unknown_price),
        (true, _) => Some(t.unknown_use),
        (false, true) => Some(t.estimated_one),
        _ => None,
    };
    let priced = priceless.then(|| {
        let mut query = ParamsMap::new();
        query.insert("edit", format!("{}/{}", call.vendor, call.model));
        view! { <p><a href=format!("/routing/models{}", query.to_query_string())>{t.set_price}</a></p> }
    });
    view! {
        {words.map(|words| view! { <p class="hint">{words}</p> })}
        {priced}
    }
    .whole()
}

pub(super) fn detail(asked: &Asked, found: UsageCall) -> AnyView {
    let t = text::text();
    let UsageCall { call, tried, stopped_by, stop } = found;
    let (tone, ended) = outcome(&call);
    let tries = call.tries.iter().zip(tried.into_iter().chain(std::iter::repeat(None))).map(|(one, name)| {
        view! {
            <li class="row">
                <div class="row-what">
                    <p class="row-name">{step(one, name)}</p>
                    <p class="hint">{why(one)}</p>
                </div>
            </li>
        }
    });
    let tries: Vec<_> = tries.collect();
    let asked_in_vain =
        call.tries.iter().filter(|tried| tried.key.is_some() && !is_passed_over(tried)).count();
    let served = call.key.is_some() && i64::try_from(asked_in_vain).is_ok_and(|vain| vain < call.attempts);
    let served = served.then(|| {
        view! {
            <li class="row">
                <div class="row-what">
                    <p class="row-name">{call.key_name.clone().or_else(|| Some(call.key?.to_string()))}</p>
                    <p class="hint">{fill(t.asked_last, &call.status.to_string())}</p>
                </div>
            </li>
        }
    });
    let answered = call.model_answered.clone().filter(|answered| *answered != call.model);
    let wanted = call.asked_model.as_ref().unwrap_or(&call.model);
    let lines = [
        line(t.asked_model, Some(format!("{}/{wanted}", call.vendor))),
        line(t.cheaper, call.asked_model.as_ref().map(|_| call.model.clone())),
        line(t.answered, answered),
        line(t.chain, call.chain.clone()),
        line(t.by_bot, call.bot_name.clone().or_else(|| Some(call.bot?.to_string()))),
        line(t.by_virtual_key, call.virtual_key_name.clone().or_else(|| Some(call.virtual_key?.to_string()))),
        stopped(call.budget, stopped_by.as_ref()),
        halted(call.stop, stop),
        line(t.cost, Some(cost_of(&call))),
        line(t.kept, call.held_micro_usd.map(usd)),
        line(t.tokens_in, Some(call.input_tokens.to_string())),
        line(t.tokens_read, (call.cache_read_tokens > 0).then(|| call.cache_read_tokens.to_string())),
        line(t.tokens_written, (call.cache_write_tokens > 0).then(|| call.cache_write_tokens.to_string())),
        line(t.tokens_out, Some(call.output_tokens.to_string())),
        line(t.tokens_thought, (call.reasoning_tokens > 0).then(|| call.reasoning_tokens.to_string())),
        line(t.took, Some(time::duration(call.latency_ms))),
        line(t.first_word, call.first_event_ms.map(time::duration)),
        line(t.trace, call.trace_id.clone()),
        line(t.id, Some(call.id.to_string().replacen("use_", "req_", 1))),
    ];
    let (attempts, began) = (call.attempts, call.started_at_ms);
    let doubt = doubt(&call);
    view! {
        <p><a class="link-quiet" href=asked.with(&[])>{t.back}</a></p>
        <Card title=t.one_call>
            <p>
                <Badge tone>{ended}</Badge>
                " "
                <Moment ms=Signal::stored(began)/>
            </p>
            <dl class="facts">{lines.into_iter().flatten().collect_view()}</dl>
            {doubt}
        </Card>
        <Card title=t.attempts>
            <ol class="rows">{tries} {served}</ol>
            {(attempts == 0).then(|| view! { <p class="hint">{t.nobody_asked}</p> })}
        </Card>
    }
    .whole()
}
