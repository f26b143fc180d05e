//! The rows, kept true: what is shown changes at once, and what came or went is asked for again.

use super::{
    bulk,
    narrow::{Asked, Chips, Narrow},
    text,
};
use crate::{
    bots::{
        detail::BotState,
        fns::{BotsBulk, bots_list, bots_stats},
        state, text as words,
    },
    i18n::fill,
    live::{Fit, News, live},
    parts::Pager,
    time::Moment,
};
use api::{
    Page,
    bots::{BotStats, BotSummary, Desired, TRASH_MS},
    live::{BotsEvent, BotsSnapshot, Topic},
};
use leptos::{html, prelude::*, task::spawn_local};
use std::time::Duration;
use ui::{EmptyState, Glyph, Icon};

/// What a list of bots hears.
type BotsNews = News<BotsSnapshot, BotsEvent>;

/// News that come together are answered with one question.
const TOGETHER: Duration = Duration::from_millis(700);

/// Keeps a list of bots true: newest first, as the server lists them.
pub(crate) fn follow_bots(bots: RwSignal<Vec<BotSummary>>) {
    Effect::new(move |_: Option<()>| {
        let Some(live) = live() else { return };
        live.follow(Topic::Bots, move |news| {
            hear(bots, news);
            Fit::Yes
        });
    });
}

fn hear(bots: RwSignal<Vec<BotSummary>>, news: BotsNews) {
    match news {
        News::Snapshot(BotsSnapshot { bots: all }) => bots.set(all),
        News::Event(BotsEvent::BotChanged { bot }) => {
            bots.update(|all| match all.iter_mut().find(|other| other.id == bot.id) {
                Some(place) => *place = *bot,
                None => all.insert(0, *bot),
            })
        }
        News::Event(BotsEvent::BotDeleted { bot }) => bots.update(|all| all.retain(|other| other.id != bot)),
        News::Refused(_) => {}
    }
}

/// One view of the list.
#[derive(Clone, Copy)]
struct View {
    asked: StoredValue<Asked>,
    bots: RwSignal<Vec<BotSummary>>,
    next: RwSignal<Option<String>>,
    stats: RwSignal<BotStats>,
    /// The list will be asked for again.
    due: StoredValue<bool>,
}

impl View {
    fn hear(self, news: BotsNews) {
        match news {
            News::Snapshot(BotsSnapshot { bots }) => bots.into_iter().for_each(|bot| self.put(bot)),
            News::Event(BotsEvent::BotChanged { bot }) => self.put(*bot),
            News::Event(BotsEvent::BotDeleted { .. }) => {}
            News::Refused(_) => return,
        }
        self.look_again();
    }

    fn put(self, bot: BotSummary) {
        self.bots.update(|all| {
            if let Some(place) = all.iter_mut().find(|other| other.id == bot.id) {
                *place = bot;
            }
        });
    }

    fn look_again(self) {
        if self.due.try_get_value() != Some(false) {
            return;
        }
        self.due.set_value(true);
        set_timeout(
            move || {
                // The page may be left by now.
                let Some(asked) = self.asked.try_get_value() else { return };
                self.due.set_value(false);
                spawn_local(async move {
                    // What could not be asked is asked with the next news, at the latest when the line is back.
                    if let Ok(page) = bots_list(asked.list()).await {
                        self.bots.try_set(page.items);
                        self.next.try_set(page.next);
                    }
                    if let Ok(stats) = bots_stats(asked.stats()).await {
                        self.stats.try_set(stats);
                    }
                });
            },
            TOGETHER,
        );
    }
}

/// Chips, form, table and bar.
#[component]
pub(super) fn Bots(asked: Asked, page: Page<BotSummary>, stats: BotStats) -> impl IntoView {
    let (trashed, later, narrow, path) =
        (asked.trashed, !asked.cursor.is_empty(), asked.is_narrow(), asked.path());
    let view = View {
        asked: StoredValue::new(asked),
        bots: RwSignal::new(page.items),
        next: RwSignal::new(page.next),
        stats: RwSignal::new(stats),
        due: StoredValue::new(false),
    };
    Effect::new(move |_: Option<()>| {
        let Some(live) = live() else { return };
        live.follow(Topic::Bots, move |news| {
            view.hear(news);
            Fit::Yes
        });
    });
    let empty = Memo::new(move |_| view.bots.with(Vec::is_empty));
    let none = Memo::new(move |_| view.stats.with(|stats| stats.total + stats.trashed == 0) && !narrow);
    let action = ServerAction::<BotsBulk>::new();
    let form = NodeRef::<html::Form>::new();
    let value = action.value();
    // The line tells of each bot; a page that has lost it would show what was.
    Effect::new(move |_: Option<()>| {
        if value.with(Option::is_some) {
            view.look_again();
        }
    });
    view! {
        <div class="stack" class:hidden=move || none.get()>
            <Chips asked=view.asked stats=view.stats/>
            <Narrow asked=view.asked stats=view.stats/>
        </div>
        <bulk::Outcome action form/>
        <Show when=move || empty.get()>
            <Nothing trashed narrow/>
        </Show>
        <div class:hidden=move || empty.get()>
            <ActionForm action node_ref=form attr:id=bulk::FORM attr:class="bulk-form">
                // Enter in a field would press the first button: this one does nothing.
                <button hidden disabled></button>
                <Table view trashed/>
                <bulk::Bar trashed busy=action.pending().into()/>
            </ActionForm>
            {trashed.then(|| view! { <bulk::DeleteDialog action/> })}
            {move || view! { <Pager base=path.clone() later next=view.next.get()/> }}
        </div>
    }
}

