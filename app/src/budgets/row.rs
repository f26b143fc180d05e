//! One budget: whose, how much of it is used, when it begins anew, and what can be done.

use super::{page::Acts, text};
use crate::{
    i18n::fill,
    parts::{self, Failure, failure_of, field_error, success_of},
    time::Moment,
};
use api::budgets::{Budget, BudgetUnit};
use leptos::prelude::*;
use ui::{Badge, Button, Dialog, Field, Glyph, Kind, Opener, StatePill};

/// One budget.
#[component]
pub(super) fn BudgetRow(budget: Budget, acts: Acts) -> impl IntoView {
    let t = text::text();
    let (tone, glyph, word) = text::state(budget.state, t);
    let amount = |n: i64| text::amount(budget.unit, n, t);
    let whose = budget.bot_name.clone().or_else(|| budget.virtual_key_name.clone());
    let whose = whose.or_else(|| Some(budget.bot?.to_string()));
    let whose = whose.or_else(|| Some(budget.virtual_key?.to_string()));
    let whose = whose.or_else(|| Some(fill(t.tagged, budget.tag.as_deref()?)));
    let whose = whose.unwrap_or_else(|| t.workspace.to_owned());
    let used = if budget.most == 0 {
        t.all_refused.to_owned()
    } else {
        // The unit once.
        let used =
            if budget.unit == BudgetUnit::Money { amount(budget.used) } else { budget.used.to_string() };
        let parts = [used, amount(budget.most), text::period(budget.period, t).to_owned()];
        parts.iter().fold(t.of.to_owned(), |line, part| line.replacen("{}", part, 1))
    };
    let forecast = budget.forecast.filter(|n| *n > 0 && budget.most > 0);
    let forecast = forecast.map(|n| format!("{} · ", fill(t.forecast, &amount(n))));
    let (change, delete) = (format!("change-{}", budget.id), format!("delete-{}", budget.id));
    let (most, drawn, end) = (budget.most, budget.used.min(budget.most), budget.window_end_ms);
    let label = used.clone();
    let cheaper = budget.instead.as_ref().map(|model| match budget.instead_from {
        Some(percent) => fill(t.goes_from, model).replacen("{}", &percent.to_string(), 1),
        None => fill(t.goes_when_full, model),
    });
    view! {
        <article class="card key">
            <header class="key-head">
                <h2>
                    {whose} " " {budget.model.clone().map(|model| view! { <Badge>{model}</Badge> })}
                    {(!budget.hard).then(|| view! { " " <Badge>{t.soft}</Badge> })}
                </h2>
                <StatePill tone glyph word/>
            </header>
            <p class="key-facts">{used}</p>
            {cheaper.map(|words| view! { <p class="hint">{words}</p> })}
            {(most > 0)
                .then(|| {
                    view! {
                        <progress class="meter" max=most.to_string() value=drawn.to_string() aria-label=label></progress>
                    }
                })}
            <p class="hint">
                {(budget.reserved > 0).then(|| format!("{} · ", fill(t.reserved, &amount(budget.reserved))))}
                {forecast} {t.anew} " "
                <Moment ms=Signal::stored(end)/>
            </p>
            <div class="acts">
                <Opener dialog=change.clone() class="btn">
                    {t.change}
                </Opener>
                <Opener dialog=delete.clone() class="btn btn-quiet">
                    {t.delete}
                </Opener>
            </div>
            <ChangeDialog dialog=change budget=budget.clone() acts/>
            <DeleteDialog dialog=delete budget acts/>
        </article>
    }
}

/// From which shares of a budget on calls may go to its cheaper model; what was said elsewhere is among them.
pub(super) fn shares(now: Option<i64>) -> impl IntoView {
    let t = text::text();
    let mut all = vec![0, 50, 80, 90];
    all.extend(now.filter(|now| !all.contains(now)));
    all.sort_unstable();
    let option = |percent: i64| {
        let word =
            if percent == 0 { t.when_full.to_owned() } else { fill(t.from_percent, &percent.to_string()) };
        view! { <option value=percent.to_string() selected=now == Some(percent)>{word}</option> }
    };
    all.into_iter().map(option).collect_view()
}

