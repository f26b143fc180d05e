//! What somebody says a budget is to be: for whom, of which model, how much.

use crate::bots;
use api::{
    ApiError,
    budgets::*,
    money::{self, micro_usd},
    validate::Check,
    virtual_keys::KeyLimit,
};
use relay::vendors;

/// The vendor and model a budget is for, from `vendor/model` or `vendor/*`.
///
/// # Errors
/// It is neither.
pub fn of_model(model: Option<&str>) -> Result<(Option<String>, Option<String>), ApiError> {
    let Some(text) = model.map(str::trim).filter(|text| !text.is_empty()) else { return Ok((None, None)) };
    let wrong = || ApiError::field("/model", "must be vendor/model or vendor/*, such as openai/gpt-5-mini");
    let (vendor, model) = text.split_once('/').unwrap_or((text, "*"));
    let nobody = || {
        let words =
            format!("must be of a vendor Chela knows, such as openai: \u{201c}{vendor}\u{201d} is none");
        if text.contains('/') { ApiError::field("/model", words) } else { wrong() }
    };
    let vendor = vendors::find(vendor).ok_or_else(nobody)?.id.to_owned();
    if model.is_empty() || model.len() > 200 || model.contains(char::is_whitespace) {
        return Err(wrong());
    }
    Ok((Some(vendor), Some(model.to_owned()).filter(|model| model != "*")))
}

/// An amount as it is counted, from a number or as people write it; nothing where neither says anything.
pub(super) fn amount(
    unit: BudgetUnit,
    most: Option<i64>,
    text: Option<&str>,
    check: &mut Check,
) -> Option<i64> {
    read((unit, most, text), ("", 0, "0 stops all calls"), check)
}

/// The amounts of limits that are made with a virtual key. None is 0: of a provider key's limits that means that there is none, of
/// a budget that nothing passes, and a new key has no limit that could be taken away.
pub(super) fn limits(limits: &[KeyLimit], check: &mut Check) -> Vec<(BudgetUnit, BudgetPeriod, i64)> {
    let words = "more than 0; leave it out for no limit, block the key to let nothing through";
    let mut all = Vec::new();
    for (n, limit) in limits.iter().enumerate() {
        let at = format!("/limits/{n}");
        let what = (limit.unit, limit.most, limit.amount.as_deref());
        let Some(most) = read(what, (&at, 1, words), check) else {
            // Leaving it out would make a key without the limit that somebody meant.
            check.rule(said(&limit.amount).is_some(), &format!("{at}/amount"), "must be said");
            continue;
        };
        let again = all.iter().any(|(unit, period, _)| (unit, period) == (&limit.unit, &limit.period));
        check.rule(!again, &at, "is a second one of the same unit and period");
        all.push((limit.unit, limit.period, most));
    }
    all
}

fn read(
    (unit, most, text): (BudgetUnit, Option<i64>, Option<&str>),
    (at, least, words): (&str, i64, &str),
    check: &mut Check,
) -> Option<i64> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let read = |text: &str| match unit {
        BudgetUnit::Money => micro_usd(text),
        BudgetUnit::Tokens | BudgetUnit::Requests => text.parse().ok(),
    };
    let (amount, field) = match text {
        Some(_) if most.is_some() => {
            check.rule(false, &format!("{at}/amount"), "must be said once, here or as most");
            return most;
        }
        Some(text) => (read(text), "amount"),
        None => (Some(most?), "most"),
    };
    let fits = amount.is_some_and(|amount| (least..=MOST).contains(&amount));
    let example = match unit {
        BudgetUnit::Money => format!("an amount like 2.50, {} USD at most", money::amount(MOST)),
        BudgetUnit::Tokens | BudgetUnit::Requests => format!("a whole number, {MOST} at most"),
    };
    check.rule(fits, &format!("{at}/{field}"), &format!("must be {example}; {words}"));
    amount
}

/// Checks that a budget of nothing, which stops its calls, is one that refuses.
pub(super) fn of_nothing(most: Option<i64>, hard: bool, pointer: &str, check: &mut Check) {
    let words = "must be more than 0 for a budget that only tells: one of 0 stops all its calls";
    check.rule(hard || most != Some(0), pointer, words);
}

/// What a field says, where it says something: plain forms send empty ones.
pub(super) fn said(field: &Option<String>) -> Option<&str> {
    field.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// Checks for whom a new budget is, and says which tag.
pub(super) fn of_whom(q: &CreateBudget, check: &mut Check) -> Option<String> {
    let whose = [(&q.bot, "/bot"), (&q.virtual_key, "/virtual_key"), (&q.tag, "/tag")];
    // An empty name would make it a budget, or a stop, of everybody.
    for (field, pointer) in whose.into_iter().chain([(&q.model, "/model")]) {
        let empty = field.as_deref().is_some_and(|text| text.trim().is_empty());
        check.rule(!empty, pointer, "must not be empty; leave it out for all");
    }
    let several = whose.iter().filter(|(field, _)| said(field).is_some()).skip(1);
    for (_, pointer) in several {
        check.rule(false, pointer, "a budget is for a bot, a virtual key or a tag, not for two of them");
    }
    let tag = said(&q.tag).map(str::to_owned);
    let kept = bots::tags(tag.as_slice());
    check.rule(kept.is_ok(), "/tag", "must be a tag: 1 to 32 of a-z, 0-9, dot, underscore, colon and hyphen");
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_a_new_key_is_more_than_nothing_or_left_out() {
        let limit = |unit, most, amount: Option<&str>| KeyLimit {
            unit,
            period: BudgetPeriod::Minute,
            most,
            amount: amount.map(str::to_owned),
        };
        let of = |all: &[KeyLimit]| {
            let mut check = Check::new();
            let all = limits(all, &mut check).len();
            check.done().map(|()| all).map_err(|error| error.fields[0].clone())
        };
        let (requests, money) = (BudgetUnit::Requests, BudgetUnit::Money);
        assert_eq!(of(&[limit(requests, Some(5), Some(" ")), limit(money, None, Some("0.01"))]), Ok(2));
        let empty = of(&[limit(requests, Some(5), None), limit(money, None, Some(" "))]).unwrap_err();
        assert_eq!(empty.pointer, "/limits/1/amount", "one without an amount is no limit at all");
        let none = of(&[limit(money, Some(1), None), limit(requests, Some(0), None)]).unwrap_err();
        assert_eq!(none.pointer, "/limits/1/most");
        assert!(none.detail.contains("leave it out for no limit"), "{}", none.detail);
        assert_eq!(of(&[limit(money, None, Some("0"))]).unwrap_err().pointer, "/limits/0/amount");
        let twice = of(&[limit(money, Some(1), None), limit(money, Some(2), None)]).unwrap_err();
        assert_eq!(twice.pointer, "/limits/1");
    }

    #[test]
    fn a_budget_is_for_a_vendor_or_one_of_its_models() {
        let of = |text: &str| of_model(Some(text)).ok();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(""), Some((None, None)));
        assert_eq!(of("openai/*"), Some((some("openai"), None)));
        assert_eq!(of("openai"), Some((some("openai"), None)));
        assert_eq!(of("openrouter/a/b"), Some((some("openrouter"), some("a/b"))));
        for bad in ["nobody/x", "openai/", "openai/a b", "/x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
