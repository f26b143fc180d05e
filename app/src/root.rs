//! The routes. Pages are chunks of their own, loaded when first opened; small ones that are used together share
//! one, because every further chunk multiplies the pieces that chunks have in common.
//!
//! All pages are rendered whole (`SsrMode::Async`): statuses are real, and nothing waits for a script.

use crate::{
    auth::door::DoorPage,
    bots::{
        compare::ComparePage, config::ConfigPage, create::CreatePage, detail::BotFrame, list::BotsPage,
        logs::LogsPage, metrics::MetricsPage, more::MorePage,
    },
    budgets::page::BudgetsPage,
    chat::page::ChatPage,
    frame::{Frame, Lost},
    home::HomePage,
    i18n::Locale,
    keys::page::KeysPage,
    live::provide_live,
    notify::page::AlertsPage,
    prices::page::ModelsPage,
    settings::{frame::SettingsFrame, page::SettingsPage},
    time::provide_clock,
    usage::page::UsagePage,
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{ParentRoute, Redirect, Route, Router, Routes},
    hooks::use_params_map,
    path,
};
use ui::provide_toasts;

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(Locale::detect());
    provide_clock();
    provide_live();
    provide_toasts();
    view! {
        // A page that is still loading has a title, too.
        <Title text="" formatter=|page: String| if page.is_empty() { "Chela".to_owned() } else { format!("{page} · Chela") }/>
        <Router>
            <Routes fallback=Lost>
                <Route path=path!("/setup") view={Lazy::<DoorPage>::new()} ssr=SsrMode::Async/>
                <Route path=path!("/link") view={Lazy::<DoorPage>::new()} ssr=SsrMode::Async/>
                <Route path=path!("/login") view={Lazy::<DoorPage>::new()} ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("") view={Lazy::<HomePage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/bots") view={Lazy::<BotsPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/bots/compare") view={Lazy::<ComparePage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/bots/new") view={Lazy::<CreatePage>::new()} ssr=SsrMode::Async/>
                    <ParentRoute path=path!("/bots/:bot") view={Lazy::<BotFrame>::new()} ssr=SsrMode::Async>
                        <Route path=path!("") view=ToOverview ssr=SsrMode::Async/>
                        <Route path=path!("/overview") view=Below ssr=SsrMode::Async/>
                        <Route path=path!("/chat") view={Lazy::<ChatPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/metrics") view={Lazy::<MetricsPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/logs") view={Lazy::<LogsPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/changes") view={Lazy::<MorePage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/diagnostics") view={Lazy::<MorePage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/usage") view={Lazy::<UsagePage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/config") view={Lazy::<ConfigPage>::new()} ssr=SsrMode::Async/>
                    </ParentRoute>
                    <Route path=path!("/keys") view={Lazy::<KeysPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/budgets") view={Lazy::<BudgetsPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/virtual-keys") view={Lazy::<BudgetsPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/routing/chains") view={Lazy::<KeysPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/routing/models") view={Lazy::<ModelsPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/usage") view={Lazy::<UsagePage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/alerts") view={Lazy::<AlertsPage>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/settings") view=ToProfile ssr=SsrMode::Async/>
                    <ParentRoute path=path!("/settings") view=SettingsFrame ssr=SsrMode::Async>
                        <Route path=path!("/profile") view={Lazy::<SettingsPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/security") view={Lazy::<SettingsPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/notifications") view={Lazy::<SettingsPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/tokens") view={Lazy::<SettingsPage>::new()} ssr=SsrMode::Async/>
                    </ParentRoute>
                    <ParentRoute path=path!("/admin") view=SettingsFrame ssr=SsrMode::Async>
                        <Route path=path!("/instance") view={Lazy::<SettingsPage>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/jobs") view={Lazy::<AlertsPage>::new()} ssr=SsrMode::Async/>
                    </ParentRoute>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// The overview is shown by the bot's own frame, whose chunk it shares.
#[component]
fn Below() -> impl IntoView {}

/// `/bots/{bot}` is the bot's overview.
#[component]
fn ToOverview() -> impl IntoView {
    let bot = use_params_map().with_untracked(|params| params.get("bot")).unwrap_or_default();
    view! { <Redirect path=format!("/bots/{bot}/overview")/> }
}

/// `/settings` is the person's own page.
#[component]
fn ToProfile() -> impl IntoView {
    view! { <Redirect path="/settings/profile"/> }
}
