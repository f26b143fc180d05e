//! What a key is for: by which tags it is preferred, which models it may be asked for, how much, and when it ends.

use super::{draft, service::Keys, store};
use crate::{
    audit, bots,
    platform::{ctx::OpCtx, error::OpError, text::json_of},
};
use api::{ApiError, Verb, budgets::MOST, keys::*, validate::Check};
use entity::keys::provider_key as row;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use policy::{Granted, act};
use std::sync::Arc;

/// The longest name of a model.
const LONGEST_MODEL: usize = 200;
/// More calls a minute are as good as no limit.
const MOST_REQUESTS: i64 = 1_000_000;

/// Words as a form sends them: several may stand in one text.
#[must_use]
pub fn apart(texts: &[String]) -> Vec<String> {
    let between = |c: char| c == ',' || c.is_whitespace();
    let words = texts.iter().flat_map(|text| text.split(between)).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Refuses texts that name nothing: what an unset variable leaves of a list must not empty it.
pub fn none_empty(texts: &[String], pointer: &str, words: &str, check: &mut Check) {
    for (n, text) in texts.iter().enumerate() {
        check.rule(!apart(std::slice::from_ref(text)).is_empty(), &format!("{pointer}/{n}"), words);
    }
}

/// Tags as bots have them.
///
/// # Errors
/// `invalid` for one that is no tag, for too many, or where only empty texts are said.
pub fn tags(texts: &[String]) -> Result<Vec<String>, ApiError> {
    let said = apart(texts);
    // Nothing of it is a tag: bots know what to say of that.
    if said.is_empty() { bots::tags(texts) } else { bots::tags(&said) }
}

/// Models as their vendor names them; its own prefix may stand before them.
pub(super) fn models(vendor: &relay::Vendor, texts: &[String], check: &mut Check) -> Vec<String> {
    let ids = || std::iter::once(vendor.id).chain(vendor.aliases.iter().copied());
    let bare = |name: String| {
        let cut = ids().find_map(|id| name.strip_prefix(id)?.strip_prefix('/').map(str::to_owned));
        cut.filter(|_| vendor.strip_model_prefix).unwrap_or(name)
    };
    none_empty(texts, "/allowed_models", "must be the name of a model, or a list of such", check);
    let mut all: Vec<String> = apart(texts).into_iter().map(bare).collect();
    all.sort_unstable();
    all.dedup();
    let fits = |name: &String| {
        let body = name.strip_suffix('*').unwrap_or(name);
        !name.is_empty() && name.len() <= LONGEST_MODEL && !body.contains('*')
    };
    check.rule(
        all.iter().all(fits),
        "/allowed_models",
        "must be names of models; a * may stand at their end",
    );
    check.rule(all.len() <= MOST_MODELS, "/allowed_models", &format!("must be {MOST_MODELS} at most"));
    all
}

/// The day of a moment, UTC.
pub(super) fn day(at_ms: i64) -> Option<String> {
    Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(TimeZone::UTC).date().to_string())
}

