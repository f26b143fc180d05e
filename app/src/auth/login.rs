//! `/login`: a passkey, by discovery or by name.

use super::{
    enrol::{Alone, Says},
    text,
};
use leptos::prelude::*;
use ui::{CopyText, Glyph, Icon};

/// The page.
#[component]
pub(crate) fn Login() -> impl IntoView {
    let t = text::text();
    view! {
        <Alone title=t.login_title>
            <Says/>
            <form data-passkey="login" method="post">
                <button class="btn btn-primary btn-wide" type="submit">
                    <Icon glyph=Glyph::Fingerprint/>
                    <span>{t.login_do}</span>
                </button>
            </form>
            <details class="fold">
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
