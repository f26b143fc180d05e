//! `/bots/{bot}/logs`: what a bot wrote, stopped ones as well, narrowed by words, level and time.
//!
//! The server renders the list and a plain form narrows it; `follow` adds what comes while the page is open.

mod follow;

use super::{fns::bots_logs, text};
use crate::{parts::Unloaded, time};
use api::{
    ApiError,
    bots::{LogLevel, LogLine, LogPage, ReadLogs},
};
use follow::Feed;
use leptos::{html, prelude::*};
use leptos_router::{
    LazyRoute, NavigateOptions,
    hooks::{use_navigate, use_params_map, use_query_map},
    lazy_route,
    params::ParamsMap,
};
use std::{collections::VecDeque, sync::Arc};
use ui::{Glyph, Icon, IntoWhole};

/// Lines that a page begins with.
const FIRST: u32 = 300;
/// How far back one can ask, in minutes.
const SPANS: [&str; 3] = ["15", "60", "1440"];

/// What the address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    bot: String,
    words: String,
    /// As it stands in the address: `warn`, `error`, or nothing.
    level: String,
    /// Minutes, one of `SPANS`, or nothing.
    since: String,
}

impl Asked {
    /// The question without its beginning.
    fn ask(&self) -> ReadLogs {
        let level = match self.level.as_str() {
            "warn" => LogLevel::Warn,
            "error" => LogLevel::Error,
            _ => LogLevel::Info,
        };
        let words = Some(self.words.clone()).filter(|words| !words.trim().is_empty());
        ReadLogs { bot: self.bot.clone(), level: Some(level), q: words, ..ReadLogs::default() }
    }

    fn first(&self) -> ReadLogs {
        let minutes = Some(&self.since).filter(|since| SPANS.contains(&since.as_str()));
        let since_ms = minutes.and_then(|m| m.parse::<i64>().ok()).map(|m| time::here_ms() - m * 60_000);
        ReadLogs { limit: Some(FIRST), since_ms, ..self.ask() }
    }

    fn is_narrow(&self) -> bool {
        [&self.words, &self.level, &self.since].iter().any(|part| !part.is_empty())
    }
}

/// The page.
#[derive(Debug)]
pub struct LogsPage {
    asked: Memo<Asked>,
    page: Resource<Result<LogPage, ApiError>>,
}

#[lazy_route]
impl LazyRoute for LogsPage {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let asked = Memo::new(move |_| {
            let said = |name: &str| query.with(|query| query.get(name)).unwrap_or_default();
            let bot = params.with(|params| params.get("bot")).unwrap_or_default();
            Asked { bot, words: said("q"), level: said("level"), since: said("since") }
        });
        let page = Resource::new_blocking(
            move || asked.get(),
            |asked| async move { bots_logs(asked.first()).await },
        );
        LogsPage { asked, page }
    }

    fn view(this: LogsPage) -> AnyView {
        let LogsPage { asked, page } = this;
        view! {
            <section class="logs">
                <Narrow asked/>
                <Transition>
                    {move || Suspend::new(async move {
                        match page.await {
                            Ok(page) => view! { <Output asked=asked.get_untracked() page/> }.whole(),
                            Err(error) => view! { <Unloaded error/> }.whole(),
                        }
                    })}
                </Transition>
            </section>
        }
        .whole()
    }
}

