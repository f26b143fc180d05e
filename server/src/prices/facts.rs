//! The shipped facts: `facts.csv`. What a source did not say is not in it.

use crate::platform::text::named;
use api::prices::{ModelFacts, ModelKind};
use std::{collections::HashMap, sync::LazyLock};

const FILE: &str = include_str!("facts.csv");

type Known = HashMap<&'static str, HashMap<&'static str, ModelFacts>>;

/// Every line that can be read, by vendor and model; a test holds that all can.
static ALL: LazyLock<Known> = LazyLock::new(|| {
    let mut all = Known::new();
    for ((vendor, model), facts) in FILE.lines().skip(1).filter_map(entry) {
        all.entry(vendor).or_default().insert(model, facts);
    }
    all
});

/// All models of which something is known.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().flat_map(|(vendor, models)| models.keys().map(|model| (*vendor, *model)))
}

/// What is known of a model.
pub(super) fn find(vendor: &str, model: &str) -> Option<&'static ModelFacts> {
    ALL.get(vendor)?.get(model)
}

fn entry(line: &'static str) -> Option<((&'static str, &'static str), ModelFacts)> {
    let fields: [&str; 13] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
    let [
        vendor,
        model,
        kind,
        context,
        output,
        vision,
        functions,
        thinking,
        cache,
        streams,
        retired,
        notes,
        source,
    ] = fields;
    let text = |field: &str| Some(field.to_owned()).filter(|field| !field.is_empty());
    let facts = ModelFacts {
        kind: said(kind, |kind| named::<ModelKind>(kind).ok())?,
        context_length: said(context, |n| n.parse().ok())?,
        max_output_tokens: said(output, |n| n.parse().ok())?,
        vision: said(vision, truth)?,
        function_calling: said(functions, truth)?,
        extended_thinking: said(thinking, truth)?,
        cache_control: said(cache, truth)?,
        streaming: said(streams, truth)?,
        deprecated: said(retired, truth)?,
        notes: text(notes),
        source: text(source),
        ..ModelFacts::default()
    };
    Some(((vendor, model), facts))
}

/// Nothing for what cannot be read, `Some(None)` for an empty field.
#[expect(clippy::option_option, reason = "an empty field is not a broken one")]
fn said<T>(field: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if field.is_empty() { Some(None) } else { read(field).map(Some) }
}

fn truth(field: &str) -> Option<bool> {
    match field {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_facts_is_read_once_and_says_where_it_is_from() {
        assert_eq!(all().count(), FILE.lines().count() - 1, "a line cannot be read, or stands twice");
        for (vendor, model) in all() {
            let facts = find(vendor, model).expect("facts");
            assert_eq!(relay::vendors::find(vendor).map(|v| v.id), Some(vendor), "{vendor}/{model}");
            assert!(facts.source.as_deref().is_some_and(|s| s.starts_with("https://")), "{vendor}/{model}");
            let tokens = [facts.context_length, facts.max_output_tokens];
            assert!(
                tokens.into_iter().flatten().all(|n| (256..=10_000_000).contains(&n)),
                "{vendor}/{model}"
            );
            let fits = facts.max_output_tokens.zip(facts.context_length).is_none_or(|(out, all)| out <= all);
            assert!(fits, "{vendor}/{model}: more output than context");
        }
    }

    #[test]
    fn what_nobody_said_is_not_known() {
        let known = find("anthropic", "claude-sonnet-4-5").expect("facts");
        assert_eq!(
            (known.context_length, known.vision, known.deprecated),
            (Some(200_000), Some(true), Some(true))
        );
        assert_eq!((known.streaming, known.speed_score), (None, None));
        assert_eq!(find("openai", "gpt-9"), None);
    }
}