/// What is said where no bot is shown.
#[component]
fn Nothing(trashed: bool, narrow: bool) -> impl IntoView {
    let (t, w) = (text::text(), words::text());
    let (title, text, href, word) = match (trashed, narrow) {
        (true, false) => (t.trash_none_title, t.trash_none_text, "/bots", t.show_all),
        (_, true) => (t.no_match_title, t.no_match_text, "/bots", t.show_all),
        (false, false) => (w.none_title, w.none_text, "/bots/new", w.create_first),
    };
    view! {
        <EmptyState glyph=Glyph::Bot title text>
            <a class="btn btn-primary" href=href>
                {word}
            </a>
        </EmptyState>
    }
}

#[component]
fn Table(view: View, trashed: bool) -> impl IntoView {
    let (t, w) = (text::text(), words::text());
    let when = if trashed { t.col_thrown } else { w.col_created };
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="sr-only">{w.bots}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="pick-cell">
                            <input type="checkbox" data-picks-all aria-label=t.pick_all/>
                        </th>
                        {[w.col_name, w.col_state, w.col_model, w.col_runtime, when]
                            .map(|word| view! { <th scope="col">{word}</th> })
                            .collect_view()}
                        <th scope="col"><span class="sr-only">{w.open_chat}</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || view.bots.get() key=|bot| bot.id let:bot>
                        <Row first=bot view trashed/>
                    </For>
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(first: BotSummary, view: View, trashed: bool) -> impl IntoView {
    let (t, w) = (text::text(), words::text());
    let id = first.id;
    let slug = first.slug.clone();
    let label = fill(t.pick, &first.name);
    // The row stays; what it says follows the list.
    let bot = Memo::new(move |last: Option<&BotSummary>| {
        let now = view.bots.with(|all| all.iter().find(|bot| bot.id == id).cloned());
        now.or_else(|| last.cloned()).unwrap_or_else(|| first.clone())
    });
    let going = Memo::new(move |_| bot.with(|bot| bot.desired == Desired::Deleted));
    let to = |page: &str| (!trashed).then(|| format!("/bots/{slug}/{page}"));
    let tags = move || {
        let tag = |tag: String| view! { <a class="tag" href=view.asked.with_value(|asked| asked.with_tag(&tag))>{tag.clone()}</a> };
        bot.with(|bot| bot.tags.clone()).into_iter().map(tag).collect_view()
    };
    // The day it goes for good, or that it is going.
    let goes = move || {
        let at = bot.with(|bot| bot.trashed_at_ms.filter(|_| bot.desired != Desired::Deleted))? + TRASH_MS;
        Some(view! { <p class="hint">{t.goes} " " <Moment ms=Signal::stored(at)/></p> })
    };
    let when = Signal::derive(move || bot.with(|bot| bot.trashed_at_ms.unwrap_or(bot.created_at_ms)));
    view! {
        <tr>
            <td class="pick-cell">
                <input type="checkbox" name="cmd[bots][]" value=slug.clone() data-pick aria-label=label disabled=move || going.get()/>
            </td>
            <th scope="row">
                <a class="row-name" href=to("overview")>
                    {move || bot.with(|bot| bot.name.clone())}
                </a>
                {tags}
            </th>
            <td>
                <BotState bot=bot/>
                {goes}
                {move || bot.with(|bot| bot.reason.clone()).map(|reason| view! { <p class="hint">{reason.message}</p> })}
            </td>
            <td class="mono">{move || bot.with(|bot| bot.model.clone())}</td>
            <td class="wide">{move || bot.with(|bot| state::runtime_name(bot.runtime, w))}</td>
            <td class="wide"><Moment ms=when/></td>
            <td class="acts-cell">
                <a class="btn btn-quiet" class:hidden=move || trashed || bot.with(|bot| !state::is_ready(bot)) href=to("chat")>
                    <Icon glyph=Glyph::MessageSquare/>
                    <span>{w.open_chat}</span>
                </a>
                <a class="btn btn-quiet" class:hidden=move || trashed || bot.with(|bot| !state::needs_attention(bot)) href=to("logs")>
                    <span>{t.logs}</span>
                </a>
            </td>
        </tr>
    }
}
