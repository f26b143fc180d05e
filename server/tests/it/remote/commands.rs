//! No verb of the API without a command, no command without a verb.

use super::*;
use clap::Subcommand;
use cli::routes::{EXCEPTIONS, ROUTES};
use std::collections::BTreeSet;

/// Commands that call no verb of their own: they are about this machine, send a file as it is, or say another in short.
const LOCAL: &[&str] = &[
    "login",
    "logout",
    "context list",
    "context use",
    "completion",
    "bot export",
    "bot import",
    "usage export",
    "price export",
    // A model of which nothing is said.
    "model rm",
    // A budget of nothing, and its end.
    "budget stop",
    "budget allow",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_api_has_a_command_or_a_reason() {
    let at = TestServer::start().await;
    let document = at.get(&Who::Nobody, "/api/openapi.json").await.ok(200);
    let mut offered = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            offered.insert((name, method.to_uppercase(), path.clone()));
        }
    }
    let excused: BTreeSet<&str> = EXCEPTIONS.iter().map(|(verb, _)| *verb).collect();
    let known: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| (route.verb.to_owned(), route.method.to_string(), route.path.to_owned()))
        .chain(offered.iter().filter(|(name, ..)| excused.contains(name.as_str())).cloned())
        .collect();
    let forgotten: Vec<_> = offered.difference(&known).collect();
    assert!(forgotten.is_empty(), "give these a command in crates/cli/src/routes.rs: {forgotten:#?}");
    let dead: Vec<_> = known.difference(&offered).collect();
    assert!(dead.is_empty(), "the API has no such operation: {dead:#?}");
    for verb in excused {
        assert!(offered.iter().any(|(name, ..)| name == verb), "{verb} is excused and does not exist");
        assert!(ROUTES.iter().all(|route| route.verb != verb), "{verb} is excused and has a command");
    }
    at.stop().await;
}

#[test]
fn every_command_calls_a_verb_or_is_about_this_machine() {
    let tree = cli::Command::augment_subcommands(clap::Command::new("chela"));
    let mut commands = BTreeSet::new();
    for noun in tree.get_subcommands() {
        let verbs: Vec<_> = noun.get_subcommands().map(|verb| verb.get_name()).collect();
        if verbs.is_empty() {
            commands.insert(noun.get_name().to_owned());
        }
        commands.extend(verbs.iter().map(|verb| format!("{} {verb}", noun.get_name())));
    }
    let promised: BTreeSet<String> =
        ROUTES.iter().map(|route| route.command).chain(LOCAL.iter().copied()).map(str::to_owned).collect();
    assert_eq!(commands, promised);
    tree.debug_assert();
}

/// Options that the page about the command line explains once for all commands.
const FOR_ALL: &[&str] = &["limit", "all", "watch", "yes", "wait", "idempotency-key", "help"];

#[test]
fn every_command_about_bots_stands_in_the_docs_with_its_options() {
    let page = include_str!("../../../../docs/ops/cli.md");
    let tree = cli::Command::augment_subcommands(clap::Command::new("chela"));
    let bot = tree.find_subcommand("bot").expect("bots");
    for verb in bot.get_subcommands() {
        let name = verb.get_name();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `chela bot ")).collect();
        let named = |row: &str| {
            row.split('`').skip(1).step_by(2).flat_map(|code| code.split([' ', '|', '\\'])).any(|w| w == name)
        };
        let rows: String = rows.into_iter().filter(|row| named(row)).collect();
        assert!(!rows.is_empty(), "docs/ops/cli.md has no `chela bot {name}`");
        for option in verb.get_arguments().filter_map(clap::Arg::get_long) {
            let said = rows.contains(&format!("--{option}")) || FOR_ALL.contains(&option);
            assert!(said, "docs/ops/cli.md: `chela bot {name}` takes --{option}");
        }
    }
}

#[test]
fn a_command_that_is_misspelt_ends_with_2_and_names_the_nearest() {
    let ran = Home::new().run(&["bot", "strat", "x"]);
    ran.ended(2, &["start"]);
    Home::new().run(&["bot", "list", "-o", "xml"]).ended(2, &["json", "yaml"]);
}
