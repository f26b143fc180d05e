//! Who has which share, and the calls themselves.

use super::{asked::Asked, text, usd};
use crate::{
    i18n::fill,
    parts::Pager,
    time::{self, Moment},
};
use api::{
    Page,
    usage::{UsageRow, UsageShare, UsageSort, UsageSums},
};
use leptos::prelude::*;
use ui::{Badge, IntoWhole, Tone};

/// What calls cost, without hiding what is not known.
pub(super) fn cost(sums: &UsageSums) -> String {
    match sums.cost_unknown {
        0 => usd(sums.cost_micro_usd),
        unknown if unknown >= sums.calls => text::text().unknown.to_owned(),
        _ => format!("≥ {}", usd(sums.cost_micro_usd)),
    }
}

/// What one call cost.
pub(super) fn cost_of(row: &UsageRow) -> String {
    let known = row.cost_micro_usd.map_or_else(|| text::text().unknown.to_owned(), usd);
    if row.estimated { format!("≈ {known}") } else { known }
}

/// What a value of a filter or share is called.
pub(super) fn word(name: &str, value: &str, known: Option<String>) -> String {
    let t = text::text();
    match (name, value) {
        ("status", "ok") => t.ok.to_owned(),
        ("status", "failed") => t.failed.to_owned(),
        ("status", "refused") => t.refused.to_owned(),
        ("bot", "none") => t.no_bot.to_owned(),
        ("tag", "(none)") => t.none.to_owned(),
        (name, "none") if name != "tag" => t.none.to_owned(),
        ("model", "") => t.other_models.to_owned(),
        ("vendor", "") => t.none.to_owned(),
        _ => known.unwrap_or_else(|| value.to_owned()),
    }
}

fn tokens(sums: &UsageSums) -> i64 {
    [sums.input_tokens, sums.output_tokens, sums.cache_read_tokens, sums.cache_write_tokens]
        .into_iter()
        .fold(0, i64::saturating_add)
}

fn heads(all: &[(&'static str, &'static str)]) -> AnyView {
    let head =
        |(word, class): &(&'static str, &'static str)| view! { <th scope="col" class=*class>{*word}</th> };
    all.iter().map(head).collect_view().whole()
}

pub(super) fn shares(asked: &Asked, page: Page<UsageShare>) -> AnyView {
    let t = text::text();
    let (by, _) = asked.by();
    let mut parts = vec![
        ("bot", t.by_bot),
        ("model", t.by_model),
        ("vendor", t.by_vendor),
        ("key", t.by_key),
        ("virtual_key", t.by_virtual_key),
        ("tag", t.by_tag),
        ("status", t.by_status),
        ("day", t.by_day),
    ];
    parts.retain(|(name, _)| asked.of.is_none() || !["bot", "tag"].contains(name));
    let chips = parts.into_iter().map(|(name, word)| {
        let here = (name == by).then_some("page");
        view! { <li><a class="chip" href=asked.with(&[("by", name)]) aria-current=here>{word}</a></li> }
    });
    let by_calls = asked.sort() == UsageSort::Calls;
    let (sorted, other) = if by_calls { ("cost", t.sort_cost) } else { ("calls", t.sort_calls) };
    let rows = page.items.into_iter().map(|share| {
        let href = asked.leads_to(&share);
        let name = word(by, &share.value, share.name);
        let vendor = share.vendor.filter(|vendor| !vendor.is_empty()).map(|vendor| format!("{vendor}/"));
        let failed = (share.sums.failed > 0).then(|| fill(t.n_failed, &share.sums.failed.to_string()));
        view! {
            <tr>
                <th scope="row"><a href=href>{vendor}{name}</a></th>
                <td class="num">{cost(&share.sums)}</td>
                <td class="num">{fill(t.n_calls, &share.sums.calls.to_string())}</td>
                <td class="num">{failed}</td>
                <td class="num">{fill(t.n_tokens, &tokens(&share.sums).to_string())}</td>
            </tr>
        }
    });
    view! {
        <section class="stack" aria-label=t.shares>
            <nav class="usage-by" aria-label=t.shares>
                <ul class="chips">{chips.collect_view()}</ul>
                <a class="link-quiet" href=asked.with(&[("sort", sorted)])>{other}</a>
            </nav>
            <div class="table-wrap">
                <table class="table figures">
                    <thead>
                        <tr>
                            {heads(&[(t.what, ""), (t.cost, "num"), (t.calls, "num"), (t.failed, "num"), (t.tokens, "num")])}
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
            <Pager base=asked.with(&[]) later=asked.has("cursor") next=page.next/>
        </section>
    }
    .whole()
}

