//! The cheaper model that a budget names: which one may be, and whether its price is known.

use super::{Budgets, draft::of_model};
use api::{ApiError, ids::WorkspaceId};

/// A cheaper model as `vendor/model`, and from how many percent used on.
pub(super) type Cheaper = (Option<String>, Option<i64>);

/// What it is as people write it, for a budget of a vendor or model. Nothing where nothing is said.
pub(super) fn read(
    instead: Option<&str>,
    from: Option<i64>,
    (vendor, model): (Option<&str>, Option<&str>),
    hard: bool,
) -> Result<Cheaper, ApiError> {
    let wrong = |detail: &str| ApiError::field("/instead", detail);
    let from = match from {
        None | Some(0) => None,
        Some(percent @ 1..=99) => Some(percent),
        Some(_) => return Err(ApiError::field("/instead_from", "must be 1 to 99 percent, or 0 for none")),
    };
    let Some(text) = instead.map(str::trim).filter(|text| !text.is_empty()) else {
        return match from {
            Some(_) => Err(wrong("must be said, where calls are to go to it early")),
            None => Ok((None, None)),
        };
    };
    let (Ok((Some(of), Some(name))), true) = (of_model(Some(text)), text.contains('/')) else {
        return Err(wrong("must be vendor/model, such as openai/gpt-5-mini"));
    };
    if vendor.is_some_and(|vendor| vendor != of) {
        return Err(wrong("must be of the budget's own vendor: no call changes its vendor for a budget"));
    }
    if model == Some(name.as_str()) {
        return Err(wrong("must be another model than the budget's own"));
    }
    if !hard && from.is_none() {
        let never =
            "must be said for a budget that only tells: it refuses no call that could go elsewhere instead";
        return Err(ApiError::field("/instead_from", never));
    }
    Ok((Some(format!("{of}/{name}")), from))
}

impl Budgets {
    /// A budget of money cannot lead to a model whose price nobody said: its calls would be refused all the same.
    pub(super) fn priced(&self, workspace: WorkspaceId, (instead, _): &Cheaper) -> Result<(), ApiError> {
        let Some((vendor, model)) = instead.as_deref().and_then(|name| name.split_once('/')) else {
            return Ok(());
        };
        if self.routing.has_price(workspace, vendor, model) {
            return Ok(());
        }
        let unknown = "has no price, which a budget of money needs; `chela price set` gives it one";
        Err(ApiError::field("/instead", unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cheaper_model_is_another_one_of_the_same_vendor() {
        let of = |text: &str, from, of| read(Some(text), from, of, true).ok();
        assert!(read(Some("openai/small"), None, (None, None), false).is_err(), "it would lead nowhere");
        assert!(read(Some("openai/small"), Some(80), (None, None), false).is_ok());
        let small = |from| Some((Some("openai/small".to_owned()), from));
        assert_eq!(of("openai/small", None, (None, None)), small(None));
        assert_eq!(of(" openai/small ", Some(80), (Some("openai"), Some("dear"))), small(Some(80)));
        assert_eq!(of("openai/small", Some(0), (Some("openai"), None)), small(None));
        assert_eq!(of("", None, (None, None)), Some((None, None)));
        for (text, from, whose) in [
            ("openai/*", None, (None, None)),
            ("openai", None, (None, None)),
            ("nobody/small", None, (None, None)),
            ("groq/small", None, (Some("openai"), None)),
            ("openai/small", None, (Some("openai"), Some("small"))),
            ("openai/small", Some(100), (None, None)),
            ("openai/small", Some(-1), (None, None)),
            ("", Some(80), (None, None)),
        ] {
            assert_eq!(of(text, from, whose), None, "{text} {from:?} {whose:?}");
        }
    }
}
