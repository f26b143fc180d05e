//! The way to the first bot, one step leading at a time.

use super::text;
use leptos::prelude::*;
use ui::{Card, Glyph, Icon};

/// Three steps; the first is behind whoever reads this.
#[component]
pub(super) fn FirstSteps(has_key: bool) -> impl IntoView {
    let t = text::text();
    view! {
        <Card title=t.start_title class="first-steps">
            <ol class="way">
                <Step done=true lead=false title=t.step_passkey text=t.step_passkey_done href="/settings/security"/>
                <Step
                    done=has_key
                    lead=!has_key
                    title=t.step_key
                    text=if has_key { t.step_key_done } else { t.step_key_text }
                    href="/keys"
                />
                <Step done=false lead=has_key title=t.step_bot text=t.step_bot_text href="/bots/new"/>
            </ol>
        </Card>
    }
}

#[component]
fn Step(
    done: bool,
    lead: bool,
    title: &'static str,
    text: &'static str,
    href: &'static str,
) -> impl IntoView {
    let glyph = if done { Glyph::CircleCheck } else { Glyph::CircleDashed };
    view! {
        <li class="way-step" class:way-done=done>
            <Icon glyph/>
            <div>
                <p class="row-name">{title}</p>
                <p class="hint">{text}</p>
            </div>
            {lead
                .then(|| {
                    view! {
                        <a class="btn btn-primary" href=href>
                            <span>{title}</span>
                            <Icon glyph=Glyph::ArrowRight/>
                        </a>
                    }
                })}
        </li>
    }
}
