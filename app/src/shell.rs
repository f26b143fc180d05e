//! The HTML document around every page. Only the server builds it; the browser hydrates its body.

use crate::{i18n::Locale, request::cookie, root::App};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

/// A remembered choice of look, if it is one of `known`.
fn choice(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let chosen = cookie(name)?;
    known.iter().copied().find(|value| *value == chosen)
}

/// The whole document. Theme, rail and density are cookies, so that the first paint is already right.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let theme = choice("chela_theme", &["light", "dark"]);
    let rail = choice("chela_rail", &["icons"]);
    let density = choice("chela_density", &["compact"]);
    view! {
        <!DOCTYPE html>
        <html lang=Locale::detect().tag() data-theme=theme data-rail=rail data-density=density>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#f8f7f5"/>
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#15181e"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <link rel="apple-touch-icon" href="/icons/192.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <HashedStylesheet id="leptos" options=options.clone()/>
                <script type="module" src="/page.js" nonce=use_nonce()></script>
                <script type="module" src="/passkey.js" nonce=use_nonce()></script>
                <script type="module" src="/push.js" nonce=use_nonce()></script>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
