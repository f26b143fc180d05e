//! What a bot may be called, told and use, and the merging of changes into it.

use crate::platform::text::name_of;
use api::{
    ApiError,
    bots::{BotLimits, BotSettings, CreateBot, Profile, RuntimeKind, SettingChange, UpdateBot},
    validate::{Check, chain_of, is_model},
};

/// What is against a chain of a name as a bot's model, if something is.
pub(super) type AgainstChain<'a> = &'a dyn Fn(&str) -> Option<&'static str>;

/// Longest prompt: what OpenClaw puts into every turn from one persona file.
const MAX_PROMPT: usize = 20_000;
/// Tags of one bot.
const MOST_TAGS: usize = 20;

/// The settings of a new bot.
///
/// # Errors
/// `invalid`, naming every broken rule.
pub(super) fn of_new(
    new: &CreateBot,
    runtime: RuntimeKind,
    against: AgainstChain<'_>,
) -> Result<BotSettings, ApiError> {
    let settings = BotSettings {
        name: new.name.trim().to_owned(),
        model: new.model.trim().to_owned(),
        prompt: new.prompt.clone().unwrap_or_default(),
        profile: new.profile.unwrap_or_default(),
        limits: BotLimits::default().with(new.limits.unwrap_or_default()),
    };
    check(&settings, runtime, against)?;
    Ok(settings)
}

/// `base` with the changes of `update`.
///
/// # Errors
/// `invalid`, naming every broken rule.
pub(super) fn changed(
    base: &BotSettings,
    update: &UpdateBot,
    runtime: RuntimeKind,
    against: AgainstChain<'_>,
) -> Result<BotSettings, ApiError> {
    let settings = BotSettings {
        name: update.name.as_deref().map_or_else(|| base.name.clone(), |n| n.trim().to_owned()),
        model: update.model.as_deref().map_or_else(|| base.model.clone(), |m| m.trim().to_owned()),
        prompt: update.prompt.clone().unwrap_or_else(|| base.prompt.clone()),
        profile: update.profile.unwrap_or(base.profile),
        limits: base.limits.with(update.limits.unwrap_or_default()),
    };
    // A chain that the bot has may have lost its links since: that is no reason to refuse it another name.
    let kept = settings.model == base.model;
    check(&settings, runtime, if kept { &|_| None } else { against })?;
    Ok(settings)
}

/// Whether a bot may have these settings.
///
/// # Errors
/// `invalid`, naming every broken rule.
pub(super) fn check(
    settings: &BotSettings,
    runtime: RuntimeKind,
    against: AgainstChain<'_>,
) -> Result<(), ApiError> {
    let chain = chain_of(&settings.model);
    let known = chain.is_some()
        || settings.model.split_once('/').is_some_and(|(vendor, _)| relay::vendors::find(vendor).is_some());
    let bad_chain = chain.filter(|_| is_model(&settings.model)).and_then(against);
    let mut check = Check::new();
    check
        .line(&settings.name, 80, "/name")
        .rule(is_model(&settings.model), "/model", "must read vendor/model, e.g. openai/gpt-5-mini")
        .rule(
            !is_model(&settings.model) || known,
            "/model",
            "must start with a vendor Chela knows, or with chain",
        )
        .rule(bad_chain.is_none(), "/model", bad_chain.unwrap_or_default())
        .text(&settings.prompt, MAX_PROMPT, "/prompt")
        .rule(
            settings.profile != Profile::Own || runtime == RuntimeKind::Docker,
            "/profile",
            "own needs a container: as a process such a bot could reach this machine",
        );
    limits_within(&mut check, settings.limits, "/limits");
    check.done()
}

/// Whether a bot may have these limits; `at` stands before their names.
///
/// # Errors
/// `invalid`, naming every broken rule.
pub(super) fn check_limits(limits: BotLimits, at: &str) -> Result<(), ApiError> {
    let mut check = Check::new();
    limits_within(&mut check, limits, at);
    check.done()
}

fn limits_within(check: &mut Check, limits: BotLimits, at: &str) {
    for (value, bounds, name) in [
        (limits.memory_mb, BotLimits::MEMORY_MB, "memory_mb"),
        (limits.cpu_milli, BotLimits::CPU_MILLI, "cpu_milli"),
        (limits.pids, BotLimits::PIDS, "pids"),
    ] {
        let rule = format!("must be {} to {}", bounds.start(), bounds.end());
        check.rule(bounds.contains(&value), &format!("{at}/{name}"), &rule);
    }
}

