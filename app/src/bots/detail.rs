//! One bot: its header with state and controls, its tabs, and the live line that keeps both true.

use super::{
    controls::{Controls, Gone},
    fns::{bots_get, bots_logs},
    more_fns::BotsTrash,
    more_text,
    overview::Overview,
    state, text,
};
use crate::{
    frame::BotName,
    live::{Fit, News, live},
    parts::Unloaded,
    time::Age,
};
use api::{
    ApiError, Code,
    bots::{BotDetail, BotSummary, Desired, GetBot, LogPage, ReadLogs},
    chat::ThreadSummary,
    live::{LiveEvent, Snapshot, Topic},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    LazyRoute,
    components::{A, Outlet},
    hooks::{use_location, use_params_map},
    lazy_route,
};
use ui::{IntoWhole, StatePill, Tone};

/// The bot that the pages below are about.
#[derive(Clone, Copy)]
pub(crate) struct OneBot {
    pub(crate) detail: RwSignal<BotDetail>,
    /// Newest first, once the live line has told.
    pub(crate) threads: RwSignal<Option<Vec<ThreadSummary>>>,
    /// The last of its output, where the overview is open. It is asked for with the bot: what a part of the page
    /// asked for later would be found under another number in the browser than the server gave it.
    pub(crate) latest: Resource<Latest>,
    /// Puts it in the trash.
    pub(super) trash: ServerAction<BotsTrash>,
    /// It was deleted, or put in the trash, while this page was open.
    pub(super) gone: RwSignal<bool>,
}

/// The last lines of a bot's output, or why there are none; nothing on other tabs.
pub(crate) type Latest = Option<Result<LogPage, ApiError>>;

/// Lines of output on the overview; the rest is a page of its own.
const LATEST: u32 = 8;

async fn latest(bot: String, overview: bool) -> Latest {
    if !overview {
        return None;
    }
    Some(bots_logs(ReadLogs { bot, limit: Some(LATEST), ..ReadLogs::default() }).await)
}

impl OneBot {
    /// The bot of this page.
    pub(crate) fn here() -> Option<Self> {
        use_context()
    }

    /// The summary as it is now.
    pub(crate) fn summary(self) -> Signal<BotSummary> {
        Signal::derive(move || self.detail.with(|bot| bot.summary.clone()))
    }

    /// What it goes by wherever it is.
    pub(crate) fn id(self) -> String {
        self.detail.with_untracked(|bot| bot.summary.id.to_string())
    }

    /// What the bot goes by in paths.
    pub(crate) fn slug(self) -> String {
        self.detail.with_untracked(|bot| bot.summary.slug.clone())
    }

    /// Takes in what the live line says.
    fn hear(self, news: News) -> Fit {
        match news {
            News::Snapshot(Snapshot::Bot { bot, threads }) => {
                self.detail.set(*bot);
                self.threads.set(Some(threads));
            }
            News::Event(LiveEvent::BotUpdated { bot }) => {
                let left = bot.summary.trashed_at_ms.is_some() || bot.summary.desired == Desired::Deleted;
                self.detail.set(*bot);
                self.gone.set(left);
            }
            News::Event(LiveEvent::BotDeleted { .. }) => self.gone.set(true),
            News::Event(LiveEvent::ThreadChanged { thread }) => self.threads.update(|all| {
                let all = all.get_or_insert_default();
                all.retain(|other| other.id != thread.id);
                all.insert(0, thread);
            }),
            News::Event(LiveEvent::ThreadDeleted { thread }) => {
                self.threads.update(|all| all.get_or_insert_default().retain(|other| other.id != thread));
            }
            News::Refused(error) if error.code == Code::NotFound => self.gone.set(true),
            News::Snapshot(_) | News::Event(_) | News::Refused(_) => {}
        }
        Fit::Yes
    }
}

/// `/bots/{bot}/…`
#[derive(Debug)]
pub struct BotFrame {
    bot: Resource<Result<BotDetail, ApiError>>,
    latest: Resource<Latest>,
}

#[lazy_route]
impl LazyRoute for BotFrame {
    fn data() -> Self {
        let params = use_params_map();
        let bot = move || params.with(|params| params.get("bot")).unwrap_or_default();
        let path = use_location().pathname;
        let overview = Memo::new(move |_| path.with(|path| tab_of(path) == "overview"));
        BotFrame {
            bot: Resource::new_blocking(bot, |bot| bots_get(GetBot { bot })),
            latest: Resource::new_blocking(
                move || (bot(), overview.get()),
                |(bot, overview)| latest(bot, overview),
            ),
        }
    }

