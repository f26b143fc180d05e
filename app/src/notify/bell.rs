//! The bell in the top line: how many are unread, in every tab, without reloading.

use super::text;
use crate::{
    frame::Person,
    i18n::fill,
    live::{Fit, News, live},
};
use api::live::{OfWhom, Topic, Unread};
use leptos::prelude::*;
use leptos_router::components::A;
use ui::{Glyph, Icon};

/// Counted up to here.
const MOST: u32 = 100;

/// The bell; `first` is the count as the page was drawn.
#[component]
pub(crate) fn Bell(first: u32) -> impl IntoView {
    let t = text::text();
    let unread = RwSignal::new(first);
    let me = use_context::<Person>().map(|Person(me)| me.user.to_string());
    Effect::new(move |_: Option<()>| {
        let Some(live) = live() else { return };
        let me = me.clone();
        live.follow(Topic::Notifications, move |news: News<Unread, OfWhom>| match news {
            News::Snapshot(Unread { unread: now }) => {
                unread.set(now);
                Fit::Yes
            }
            // What is unread differs from person to person: the server counts anew.
            News::Event(OfWhom { of }) if of.is_none() || of == me => Fit::No,
            _ => Fit::Yes,
        });
    });
    let label = move || match unread.get() {
        0 => t.bell_none.to_owned(),
        1 => t.bell_one.to_owned(),
        n => fill(t.bell_some, &count(n)),
    };
    view! {
        <A href="/alerts" attr:class="bell" attr:aria-label=label attr:title=t.title>
            <Icon glyph=Glyph::Bell/>
            <span class="bell-count" class:hidden=move || unread.get() == 0 aria-hidden="true">
                {move || count(unread.get())}
            </span>
        </A>
    }
}

fn count(n: u32) -> String {
    if n >= MOST { "99+".to_owned() } else { n.to_string() }
}
