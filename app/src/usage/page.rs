//! `/usage` and `/bots/{bot}/usage`: what was spent, when, by whom; down to one call.

use super::{
    asked::{Asked, FILTERS},
    call,
    chart::chart,
    fns::{usage_breakdown, usage_list, usage_show, usage_summary, usage_trend},
    tables::{self, cost, word},
    text,
};
use crate::{
    budgets::{
        fns::budgets_stops,
        stops::{StopBot, Stopped, Switch},
    },
    i18n::fill,
    parts::{Heading, Unloaded},
    time,
};
use api::{
    ApiError, Page,
    budgets::{ListStops, Stop},
    usage::*,
};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_location, use_params_map, use_query_map},
    lazy_route,
};
use ui::{EmptyState, Glyph, Icon, IntoWhole, Stat};

/// Calls below the shares.
const CALLS: u32 = 20;

/// The sums of a time with what they are made of, or one call.
type Found = (Option<UsageCall>, Option<Whole>);
type Whole = (UsageReport, UsageLine, Page<UsageShare>, Page<UsageRow>);

/// The page.
#[derive(Debug)]
pub struct UsagePage {
    asked: Memo<Asked>,
    found: Resource<Result<Found, ApiError>>,
    /// What stops calls of the bot whose tab it is.
    stops: Resource<Option<Result<Page<Stop>, ApiError>>>,
}

async fn load(asked: Asked) -> Result<Found, ApiError> {
    if let Some(call) = asked.get("call") {
        return Ok((Some(usage_show(ShowUsage { call }).await?), None));
    }
    let words = asked.words();
    let summary = usage_summary(words.clone().into()).await?;
    let trend = usage_trend(words.clone().into()).await?;
    let shares = BreakDownUsage {
        by: asked.by().1,
        sort: asked.sort(),
        limit: Some(CALLS),
        cursor: asked.get("cursor"),
        ..words.clone().into()
    };
    let shares = usage_breakdown(shares).await?;
    let calls = ListUsage { limit: Some(CALLS), cursor: asked.get("older"), ..words.into() };
    let calls = usage_list(calls).await?;
    Ok((None, Some((summary, trend, shares, calls))))
}

#[lazy_route]
impl LazyRoute for UsagePage {
    fn data() -> Self {
        let (params, query, path) = (use_params_map(), use_query_map(), use_location().pathname);
        let asked = Memo::new(move |_| {
            let of = params.with(|params| params.get("bot"));
            path.with(|path| query.with(|query| Asked::read(path, of, query)))
        });
        let of = Memo::new(move |_| asked.with(|asked| asked.of.clone()));
        let stops = async |bot: Option<String>| {
            let cmd = ListStops { bot: Some(bot?), ..ListStops::default() };
            Some(budgets_stops(cmd).await)
        };
        let found = Resource::new_blocking(move || asked.get(), load);
        UsagePage { asked, found, stops: Resource::new_blocking(move || of.get(), stops) }
    }

    fn view(this: UsagePage) -> AnyView {
        let UsagePage { asked, found, stops } = this;
        let t = text::text();
        let own = asked.with_untracked(|asked| asked.of.is_some());
        let switch = own.then(|| Switch::new(Callback::new(move |()| stops.refetch())));
        view! {
            {(!own).then(|| view! { <Heading title=t.usage/> })}
            <div class="stack">
                {switch.map(|switch| view! { <OfBot asked stops switch/> })}
                <Transition>
                    {move || Suspend::new(async move {
                        let found = found.await;
                        let asked = asked.get_untracked();
                        match found {
                            Ok((Some(one), _)) => call::detail(&asked, one),
                            Ok((_, Some(whole))) => whole_of(&asked, whole),
                            Ok((None, None)) => ().whole(),
                            Err(error) => view! { <Unloaded error/> }.whole(),
                        }
                    })}
                </Transition>
            </div>
        }
        .whole()
    }
}

/// The switch of a bot's own tab.
#[component]
fn OfBot(
    asked: Memo<Asked>,
    stops: Resource<Option<Result<Page<Stop>, ApiError>>>,
    switch: Switch,
) -> impl IntoView {
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let bot = asked.with_untracked(|asked| asked.of.clone()).unwrap_or_default();
                match stops.await {
                    Some(Ok(Page { items: stops, .. })) => {
                        let own = stops.iter().any(|stop| stop.bot.is_some());
                        view! {
                            <Stopped stops switch/>
                            {(!own).then(|| view! { <StopBot bot switch/> })}
                        }
                            .whole()
                    }
                    _ => ().whole(),
                }
            })}
        </Transition>
    }
}

