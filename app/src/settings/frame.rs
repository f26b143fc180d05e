//! The tabs around settings pages.

use super::text;
use crate::frame::Person;
use leptos::prelude::*;
use leptos_router::components::{A, Outlet};

/// Heading and tabs; the instance is for its administrators.
#[component]
pub fn SettingsFrame() -> impl IntoView {
    let t = text::text();
    let admin = use_context::<Person>().is_some_and(|Person(me)| me.admin);
    let mut tabs = vec![
        ("/settings/profile", t.profile),
        ("/settings/security", t.security),
        ("/settings/notifications", t.notifications),
        ("/settings/tokens", t.tokens),
    ];
    if admin {
        tabs.push(("/admin/instance", t.instance));
        tabs.push(("/admin/jobs", t.jobs));
    }
    view! {
        <header class="page-head">
            <h1>{t.settings}</h1>
        </header>
        <nav class="tabs" aria-label=t.settings>
            {tabs.into_iter().map(|(href, word)| view! { <A href attr:class="tab">{word}</A> }).collect_view()}
        </nav>
        <Outlet/>
    }
}
