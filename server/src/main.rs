//! The binary `chela`: reads arguments and settings, then hands over.
// Pages are deeply nested types; the compiler counts their layers.
#![recursion_limit = "512"]

use clap::{CommandFactory, Parser, Subcommand};
use server::{
    commands,
    platform::{config::Source, datadir},
};
use std::process::ExitCode;

/// A self-hosted control plane for OpenClaw bots.
#[derive(Debug, Parser)]
#[command(name = "chela", version, about, disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the panel, the API, the relay and the bots.
    Serve,
    /// Make the data dir ready and print the link that enrols the first administrator.
    Setup {
        /// Never ask.
        #[arg(long)]
        non_interactive: bool,
        /// Print JSON: {"setup_url", "expires_at"}.
        #[arg(long)]
        json: bool,
    },
    /// Things done on the server machine: tokens, lost passkeys, a new public address.
    #[command(subcommand)]
    Admin(Admin),
    /// Bring the database schema up to date.
    Migrate,
    /// Back up, look at a backup, bring one back.
    #[command(subcommand)]
    Backup(Backup),
    /// Look at what can be wrong on the server machine, and say what to do.
    Doctor {
        /// Print JSON: {"findings": [{"check", "level", "found", "means", "remedy"}], "failed", "warned"}.
        #[arg(long)]
        json: bool,
    },
    /// Ask the running server whether it lives; ends with 1 where it does not. For HEALTHCHECK.
    Healthz,
    #[command(flatten)]
    Remote(cli::Command),
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an API token with owner rights; it is shown once.
    Token {
        #[arg(long)]
        name: String,
        /// It administers the instance, too: jobs, leftovers.
        #[arg(long)]
        admin: bool,
        #[arg(long)]
        json: bool,
    },
    /// Make a link with which a person enrols a passkey; a new person joins with --role.
    EnrolLink {
        #[arg(long)]
        user: String,
        /// owner or viewer, for somebody new.
        #[arg(long)]
        role: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Move this instance to another public address; passkeys are enrolled anew.
    Move {
        /// The new address, e.g. https://chela.example.org
        #[arg(long)]
        to: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Backup {
    /// Write everything, with the master key, into one file (mode 0600).
    Create {
        /// Where to; a dated name in the data dir's backups/ when absent.
        file: Option<std::path::PathBuf>,
    },
    /// Open a backup and check that its database is whole and its secrets decrypt.
    Verify { file: std::path::PathBuf },
    /// Make the data dir from a backup. The data dir must be empty or absent.
    Restore {
        file: std::path::PathBuf,
        /// Give the copy an instance id of its own, so that it may run beside the original.
        #[arg(long)]
        new_instance: bool,
    },
}

fn main() -> ExitCode {
    // Before anything can make a file.
    datadir::close_umask();
    // A process bot's keeper is this binary too: it must begin before anything else is read.
    if let Some(code) = commands::keep(std::env::args_os()) {
        return code;
    }
    // A shell that completes a line waits for every millisecond of this.
    if cli::complete(Args::command, std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    let args: Args = match cli::typed(std::env::args_os()) {
        Ok(args) => args,
        Err(code) => return code,
    };
    // Remote commands have settings of their own, and need none of the server's.
    if let Command::Remote(command) = args.command {
        return cli::run(command);
    }
    let (source, warnings) = match Source::read(std::env::vars()) {
        Ok(read) => read,
        Err(error) => return commands::refuse(&error),
    };
    for warning in warnings {
        commands::warn(&warning.0);
    }
    match args.command {
        Command::Serve => commands::serve(&source),
        Command::Setup { json, non_interactive: _ } => commands::setup(&source, json),
        Command::Admin(Admin::Token { name, admin, json }) => {
            commands::admin_token(&source, &name, admin, json)
        }
        Command::Admin(Admin::EnrolLink { user, role, json }) => {
            commands::enrol_link(&source, &user, role.as_deref(), json)
        }
        Command::Admin(Admin::Move { to, json }) => commands::admin_move(&source, &to, json),
        Command::Migrate => commands::migrate(&source),
        Command::Backup(Backup::Create { file }) => commands::backup_create(&source, file.as_deref()),
        Command::Backup(Backup::Verify { file }) => commands::backup_verify(&file),
        Command::Backup(Backup::Restore { file, new_instance }) => {
            commands::backup_restore(&source, &file, new_instance)
        }
        Command::Doctor { json } => commands::doctor(&source, json),
        Command::Healthz => commands::healthz(&source),
        Command::Remote(command) => cli::run(command),
    }
}
