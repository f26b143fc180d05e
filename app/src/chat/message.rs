//! One message: what was said, the tools that were used, how it ended.

use super::text;
use crate::{i18n::fill, time::Moment};
use api::chat::{Message, MessageRole, MessageState, ToolCall, ToolState, Usage};
use leptos::prelude::*;
use ui::{CodeBlock, Glyph, Icon, IntoWhole, Tone};

/// A message of either side.
#[component]
pub(super) fn MessageView(line: ArcRwSignal<Message>) -> impl IntoView {
    let line = RwSignal::from(line);
    if line.with_untracked(|message| message.role == MessageRole::User) {
        let t = text::text();
        view! {
            <article class="said said-user">
                <h3 class="sr-only">{t.you}</h3>
                <p class="as-typed">{move || line.with(|message| message.text.clone())}</p>
            </article>
        }
        .whole()
    } else {
        view! { <Answer line/> }.whole()
    }
}

/// What of an answer's text no HTML shows yet.
fn plain(message: &Message) -> &str {
    let shown = match (&message.html, message.html_bytes) {
        (None, _) => 0,
        (Some(_), Some(bytes)) => usize::try_from(bytes).unwrap_or(usize::MAX),
        (Some(_), None) => usize::MAX,
    };
    message.text.get(shown..).unwrap_or_default()
}

/// An answer: tools first, then words; finished blocks come as sanitised HTML from the server, the rest is plain.
#[component]
fn Answer(line: RwSignal<Message>) -> impl IntoView {
    let t = text::text();
    let html = Memo::new(move |_| line.with(|message| message.html.clone().unwrap_or_default()));
    let streaming = Memo::new(move |_| line.with(|message| message.state == MessageState::Streaming));
    let plain = Memo::new(move |_| line.with(|message| plain(message).to_owned()));
    let silent = Memo::new(move |_| streaming.get() && line.with(|message| message.text.is_empty()));
    view! {
        <article class="said said-bot" class:said-streaming=move || streaming.get()>
            <Tools line/>
            <div class="prose" class:hidden=move || html.with(String::is_empty) inner_html=move || html.get()></div>
            <p class="as-typed" class:hidden=move || plain.with(String::is_empty)>{move || plain.get()}</p>
            <p class="phase" class:hidden=move || !silent.get()>
                <Icon glyph=Glyph::LoaderCircle class="turning"/>
                <span>{move || line.with(|message| phase_word(message.phase.as_deref(), t))}</span>
            </p>
            <Ending line/>
        </article>
    }
}

/// What the bot is busy with before the first word.
fn phase_word(phase: Option<&str>, t: &'static text::Text) -> &'static str {
    match phase {
        Some("starting_model") => t.p_starting,
        Some("queued") => t.p_queued,
        Some("waking") => crate::bots::idle_text::text().waking,
        Some("retrying") => t.p_retrying,
        Some(phase) if phase.starts_with("preparing") => t.p_preparing,
        _ => t.thinking,
    }
}

/// How the answer ended: cut, failed, or with its figures.
#[component]
fn Ending(line: RwSignal<Message>) -> impl IntoView {
    let t = text::text();
    let state = Memo::new(move |_| line.with(|message| message.state));
    let error = Memo::new(move |_| line.with(|message| message.error.clone()));
    let figures = Memo::new(move |_| line.with(|message| (message.model.clone(), message.usage.clone())));
    move || match state.get() {
        MessageState::Streaming => view! { <span class="sr-only">{t.writing}</span> }.whole(),
        MessageState::Failed => {
            let more = error.get().unwrap_or_else(|| t.failed.to_owned());
            view! {
                <p class=format!("ending {}", Tone::Bad.class()) role="alert">
                    <Icon glyph=Glyph::CircleAlert/>
                    <span>{more}</span>
                </p>
            }
            .whole()
        }
        MessageState::Aborted => {
            let more = error.get().unwrap_or_else(|| t.cut_aborted.to_owned());
            view! { <p class="ending"><Icon glyph=Glyph::Square/><span>{more}</span></p> }.whole()
        }
        MessageState::Final => {
            let (model, usage) = figures.get();
            view! {
                <p class="spent">
                    {model.map(|model| view! { <span class="mono">{model}</span> })}
                    {usage.map(|usage| view! { <span>{tokens(&usage, t)}</span> })}
                    <Moment ms=Signal::stored(line.with_untracked(|message| message.created_at_ms))/>
                </p>
            }
            .whole()
        }
    }
}

fn tokens(usage: &Usage, t: &'static text::Text) -> String {
    fill(&fill(t.tokens, &usage.input_tokens.to_string()), &usage.output_tokens.to_string())
}

/// The tools of an answer, each a card that folds; an open one stays open while others come.
#[component]
fn Tools(line: RwSignal<Message>) -> impl IntoView {
    view! {
        <For
            each=move || line.with(|message| message.tools.iter().map(|tool| tool.id.clone()).collect::<Vec<_>>())
            key=Clone::clone
            let:id
        >
            <Tool line id/>
        </For>
    }
}

#[component]
fn Tool(line: RwSignal<Message>, id: String) -> impl IntoView {
    let t = text::text();
    let tool: Memo<Option<ToolCall>> =
        Memo::new(move |_| line.with(|message| message.tools.iter().find(|tool| tool.id == id).cloned()));
    let state =
        Memo::new(move |_| tool.with(|tool| tool.as_ref().map_or(ToolState::Running, |tool| tool.state)));
    let glyph = Signal::derive(move || match state.get() {
        ToolState::Running => Glyph::LoaderCircle,
        ToolState::Done => Glyph::CircleCheck,
        ToolState::Failed => Glyph::CircleX,
    });
    let word = move || match state.get() {
        ToolState::Running => t.tool_running,
        ToolState::Done => t.tool_done,
        ToolState::Failed => t.tool_failed,
    };
    view! {
        <details class="tool">
            <summary>
                <Icon glyph=Glyph::Wrench/>
                <code>{move || tool.with(|tool| tool.as_ref().map(|tool| tool.name.clone()))}</code>
                <span class="tool-state">
                    <Icon glyph/>
                    {word}
                </span>
            </summary>
            {move || tool.get().map(|tool| view! { <ToolBody tool/> })}
        </details>
    }
}

#[component]
fn ToolBody(tool: ToolCall) -> impl IntoView {
    let t = text::text();
    view! {
        <p class="field-label">{t.tool_args}</p>
        <CodeBlock code=tool.args label=t.tool_args/>
        {tool
            .result
            .map(|result| {
                view! {
                    <p class="field-label">{t.tool_result}</p>
                    <CodeBlock code=result label=t.tool_result/>
                }
            })}
    }
}
