//! What set-up, link and login pages share: the lone column, and the words that `public/passkey.js` shows.

use super::text;
use crate::frame::Claw;
use leptos::prelude::*;
use leptos_meta::Title;
use ui::{CopyText, Glyph, Icon, Tone, Within};

/// A page of one column, for who is not in yet.
#[component]
pub(super) fn Alone(title: &'static str, children: Within) -> impl IntoView {
    view! {
        <Title text=title/>
        <main class="alone" id="main">
            <div class="alone-card">
                <Claw/>
                <h1>{title}</h1>
                {children.view()}
            </div>
        </main>
    }
}

/// One message, hidden until the script shows it.
#[component]
fn Say(
    name: &'static str,
    tone: Tone,
    title: &'static str,
    more: &'static str,
    /// A command that helps.
    #[prop(optional)]
    command: Option<&'static str>,
) -> impl IntoView {
    let copy = text::text().copy;
    view! {
        <div class=format!("banner {}", tone.class()) data-passkey-say=name role="status" hidden>
            <Icon glyph=if tone == Tone::Info { Glyph::Info } else { Glyph::TriangleAlert }/>
            <div class="banner-body">
                <p class="banner-title">{title}</p>
                <div class="banner-more">
                    <p>{more}</p>
                    {command.map(|command| view! { <CopyText text=command label=copy/> })}
                </div>
            </div>
        </div>
    }
}

/// Everything that can happen on the way, in words.
#[component]
pub(super) fn Says() -> impl IntoView {
    let t = text::text();
    view! {
        <Say name="cancelled" tone=Tone::Info title=t.say_cancelled more=t.say_cancelled_more/>
        <Say name="already" tone=Tone::Info title=t.say_already more=t.say_already_more/>
        <Say name="unsupported" tone=Tone::Warn title=t.say_unsupported more=t.say_unsupported_more/>
        <Say name="no-link" tone=Tone::Warn title=t.say_no_link more=t.say_no_link_more command="chela setup"/>
        <Say name="offline" tone=Tone::Warn title=t.say_offline more=t.say_offline_more/>
        <div class=format!("banner {}", Tone::Bad.class()) data-passkey-say="error" role="alert" hidden>
            <Icon glyph=Glyph::CircleAlert/>
            <div class="banner-body">
                <p class="banner-title" data-slot="message"></p>
                <div class="banner-more">
                    <p data-slot="hint"></p>
                    <p class="request-id">{t.request_id} " " <code data-slot="id"></code></p>
                </div>
            </div>
        </div>
    }
}

/// What is said where scripts are switched off: a passkey cannot be asked for without one.
#[component]
pub(super) fn NeedsScript() -> impl IntoView {
    let t = text::text();
    view! {
        <div class=format!("banner no-script {}", Tone::Warn.class())>
            <Icon glyph=Glyph::TriangleAlert/>
            <div class="banner-body">
                <p class="banner-title">{t.say_no_script}</p>
                <div class="banner-more">
                    <p>{t.say_no_script_more}</p>
                </div>
            </div>
        </div>
    }
}

/// Name and button of a new passkey; the script takes it from here.
#[component]
pub(super) fn EnrolForm() -> impl IntoView {
    let t = text::text();
    view! {
        <Says/>
        <NeedsScript/>
        <form class="stack needs-script" data-passkey="register" method="post">
            // The script shows it once the server has said that the link knows no name.
            <div class="field" data-enrol-name hidden>
                <label for="user-name">{t.your_name}</label>
                <input id="user-name" name="user_name" class="input" maxlength="80" autocomplete="name"/>
            </div>
            <button class="btn btn-primary btn-wide" type="submit">
                <Icon glyph=Glyph::Fingerprint/>
                <span>{t.create_passkey}</span>
            </button>
        </form>
        <p class="hint">{t.what_is}</p>
    }
}
