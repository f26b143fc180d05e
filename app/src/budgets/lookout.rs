//! From when on people are told of a bot that spends for nobody.

use super::{page::Acts, text};
use crate::parts::{Failure, failure_of, field_error};
use api::{
    budgets::{Lookout, LookoutBounds},
    money,
};
use leptos::prelude::*;
use std::ops::RangeInclusive;
use ui::{Button, Card, Field};

/// The form.
#[component]
pub(super) fn LookoutForm(of: Lookout, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.lookout.value();
    let error = failure_of(move || value.get());
    let number = move |id: &'static str,
                       (label, pointer): (&'static str, &'static str),
                       (value, bounds): (i64, RangeInclusive<i64>)| {
        let name = format!("cmd[{}]", pointer.trim_start_matches('/'));
        view! {
            <Field id label error=field_error(error, pointer)>
                <input
                    id=id
                    name=name
                    type="number"
                    class="input"
                    required
                    min=*bounds.start()
                    max=*bounds.end()
                    value=value
                    aria-describedby=format!("{id}-note")
                />
            </Field>
        }
    };
    let bounds = LookoutBounds::ALL;
    view! {
        <Card title=t.lookout>
            <p class="hint">{t.lookout_lead}</p>
            <Failure error/>
            <ActionForm action=acts.lookout>
                {number("lookout-calls", (t.loop_calls, "/loop_calls"), (of.loop_calls, bounds.loop_calls))}
                {number(
                    "lookout-spread",
                    (t.loop_spread, "/loop_spread_percent"),
                    (of.loop_spread_percent, bounds.loop_spread_percent),
                )} {number("lookout-apart", (t.loop_apart, "/loop_apart_s"), (of.loop_apart_s, bounds.loop_apart_s))}
                {number("lookout-busy", (t.busy, "/busy_minutes"), (of.busy_minutes, bounds.busy_minutes))}
                {number("lookout-idle", (t.idle_for, "/idle_minutes"), (of.idle_minutes, bounds.idle_minutes))}
                <Field id="lookout-cost" label=t.idle_cost error=field_error(error, "/idle_amount")>
                    <input
                        id="lookout-cost"
                        name="cmd[idle_amount]"
                        class="input"
                        autocomplete="off"
                        required
                        value=money::amount(of.idle_micro_usd)
                        aria-describedby="lookout-cost-note"
                    />
                </Field>
                <Button busy=acts.lookout.pending()>{t.set_zone}</Button>
            </ActionForm>
        </Card>
    }
}