/// Words, level and time: a plain form, which `public/page.js` sends as soon as a choice is made.
#[component]
fn Narrow(asked: Memo<Asked>) -> impl IntoView {
    let t = text::text();
    let (words, level, since) =
        (NodeRef::<html::Input>::new(), NodeRef::<html::Select>::new(), NodeRef::<html::Select>::new());
    let navigate = use_navigate();
    let go = move |event: leptos::ev::SubmitEvent| {
        let (Some(words), Some(level), Some(since)) =
            (words.get_untracked(), level.get_untracked(), since.get_untracked())
        else {
            return;
        };
        event.prevent_default();
        let mut query = ParamsMap::new();
        for (name, value) in [("q", words.value()), ("level", level.value()), ("since", since.value())] {
            if !value.trim().is_empty() {
                query.insert(name, value);
            }
        }
        let bot = asked.with_untracked(|asked| asked.bot.clone());
        let to = format!("/bots/{bot}/logs{}", query.to_query_string());
        navigate(&to, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
    };
    let level_is = move |value: &str| asked.with(|asked| asked.level == value);
    let since_is = move |value: &str| asked.with(|asked| asked.since == value);
    view! {
        <form class="narrow-form" role="search" method="get" on:submit=go>
            <label class="sr-only" for="log-words">
                {t.log_words}
            </label>
            <input
                id="log-words"
                name="q"
                class="input"
                type="search"
                maxlength="200"
                autocomplete="off"
                placeholder=t.log_words
                node_ref=words
                value=asked.with_untracked(|asked| asked.words.clone())
                prop:value=move || asked.with(|asked| asked.words.clone())
            />
            <label class="sr-only" for="log-level">
                {t.log_level}
            </label>
            <select id="log-level" name="level" class="input" data-submits node_ref=level>
                <option value="">{t.log_all}</option>
                <option value="warn" selected=move || level_is("warn")>
                    {t.log_warn}
                </option>
                <option value="error" selected=move || level_is("error")>
                    {t.log_error}
                </option>
            </select>
            <label class="sr-only" for="log-since">
                {t.log_since}
            </label>
            <select id="log-since" name="since" class="input" data-submits node_ref=since>
                <option value="">{t.log_ever}</option>
                {SPANS
                    .into_iter()
                    .zip([t.log_15_min, t.log_1_h, t.log_24_h])
                    .map(|(value, word)| {
                        view! {
                            <option value=value selected=move || since_is(value)>
                                {word}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <button class="btn">{t.log_search}</button>
        </form>
    }
}

/// The lines, what is said where there are none, and what can be done with them.
#[component]
fn Output(asked: Asked, page: LogPage) -> impl IntoView {
    let t = text::text();
    let narrow = asked.is_narrow();
    let file = format!("{}.log", asked.bot);
    let feed = Feed::new(&asked, page);
    Effect::new(move |_: Option<()>| feed.go_on());
    let none = Memo::new(move |_| feed.rows.with(VecDeque::is_empty));
    view! {
        <div class="log-bar">
            <FollowState feed/>
            <span class="hint log-zone">{t.log_utc}</span>
            <button type="button" class="btn btn-quiet" data-download="log-lines" data-name=file>
                <Icon glyph=Glyph::Download/>
                <span>{t.log_download}</span>
            </button>
        </div>
        <div
            class="log-scroll"
            tabindex="0"
            role="region"
            aria-label=t.tab_logs
            node_ref=feed.scroller
            on:scroll=move |_| feed.scrolled()
        >
            <div class="log-inner">
                <p class="hint log-cut" class:hidden=move || !feed.cut.get()>
                    {t.log_cut}
                </p>
                <p class="log-none" class:hidden=move || !none.get()>
                    {if narrow { t.log_no_match } else { t.latest_none }}
                </p>
                <ol class="log-lines" id="log-lines">
                    <For each=move || feed.rows.get() key=|(number, _)| *number let((_, line))>
                        {match line {
                            Some(line) => view! { <LineView line/> }.whole(),
                            None => view! { <li class="log-gap"><span>{t.log_gap}</span></li> }.whole(),
                        }}
                    </For>
                </ol>
            </div>
        </div>
    }
}

/// Whether new lines come, and the button that stops and starts it.
#[component]
fn FollowState(feed: Feed) -> impl IntoView {
    let t = text::text();
    let class = move || match (feed.held.get(), feed.lost.with(Option::is_some)) {
        (true, _) => "live-dot live-held needs-live",
        (false, false) => "live-dot live-open needs-live",
        (false, true) => "live-dot live-lost needs-live",
    };
    let word = move || match (feed.held.get(), feed.lost.with(Option::is_some)) {
        (true, _) => t.log_paused,
        (false, false) => t.log_following,
        (false, true) => t.log_lost,
    };
    view! {
        <span class=class role="status">
            <i aria-hidden="true"></i>
            <span>{word}</span>
        </span>
        <button type="button" class="btn btn-quiet needs-live" on:click=move |_| feed.turn()>
            {move || if feed.held.get() { t.log_follow } else { t.log_pause }}
        </button>
    }
}

/// Programs begin their lines with the time; it stands beside the line already.
fn without_time(text: &str) -> &str {
    let Some((first, rest)) = text.split_once(' ') else { return text };
    let mut shape = first.bytes().take(20).map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    let is_time = first.len() > 19 && b"0000-00-00T00:00:00".iter().all(|want| shape.next() == Some(*want));
    if is_time { rest } else { text }
}

/// One line: when, how grave, what.
#[component]
pub(super) fn LineView(line: Arc<LogLine>) -> impl IntoView {
    let t = text::text();
    let LogLine { at_ms, level, text } = Arc::unwrap_or_clone(line);
    let (class, word) = match level {
        LogLevel::Info => ("log-line", t.lv_info),
        LogLevel::Warn => ("log-line log-warn", t.lv_warn),
        LogLevel::Error => ("log-line log-error", t.lv_error),
    };
    view! {
        <li class=class>
            <time datetime=time::iso(at_ms) title=time::utc(at_ms)>
                {time::clock(at_ms)}
            </time>
            <span class="log-level">{word}</span>
            <span class="log-text">{without_time(&text).to_owned()}</span>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::without_time;

    #[test]
    fn a_line_does_not_say_its_time_twice() {
        assert_eq!(without_time("2026-11-21T17:25:18.420+00:00 [gateway] ready"), "[gateway] ready");
        assert_eq!(without_time("2026-11-21T17:25:18Z ready"), "ready");
        assert_eq!(without_time("2026-11-21 ready"), "2026-11-21 ready");
        assert_eq!(
            without_time("机器人准备好了，一切正常，可以开始 ok"),
            "机器人准备好了，一切正常，可以开始 ok"
        );
    }
}
