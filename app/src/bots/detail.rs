//! One bot: its header with state and controls, its tabs, and the live line that keeps both true.

use super::{
    config::Config,
    controls::Controls,
    fns::{bots_get, bots_logs, bots_options},
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
    bots::{BotDetail, BotSummary, GetBot, LogPage, ModelChoice, ReadLogs},
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
use serde::{Deserialize, Serialize};
use ui::{Banner, StatePill, Tone};

/// The bot that the pages below are about.
#[derive(Clone, Copy)]
pub(crate) struct OneBot {
    pub(crate) detail: RwSignal<BotDetail>,
    /// Newest first, once the live line has told.
    pub(crate) threads: RwSignal<Option<Vec<ThreadSummary>>>,
    /// What the tab shows beside the bot itself.
    pub(crate) beside: Resource<Beside>,
    /// It was deleted while this page was open.
    gone: RwSignal<bool>,
}

/// What a tab shows beside the bot itself. It is asked for with the bot: what is asked for later, by a part of
/// the page, is found under another number in the browser than the server gave it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Beside {
    Nothing,
    /// The last lines of its output.
    Output(Result<LogPage, ApiError>),
    /// What its model can be.
    Models(Vec<ModelChoice>),
}

/// Lines of output on the overview; the rest is a page of its own.
const LATEST: u32 = 8;

async fn beside(bot: String, tab: String) -> Beside {
    match tab.as_str() {
        "overview" => {
            Beside::Output(bots_logs(ReadLogs { bot, limit: Some(LATEST), ..ReadLogs::default() }).await)
        }
        // Without a list the model is typed.
        "config" => Beside::Models(bots_options().await.map(|choices| choices.models).unwrap_or_default()),
        _ => Beside::Nothing,
    }
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
            News::Event(LiveEvent::BotUpdated { bot }) => self.detail.set(*bot),
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
    beside: Resource<Beside>,
}

#[lazy_route]
impl LazyRoute for BotFrame {
    fn data() -> Self {
        let params = use_params_map();
        let bot = move || params.with(|params| params.get("bot")).unwrap_or_default();
        let path = use_location().pathname;
        let tab = Memo::new(move |_| path.with(|path| tab_of(path)));
        BotFrame {
            bot: Resource::new_blocking(bot, |bot| bots_get(GetBot { bot })),
            beside: Resource::new_blocking(move || (bot(), tab.get()), |(bot, tab)| beside(bot, tab)),
        }
    }

    fn view(this: BotFrame) -> AnyView {
        let BotFrame { bot, beside } = this;
        view! {
            <Suspense>
                {move || Suspend::new(async move {
                    match bot.await {
                        Ok(detail) => view! { <BotPage detail beside/> }.into_any(),
                        Err(error) => view! { <Unloaded error/> }.into_any(),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn BotPage(detail: BotDetail, beside: Resource<Beside>) -> impl IntoView {
    let t = text::text();
    let id = detail.summary.id;
    let one = OneBot {
        detail: RwSignal::new(detail),
        threads: RwSignal::new(None),
        beside,
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
        <Title text=move || one.detail.with(|bot| bot.summary.name.clone())/>
        <Show when=move || one.gone.get()>
            <Banner tone=Tone::Warn title=t.deleted_now>
                <a href="/bots">{t.to_bots}</a>
            </Banner>
        </Show>
        <BotHeader one/>
        <nav class="tabs" aria-label=t.tabs>
            {[
                ("overview", t.tab_overview),
                ("chat", t.tab_chat),
                ("logs", t.tab_logs),
                ("config", t.tab_config),
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
fn tab_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// What is below the tabs, where it is not a route of its own.
#[component]
fn Inside(one: OneBot) -> impl IntoView {
    let path = use_location().pathname;
    let page = Memo::new(move |_| path.with(|path| tab_of(path)));
    move || match page.get().as_str() {
        "overview" => view! { <Overview one/> }.into_any(),
        "config" => view! { <Config one/> }.into_any(),
        _ => ().into_any(),
    }
}

#[component]
fn BotHeader(one: OneBot) -> impl IntoView {
    let summary = one.summary();
    view! {
        <header class="page-head bot-head">
            <div class="bot-who">
                <h1>{move || summary.with(|bot| bot.name.clone())}</h1>
                <BotState bot=summary live=true/>
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
