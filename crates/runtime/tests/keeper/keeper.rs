//! A keeper on its own, for tests: what Chela's binary does when it is started as one.
use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::process::keeper_main()
}
