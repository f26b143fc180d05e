//! The frame around every page of a signed-in person: rail, top line, bottom bar.
//!
//! Not responsible for what may be seen: each page's data is asked for as that person.

mod text;

use crate::{
    auth::fns::auth_me,
    live::{Link, live},
    notify::{bell::Bell, fns::notify_unread},
    parts::{Missing, Unloaded},
};
use api::{Code, auth::Me};
use leptos::prelude::*;
use leptos_router::{
    components::{A, Outlet},
    hooks::use_location,
};
use ui::{Banner, Glyph, Icon, IntoWhole, ToastHost, Tone};

/// The person this page is for, below the frame.
#[derive(Clone)]
pub struct Person(pub Me);

/// The slug and name of the bot whose page is open, as its page last heard it.
#[derive(Clone, Copy)]
pub struct BotName(pub RwSignal<Option<(String, String)>>);

/// Asks who is here; nobody is led to the login page.
#[component]
pub fn Frame() -> impl IntoView {
    framing(false)
}

/// What an address leads to that no page has: who is signed in keeps the frame around it.
#[component]
pub fn Lost() -> impl IntoView {
    framing(true)
}

fn framing(lost: bool) -> impl IntoView {
    let me = Resource::new_blocking(|| (), |()| auth_me());
    let unread = Resource::new_blocking(|| (), |()| notify_unread());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                // The count is worth showing, not worth failing for.
                let unread = unread.await.map_or(0, |unread| unread.count);
                match me.await {
                    Ok(me) => view! { <Framed me unread lost/> }.whole(),
                    Err(_) if lost => view! { <main class="alone"><Missing/></main> }.whole(),
                    Err(error) if error.code == Code::Unauthenticated => {
                        leave();
                        ().whole()
                    }
                    Err(error) => view! { <main class="alone"><Unloaded error/></main> }.whole(),
                }
            })}
        </Suspense>
    }
}

/// To the login page; a whole new document, so that nothing of a session stays behind.
fn leave() {
    #[cfg(feature = "ssr")]
    leptos_axum::redirect("/login");
    #[cfg(not(feature = "ssr"))]
    {
        _ = window().location().set_href("/login");
    }
}

#[component]
fn Framed(me: Me, unread: u32, lost: bool) -> impl IntoView {
    let t = text::text();
    provide_context(BotName(RwSignal::new(None)));
    if let Some(live) = live() {
        Effect::new(move |_: Option<()>| live.open());
    }
    provide_context(Person(me.clone()));
    view! {
        <a class="skip" href="#main" rel="external">{t.skip}</a>
        <div class="stripe" aria-hidden="true"></div>
        <div class="frame">
            <aside class="rail">
                <a class="brand" href="/">
                    <Claw/>
                    <span class="rail-word">
                        "Chela" <small>{me.workspace_name.clone()}</small>
                    </span>
                </a>
                <nav aria-label=t.main_nav>
                    <Places/>
                </nav>
                <button type="button" class="rail-fold" data-flip="rail=icons" title=t.collapse aria-label=t.collapse>
                    <Icon glyph=Glyph::PanelLeft/>
                </button>
            </aside>
            <div class="page">
                <header class="top">
                    <a class="brand brand-small" href="/" aria-label=t.home><Claw/></a>
                    <Crumbs/>
                    <LiveDot/>
                    <Bell first=unread/>
                    <PersonMenu me/>
                </header>
                <StillSignedIn/>
                <main id="main" class="content" tabindex="-1">
                    <div class="still">
                        <Banner tone=Tone::Info title=t.still_title>
                            <p>
                                {t.still_text} " "
                                <a class="link-quiet" href="" rel="external">
                                    {t.reload}
                                </a>
                            </p>
                        </Banner>
                    </div>
                    {if lost { view! { <Missing/> }.whole() } else { view! { <Outlet/> }.whole() }}
                </main>
            </div>
        </div>
        <ToastHost/>
    }
}