fn whole_of(asked: &Asked, (summary, trend, shares, calls): Whole) -> AnyView {
    let t = text::text();
    let named = |name: &str| {
        let find = |of: fn(&UsageRow) -> Option<String>| calls.items.iter().find_map(of);
        match name {
            "bot" => find(|row| row.bot_name.clone()),
            "key" => find(|row| row.key_name.clone()),
            "virtual_key" => find(|row| row.virtual_key_name.clone()),
            _ => None,
        }
    };
    let filters = FILTERS.into_iter().filter_map(|name| {
        let value = asked.get(name)?;
        let word = word(name, &value, named(name));
        let href = asked.with(&[(name, "")]);
        Some(view! {
            <li>
                <a class="chip" href=href aria-label=fill(t.without, &word)>
                    {word.clone()}
                    <Icon glyph=Glyph::X/>
                </a>
            </li>
        })
    });
    let filters: Vec<_> = filters.collect();
    // Every call of a bot's tab is of that bot: its id stands in the first one.
    let bot =
        asked.of.as_ref().and_then(|_| calls.items.iter().find_map(|row| row.bot.map(|id| id.to_string())));
    let file = asked.file(&summary.zone, bot);
    let none = summary.sums.calls == 0;
    let nothing = none && filters.is_empty();
    let sums = summary.sums;
    view! {
        {ranges(asked, &summary)}
        {(!filters.is_empty()).then(|| view! { <nav aria-label=t.only><ul class="chips">{filters}</ul></nav> })}
        {figures(&summary)}
        {doubts(&sums)}
        {nothing.then(|| view! { <EmptyState glyph=Glyph::ChartColumn title=t.none_title text=t.none_text/> })}
        {(none && !nothing).then(|| view! { <p class="hint">{t.none_chosen}</p> })}
        {(!none).then(|| chart(asked, &trend))}
        {(!none).then(|| tables::shares(asked, shares))}
        {(!none).then(|| tables::calls(asked, calls))}
        {(!none)
            .then(|| {
                view! {
                    <p>
                        <a class="btn" href=file download rel="external">
                            <Icon glyph=Glyph::Download/>
                            <span>{t.csv}</span>
                        </a>
                    </p>
                }
            })}
    }
    .whole()
}

/// The times one can choose.
fn ranges(asked: &Asked, summary: &UsageReport) -> AnyView {
    let t = text::text();
    let range = asked.get("range").unwrap_or_else(|| "24h".to_owned());
    let own = asked.has("from");
    let chip = |(name, word): (&'static str, &'static str)| {
        let here = (!own && range == name).then_some("page");
        let href = asked.with(&[("range", name), ("from", ""), ("to", "")]);
        view! { <li><a class="chip" href=href aria-current=here>{word}</a></li> }
    };
    let chips =
        [("24h", t.day), ("today", t.today), ("7d", t.week), ("30d", t.thirty), ("month", t.month)].map(chip);
    let kept = ["by", "sort"].into_iter().chain(FILTERS);
    let kept =
        kept.filter_map(|name| Some(view! { <input type="hidden" name=name value=asked.get(name)?/> }));
    let date = |name: &'static str, word: &'static str| {
        view! {
            <label class="usage-date">
                <span>{word}</span>
                <input class="input" type="date" name=name value=asked.get(name).unwrap_or_default() required/>
            </label>
        }
    };
    view! {
        <nav aria-label=t.span>
            <ul class="chips">{chips.collect_view()}</ul>
        </nav>
        <form class="usage-dates" method="get" action=asked.base.clone()>
            {kept.collect_view()} {date("from", t.from)} {date("to", t.to)}
            <button class="btn">{t.show}</button>
            <span class="hint">{fill(t.zone, &summary.zone)}</span>
        </form>
    }
    .whole()
}

/// By how much a figure changed.
fn change(now: i64, before: i64, shown: &str) -> String {
    let t = text::text();
    if before <= 0 {
        return fill(t.before, shown);
    }
    let percent = (i128::from(now) - i128::from(before)) * 100 / i128::from(before);
    let sign = if percent > 0 {
        "+"
    } else if percent < 0 {
        "−"
    } else {
        "±"
    };
    format!("{sign}{} % · {}", percent.unsigned_abs(), fill(t.before, shown))
}

fn figures(summary: &UsageReport) -> AnyView {
    let t = text::text();
    let (now, before) = (&summary.sums, &summary.before);
    let input = |s: &UsageSums| {
        s.input_tokens.saturating_add(s.cache_read_tokens).saturating_add(s.cache_write_tokens)
    };
    let plain = |label: &'static str, of: &dyn Fn(&UsageSums) -> i64| {
        let (now, before) = (of(now), of(before));
        let note = change(now, before, &before.to_string());
        view! { <Stat label value=Signal::stored(now.to_string()) note/> }.whole()
    };
    // Where costs are not all known, how they changed is not known either.
    let known = now.cost_unknown == 0 && before.cost_unknown == 0;
    let spent = if known { before.cost_micro_usd } else { 0 };
    let note = change(now.cost_micro_usd, spent, &cost(before));
    let average = |sum: i64, of: i64| sum.checked_div(of).map_or_else(|| "–".to_owned(), time::duration);
    let first = fill(t.first_after, &average(now.first_event_ms, now.first_events));
    view! {
        <dl class="stats">
            <Stat label=t.cost value=Signal::stored(cost(now)) note/>
            {plain(t.calls, &|s| s.calls)}
            {plain(t.failed, &|s| s.failed)}
            {plain(t.tokens_in, &input)}
            {plain(t.tokens_out, &|s| s.output_tokens)}
            <Stat label=t.took_mean value=Signal::stored(average(now.latency_ms, now.timed)) note=first/>
        </dl>
    }
    .whole()
}

/// What the figures do not say.
fn doubts(sums: &UsageSums) -> AnyView {
    let t = text::text();
    let unknown = (sums.cost_unknown > 0).then(|| fill(t.unknown_some, &sums.cost_unknown.to_string()));
    let estimated = (sums.estimated > 0).then(|| fill(t.estimated_some, &sums.estimated.to_string()));
    [unknown, estimated]
        .into_iter()
        .flatten()
        .map(|words| view! { <p class="hint">{words}</p> })
        .collect_view()
        .whole()
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn a_change_is_told_against_something_only() {
        assert_eq!(change(150, 100, "100"), "+50 % · before: 100");
        assert_eq!(change(50, 100, "100"), "−50 % · before: 100");
        assert_eq!(change(100, 100, "100"), "±0 % · before: 100");
        assert_eq!(change(5, 0, "0"), "before: 0");
        assert!(change(i64::MAX, 1, "1").starts_with('+'));
    }
}
