//! What the panel says of a field, in the words that were typed: the option that says it, or its place in the command.

use crate::command::Command;
use clap::{Arg, Subcommand};

/// Fields that are called otherwise on the command line: a command, a field, its term.
const TERMS: &[(&str, &[(&str, &str)])] = &[
    ("bot list", &[("/q", "--search")]),
    ("bot create", &[("/idle_stop_minutes", "--idle-stop")]),
    ("bot edit", &[("/idle_stop_minutes", "--idle-stop")]),
    ("bot uptime", &[("/since_ms", "--since")]),
    ("bot metrics", &[("/since_ms", "--since")]),
    ("bot logs", &[("/since_ms", "--since")]),
    ("bot rollback", &[("/config_id", "--to")]),
    ("bot upgrade", &[("/version", "--to")]),
    ("key add", &[("/secret", "the key")]),
    ("key replace", &[("/secret", "the key")]),
    (
        "key set",
        &[
            ("/allowed_models", "--model"),
            ("/requests_per_minute", "--rate"),
            ("/month_micro_usd", "--budget"),
            ("/expires_on", "--expires"),
        ],
    ),
    ("virtual-key add", &[("/expires_in_days", "--expires"), ("/limits", "--budget or --rate")]),
    ("virtual-key change", &[("/expires_at_ms", "--expires")]),
    ("virtual-key rotate", &[("/overlap_minutes", "--overlap")]),
    ("budget add", &[("/most", "the amount")]),
    ("budget change", &[("/most", "--most"), ("/amount", "--most")]),
    ("budget zone", &[("/time_zone", "ZONE")]),
    (
        "budget lookout",
        &[
            ("/loop_calls", "--calls"),
            ("/loop_spread_percent", "--spread"),
            ("/loop_apart_s", "--apart"),
            ("/busy_minutes", "--busy"),
            ("/idle_minutes", "--idle"),
            ("/idle_micro_usd", "--money"),
        ],
    ),
    (
        "price set",
        &[
            ("/vendor", "VENDOR/MODEL"),
            ("/model", "VENDOR/MODEL"),
            ("/input_price", "--input-usd"),
            ("/output_price", "--output-usd"),
            ("/cache_read_price", "--cache-read-usd"),
            ("/cache_write_price", "--cache-write-usd"),
            ("/thinking_price", "--thinking-usd"),
            ("/up_to_input", "--up-to"),
        ],
    ),
    ("price import", &[("/csv", "FILE")]),
    ("model list", &[("/q", "--search")]),
    (
        "model set",
        &[
            ("/vendor", "VENDOR/MODEL"),
            ("/model", "VENDOR/MODEL"),
            ("/max_output_tokens", "--max-output"),
            ("/reasoning_score", "--reasoning"),
            ("/coding_score", "--coding"),
            ("/creativity_score", "--creativity"),
            ("/speed_score", "--speed"),
            ("/recommended_scenarios", "--scenario"),
        ],
    ),
    ("chain set", &[("/timeout_s", "--patience"), ("/triggers", "--on")]),
];

/// What a field is called where a command was typed; nothing where it cannot say it.
pub(crate) fn of(command: &str, pointer: &str) -> Option<String> {
    let own = TERMS.iter().filter(|(of, _)| *of == command).flat_map(|(_, terms)| terms.iter());
    let is_it = |field: &str| pointer.strip_prefix(field).is_some_and(|r| r.is_empty() || r.starts_with('/'));
    if let Some((_, term)) = own.into_iter().find(|(field, _)| is_it(field)) {
        return Some((*term).to_owned());
    }
    let field = pointer.rsplit('/').find(|part| part.parse::<u32>().is_err())?;
    let tree = Command::augment_subcommands(clap::Command::new("chela"));
    let typed = command.split(' ').try_fold(&tree, |at, name| at.find_subcommand(name))?;
    let long = field.replace('_', "-");
    let names = [long.as_str(), long.trim_end_matches('s')];
    let option = |arg: &Arg| arg.get_long().filter(|long| names.contains(long)).map(|l| format!("--{l}"));
    let place = |arg: &Arg| (arg.get_id() == field).then(|| field.to_uppercase());
    typed.get_arguments().find_map(option).or_else(|| typed.get_positionals().find_map(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_called_as_the_option_that_says_it() {
        for (command, pointer, term) in [
            ("key add", "/base_url", Some("--base-url")),
            ("key add", "/tags", Some("--tag")),
            ("key set", "/requests_per_minute", Some("--rate")),
            ("virtual-key add", "/name", Some("NAME")),
            ("virtual-key add", "/limits/1/most", Some("--budget or --rate")),
            ("bot create", "/limits/memory_mb", Some("--memory-mb")),
            ("price set", "/input_price", Some("--input-usd")),
            ("chain set", "/links/2", Some("LINKS")),
            ("usage list", "/from", Some("--from")),
            ("key list", "/unheard_of", None),
        ] {
            assert_eq!(of(command, pointer).as_deref(), term, "{command} {pointer}");
        }
    }

    #[test]
    fn every_term_is_an_option_of_its_command() {
        let tree = Command::augment_subcommands(clap::Command::new("chela"));
        for (command, terms) in TERMS {
            let typed = command.split(' ').try_fold(&tree, |at, name| at.find_subcommand(name));
            let typed = typed.unwrap_or_else(|| panic!("there is no {command}"));
            let options: Vec<_> = typed.get_arguments().filter_map(Arg::get_long).collect();
            for option in terms.iter().flat_map(|(_, t)| t.split(' ')).filter_map(|t| t.strip_prefix("--")) {
                assert!(options.contains(&option), "{command} takes no --{option}");
            }
        }
    }
}
