//! `/login`: a passkey, by discovery or by name.

use super::{
    enrol::{Alone, NeedsScript, Says},
    text,
};
use leptos::prelude::*;
use ui::{CopyText, Glyph, Icon, IntoWhole};

/// Whether nobody could log in yet; known to the server, which tells the browser.
fn nobody_enrolled() -> bool {
    let told = SharedValue::new(|| {
        #[cfg(feature = "ssr")]
        let nobody = use_context::<super::NobodyEnrolled>().is_some();
        #[cfg(not(feature = "ssr"))]
        let nobody = false;
        nobody
    });
    told.into_inner()
}

/// The page.
#[component]
pub(crate) fn Login() -> impl IntoView {
    if nobody_enrolled() { view! { <First/> }.whole() } else { view! { <Entrance/> }.whole() }
}

/// Before the first passkey: where the first link is found.
#[component]
fn First() -> impl IntoView {
    let t = text::text();
    view! {
        <Alone title=t.first_title>
            <p class="lead">{t.first_lead}</p>
            <div class="commands">
                <p>{t.first_serve}</p>
                <CopyText text="chela serve" label=t.copy/>
                <p>{t.first_setup}</p>
                <CopyText text="chela setup" label=t.copy/>
                <p>{t.first_later}</p>
                <CopyText text="chela admin enrol-link --user NAME" label=t.copy/>
            </div>
            <p class="hint">
                <a class="link-quiet" href="/login" rel="external">
                    {t.first_again}
                </a>
            </p>
        </Alone>
    }
}

#[component]
fn Entrance() -> impl IntoView {
    let t = text::text();
    view! {
        <Alone title=t.login_title>
            <Says/>
            <NeedsScript/>
            <form class="needs-script" data-passkey="login" method="post">
                <button class="btn btn-primary btn-wide" type="submit">
                    <Icon glyph=Glyph::Fingerprint/>
                    <span>{t.login_do}</span>
                </button>
            </form>
            <details class="fold needs-script">
                <summary>{t.by_name}</summary>
                <form class="stack" data-passkey="login" method="post">
                    <div class="field">
                        <label for="user-name">{t.name}</label>
                        <input
                            id="user-name"
                            name="user_name"
                            class="input"
                            required
                            maxlength="80"
                            autocomplete="username webauthn"
                            aria-describedby="user-name-note"
                        />
                        <p class="field-note" id="user-name-note">
                            {t.by_name_hint}
                        </p>
                    </div>
                    <button class="btn btn-wide" type="submit">
                        {t.continue_}
                    </button>
                </form>
            </details>
            <p class="hint">{t.lost}</p>
            <CopyText text="chela admin enrol-link --user NAME" label=t.copy/>
        </Alone>
    }
}