fn begin(day: &str) -> Option<i64> {
    let date: Date = day.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// When it ends, if that is said: `Some(None)` for never. A day that it has already stays the moment it is.
fn expiry(q: &ChangeKey, known: Option<i64>, now_ms: i64, check: &mut Check) -> Option<Option<i64>> {
    let said = q.expires_on.as_deref().map(str::trim);
    let asked = match (q.expires_at_ms, said) {
        (Some(0), _) | (None, Some("")) => return Some(None),
        (Some(at_ms), _) => Some(at_ms),
        (None, Some(on)) if known.and_then(day).as_deref() == Some(on) => return None,
        (None, Some(on)) => {
            let at_ms = begin(on);
            let late = on.parse::<Date>().is_ok();
            let rule =
                if late { "must be 9999-12-30 at the latest" } else { "must be a day such as 2027-01-31" };
            check.rule(at_ms.is_some(), "/expires_on", rule);
            at_ms
        }
        (None, None) => return None,
    };
    let pointer = if q.expires_at_ms.is_some() { "/expires_at_ms" } else { "/expires_on" };
    check.rule(asked.is_none_or(|end| end > now_ms), pointer, "must be in the future");
    Some(asked)
}

/// How much money a month has, if that is said.
fn month(q: &ChangeKey, check: &mut Check) -> Option<Option<i64>> {
    let (most, pointer) = match q.month_amount.as_deref().map(str::trim) {
        Some("") => return Some(None),
        Some(text) => (api::money::micro_usd(text), "/month_amount"),
        None => (Some(q.month_micro_usd?), "/month_micro_usd"),
    };
    let fits = most.is_some_and(|most| (0..=MOST).contains(&most));
    check.rule(
        fits,
        pointer,
        &format!("must be an amount like 2.50, {} USD at most; 0 is no limit", api::money::amount(MOST)),
    );
    Some(most.filter(|most| *most > 0))
}

pub(super) async fn change(
    k: Arc<Keys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: ChangeKey,
) -> Result<KeySummary, OpError> {
    let k = k.as_ref();
    let changed = k
        .platform
        .db
        .write(async |tx| {
            let mut model = store::find(tx, &granted, q.key).await?;
            if let Some(expected) = q.expected_version.filter(|e| *e != model.version) {
                return Err(ApiError::stale(expected, model.version).into());
            }
            let (named, ended) = (model.label.clone(), has_ended(&model, ctx.now_ms));
            apply(&q, &mut model, ctx.now_ms)?;
            // Two that have one label already may keep it.
            if model.label != named || (ended && !has_ended(&model, ctx.now_ms)) {
                let but = (model.workspace_id, Some(model.id));
                draft::unlike(&model.label, &store::labels(tx, &granted, but, ctx.now_ms).await?)?;
            }
            let model = store::choose(tx, &granted, model).await?;
            let target = Some(model.id.to_string());
            audit::record(tx, k.platform.ids.as_ref(), &ctx, ChangeKey::NAME, target).await?;
            Ok::<_, OpError>(model)
        })
        .await?;
    k.publish().await?;
    k.shown(&changed)
}

pub(super) fn has_ended(model: &row::Model, now_ms: i64) -> bool {
    model.expires_at_ms.is_some_and(|end| end <= now_ms)
}

/// Puts what is said into the row; what is not said stays.
fn apply(q: &ChangeKey, model: &mut row::Model, now_ms: i64) -> Result<(), OpError> {
    let mut check = Check::new();
    if let Some(label) = q.label.as_deref().map(str::trim) {
        check.line(label, 80, "/label");
        label.clone_into(&mut model.label);
    }
    if let Some(asked) = &q.tags {
        model.tags = json_of(&tags(asked)?)?;
    }
    if let Some(asked) = &q.allowed_models {
        let vendor = relay::vendors::find(&model.vendor);
        let vendor = vendor.ok_or_else(|| ApiError::field("/key", "is of a vendor Chela does not know"))?;
        model.allowed_models = json_of(&models(vendor, asked, &mut check))?;
    }
    if let Some(most) = q.requests_per_minute {
        let fits = (0..=MOST_REQUESTS).contains(&most);
        check.rule(fits, "/requests_per_minute", "must be 1 to 1000000; 0 is no limit");
        model.requests_per_minute = Some(most).filter(|most| *most > 0);
    }
    if let Some(most) = month(q, &mut check) {
        model.month_micro_usd = most;
    }
    if let Some(end) = expiry(q, model.expires_at_ms, now_ms, &mut check) {
        (model.expires_at_ms, model.expiry_told) = (end, None);
    }
    Ok(check.done()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vendor: &str, texts: &[&str]) -> Result<Vec<String>, ApiError> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let mut check = Check::new();
        let all = models(relay::vendors::find(vendor).unwrap(), &texts, &mut check);
        check.done().map(|()| all)
    }

    #[test]
    fn models_are_kept_as_their_vendor_names_them() {
        assert_eq!(of("openai", &["openai/gpt-5*, gpt-4.1", "gpt-4.1 "]).unwrap(), ["gpt-4.1", "gpt-5*"]);
        assert_eq!(of("groq", &["groq/compound"]).unwrap(), ["groq/compound"], "a name of its own");
        assert_eq!(of("openai", &[]).unwrap(), Vec::<String>::new());
        let empty = of("openai", &["gpt-5", " "]).unwrap_err();
        assert_eq!(empty.fields[0].pointer, "/allowed_models/1", "an unset variable opens nothing");
        assert_eq!(of("openai", &["*"]).unwrap(), ["*"]);
        assert!(of("openai", &["g*t"]).is_err() && of("openai", &["**"]).is_err());
    }

    #[test]
    fn an_unset_variable_takes_no_tags_away() {
        let of = |texts: &[&str]| tags(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["eu, vip", ""]).unwrap(), ["eu", "vip"]);
        assert_eq!(of(&[]).unwrap(), Vec::<String>::new());
        assert_eq!(of(&["", " "]).unwrap_err().fields[0].pointer, "/tags/0");
    }

    #[test]
    fn a_key_ends_at_a_moment_on_a_day_or_never() {
        let day_ms = begin("2027-01-31").unwrap();
        assert_eq!(day(day_ms + 5_000).as_deref(), Some("2027-01-31"));
        let ask = |at_ms, on: Option<&str>, known| {
            let mut check = Check::new();
            let key = api::ids::KeyId(uuid::Uuid::nil());
            let q =
                ChangeKey { expires_at_ms: at_ms, expires_on: on.map(str::to_owned), ..ChangeKey::of(key) };
            let end = expiry(&q, known, 1_000, &mut check);
            check.done().map(|()| end).map_err(|error| error.fields[0].pointer.clone())
        };
        assert_eq!(ask(Some(0), None, Some(5_000)), Ok(Some(None)));
        assert_eq!(ask(None, Some(""), Some(5_000)), Ok(Some(None)));
        assert_eq!(ask(None, None, Some(5_000)), Ok(None));
        assert_eq!(ask(None, Some("2027-01-31"), None), Ok(Some(Some(day_ms))));
        assert_eq!(ask(None, Some("2027-01-31"), Some(day_ms + 7)), Ok(None), "it stays the moment it is");
        assert_eq!(ask(Some(999), None, None), Err("/expires_at_ms".to_owned()));
        assert_eq!(ask(None, Some("1969-01-01"), None), Err("/expires_on".to_owned()));
        assert_eq!(ask(None, Some("soon"), None), Err("/expires_on".to_owned()));
    }
}