/// An amount as it is typed.
fn typed(budget: &Budget) -> String {
    match budget.unit {
        BudgetUnit::Money => {
            let part = format!("{:06}", budget.most % 1_000_000);
            let (cents, rest) = part.split_at_checked(2).unwrap_or((&part, ""));
            format!("{}.{cents}{}", budget.most / 1_000_000, rest.trim_end_matches('0'))
        }
        BudgetUnit::Tokens | BudgetUnit::Requests => budget.most.to_string(),
    }
}

#[component]
fn ChangeDialog(dialog: String, budget: Budget, acts: Acts) -> impl IntoView {
    let t = text::text();
    let value = acts.change.value();
    let error = failure_of(move || value.get());
    let field = |name: &str| format!("{dialog}-{name}");
    let (amount, amount_input, hard, hard_input) =
        (field("amount"), field("amount"), field("hard"), field("hard"));
    let (instead, instead_input, from, from_input) =
        (field("instead"), field("instead"), field("from"), field("from"));
    let (cheaper, share) = (budget.instead.clone().unwrap_or_default(), budget.instead_from.unwrap_or(0));
    let (id, version) = (budget.id.to_string(), budget.version.to_string());
    let (typed, is_hard) = (typed(&budget), budget.hard);
    view! {
        <Dialog id=dialog title=t.change_title close=t.close done=success_of(move || value.get())>
            <p>{t.change_text}</p>
            <Failure error/>
            <ActionForm action=acts.change>
                <input type="hidden" name="cmd[budget]" value=id/>
                <input type="hidden" name="cmd[expected_version]" value=version/>
                <Field id=amount label=t.amount hint=t.amount_hint>
                    <input
                        id=amount_input
                        name="cmd[amount]"
                        class="input"
                        inputmode="decimal"
                        autocomplete="off"
                        required
                        value=typed
                    />
                </Field>
                <Field id=hard label=t.hard>
                    <select id=hard_input name="cmd[hard]" class="input">
                        <option value="true" selected=is_hard>
                            {t.refuses}
                        </option>
                        <option value="false" selected=!is_hard>
                            {t.tells}
                        </option>
                    </select>
                </Field>
                <Field id=instead label=t.instead hint=t.instead_hint error=field_error(error, "/instead")>
                    <input id=instead_input name="cmd[instead]" class="input mono" autocomplete="off" value=cheaper/>
                </Field>
                <Field id=from label=t.instead_from>
                    <select id=from_input name="cmd[instead_from]" class="input">
                        {shares(Some(share))}
                    </select>
                </Field>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary busy=acts.change.pending()>{t.change}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn DeleteDialog(dialog: String, budget: Budget, acts: Acts) -> impl IntoView {
    let t = text::text();
    view! {
        <Dialog id=dialog title=t.delete_title close=t.close done=success_of(move || acts.delete.value().get())>
            <p>{t.delete_text}</p>
            <ActionForm action=acts.delete>
                <input type="hidden" name="cmd[budget]" value=budget.id.to_string()/>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Danger glyph=Glyph::Trash2 busy=acts.delete.pending()>{t.delete}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{
        budgets::{BudgetPeriod, BudgetState},
        ids::BudgetId,
    };

    const ID: &str = "bud_00000000000000000000000000";

    #[test]
    fn an_amount_is_typed_as_it_is_read() {
        let of = |unit, most| {
            typed(&Budget {
                id: ID.parse::<BudgetId>().unwrap(),
                bot: None,
                bot_name: None,
                virtual_key: None,
                virtual_key_name: None,
                tag: None,
                model: None,
                unit,
                period: BudgetPeriod::Day,
                most,
                hard: true,
                state: BudgetState::Open,
                window_start_ms: 0,
                window_end_ms: 0,
                used: 0,
                reserved: 0,
                forecast: None,
                instead: None,
                instead_from: None,
                version: 1,
            })
        };
        for most in [0, 1, 2_500_000, 123_456_789, 10_000] {
            assert_eq!(api::money::micro_usd(&of(BudgetUnit::Money, most)), Some(most));
        }
        assert_eq!(of(BudgetUnit::Money, 2_500_000), "2.50");
        assert_eq!(of(BudgetUnit::Tokens, 7), "7");
    }
}