/// Which settings differ, each text cut after so many letters.
pub(super) fn differences(before: &BotSettings, after: &BotSettings, letters: usize) -> Vec<SettingChange> {
    let short = |text: String| match text.char_indices().nth(letters) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    };
    let texts = |of: &BotSettings| {
        let BotSettings { name, model, prompt, profile, limits } = of.clone();
        let BotLimits { memory_mb, cpu_milli, pids } = limits;
        [
            ("name", name),
            ("model", model),
            ("prompt", prompt),
            ("profile", name_of(&profile)),
            ("memory_mb", memory_mb.to_string()),
            ("cpu_milli", cpu_milli.to_string()),
            ("pids", pids.to_string()),
        ]
    };
    let pairs = texts(before).into_iter().zip(texts(after));
    pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|((setting, before), (_, after))| SettingChange {
            setting: setting.to_owned(),
            before: short(before),
            after: short(after),
        })
        .collect()
}

/// Whether a text may be a tag.
pub(super) fn is_tag(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._:-".contains(&c))
}

/// Tags as they are kept: each once, in their order.
///
/// # Errors
/// `invalid` for one that is no tag, or for too many.
pub fn tags(asked: &[String]) -> Result<Vec<String>, ApiError> {
    let mut kept: Vec<String> = Vec::with_capacity(asked.len().min(MOST_TAGS));
    // A form has a field for one more, which may be empty.
    for tag in asked.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()) {
        if kept.len() <= MOST_TAGS && kept.iter().all(|other| other != tag) {
            kept.push(tag.to_owned());
        }
    }
    // What an unset variable leaves takes nothing away.
    if kept.is_empty() && !asked.is_empty() {
        return Err(ApiError::field("/tags/0", "must not be empty; an empty list takes all tags away"));
    }
    let rule = "tags must have 1 to 32 of a-z, 0-9, dot, underscore, colon and hyphen";
    Check::new()
        .rule(kept.len() <= MOST_TAGS, "/tags", "must be at most 20")
        .rule(kept.iter().all(|tag| is_tag(tag)), "/tags", rule)
        .done()?;
    Ok(kept)
}

/// A slug made from `name` that is not among `taken`.
pub(super) fn free_slug(name: &str, taken: &[String]) -> String {
    let base = api::validate::slug_of(name);
    let free = |slug: &String| !taken.contains(slug) && api::validate::is_slug(slug);
    std::iter::once(base.clone())
        .chain((2..=taken.len() + 2).map(|n| format!("{base}-{n}")))
        .find(free)
        .unwrap_or(base)
}

/// The lowest free uid of a range.
pub(super) fn free_uid((first, last): (u32, u32), taken: &[i64]) -> Option<i64> {
    (i64::from(first)..=i64::from(last)).find(|uid| !taken.contains(uid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::bots::ChangeLimits;

    fn new(name: &str, model: &str) -> CreateBot {
        CreateBot {
            name: name.into(),
            model: model.into(),
            prompt: None,
            profile: None,
            runtime: None,
            tags: None,
            idle_stop_minutes: None,
            limits: None,
        }
    }

    #[test]
    fn every_broken_rule_is_named_at_once() {
        let error = of_new(&new("", "gpt"), RuntimeKind::Docker, &|_| None).unwrap_err();
        let pointers: Vec<_> = error.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/model"]);
    }

    #[test]
    fn limits_have_bounds_and_a_difference_names_what_changed() {
        let limits = ChangeLimits { memory_mb: Some(511), cpu_milli: Some(64_001), pids: Some(4_096) };
        let wild = CreateBot { limits: Some(limits), ..new("a", "openai/x") };
        let error = of_new(&wild, RuntimeKind::Docker, &|_| None).unwrap_err();
        let pointers: Vec<_> = error.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/limits/memory_mb", "/limits/cpu_milli"]);
        let before = of_new(&new("a", "openai/x"), RuntimeKind::Docker, &|_| None).unwrap();
        let limits = BotLimits { memory_mb: 3072, ..before.limits };
        let after = BotSettings { limits, prompt: "äöü".repeat(2), ..before.clone() };
        let told: Vec<_> =
            differences(&before, &after, 4).into_iter().map(|c| (c.setting, c.before, c.after)).collect();
        let wanted = [("prompt", "", "äöüä…"), ("memory_mb", "2048", "3072")];
        assert_eq!(told, wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    }

    #[test]
    fn an_own_bot_needs_a_container() {
        let own = CreateBot { profile: Some(Profile::Own), ..new("a", "openai/x") };
        assert!(of_new(&own, RuntimeKind::Process, &|_| None).is_err());
        assert!(of_new(&own, RuntimeKind::Docker, &|_| None).is_ok());
    }

    #[test]
    fn a_taken_slug_gets_the_next_number() {
        let taken = ["helper".to_owned(), "helper-2".to_owned()];
        assert_eq!(free_slug("Helper!", &taken), "helper-3");
        assert_eq!(free_slug("new", &[]), "bot");
    }
}
