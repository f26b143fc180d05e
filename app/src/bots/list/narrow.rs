//! Which bots are asked for: the words of the address, the chips that count, the form.

use super::text;
use api::bots::{BotState, BotStats, ListBots, ReadBotStats, RuntimeKind};
use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate, params::ParamsMap};

/// Rows of a page.
const ROWS: u32 = 100;

/// What the address asks for, as it stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) q: String,
    pub(super) state: String,
    pub(super) tag: String,
    pub(super) runtime: String,
    pub(super) sort: String,
    pub(super) trashed: bool,
    pub(super) cursor: String,
}

impl Asked {
    pub(super) fn read(query: &ParamsMap) -> Self {
        let said = |name: &str| query.get(name).unwrap_or_default();
        Self {
            q: said("q"),
            state: said("state"),
            tag: said("tag"),
            runtime: said("runtime"),
            sort: said("sort"),
            trashed: said("trashed") == "true",
            cursor: said("cursor"),
        }
    }

    /// The page of the list.
    pub(super) fn list(&self) -> ListBots {
        let state = match self.state.as_str() {
            "running" => Some(BotState::Running),
            "changing" => Some(BotState::Changing),
            "stopped" => Some(BotState::Stopped),
            "attention" => Some(BotState::Attention),
            _ => None,
        };
        let sort = if self.sort.is_empty() { NEWEST } else { &self.sort };
        let ReadBotStats { q, tag, runtime } = self.stats();
        ListBots {
            limit: Some(ROWS),
            cursor: given(&self.cursor),
            sort: Some(sort.to_owned()),
            q,
            state,
            tag,
            runtime,
            trashed: self.trashed.then_some(true),
        }
    }

    /// The counts beside it.
    pub(super) fn stats(&self) -> ReadBotStats {
        let runtime = match self.runtime.as_str() {
            "process" => Some(RuntimeKind::Process),
            "docker" => Some(RuntimeKind::Docker),
            _ => None,
        };
        ReadBotStats { q: given(&self.q), tag: given(&self.tag), runtime }
    }

    /// Whether less than all is asked for.
    pub(super) fn is_narrow(&self) -> bool {
        ![&self.q, &self.state, &self.tag, &self.runtime].iter().all(|part| part.is_empty())
    }

    /// The address of this view, from its first page on.
    pub(super) fn path(&self) -> String {
        let mut query = ParamsMap::new();
        let trashed = if self.trashed { "true" } else { "" };
        for (name, value) in [
            ("q", self.q.trim()),
            ("state", &self.state),
            ("tag", &self.tag),
            ("runtime", &self.runtime),
            ("sort", &self.sort),
            ("trashed", trashed),
        ] {
            if !value.is_empty() {
                query.insert(name, value.to_owned());
            }
        }
        format!("/bots{}", query.to_query_string())
    }

    /// The same with another state.
    fn in_state(&self, state: &str, trashed: bool) -> String {
        Self { state: state.to_owned(), trashed, ..self.clone() }.path()
    }

    /// The same for one tag.
    pub(super) fn with_tag(&self, tag: &str) -> String {
        Self { tag: tag.to_owned(), ..self.clone() }.path()
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

const NEWEST: &str = "-created";

/// How many stand how; each count is the way to those.
#[component]
pub(super) fn Chips(asked: StoredValue<Asked>, stats: RwSignal<BotStats>) -> impl IntoView {
    let t = text::text();
    let count = |of: fn(&BotStats) -> u64| Signal::derive(move || stats.with(of).to_string());
    let chips: [(&'static str, &'static str, Signal<String>); 6] = [
        ("", t.all, count(|s| s.total)),
        ("attention", t.attention, count(|s| s.attention)),
        ("running", t.running, count(|s| s.running)),
        ("changing", t.changing, count(|s| s.changing)),
        ("stopped", t.stopped, count(|s| s.stopped)),
        ("trash", t.trash, count(|s| s.trashed)),
    ];
    let chip = move |(state, word, count): (&'static str, &'static str, Signal<String>)| {
        let (href, here) = asked.with_value(|asked| match state {
            "trash" => (asked.in_state("", true), asked.trashed),
            _ => (asked.in_state(state, false), !asked.trashed && asked.state == state),
        });
        view! {
            <li>
                <a class="chip" href=href aria-current=here.then_some("page") data-state=state>
                    {word}
                    " "
                    <b>{count}</b>
                </a>
            </li>
        }
    };
    view! {
        <nav aria-label=t.views>
            <ul class="chips">{chips.map(chip).collect_view()}</ul>
        </nav>
    }
}

/// Words, tag and order: a plain form, which `public/page.js` sends as soon as a choice is made.
#[component]
pub(super) fn Narrow(asked: StoredValue<Asked>, stats: RwSignal<BotStats>) -> impl IntoView {
    let t = text::text();
    let (q, tag, sort) =
        (NodeRef::<html::Input>::new(), NodeRef::<html::Select>::new(), NodeRef::<html::Select>::new());
    let navigate = use_navigate();
    let go = move |event: leptos::ev::SubmitEvent| {
        let (Some(q), Some(tag), Some(sort)) = (q.get_untracked(), tag.get_untracked(), sort.get_untracked())
        else {
            return;
        };
        event.prevent_default();
        let asked = Asked { q: q.value(), tag: tag.value(), sort: sort.value(), ..asked.get_value() };
        navigate(
            &asked.path(),
            NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() },
        );
    };
    let now = asked.get_value();
    let mut tags: Vec<String> =
        stats.with_untracked(|stats| stats.tags.iter().map(|one| one.tag.clone()).collect());
    if !now.tag.is_empty() && !tags.contains(&now.tag) {
        tags.push(now.tag.clone());
    }
    let tag_option = |tag: String| {
        let selected = tag == now.tag;
        view! { <option value=tag.clone() selected=selected>{tag.clone()}</option> }
    };
    let sort_option = |(value, word): (&'static str, &'static str)| {
        view! { <option value=value selected=now.sort == value>{word}</option> }
    };
    let kept = [
        ("state", now.state.clone()),
        ("trashed", if now.trashed { "true".to_owned() } else { String::new() }),
    ]
    .map(|(name, value)| (!value.is_empty()).then(|| view! { <input type="hidden" name=name value=value/> }));
    view! {
        <form class="narrow-form" role="search" method="get" action="/bots" on:submit=go>
            {kept.collect_view()}
            <input
                name="q"
                class="input"
                type="search"
                maxlength="200"
                autocomplete="off"
                aria-label=t.search_for
                placeholder=t.search_for
                node_ref=q
                value=now.q.clone()
            />
            <select name="tag" class="input" data-submits aria-label=t.tag node_ref=tag>
                <option value="">{t.any_tag}</option>
                {tags.into_iter().map(tag_option).collect_view()}
            </select>
            <select name="sort" class="input" data-submits aria-label=t.sort node_ref=sort>
                {[("", t.by_newest), ("created", t.by_oldest), ("name", t.by_name), ("-since", t.by_change)]
                    .map(sort_option)
                    .collect_view()}
            </select>
            <button class="btn">{t.search}</button>
        </form>
    }
}
