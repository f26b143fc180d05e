//! Named stages with their times: what long work is doing, and how long each part took.

use crate::{Glyph, Icon};
use leptos::prelude::*;

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepState {
    Waiting,
    Running,
    Done,
    Failed,
}

impl StepState {
    const fn glyph(self) -> Glyph {
        match self {
            Self::Waiting => Glyph::CircleDashed,
            Self::Running => Glyph::LoaderCircle,
            Self::Done => Glyph::CircleCheck,
            Self::Failed => Glyph::CircleX,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Waiting => "step step-waiting",
            Self::Running => "step step-running",
            Self::Done => "step step-done",
            Self::Failed => "step step-failed",
        }
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub state: StepState,
    /// The state in a word.
    pub word: &'static str,
    /// How long, e.g. "2.4 s".
    pub took: Option<String>,
    /// How far, e.g. "131 of 647 MB".
    pub note: Option<String>,
}

/// The stages in order.
#[component]
pub fn Stepper(#[prop(into)] steps: Signal<Vec<Step>>, #[prop(into)] label: String) -> impl IntoView {
    view! {
        <ol class="steps" aria-label=label>
            {move || {
                steps
                    .get()
                    .into_iter()
                    .map(|step| {
                        view! {
                            <li
                                class=step.state.class()
                                aria-current=(step.state == StepState::Running).then_some("step")
                            >
                                <Icon glyph=step.state.glyph()/>
                                <span class="step-name">{step.name}</span>
                                <span class="sr-only">{step.word}</span>
                                {step.note.map(|note| view! { <span class="step-note">{note}</span> })}
                                {step.took.map(|took| view! { <span class="step-took">{took}</span> })}
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ol>
    }
}