pub(super) fn calls(asked: &Asked, page: Page<UsageRow>) -> AnyView {
    let t = text::text();
    let rows = page.items.into_iter().map(|row| {
        let href = asked.with(&[("call", &row.id.to_string())]);
        let (tone, ended) = outcome(&row);
        view! {
            <tr>
                <th scope="row"><a href=href><Moment ms=Signal::stored(row.started_at_ms)/></a></th>
                <td class="num">{cost_of(&row)}</td>
                <td>{format!("{}/{}", row.vendor, row.model_answered.as_deref().unwrap_or(&row.model))}</td>
                <td><Badge tone>{ended}</Badge></td>
                <td>{row.bot_name.or(row.virtual_key_name)}</td>
                <td class="num">{time::duration(row.latency_ms)}</td>
            </tr>
        }
    });
    view! {
        <section class="stack" aria-label=t.latest>
            <h2 class="section-title">{t.latest}</h2>
            <div class="table-wrap">
                <table class="table figures">
                    <thead>
                        <tr>
                            {heads(&[(t.time, ""), (t.cost, "num"), (t.by_model, ""), (t.by_status, ""), (t.caller, ""), (t.took, "num")])}
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
            <Pager base=asked.with(&[]) later=asked.has("older") next=page.next named="older"/>
        </section>
    }
    .whole()
}

/// Why Chela refused a call.
fn refused_as(reason: &str) -> &'static str {
    let t = text::text();
    match reason {
        "price_unknown" => t.no_price,
        "budget_used_up" | "set_aside_used" => t.used_up,
        "more_than_set_aside" => t.too_much,
        "request_limit" | "token_limit" => t.over_rate,
        "stopped" => t.by_operator,
        "model_not_allowed" => t.other_model,
        "not_connected" | "no_link" => t.no_key,
        "not_connected_for_model" => t.no_key_for_model,
        "unknown_vendor" => t.no_vendor,
        "other_dialect" => t.other_dialect,
        "body_too_large" | "head_too_large" => t.too_large,
        "slow_down" | "upstream_failing" => t.resting,
        "address_refused" => t.bad_address,
        "two_models" | "late_model" | "two_tokens" | "bad_path" | "bad_framing" | "not_found" => {
            t.bad_request
        }
        _ => t.refused,
    }
}

/// How a call ended, in a word.
pub(super) fn outcome(row: &UsageRow) -> (Tone, String) {
    let t = text::text();
    let (tone, word) = match row.ended.as_str() {
        "complete" => (Tone::Ok, t.ok),
        "refused" => (Tone::Warn, refused_as(row.reason.as_deref().unwrap_or_default())),
        "client_gone" => (Tone::Idle, t.client_gone),
        "stopped" => (Tone::Idle, t.stopped),
        "lost" => (Tone::Bad, t.lost),
        "halted" => (Tone::Warn, t.halted),
        "vendor_error" => (Tone::Bad, t.vendor_error),
        "key_refused" => (Tone::Bad, t.key_refused),
        "unreachable" => (Tone::Bad, t.unreachable),
        "timed_out" => (Tone::Bad, t.timed_out),
        "upstream_cut" | "bad_answer" => (Tone::Bad, t.cut),
        _ => (Tone::Bad, t.failed),
    };
    (tone, format!("{word} ({})", row.status))
}
