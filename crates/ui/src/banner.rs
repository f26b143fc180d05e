//! Banners: something to know or decide, at the place it belongs to.

use crate::{Glyph, Icon, Within};
use leptos::prelude::*;

/// What kind of news a part carries. Always shown with a word and a picture, never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tone {
    Ok,
    Warn,
    Bad,
    #[default]
    Info,
    Idle,
}

impl Tone {
    /// The class that sets the tone's colours.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "tone-ok",
            Self::Warn => "tone-warn",
            Self::Bad => "tone-bad",
            Self::Info => "tone-info",
            Self::Idle => "tone-idle",
        }
    }

    const fn glyph(self) -> Glyph {
        match self {
            Self::Ok => Glyph::CircleCheck,
            Self::Warn => Glyph::TriangleAlert,
            Self::Bad => Glyph::CircleAlert,
            Self::Info | Self::Idle => Glyph::Info,
        }
    }
}

/// A banner; a bad one is announced at once.
#[component]
pub fn Banner(
    #[prop(optional)] tone: Tone,
    /// What happened.
    #[prop(into)]
    title: String,
    /// More, and what to do.
    #[prop(optional)]
    children: Option<Within>,
) -> impl IntoView {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class=format!("banner {}", tone.class()) role=role>
            <Icon glyph=tone.glyph()/>
            <div class="banner-body">
                <p class="banner-title">{title}</p>
                {children.map(|children| view! { <div class="banner-more">{children.view()}</div> })}
            </div>
        </div>
    }
}
