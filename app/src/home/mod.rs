//! Home: does anything need me? Before there is a bot, the way to the first one.

mod attention;
mod first_steps;
mod text;

use crate::{
    bots::{detail::BotState, fns::bots_list, list::follow_bots},
    keys::fns::keys_list,
    notify::fns::notify_list,
    parts::{Heading, Unloaded},
    settings::fns::settings_instance,
    usage::{fns::usage_today, usd},
};
use api::{
    ApiError, Page,
    bots::{BotSummary, ListBots},
    keys::{KeySummary, ListKeys},
    notify::{ListNotifications, Notification},
    settings::Instance,
    usage::UsageTotals,
};
use attention::Attention;
use first_steps::FirstSteps;
use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};
use ui::{Card, IntoWhole, Stat};

/// `/`
#[derive(Debug)]
pub struct HomePage {
    bots: Resource<Result<Page<BotSummary>, ApiError>>,
    keys: Resource<Result<Page<KeySummary>, ApiError>>,
    usage: Resource<Result<UsageTotals, ApiError>>,
    instance: Resource<Result<Instance, ApiError>>,
    news: Resource<Result<Page<Notification>, ApiError>>,
}

#[lazy_route]
impl LazyRoute for HomePage {
    fn data() -> Self {
        let bots = ListBots::default();
        HomePage {
            bots: Resource::new_blocking(|| (), move |()| bots_list(bots.clone())),
            keys: Resource::new_blocking(|| (), |()| keys_list(ListKeys { limit: None, cursor: None })),
            usage: Resource::new_blocking(|| (), |()| usage_today()),
            instance: Resource::new_blocking(|| (), |()| settings_instance()),
            news: Resource::new_blocking(|| (), |()| notify_list(ListNotifications::default())),
        }
    }

    fn view(this: HomePage) -> AnyView {
        let HomePage { bots, keys, usage, instance, news } = this;
        view! {
            <Suspense>
                {move || Suspend::new(async move {
                    let (bots, keys) = (bots.await, keys.await);
                    // Figures and notices are worth showing, not worth failing for.
                    let (usage, instance) = (usage.await.ok(), instance.await.ok());
                    let mut news = news.await.map(|page| page.items).unwrap_or_default();
                    news.retain(|it| it.kind.is_runaway() && it.resolved_at_ms.is_none());
                    match (bots, keys) {
                        (Ok(bots), Ok(keys)) => {
                            view! { <Home bots=bots.items keys=keys.items usage instance news/> }.whole()
                        }
                        (Err(error), _) | (_, Err(error)) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Suspense>
        }
        .whole()
    }
}

#[component]
fn Home(
    bots: Vec<BotSummary>,
    keys: Vec<KeySummary>,
    usage: Option<UsageTotals>,
    instance: Option<Instance>,
    news: Vec<Notification>,
) -> impl IntoView {
    let t = text::text();
    let notices = instance.map(|instance| instance.banners).unwrap_or_default();
    let has_key = !keys.is_empty();
    let bots = RwSignal::new(bots);
    follow_bots(bots);
    let none = Memo::new(move |_| bots.with(Vec::is_empty));
    view! {
        <Heading title=t.home/>
        <div class="stack">
            <Show when=move || none.get()>
                <FirstSteps has_key/>
            </Show>
            <Attention bots keys notices news none/>
            <div class="stack" class:hidden=move || none.get()>
                {usage.map(|usage| view! { <Figures usage/> })}
                <Bots bots/>
            </div>
        </div>
    }
}

/// The last day in five figures.
#[component]
fn Figures(usage: UsageTotals) -> impl IntoView {
    let t = text::text();
    let figure = |n: i64| Signal::stored(grouped(n));
    let cost = match usage.cost_unknown {
        0 => usd(usage.cost_micro_usd),
        unknown if unknown >= usage.calls => t.unknown.to_owned(),
        _ => format!("≥ {}", usd(usage.cost_micro_usd)),
    };
    view! {
        <section aria-label=t.day>
            <h2 class="section-title">
                <a href="/usage?range=24h">{t.day}</a>
            </h2>
            <dl class="stats">
                <Stat label=t.cost value=Signal::stored(cost)/>
                <Stat label=t.calls value=figure(usage.calls)/>
                <Stat label=t.failed value=figure(usage.failed)/>
                <Stat label=t.tokens_in value=figure(usage.input_tokens)/>
                <Stat label=t.tokens_out value=figure(usage.output_tokens)/>
            </dl>
        </section>
    }
}

/// A number with thin spaces between its thousands.
fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if n < 0 { format!("−{out}") } else { out }
}

#[component]
fn Bots(bots: RwSignal<Vec<BotSummary>>) -> impl IntoView {
    let t = text::text();
    view! {
        <Card title=t.bots>
            <ul class="rows">
                <For each=move || bots.get().into_iter().take(8) key=|bot| bot.id let:bot>
                    <BotRow first=bot bots/>
                </For>
            </ul>
            <p>
                <a class="link-quiet" href="/bots">{t.all_bots}</a>
            </p>
        </Card>
    }
}

#[component]
fn BotRow(first: BotSummary, bots: RwSignal<Vec<BotSummary>>) -> impl IntoView {
    let id = first.id;
    let href = format!("/bots/{}/overview", first.slug);
    let bot = Memo::new(move |last: Option<&BotSummary>| {
        let now = bots.with(|all| all.iter().find(|bot| bot.id == id).cloned());
        now.or_else(|| last.cloned()).unwrap_or_else(|| first.clone())
    });
    view! {
        <li class="row">
            <div class="row-what">
                <a class="row-name" href=href>
                    {move || bot.with(|bot| bot.name.clone())}
                </a>
                <p class="hint mono">{move || bot.with(|bot| bot.model.clone())}</p>
            </div>
            <BotState bot=bot/>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn a_figure_is_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(-1_000), "−1\u{202f}000");
    }
}