/// The places of the rail; on a phone the same list is the bottom bar.
#[component]
fn Places() -> impl IntoView {
    let t = text::text();
    let places: [(&str, bool, Glyph, &'static str); 5] = [
        ("/", true, Glyph::House, t.home),
        ("/bots", false, Glyph::Bot, t.bots),
        ("/keys", false, Glyph::KeyRound, t.keys),
        ("/usage", false, Glyph::ChartColumn, t.usage),
        ("/settings", false, Glyph::Settings, t.settings),
    ];
    view! {
        <ul class="places">
            {places
                .into_iter()
                .map(|(href, exact, glyph, word)| {
                    view! {
                        <li>
                            <A href exact attr:class="place">
                                <Icon glyph/>
                                <span class="place-word">{word}</span>
                            </A>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}

/// Where we are: the place, and the thing in it.
#[component]
fn Crumbs() -> impl IntoView {
    let t = text::text();
    let path = use_location().pathname;
    let parts = Memo::new(move |_| {
        path.with(|path| {
            let mut parts = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
            (parts.next().unwrap_or_default(), parts.next())
        })
    });
    let place = move || {
        parts.with(|(first, _)| match first.as_str() {
            "" => ("/", t.home),
            "bots" => ("/bots", t.bots),
            "keys" | "virtual-keys" | "budgets" | "routing" => ("/keys", t.keys),
            "usage" => ("/usage", t.usage),
            "alerts" => ("/alerts", t.alerts),
            "settings" | "admin" => ("/settings/profile", t.settings),
            _ => ("/", t.home),
        })
    };
    // Of the places only bots hold things with an address of their own.
    let thing = Memo::new(move |_| {
        parts.with(|(first, second)| {
            second.clone().filter(|name| first == "bots" && name != "new" && name != "compare")
        })
    });
    // The address has the slug; the bot's own page tells its name.
    let heard = use_context::<BotName>();
    let name = move |slug: &str| {
        let known = heard.and_then(|heard| heard.0.get()).filter(|(known, _)| known == slug);
        known.map_or_else(|| slug.to_owned(), |(_, name)| name)
    };
    view! {
        <nav class="crumbs" aria-label=t.where_>
            <a href=move || place().0>{move || place().1}</a>
            {move || {
                thing
                    .get()
                    .map(|slug| {
                        let href = format!("/bots/{slug}/overview");
                        view! {
                            <Icon glyph=Glyph::ChevronRight/>
                            <a href=href>{move || name(&slug)}</a>
                        }
                    })
            }}
        </nav>
    }
}

/// Whether what is shown is live: a dot and a word.
#[component]
fn LiveDot() -> impl IntoView {
    let t = text::text();
    let link = live().map(super::live::Live::link);
    let link = move || link.map_or(Link::Connecting, |link| link.get());
    let class = move || match link() {
        Link::Connecting => "live-dot live-connecting",
        Link::Open => "live-dot live-open",
        Link::Lost => "live-dot live-lost",
    };
    let word = move || match link() {
        Link::Connecting => t.live_connecting,
        Link::Open => t.live_open,
        Link::Lost => t.live_lost,
    };
    view! {
        <span class=class role="status">
            <i aria-hidden="true"></i>
            <span class="live-word">{word}</span>
            <span class="live-still">{t.live_still}</span>
        </span>
    }
}

#[component]
fn PersonMenu(me: Me) -> impl IntoView {
    let t = text::text();
    let initial: String = me.name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    view! {
        <details class="menu" data-menu>
            <summary aria-label=t.you title=me.name.clone()><span class="avatar">{initial}</span></summary>
            <div class="menu-body">
                <p class="menu-name">{me.name.clone()}</p>
                <a href="/settings/profile"><Icon glyph=Glyph::User/>{t.settings}</a>
                <button type="button" data-passkey="logout"><Icon glyph=Glyph::LogOut/>{t.sign_out}</button>
            </div>
        </details>
    }
}

/// Signing out did not work; hidden until `public/passkey.js` shows it.
#[component]
fn StillSignedIn() -> impl IntoView {
    let t = text::text();
    view! {
        <div class=format!("banner {}", Tone::Bad.class()) data-passkey-say="still-signed-in" role="alert" hidden>
            <Icon glyph=Glyph::CircleAlert/>
            <div class="banner-body">
                <p class="banner-title">{t.still_signed_in}</p>
                <div class="banner-more">
                    <p data-slot="message"></p>
                    <p>{t.still_signed_in_more}</p>
                </div>
            </div>
        </div>
    }
}

/// The mark: three strokes of a claw.
#[component]
pub fn Claw() -> impl IntoView {
    view! {
        <svg class="claw" viewBox="0 0 32 32" aria-hidden="true">
            <path d="M4.200 27.500C1.800 18.500 4.600 9 12.800 3.500 10 11.500 8.800 19 8.600 27a2.250 2.250 0 0 1-4.400.5Z"/>
            <path d="M13.400 28.500C11.600 19.500 14 10.500 21 5c-2 7.500-2.900 15-3.100 23a2.300 2.300 0 0 1-4.500.5Z"/>
            <path d="M22.400 28C21.200 21 23 14.500 28.500 10c-1.300 6-1.900 11.500-2 17.600a2.080 2.080 0 0 1-4.100.4Z"/>
        </svg>
    }
}
