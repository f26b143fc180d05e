//! The list of models, and what narrows it.

use super::{
    page::{Asked, BASE},
    text,
};
use crate::{i18n::fill, parts::Pager, time, usage::usd};
use api::{
    Page,
    keys::Vendor,
    prices::{ModelEntry, ModelPrice},
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use ui::{Badge, EmptyState, Glyph, IntoWhole, Tone};

/// Tokens as people say them: `128K`, `1.05M`.
pub(super) fn tokens(n: i64) -> String {
    let (unit, of) = if n >= 1_000_000 { ("M", 1_000_000) } else { ("K", 1_000) };
    if n < 1_000 {
        return n.to_string();
    }
    let hundredths = (n + of / 200) / (of / 100);
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A day in UTC.
pub(super) fn day(ms: i64) -> String {
    time::iso(ms).get(..10).unwrap_or_default().to_owned()
}

/// A figure, or that nobody knows it.
pub(super) fn figure(figure: Option<i64>) -> String {
    figure.map_or_else(|| "–".to_owned(), usd)
}

/// Where something was read: a link, if it is one.
pub(super) fn source(text: Option<String>, of: &str) -> AnyView {
    let Some(text) = text else { return "–".whole() };
    let host = text.strip_prefix("https://").and_then(|rest| rest.split('/').next()).map(str::to_owned);
    match host {
        Some(host) => {
            let label = format!("{}: {of}, {host}", text::text().source);
            view! { <a class="link-quiet" href=text rel="external noreferrer" target="_blank" aria-label=label>{host}</a> }
                .whole()
        }
        None => text.whole(),
    }
}

pub(super) fn list(asked: &Asked, page: Page<ModelEntry>, vendors: Vec<Vendor>) -> AnyView {
    let t = text::text();
    let mut query = ParamsMap::new();
    let own = if asked.own { "true" } else { "" };
    for (name, word) in
        [("q", asked.q.as_str()), ("vendor", &asked.vendor), ("kind", &asked.kind), ("own", own)]
    {
        if !word.is_empty() {
            query.insert(name, word.to_owned());
        }
    }
    let base = format!("{BASE}{}", query.to_query_string());
    let none = page.items.is_empty();
    let rows = page.items.into_iter().map(row).collect_view();
    let heads = [t.model, t.kind, t.context, t.price, t.since, t.source];
    let heads = heads.iter().enumerate().map(|(at, word)| {
        view! { <th scope="col" class=if matches!(at, 2 | 3) { "num" } else { "" }>{*word}</th> }
    });
    view! {
        {filters(asked, vendors)}
        {if none {
            view! {
                <EmptyState glyph=Glyph::CircleHelp title=t.none_title text=t.none_text>
                    <a class="btn" href=BASE>{t.show_all}</a>
                </EmptyState>
            }
                .whole()
        } else {
            view! {
                <div class="table-wrap">
                    <table class="table figures models">
                        <thead>
                            <tr>
                                {heads.collect_view()} <th scope="col"><span class="sr-only">{t.edit}</span></th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                <Pager base later=asked.cursor.is_some() next=page.next/>
            }
                .whole()
        }}
    }
    .whole()
}

fn filters(asked: &Asked, mut vendors: Vec<Vendor>) -> AnyView {
    let t = text::text();
    vendors.sort_by_key(|vendor| vendor.name.to_lowercase());
    let vendors = vendors.into_iter().filter(|vendor| !vendor.id.contains('@')).map(|vendor| {
        let here = vendor.id == asked.vendor;
        view! { <option value=vendor.id selected=here>{vendor.name}</option> }
    });
    let kinds = text::KINDS.into_iter().map(|(_, name)| {
        view! { <option value=name selected=name == asked.kind>{name}</option> }
    });
    view! {
        <form class="usage-dates models-find" method="get" action=BASE role="search">
            <input class="input" type="search" name="q" value=asked.q.clone() placeholder=t.search aria-label=t.search autocomplete="off"/>
            <select class="input" name="vendor" aria-label=t.vendor>
                <option value="">{t.all_vendors}</option>
                {vendors.collect_view()}
            </select>
            <select class="input" name="kind" aria-label=t.kind>
                <option value="">{t.all_kinds}</option>
                {kinds.collect_view()}
            </select>
            <label class="tag-tick">
                <input type="checkbox" name="own" value="true" checked=asked.own/>
                <span>{t.only_own}</span>
            </label>
            <button class="btn">{t.find}</button>
            {asked.narrows().then(|| view! { <a class="link-quiet" href=BASE>{t.show_all}</a> })}
        </form>
    }
    .whole()
}

/// Whose price it is, where it is the family's: the model's name without its date.
pub(super) fn family(price: &ModelPrice, name: &str) -> Option<String> {
    let whose = format!("{}/{}", price.vendor, price.model);
    (whose != name).then(|| fill(text::text().as_family, &price.model))
}

fn costs(price: Option<&ModelPrice>, name: &str) -> AnyView {
    let t = text::text();
    match price {
        Some(price) => {
            let family = family(price, name).map(|words| view! { <p class="hint">{words}</p> });
            view! { {figure(price.input_price)} " / " {figure(price.output_price)} {family} }.whole()
        }
        None => view! { <span title=t.unknown_hint>{t.unknown}</span> }.whole(),
    }
}

fn row(entry: ModelEntry) -> AnyView {
    let t = text::text();
    let name = format!("{}/{}", entry.vendor, entry.model);
    let ModelEntry { model, facts, own_facts, price, more, .. } = entry;
    let own = own_facts.is_some()
        || price.as_ref().or(more.first()).is_some_and(|price| price.id.is_some() && price.model == model);
    let since = price.as_ref().map(|price| price.since_ms);
    let later = more.iter().map(|price| price.since_ms).max();
    let later = later.filter(|ms| since.is_none_or(|since| *ms > since));
    let mut query = ParamsMap::new();
    query.insert("edit", name.clone());
    let href = format!("{BASE}{}", query.to_query_string());
    let context = facts.context_length.map(|n| view! { <span title=n.to_string()>{tokens(n)}</span> });
    let called = facts.display_name.map(|called| view! { <p class="hint">{called}</p> });
    let notes = facts.notes.map(|notes| view! { <p class="hint">{notes}</p> });
    let since = since.map_or_else(|| "–".to_owned(), day);
    view! {
        <tr>
            <th scope="row">
                <span class="mono">{name.clone()}</span>
                {own.then(|| view! { " " <Badge tone=Tone::Info>{t.own}</Badge> })}
                {(facts.deprecated == Some(true)).then(|| view! { " " <Badge tone=Tone::Warn>{t.deprecated}</Badge> })}
                {later.map(|ms| view! { " " <Badge>{fill(t.changes, &day(ms))}</Badge> })}
                {called} {notes}
            </th>
            <td>{facts.kind.map(text::kind)}</td>
            <td class="num">{context}</td>
            <td class="num">{costs(price.as_ref(), &name)}</td>
            <td>{since}</td>
            <td>{source(price.and_then(|price| price.source).or(facts.source), &name)}</td>
            <td class="acts-cell">
                <a class="btn btn-quiet" href=href rel="external" aria-label=fill(t.edit_of, &name)>{t.edit}</a>
            </td>
        </tr>
    }
    .whole()
}

#[cfg(test)]
mod tests {
    use super::{day, tokens};

    #[test]
    fn tokens_are_told_in_three_digits_or_so() {
        let all = [512, 8_191, 128_000, 131_072, 400_000, 1_000_000, 1_047_576, 1_050_000].map(tokens);
        let said = ["512", "8.19K", "128K", "131.07K", "400K", "1M", "1.05M", "1.05M"];
        assert_eq!(all, said.map(str::to_owned));
        assert_eq!(day(1_795_305_600_000), "2026-11-22");
    }
}
