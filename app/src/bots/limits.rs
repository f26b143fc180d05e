//! Fields of what a bot may use.

use super::configs_text;
use crate::parts::field_error;
use api::{ApiError, bots::BotLimits};
use leptos::prelude::*;
use ui::Field;

#[component]
pub(super) fn LimitFields(limits: BotLimits, error: Signal<Option<ApiError>>) -> impl IntoView {
    let t = configs_text::text();
    let BotLimits { memory_mb, cpu_milli, pids } = limits;
    let field = |name: &'static str,
                 pointer,
                 label,
                 hint,
                 value: u32,
                 bounds: std::ops::RangeInclusive<u32>| {
        let id = format!("limit-{name}");
        view! {
            <Field id=id.clone() label=label hint=hint error=field_error(error, pointer)>
                <input id=id.clone() name=format!("cmd[limits][{name}]") class="input" type="number" required
                    min=bounds.start().to_string() max=bounds.end().to_string()
                    value=value.to_string() aria-describedby=format!("{id}-note")/>
            </Field>
        }
    };
    view! {
        <fieldset class="choices limits">
            <legend>{t.resources}</legend>
            {field("memory_mb", "/limits/memory_mb", t.memory_mb, t.memory_hint, memory_mb, BotLimits::MEMORY_MB)}
            {field("cpu_milli", "/limits/cpu_milli", t.cpu_milli, t.cpu_hint, cpu_milli, BotLimits::CPU_MILLI)}
            {field("pids", "/limits/pids", t.pids, t.pids_hint, pids, BotLimits::PIDS)}
        </fieldset>
    }
}

/// In a line: `2048 MiB · 2.0 CPU · 512`.
pub(super) fn limits_in_words(limits: BotLimits) -> String {
    let BotLimits { memory_mb, cpu_milli, pids } = limits;
    format!("{memory_mb} MiB · {}.{} CPU · {pids} PID", cpu_milli / 1000, cpu_milli % 1000 / 100)
}
