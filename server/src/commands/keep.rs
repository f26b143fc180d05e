//! Chela's binary as the keeper of one process bot: started by the process runtime, never by people.

use runtime::process::{KEEPER_ARG, keeper_main};
use std::{ffi::OsString, process::ExitCode};

/// Becomes a keeper if the first argument says so; else nothing.
pub fn keep(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (args.nth(1)? == KEEPER_ARG).then(keeper_main)
}
