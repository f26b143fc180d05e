//! Reading what was typed. Where a value cannot be read, clap says it in the words of whoever wrote the reader: here they become
//! words for whoever types.

use clap::{Arg, Command, CommandFactory, FromArgMatches, error::ContextKind, error::ContextValue};
use std::{error::Error, ffi::OsString, io::IsTerminal, process::ExitCode};

/// Reads a command; what cannot be read is said, and the code to end with given back.
///
/// # Errors
/// What was typed is no command, or asks for help: that is written.
pub fn typed<T: CommandFactory + FromArgMatches>(
    args: impl IntoIterator<Item = OsString>,
) -> Result<T, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut tree = with_negatives(T::command());
    let read = tree.try_get_matches_from_mut(&args).and_then(|mut all| T::from_arg_matches_mut(&mut all));
    read.map_err(|error| {
        match plainer(&tree, &args, &error) {
            Some(words) => eprint!("{words}"),
            None => _ = error.print(),
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// A number below zero is a value that its option refuses, not an option that nobody knows.
fn with_negatives(tree: Command) -> Command {
    let takes = |arg: Arg| {
        if arg.get_long().is_some() && arg.get_action().takes_values() {
            return arg.allow_negative_numbers(true);
        }
        arg
    };
    tree.mut_args(takes).mut_subcommands(with_negatives)
}

/// The same message with what the option takes; nothing where it is good as it is.
fn plainer(tree: &Command, args: &[OsString], error: &clap::Error) -> Option<String> {
    let said = error.source()?.to_string();
    let whole = rule(&said)?;
    let term = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(term) => term.split_whitespace().next()?.to_owned(),
        _ => return None,
    };
    let help = takes(tree, args, &term).map(|help| format!(" ({term}: {help})")).unwrap_or_default();
    let words = if std::io::stderr().is_terminal() {
        error.render().ansi().to_string()
    } else {
        error.render().to_string()
    };
    Some(words.replacen(&said, &format!("{whole}{help}"), 1))
}

/// What has to stand there, where it is a number.
fn rule(said: &str) -> Option<String> {
    if let Some((least, most)) = said.split_once(" is not in ").and_then(|(_, range)| range.split_once("..="))
    {
        // As much as fits says nothing to anybody.
        let open = [i64::from(u32::MAX), i64::MAX].map(|most| most.to_string()).contains(&most.to_owned());
        return Some(if open {
            format!("must be a whole number, {least} or more")
        } else {
            format!("must be a whole number from {least} to {most}")
        });
    }
    match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            Some("must be a whole number".to_owned())
        }
        "number too large to fit in target type" => Some("must be a smaller whole number".to_owned()),
        "number too small to fit in target type" => Some("must be a greater whole number".to_owned()),
        "invalid float literal" => Some("must be a number".to_owned()),
        _ => None,
    }
}

/// What an option or place of the typed command is for, as its help says it.
fn takes(tree: &Command, args: &[OsString], term: &str) -> Option<String> {
    let words = args.iter().skip(1).filter_map(|word| word.to_str());
    let at = words.fold(tree, |at, word| at.find_subcommand(word).unwrap_or(at));
    let long = term.strip_prefix("--");
    let arg = at.get_arguments().find(|arg| long.is_some() && arg.get_long() == long)?;
    Some(arg.get_help()?.to_string().trim_end_matches('.').to_owned()).filter(|help| !help.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;
    use clap::Parser;

    #[derive(Parser, Debug)]
    #[command(name = "chela")]
    struct Tree {
        #[command(subcommand)]
        command: command::Command,
    }

    fn told(line: &str) -> String {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let mut tree = with_negatives(Tree::command());
        let error = tree.try_get_matches_from_mut(&args).expect_err(line);
        plainer(&tree, &args, &error).unwrap_or_else(|| error.render().to_string())
    }

    #[test]
    fn a_number_that_is_none_is_told_with_its_option_and_what_that_takes() {
        for (line, words) in [
            (
                "chela key set k --rate many",
                "'many' for '--rate <REQUESTS>': must be a whole number (--rate: Requests a minute; 0 is no limit)",
            ),
            (
                "chela budget add --requests 1.5 --per day",
                "must be a whole number (--requests: Calls; 0 stops them all)",
            ),
            ("chela bot logs b --tail 5000", "must be a whole number from 1 to 1000"),
            ("chela bot limits b --pids -1", "must be a whole number, 0 or more"),
            ("chela chain set c openai/x --tries x", "must be a whole number"),
            ("chela usage --limit -1", "must be a whole number"),
            ("chela virtual-key add v --rate -1", "must be more than 0"),
        ] {
            let told = told(line);
            assert!(told.contains(words), "{line}: {told}");
            assert!(!told.contains("digit found") && !told.contains("-- -"), "{told}");
        }
    }

    #[test]
    fn a_number_below_zero_is_read_as_one() {
        let tree = with_negatives(Tree::command());
        let read = tree.try_get_matches_from("chela key set k --rate -1".split(' '));
        assert!(read.is_ok(), "{read:?}");
    }
}