    fn view(this: BotFrame) -> AnyView {
        let BotFrame { bot, latest } = this;
        view! {
            <Suspense>
                {move || Suspend::new(async move {
                    match bot.await {
                        Ok(detail) => view! { <BotPage detail latest/> }.whole(),
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Suspense>
        }
        .whole()
    }
}

#[component]
fn BotPage(detail: BotDetail, latest: Resource<Latest>) -> impl IntoView {
    let t = text::text();
    let id = detail.summary.id;
    let one = OneBot {
        detail: RwSignal::new(detail),
        threads: RwSignal::new(None),
        latest,
        trash: ServerAction::new(),
        gone: RwSignal::new(false),
    };
    provide_context(one);
    Effect::new(move |_: Option<()>| {
        if let Some(live) = live() {
            live.follow(Topic::Bot(id), move |news| one.hear(news));
        }
    });
    let crumb = use_context::<BotName>();
    Effect::new(move |_: Option<()>| {
        if let Some(BotName(crumb)) = crumb {
            crumb.set(Some(one.detail.with(|bot| (bot.summary.slug.clone(), bot.summary.name.clone()))));
        }
    });
    view! {
        // Read once more while the next bot's page takes this one's place.
        <Title text=move || one.detail.try_with(|bot| bot.summary.name.clone()).unwrap_or_default()/>
        <Gone one/>
        <BotHeader one/>
        <nav class="tabs" aria-label=t.tabs class:hidden=move || one.gone.get()>
            {[
                ("overview", t.tab_overview),
                ("chat", t.tab_chat),
                ("logs", t.tab_logs),
                ("metrics", t.tab_metrics),
                ("usage", t.tab_usage),
                ("config", t.tab_config),
                ("changes", more_text::text().tab_changes),
                ("diagnostics", more_text::text().tab_diagnostics),
            ]
                .into_iter()
                .map(|(page, word)| {
                    view! { <A href=format!("/bots/{}/{page}", one.slug()) attr:class="tab">{word}</A> }
                })
                .collect_view()}
        </nav>
        <Inside one/>
        <Outlet/>
    }
}

/// The tab that a path leads to.
fn tab_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// What is below the tabs, where it is not a route of its own.
#[component]
fn Inside(one: OneBot) -> impl IntoView {
    let path = use_location().pathname;
    let overview = Memo::new(move |_| path.with(|path| tab_of(path) == "overview"));
    // What it was doing when it went would be told for ever.
    move || (overview.get() && !one.gone.get()).then(|| view! { <Overview one/> })
}

#[component]
fn BotHeader(one: OneBot) -> impl IntoView {
    let summary = one.summary();
    let waits = Memo::new(move |_| one.detail.with(|bot| bot.pending.is_some()));
    view! {
        <header class="page-head bot-head">
            <div class="bot-who">
                <h1>{move || summary.with(|bot| bot.name.clone())}</h1>
                <div class="bot-pills" class:hidden=move || one.gone.get()>
                    <BotState bot=summary live=true/>
                    <Show when=move || waits.get()>
                        <a class=format!("pill {}", Tone::Info.class()) href=format!("/bots/{}/config", one.slug())>
                            {more_text::text().change_waits}
                        </a>
                    </Show>
                </div>
            </div>
            <Controls one/>
        </header>
    }
}

/// The pill of a bot: observed leads, desired follows.
#[component]
pub(crate) fn BotState(
    #[prop(into)] bot: Signal<BotSummary>,
    /// Announce changes.
    #[prop(optional)]
    live: bool,
) -> impl IntoView {
    let t = text::text();
    let shown = Memo::new(move |_| bot.with(|bot| state::shown(bot, t)));
    view! {
        <StatePill
            tone=Signal::derive(move || shown.get().tone)
            glyph=Signal::derive(move || shown.get().glyph)
            word=Signal::derive(move || shown.get().word)
            turning=Signal::derive(move || shown.get().turning)
            live
        >
            <Age since_ms=Signal::derive(move || bot.with(|bot| bot.since_ms))/>
        </StatePill>
    }
}
