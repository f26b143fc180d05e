//! The shipped prices: `models.csv`. A model that is not in it, or has no figures there, has no known price.

use relay::Price;
use std::{collections::HashMap, sync::LazyLock};

/// A line of the catalogue.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) since_ms: i64,
    pub(super) vendor: &'static str,
    pub(super) model: &'static str,
    /// The most input tokens of a call, cached ones included, that it holds for.
    pub(super) up_to_input: Option<i64>,
    pub(super) price: Option<Price>,
    pub(super) source: &'static str,
}

const FILE: &str = include_str!("models.csv");

/// Every line that can be read; a test holds that all can.
pub(super) static ENTRIES: LazyLock<Vec<Entry>> =
    LazyLock::new(|| FILE.lines().skip(1).filter_map(entry).collect());

type Index = HashMap<&'static str, HashMap<&'static str, Vec<&'static Entry>>>;

/// The lines of each vendor's model: every call asks for some.
static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::new();
    for entry in ENTRIES.iter() {
        index.entry(entry.vendor).or_default().entry(entry.model).or_default().push(entry);
    }
    index
});

/// The lines of a model.
pub(super) fn lines(vendor: &str, model: &str) -> &'static [&'static Entry] {
    INDEX.get(vendor).and_then(|models| models.get(model)).map_or(&[], Vec::as_slice)
}

fn entry(line: &'static str) -> Option<Entry> {
    let [since, vendor, model, up_to, input, output, read, write, source] =
        line.split(',').collect::<Vec<_>>().try_into().ok()?;
    let price = match input {
        "" => None,
        input => Some(Price {
            input: input.parse().ok()?,
            output: output.parse().ok()?,
            cache_read: optional(read)?,
            cache_write: optional(write)?,
            // No vendor in it has one that its sources agree on.
            thinking: None,
        }),
    };
    Some(Entry { since_ms: day_ms(since)?, vendor, model, up_to_input: optional(up_to)?, price, source })
}

/// Nothing for what is no number, `Some(None)` for an empty field.
#[expect(clippy::option_option, reason = "an empty field is not a broken one")]
fn optional(field: &str) -> Option<Option<i64>> {
    if field.is_empty() { Some(None) } else { field.parse().ok().map(Some) }
}

/// The beginning of a day in UTC, from its date after 1970.
pub(super) fn day_ms(date: &str) -> Option<i64> {
    let [year, month, day]: [i64; 3] =
        date.split('-').map(|n| n.parse().ok()).collect::<Option<Vec<i64>>>()?.try_into().ok()?;
    if !(1970..3000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some((days - 719_469) * 86_400_000)
}

/// What held for a call of so many input tokens at a moment: nothing if the model is not in the catalogue, `Some(None)`
/// if it is and its price is not known.
#[expect(clippy::option_option, reason = "a model without a price hides its family's")]
pub(super) fn find(vendor: &str, model: &str, at_ms: i64, input: i64) -> Option<Option<Price>> {
    let of = || lines(vendor, model).iter().filter(|e| e.since_ms <= at_ms);
    let since = of().map(|e| e.since_ms).max()?;
    let fits = of().filter(|e| e.since_ms == since && e.up_to_input.is_none_or(|most| input <= most));
    Some(fits.min_by_key(|e| e.up_to_input.unwrap_or(i64::MAX)).and_then(|e| e.price))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::facts;
    use api::prices::ModelKind;
    use std::collections::BTreeSet;

    #[test]
    fn every_line_of_the_catalogue_is_read_once_and_says_where_it_is_from() {
        assert_eq!(ENTRIES.len(), FILE.lines().count() - 1, "a line cannot be read");
        let mut seen = BTreeSet::new();
        for e in ENTRIES.iter() {
            let vendor = relay::vendors::find(e.vendor).map(|v| v.id);
            assert_eq!(vendor, Some(e.vendor), "no vendor's own id: {e:?}");
            assert!(seen.insert((e.vendor, e.model, e.since_ms, e.up_to_input)), "twice: {e:?}");
            assert!((1_735_689_600_000..1_893_456_000_000).contains(&e.since_ms), "{e:?}");
            assert!(e.up_to_input.is_none_or(|most| most > 1000), "{e:?}");
            let Some(price) = e.price else { continue };
            assert!(e.source.starts_with("https://"), "{e:?}");
            // 1 cent to 1,000 USD per million; reading a cache is cheaper than input, which costs no more than output.
            let embeds = facts::find(e.vendor, e.model).and_then(|f| f.kind) == Some(ModelKind::Embedding);
            let output = (!embeds).then_some(price.output);
            for figure in [Some(price.input), output, price.cache_write].into_iter().flatten() {
                assert!((10_000..=1_000_000_000).contains(&figure), "{e:?}");
            }
            assert!(if embeds { price.output == 0 } else { price.input <= price.output }, "{e:?}");
            assert!(price.cache_read.is_none_or(|read| 0 < read && read < price.input), "{e:?}");
            assert!(price.cache_write.is_none_or(|write| write >= price.input), "{e:?}");
        }
    }

    #[test]
    fn a_day_begins_when_it_does() {
        assert_eq!(day_ms("1970-01-01"), Some(0));
        assert_eq!(day_ms("2024-02-29"), Some(1_709_164_800_000));
        assert_eq!(day_ms("2024-03-01"), Some(1_709_251_200_000));
        assert_eq!(day_ms("2026-11-22"), Some(1_795_305_600_000));
        for bad in ["", "2026-11", "2026-13-01", "2026-11-22-1", "1969-01-01", "x-y-z"] {
            assert_eq!(day_ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_price_holds_from_its_day_on_and_for_prompts_of_its_length() {
        let read = |at: &str, input| {
            let at_ms = day_ms(at).expect("a date");
            find("anthropic", "claude-sonnet-5-5", at_ms, input).flatten().and_then(|p| p.cache_read)
        };
        assert_eq!(read("2026-09-27", 1), None, "not yet sold");
        assert_eq!(read("2026-10-06", 1), Some(200_000));
        assert_eq!(read("2026-10-07", 1), Some(100_000));
        let now = day_ms("2026-11-21").expect("a date");
        let input = |model, tokens| find("anthropic", model, now, tokens).flatten().map(|p| p.input);
        assert_eq!(input("claude-haiku-5-5", 100_000), Some(100_000));
        assert_eq!(input("claude-haiku-5-5", 100_001), Some(500_000));
        assert_eq!(input("claude-sonnet-4-5", 200_000), Some(3_000_000));
        assert_eq!(input("claude-sonnet-4-5", 200_001), None, "dearer, and nobody said by how much");
        assert_eq!(find("openai", "gpt-4o-2024-05-13", now, 1), Some(None));
        assert_eq!(find("openai", "gpt-9", now, 1), None);
    }
}
